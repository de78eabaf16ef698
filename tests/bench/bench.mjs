// `cargo xtask bench`: measures and writes docs/benchmarks.json and docs/benchmarks.md. Nothing here can fail for being slow.
// Arguments are the parts to measure, all without any; of the others the figures of the file are kept.
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { engine } from './engine.mjs'
import { page } from './page.mjs'
import { peers } from './peers.mjs'
import { report } from './report.mjs'
import { ROOT } from './server.mjs'

const PARTS = { page, peers, engine }

const machine = () => ({ cores: cpus().length, processor: cpus()[0].model.trim(), load: Number(loadavg()[0].toFixed(1)) })

async function kept(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (error.code === 'ENOENT') return {}
    throw error
  }
}

/** More digits than these say nothing. */
const rounded = (_, value) => (typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value)

const file = `${ROOT}docs/benchmarks.json`
const all = await kept(file)
const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)
for (const part of Object.keys(PARTS).filter(part => wanted.includes(part))) {
  console.log(`== ${part}`)
  const here = machine()
  all[part] = { machine: here, ...await PARTS[part]() }
  await writeFile(file, `${JSON.stringify(all, rounded, 1)}\n`)
  await writeFile(`${ROOT}docs/benchmarks.md`, report(all))
}
console.log(await readFile(`${ROOT}docs/benchmarks.md`, 'utf8'))
