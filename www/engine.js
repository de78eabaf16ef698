// The worker's entry: loads the engine that the query names, in the version that the query names.
const query = new URL(import.meta.url).searchParams
const engine = query.get('engine')
const version = query.get('v')
// The code is fetched beside its glue and compiled while it comes in.
const code = fetch(new URL(`./${engine}_bg.wasm?v=${version}`, import.meta.url))
const { default: init } = await import(`./${engine}.js?v=${version}`)
await init({ module_or_path: code })
