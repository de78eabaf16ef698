// Makes an animated GIF beside the page's thread. In: grey frames of one size, one after the other, and the colours
// from paper to ink. Out: the bytes of the file.
import { GIFEncoder } from './vendor/gifenc.esm.js'

onmessage = ({ data: [greys, width, height, scale, delay, colors] }) => {
  const palette = Array.from({ length: colors.length / 3 }, (_, level) => [...colors.subarray(3 * level, 3 * level + 3)])
  const levels = Uint8Array.from({ length: 256 }, (_, grey) => Math.round((grey / 255) * (palette.length - 1)))
  const [wide, high] = [width * scale, height * scale]
  const gif = GIFEncoder()
  for (let start = 0; start + width * height <= greys.length; start += width * height) {
    const frame = new Uint8Array(wide * high)
    for (let y = 0; y < high; y++) {
      const row = start + Math.floor(y / scale) * width
      for (let x = 0; x < wide; x++) frame[y * wide + x] = levels[greys[row + Math.floor(x / scale)]]
    }
    // The first frame's colours hold for all; 0 repeats for ever.
    gif.writeFrame(frame, wide, high, { palette: start === 0 ? palette : null, delay, repeat: 0 })
  }
  gif.finish()
  const bytes = gif.bytes()
  postMessage(bytes, [bytes.buffer])
}
