// Images and labels in the format of MNIST, made up.

function numbers(...values) {
  const bytes = Buffer.alloc(4 * values.length)
  values.forEach((value, index) => bytes.writeUInt32BE(value, 4 * index))
  return bytes
}

/** IDX images of which each is a bar whose height tells its class. */
export function images(count, side = 28) {
  const pixels = Buffer.alloc(count * side * side)
  for (let image = 0; image < count; image++) {
    const height = 2 + 2 * (image % 10)
    for (let y = 0; y < height; y++) pixels.fill(255, (image * side + y) * side + 8, (image * side + y) * side + 20)
  }
  return Buffer.concat([numbers(0x803, count, side, side), pixels])
}

/** Their classes. */
export const labels = count =>
  Buffer.concat([numbers(0x801, count), Buffer.from(Array.from({ length: count }, (_, i) => i % 10))])
