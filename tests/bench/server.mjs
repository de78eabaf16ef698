// A static server for the benchmark's pages: this folder, the contestants as built, what they fetch of npm, and our package.
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Folders by the first part of an address. */
const FOLDERS = {
  bench: 'tests/bench',
  built: 'target/bench/built',
  peers: 'tests/bench/node_modules',
  pkg: 'pkg',
}

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' }

/** Isolated, so that clocks are fine and memory can be measured. */
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cache-Control': 'no-store',
}

/** The file of an address, inside its folder. */
export function fileOf(address) {
  const [, folder, ...rest] = normalize(decodeURIComponent(new URL(address, 'http://here').pathname)).split('/')
  return Object.hasOwn(FOLDERS, folder) ? join(ROOT, FOLDERS[folder], ...rest) : null
}

/** Serves on a free port of this machine. `served` holds the addresses that were answered; empty it at will. */
export async function serve() {
  const served = new Set()
  const server = createServer(async ({ url, method }, response) => {
    try {
      const file = fileOf(url)
      const bytes = await readFile(file)
      if (method === 'GET') served.add(url)
      const type = TYPES[extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...HEADERS, 'Content-Type': type, 'Content-Length': bytes.length })
      response.end(method === 'GET' ? bytes : undefined)
    } catch {
      response.writeHead(404, HEADERS)
      response.end()
    }
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${server.address().port}`, served, close: () => server.close() }
}
