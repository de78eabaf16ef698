// ONNX Runtime Web on WebGPU.
import * as ort from 'onnxruntime-web/webgpu'
import { start } from './onnx.js'

export const create = ({ weights }) => start(ort, 'webgpu', weights)
