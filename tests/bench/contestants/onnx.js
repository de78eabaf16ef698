// ONNX Runtime Web: decodes; it cannot train.
import { LATENT } from '../web/problem.js'
import { decoder } from '../web/onnx.js'

export async function start(ort, provider, weights) {
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/'
  const session = await ort.InferenceSession.create(decoder(weights), { executionProviders: [provider] })
  return {
    async decode(z, count) {
      const { pixels } = await session.run({ z: new ort.Tensor('float32', z, [count, LATENT]) })
      return pixels.data
    },
  }
}
