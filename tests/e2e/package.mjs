// What the tests of the npm package share: the unpacked tarball, a server for folders, and digits.
import { execFileSync } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const PACKAGE = process.env.PACKAGE ?? join(ROOT, 'target/pkg/latent-explorer-0.1.0.tgz')

/** An empty folder under `target/tmp`. */
export async function folder(name) {
  const path = join(ROOT, 'target/tmp', name)
  await rm(path, { recursive: true, force: true })
  await mkdir(path, { recursive: true })
  return path
}

/** Unpacks the tarball into a folder; npm puts everything under `package/`. */
export function unpack(path) {
  execFileSync('tar', ['-xzf', PACKAGE, '-C', path, '--strip-components=1'])
}

const TYPES = {
  '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.safetensors': 'application/octet-stream', '.wasm': 'application/wasm',
}

/** Serves a folder, and made-up files by path, on this machine. `requests` are the paths that were asked for. */
export async function serve(path, files = {}) {
  const requests = []
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, 'http://here').pathname).replace(/\/$/, '/index.html')
    requests.push(name)
    try {
      const body = files[name] ?? await readFile(join(path, normalize(name)))
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' }).end(body)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close }
}

/** The first training digits of MNIST and their classes. */
export async function digits(count) {
  const file = async name => gunzipSync(await readFile(join(ROOT, 'dist/data/mnist', name)))
  const [images, labels] = await Promise.all(['train-images-0.idx.gz', 'train-labels-0.idx.gz'].map(file))
  return { images: images.subarray(16, 16 + 784 * count), labels: labels.subarray(8, 8 + count) }
}

/** A shipped file of weights. */
export const shipped = (family, part = 'decoder') => readFile(join(ROOT, 'www/models', family, `${part}.safetensors`))

/** The tensors of a safetensors file, read without the engine. */
export function tensors(file) {
  const length = Number(file.readBigUInt64LE(0))
  const { __metadata__, ...entries } = JSON.parse(file.subarray(8, 8 + length))
  const read = ({ dtype, shape, data_offsets: [from, to] }) => {
    const bytes = file.subarray(8 + length + from, 8 + length + to)
    const values = dtype === 'F16'
      ? Float32Array.from({ length: bytes.length / 2 }, (_, i) => half(bytes.readUInt16LE(2 * i)))
      : Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
    return { shape, values }
  }
  return Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, read(entry)]))
}

/** IEEE 754 half precision. */
function half(bits) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15))
}
