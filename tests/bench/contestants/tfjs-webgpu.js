// TensorFlow.js on WebGPU.
import '@tensorflow/tfjs-backend-webgpu'
import { start } from './tfjs.js'

export const create = ({ weights, byHand }) => start('webgpu', weights, byHand)
