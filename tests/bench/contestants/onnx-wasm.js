// ONNX Runtime Web on wasm.
import * as ort from 'onnxruntime-web/wasm'
import { start } from './onnx.js'

export const create = ({ weights }) => start(ort, 'wasm', weights)
