// TensorFlow.js on wasm.
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { start } from './tfjs.js'

export function create({ weights, byHand }) {
  setWasmPaths('/peers/@tensorflow/tfjs-backend-wasm/dist/')
  return start('wasm', weights, byHand)
}
