// The worker's entry: loads the engine that the query names, in the version that the query names.
const query = new URL(import.meta.url).searchParams
const engine = query.get('engine')
const version = query.get('v')
const { default: init } = await import(`./${engine}.js?v=${version}`)
await init({ module_or_path: new URL(`./${engine}_bg.wasm?v=${version}`, import.meta.url) })
