// The whole interface of the package, for `tsc --strict`: what must be accepted, and what must not.
import { createEngine, LatentError } from 'latent-explorer'
import type { Engine, ErrorCode, Images, Model, ModelCard, Progress, Run, Stats, TestLoss } from 'latent-explorer'
import { LatentExplorer } from 'latent-explorer/element'
import type { LatentChangeEvent } from 'latent-explorer/element'

export async function all(file: ArrayBuffer, images: Uint8Array, canvas: HTMLCanvasElement) {
  const engine: Engine = await createEngine({ device: 'auto', canvas })
  await createEngine()
  await createEngine({ canvas: new OffscreenCanvas(1, 1) })
  const kind: 'cpu' | 'webgpu' = engine.device.kind
  const words: string[] = [engine.device.name, engine.device.reason, kind]

  const cards: readonly ModelCard[] = engine.families
  for (const { hyperparameters, losses, abilities, paper } of cards) {
    for (const setting of hyperparameters) {
      if (setting.kind === 'pick') words.push(setting.default, ...setting.options.map(({ id }) => id))
      else if (setting.kind === 'widths') words.push(String(setting.default[0]), String(setting.fewest))
      else words.push(String(setting.default.toFixed(1)), String(setting.min))
    }
    words.push(losses[0]?.key ?? '', abilities.likelihood ?? '', paper.url)
  }

  const model: Model = await engine.load(file)
  await engine.load([new Uint8Array(file), file], { transfer: true })
  const z: Float32Array = await model.latentFromUnit(Float32Array.of(0.5, 0.5), { axes: [0, 1], class: 0 })
  const pixels: Float32Array = await model.decode(z, { transfer: true })
  const { mu, logVar } = await model.encode(pixels)
  await model.encode(images, { labels: new Uint8Array(1) })
  await model.draw(z, { columns: 20, colors: { paper: [255, 255, 255], ink: [0, 0, 0] } })
  const sizes: number[] = [model.latentDim, model.classes, model.codeLength, model.pixels, mu.length, logVar?.length ?? 0]

  const data: Images = { images, labels: new Uint8Array(1), test: { images }, holdout: 0.2 }
  const run: Run = await engine.train('vae', { latent_dim: 2, encoder_hidden: [512, 256], targets: 'grey' }, data, { seed: 7 })
  for await (const progress of run.steps(100)) {
    const { step, epoch, finished, losses }: Progress = progress
    sizes.push(step, epoch, losses['total'] ?? 0)
    if (finished) break
  }
  await run.pause()
  await run.adjust({ learning_rate: 0.01 })
  const loss: TestLoss = await run.evaluate()
  const learned: Model = await run.model()
  const saved = new Blob([await run.save()])
  const again: Run = await engine.resume(await saved.arrayBuffer(), data)
  const stats: Stats = await engine.stats()
  sizes.push(loss.total, stats.decodeMs, stats.stepMs, stats.memoryBytes, stats.readbacks, stats.bytesReadBack)
  for (const held of [model, learned, run, again]) held.dispose()
  engine.dispose()
  return { words, sizes }
}

export function failed(error: unknown): ErrorCode | null {
  return error instanceof LatentError ? error.code : null
}

export function element(): LatentExplorer {
  const element = document.createElement('latent-explorer')
  element.point = [0.5, 0.5]
  element.addEventListener('latentchange', (event: LatentChangeEvent) => console.log(event.detail.z[0], event.detail.point[1]))
  return element
}

export async function refused(engine: Engine, model: Model, run: Run) {
  // @ts-expect-error there is no such device
  await createEngine({ device: 'tpu' })
  // @ts-expect-error codes are a Float32Array
  await model.decode([0, 0])
  // @ts-expect-error images are bytes
  await engine.train('vae', {}, { images: new Float32Array(784) })
  // @ts-expect-error the images are missing
  await engine.train('vae', {}, {})
  // @ts-expect-error how many steps
  run.steps()
  // @ts-expect-error it is read only
  engine.device.kind = 'cpu'
  // @ts-expect-error there is no such code
  const code: ErrorCode = 'bad-luck'
  return code
}
