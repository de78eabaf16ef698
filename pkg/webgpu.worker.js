// The worker of the engine on WebGPU.
import init from './engine_gpu.js'
import { refuse } from './refuse.js'

init({ module_or_path: new URL('./engine_gpu_bg.wasm', import.meta.url) }).catch(refuse)
