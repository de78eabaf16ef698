// The worker of the engine on the CPU.
import init from './engine_cpu.js'
import { refuse } from './refuse.js'

init({ module_or_path: new URL('./engine_cpu_bg.wasm', import.meta.url) }).catch(refuse)
