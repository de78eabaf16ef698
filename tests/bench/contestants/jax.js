// jax-js: the whole training step, with its gradients and Adam, is one compiled function.
import { defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax'
import { ADAM, LATENT, PIXELS, shapes } from '../web/problem.js'

const dense = (x, w, b) => np.matmul(x, w).add(b)
const each = (tree, map) => Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, map(value, name)]))

const decode = jit(({ w2, b2, w3, b3 }, z) => nn.sigmoid(dense(nn.relu(dense(z, w2, b2)), w3, b3)))

function loss({ w1, b1, wMu, bMu, wLogVar, bLogVar, w2, b2, w3, b3 }, images, eps) {
  const count = images.shape[0]
  const hidden = nn.relu(dense(images.ref, w1, b1))
  const mu = dense(hidden.ref, wMu, bMu)
  const logVar = dense(hidden, wLogVar, bLogVar)
  const z = mu.ref.add(np.exp(logVar.ref.mul(0.5)).mul(eps))
  const logits = dense(nn.relu(dense(z, w2, b2)), w3, b3)
  // Of a logit l and a bit x: max(l, 0) - l x + log(1 + exp(-|l|)).
  const cost = nn.relu(logits.ref).sub(logits.ref.mul(images)).add(np.log(np.exp(np.abs(logits).mul(-1)).add(1)))
  const kl = np.exp(logVar.ref).add(mu.ref.mul(mu)).sub(1).sub(logVar).mul(0.5)
  return np.sum(cost).add(np.sum(kl)).mul(1 / count)
}

const train = jit((params, means, squares, correction, images, eps) => {
  const [value, gradients] = valueAndGrad(loss)(each(params, weight => weight.ref), images, eps)
  const { rate, beta1, beta2, epsilon } = ADAM
  const m = each(means, (mean, name) => mean.mul(beta1).add(gradients[name].ref.mul(1 - beta1)))
  const v = each(squares, (square, name) => square.mul(beta2).add(gradients[name].ref.mul(gradients[name]).mul(1 - beta2)))
  const [c1, c2] = [correction.ref.slice(0), correction.slice(1)]
  const w = each(params, (weight, name) =>
    weight.sub(m[name].ref.mul(c1.ref).mul(rate).div(np.sqrt(v[name].ref.mul(c2.ref)).add(epsilon))))
  c1.dispose()
  c2.dispose()
  return [w, m, v, value]
})

export async function create({ device, weights }) {
  const backend = device === 'webgpu' ? 'webgpu' : 'wasm'
  if (!(await init(backend)).includes(backend)) throw new Error(`jax-js has no ${backend} here`)
  defaultDevice(backend)
  const array = (values, shape) => np.array(values).reshape(shape)
  const sized = shapes()
  const load = () => each(weights, (values, name) => array(values, sized[name]))
  const zeros = () => each(weights, (values, name) => np.zeros(sized[name]))
  const fixed = Object.fromEntries(['w2', 'b2', 'w3', 'b3'].map(name => [name, array(weights[name], sized[name])]))
  let state
  return {
    decode: (z, count) => decode(each(fixed, value => value.ref), array(z, [count, LATENT])).data(),
    begin() {
      state = { params: load(), means: zeros(), squares: zeros(), step: 0 }
    },
    async train(batches) {
      let value
      for (const { images, eps } of batches) {
        state.step += 1
        const correction = np.array([1 / (1 - ADAM.beta1 ** state.step), 1 / (1 - ADAM.beta2 ** state.step)])
        value?.dispose()
        const count = images.length / PIXELS
        const given = [array(images, [count, PIXELS]), array(eps, [count, LATENT])]
        const [params, means, squares, loss] = train(state.params, state.means, state.squares, correction, ...given)
        Object.assign(state, { params, means, squares })
        value = loss
      }
      return (await value.data())[0]
    },
  }
}
