// Starts the CPU engine while the page's own code is still on its way. The page takes the worker over
// (client/engine.rs), or starts another if this one broke.
const version = document.querySelector('meta[name=version]').content
const worker = new Worker(new URL(`engine.js?engine=engine_cpu&v=${version}`, import.meta.url), { type: 'module' })
worker.onmessage = () => { worker.isUp = true }
worker.onerror = () => { delete globalThis.earlyEngine }
globalThis.earlyEngine = worker
