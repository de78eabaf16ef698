// Run by Trunk after the build (trunk.toml). The version of the files that keep their names goes into the page's
// <meta name="engines">, past every cache;
// the script with which Trunk starts the page goes into a file, since the page's policy allows none in the page itself; and
// the service worker is told all files with their checksums.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.TRUNK_STAGING_DIR
const files = readdirSync(folder, { recursive: true }).sort().filter(file => !statSync(join(folder, file)).isDirectory())
const hash = createHash('sha256')
for (const file of files.filter(file => /^(engine_|text|explain)/.test(file))) hash.update(readFileSync(join(folder, file)))

/** Replaces a part of a file that must be there. */
function replaced(text, part, by) {
  const changed = text.replace(part, by)
  if (changed === text) throw new Error(`there is no ${part}`)
  return changed
}

const page = join(folder, 'index.html')
const stamped = replaced(readFileSync(page, 'utf8'), 'engines-version', hash.digest('hex').slice(0, 12))
const [glue, version] = stamped.match(/latent-page-([0-9a-f]+)\.js/)
const boot = `boot-${version}.js`
writeFileSync(join(folder, boot), `import init from './${glue}'

await init({ module_or_path: './${glue.replace('.js', '_bg.wasm')}' })
`)
writeFileSync(page, replaced(stamped, /<script type="module">[^]*?<\/script>/, `<script type="module" src="${boot}"></script>`))

// What a visitor needs before the first drag is kept at once, the rest when it is wanted.
const FIRST = /^(?!engine_gpu|engine_lab|gif-worker|vendor|data|models)|^models\/vae\/(decoder|poster)/
const sums = { first: {}, later: {} }
let bytes = 0
for (const file of [...files, boot].sort()) {
  if (file === 'sw.js') continue
  const content = readFileSync(join(folder, file))
  bytes += content.length
  const sum = createHash('sha256').update(content).digest('base64')
  sums[FIRST.test(file) ? 'first' : 'later'][file] = `sha256-${sum}`
}
const worker = join(folder, 'sw.js')
const code = readFileSync(worker, 'utf8')
const whole = createHash('sha256').update(code + JSON.stringify(sums)).digest('hex').slice(0, 12)
const values = JSON.stringify([whole, Math.ceil(bytes / 1e6), sums.first, sums.later], null, 1)
writeFileSync(worker, replaced(code, /\/\* files \*\/[^]*?\/\* end \*\//, () => `const [VERSION, MEGABYTES, FIRST, LATER] = ${values}`))
