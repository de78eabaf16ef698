// docs/benchmarks.md: the figures of docs/benchmarks.json as tables.
import { KINDS } from './browsers.mjs'

/** A number with as many digits as it deserves. */
function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return ''
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3
  return value.toLocaleString('en', { minimumFractionDigits: 0, maximumFractionDigits: digits })
}

const kilo = bytes => (bytes === undefined ? '' : number(bytes / 1000))
const ratio = (value, base) => (value > 0 && base > 0 ? `${number(value / base)}x` : '')

function table(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

/** Where a part was measured. */
function where({ machine, version, adapter }) {
  const gpu = adapter ? `, adapter: ${adapter}` : ''
  return `Chromium ${version}${gpu}, ${machine.cores} cores of ${machine.processor}, load ${machine.load} at the beginning.`
}

const STEP = 128

/** What can be said of a contestant's times; ratios say how many times as long as ours it takes. */
function speed({ contestants }) {
  const ours = contestants.engine
  const rows = Object.values(contestants).filter(({ leftOut }) => !leftOut).map(each => {
    const ms = (name, clock, share) => number(each[name]?.[clock][share])
    const against = name => ratio(each[name]?.page.p50, ours[name]?.page.p50)
    const rate = each.stepMs ? number(STEP * 1000 / each.stepMs.page.p50) : 'cannot train'
    return [
      each.name,
      ...['decode1Ms', 'decode400Ms'].flatMap(name => [ms(name, 'inside', 'p50'), ms(name, 'page', 'p50'), ms(name, 'page', 'p95'), against(name)]),
      rate, ms('stepMs', 'page', 'p95'), against('stepMs'),
    ]
  })
  const head = [
    'contestant', 'decode 1, worker p50, ms', 'page p50', 'page p95', 'ratio', 'decode 400, worker p50, ms', 'page p50', 'page p95', 'ratio',
    'training, images/s', 'step p95, ms', 'ratio',
  ]
  return table(head, rows)
}

/** Ours against the fastest of the others. */
function goals({ contestants }) {
  const { engine, ...others } = contestants
  const rows = [['decode one z', 'decode1Ms'], ['decode 400 z', 'decode400Ms'], ['a training step of 128', 'stepMs']].map(([what, name]) => {
    const timed = Object.values(others).filter(each => each[name]).sort((a, b) => a[name].page.p50 - b[name].page.p50)
    if (!engine[name] || timed.length === 0) return null
    const [best] = timed
    return [what, number(engine[name].page.p50), `${best.name}, ${number(best[name].page.p50)}`, ratio(engine[name].page.p50, best[name].page.p50)]
  })
  const found = rows.filter(Boolean)
  return found.length > 0 ? `${table(['what', 'ours, ms (page, p50)', 'fastest peer, ms', 'ours / peer'], found)}\n\n` : ''
}

function code({ contestants }) {
  const ours = contestants.engine.bytes?.brotli
  const rows = Object.values(contestants).filter(({ bytes }) => bytes).map(({ name, bytes, startMs }) => [
    name, kilo(bytes.brotli), kilo(bytes.gzip), kilo(bytes.raw), ratio(bytes.brotli, ours), number(startMs),
  ])
  return table(['contestant', 'brotli, kB', 'gzip, kB', 'raw, kB', 'ratio (brotli)', 'start to first digit, ms'], rows)
}

/** Calls to the GPU. */
function calls({ contestants }) {
  const rows = Object.values(contestants).filter(({ decode1 }) => decode1).flatMap(({ name, decode1, decode400, step }) =>
    [['decode 1', decode1], ['decode 400', decode400], ['training step', step]].filter(([, counts]) => counts).map(([what, counts]) => [
      name, what, ...['dispatches', 'submits', 'buffers', 'writtenBytes', 'copiedBytes', 'readbacks', 'readBytes'].map(key => number(counts[key])),
    ]))
  return table(['contestant', 'work', 'dispatches', 'submits', 'new buffers', 'bytes written', 'bytes copied', 'readbacks', 'bytes read back'], rows)
}

/** Those that were not timed, and why. */
function leftOut({ contestants }) {
  const lines = Object.values(contestants).filter(({ leftOut }) => leftOut).map(({ name, leftOut }) => `- ${name} is not timed: ${leftOut}`)
  return lines.length > 0 ? `${lines.join('\n')}\n\n` : ''
}

/** A section of a part for each kind of device. */
const byKind = (part, section) => Object.keys(KINDS).map(kind => {
  const found = part[kind]
  const text = !found || found.missing ? `Not measured: ${found?.missing ?? 'this part was not run'}.` : section({ machine: part.machine, ...found }, kind)
  return `### ${KINDS[kind]}\n\n${text}\n`
}).join('\n')

function peers(part) {
  return `## Against the peers

The decoder 2-512-784 with the same weights, and training steps of 784-512-2-512-784 with batches of 128. Everyone computes in a
worker: "worker" is timed inside it, from the call to numbers in JavaScript's memory; "page" is timed on the page, with the messages
there and back. Ratios are of page medians, to ours: above 1, we are faster.

${byKind(part, found => `${where(found)}\n\n${leftOut(found)}${goals(found)}${speed(found)}`)}
## Code that a visitor downloads

What the contestant's worker fetches until it has decoded and trained, bundled and minified as a page would ship it.

${byKind(part, code)}
## Calls to the GPU

These do not depend on the machine. They are counted by wrapping the calls of WebGPU in each worker, ours too. Two training steps
are counted and halved; the loss is read back after the second one.

${byKind(part, (found, kind) => (kind === 'cpu' ? 'None.' : calls(found)))}`
}

function page(part) {
  const rows = part.rows.map(({ what, unit, n, p50, p95, limit }) => [what, n, n > 0 ? `${number(p50)} ${unit}` : 'nothing timed', n > 1 ? `${number(p95)} ${unit}` : '', limit])
  return `## The page

${where(part)} The page says: ${part.device}.

${table(['what', 'samples', 'p50', 'p95', 'limit'], rows)}
`
}

/** The largest step upwards of the cost of a multiply-add from one row to the next. */
function cliff(rows) {
  const costs = rows.map(({ ms, work }) => ms / work)
  return Math.max(...costs.slice(1).map((cost, index) => cost / costs[index]))
}

const growth = ({ growth }) => growth.map(({ what, rows }) => {
  const lines = rows.map(({ value, ms, items, work }) => [value, number(ms), number(ms / items), number(1e6 * ms / work)])
  return `${table([what, 'ms', 'ms per item', 'ns per multiply-add'], lines)}\n\nLargest step from one row to the next, per multiply-add: ${number(cliff(rows))}x.`
}).join('\n\n')

function engine(part) {
  const megabytes = (before, after) => `${number((after - before) / 1e6)} MB`
  return `## Drags while training, and memory

Through the package. A drag is one code, from the page's call to its pixels on the page, while a run of 784-512-2-512-784 goes on.

${byKind(part, found => {
    const { drag, memory: { warm, steps, hidden, before, after } } = found
    return `${where(found)}\n\n${table(['what', 'value', 'goal'], [
      ['a digit while training, p50', `${number(drag.p50)} ms`, ''],
      ['a digit while training, p95', `${number(drag.p95)} ms`, '50 ms'],
      [`growth of the engine's memory over ${number(steps)} steps of 784-${hidden}-2-${hidden}-784, after ${number(warm)}`, megabytes(before.engine, after.engine), 'under 5 MB'],
      ['growth of the page\'s memory meanwhile, workers included', megabytes(before.page, after.page), 'under 5 MB'],
    ])}`
  })}
## Work that grows

The cost of an item should not rise as the work grows. Where the model itself grows, the cost of a multiply-add is what to look at.

${byKind(part, growth)}`
}

const SECTIONS = { peers, page, engine }

/** The document. */
export function report(all) {
  const measured = Object.keys(SECTIONS).filter(part => all[part])
  return `# Benchmarks

Written by \`cargo xtask bench\`; the figures are in \`benchmarks.json\`. \`--only page\`, \`peers\` or \`engine\` measures a part anew and keeps
the others.

How it is measured: a real Chromium, headless; all contestants get the same weights, codes, images and noise (ours draws its noise
itself). Before the clock runs, pixels must agree with plain JavaScript within 1e-4 and the losses of the first three steps within
0.1 % (ours within 1 %, for its own noise); who disagrees is not timed. Then all take turns in one page, a little work each, and the
first rounds do not count. p50 is the median, p95 the time that 95 % stay below. One thread each. Images to train on are in memory;
handing them to the worker's device is part of a step. Ours also chooses its images, and draws bits and noise, within a step.

${measured.map(part => SECTIONS[part](all[part])).join('\n')}`
}
