// Writes the version of the engines' files into the page's <meta name="engines">. Run by Trunk (trunk.toml).
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = process.env.TRUNK_STAGING_DIR
const hash = createHash('sha256')
for (const name of ['engine_cpu', 'engine_lab', 'engine_gpu']) {
  for (const end of ['.js', '_bg.wasm']) hash.update(readFileSync(join(folder, name + end)))
}
const page = join(folder, 'index.html')
const html = readFileSync(page, 'utf8')
const stamped = html.replace('engines-version', hash.digest('hex').slice(0, 12))
if (stamped === html) throw new Error('index.html has no place for the version of the engines')
writeFileSync(page, stamped)
