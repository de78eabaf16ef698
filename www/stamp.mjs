// Run by Trunk after the build (trunk.toml). The script with which Trunk starts the page goes into a file, since the page's
// policy allows none in the page itself; the service worker is told all files with their checksums; and the version of all of it
// goes into the page's <meta name="version">, with which files that keep their names are asked for, past every cache.
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.TRUNK_STAGING_DIR
const read = file => readFileSync(join(folder, file))
const write = (file, content) => writeFileSync(join(folder, file), content)
const sum = content => createHash('sha256').update(content)

/** Replaces a part of a file that must be there. */
function replaced(text, part, by) {
  const changed = text.replace(part, () => by)
  if (changed === text) throw new Error(`there is no ${part}`)
  return changed
}

const draft = read('index.html').toString()
const [glue, hash] = draft.match(/latent-page-([0-9a-f]+)\.js/)
const boot = `boot-${hash}.js`
write(boot, `import init from './${glue}'

await init({ module_or_path: './${glue.replace('.js', '_bg.wasm')}' })
`)
const page = replaced(draft, /<script type="module">[^]*?<\/script>/, `<script type="module" src="${boot}"></script>`)
write('index.html', page)

// What a visitor needs before the first drag is kept at once, the rest when it is wanted.
const FIRST = /^(?!engine_gpu|engine_lab|gif-worker|vendor|data|models)|^models\/vae\/(decoder|poster)/
const sums = { first: {}, later: {} }
const files = readdirSync(folder, { recursive: true }).sort()
  .filter(file => file !== 'sw.js' && !statSync(join(folder, file)).isDirectory())
const list = file => { sums[FIRST.test(file) ? 'first' : 'later'][file] = `sha256-${sum(read(file)).digest('base64')}` }
files.forEach(list)
const worker = read('sw.js').toString()
const version = sum(worker + JSON.stringify(sums)).digest('hex').slice(0, 12)
write('index.html', replaced(page, 'page-version', version))
list('index.html')

const [, policy] = page.match(/"Content-Security-Policy"\s+content="([^"]+)"/)
const bytes = files.reduce((bytes, file) => bytes + read(file).length, 0)
const values = JSON.stringify([version, policy, Math.ceil(bytes / 1e6), sums.first, sums.later], null, 1)
write('sw.js', replaced(worker, /\/\* files \*\/[^]*?\/\* end \*\//, `const [VERSION, POLICY, MEGABYTES, FIRST, LATER] = ${values}`))
