/** The engine of Latent Explorer: decodes, encodes and trains generative models of digits in a worker of its own. */

/** Starts an engine. Resolves when it can be used; rejects with a {@link LatentError}. */
export function createEngine(options?: EngineOptions): Promise<Engine>

export interface EngineOptions {
  /**
   * Where to compute. `auto`, the default: on WebGPU where the browser has a hardware GPU with `timestamp-query`, else on the
   * CPU. `webgpu`: also on a GPU that is emulated in software; rejects with `no-webgpu` where there is none.
   */
  device?: 'auto' | 'webgpu' | 'cpu'
  /** What {@link Model.draw} draws on, from the worker. The canvas must be new and is handed over for good. */
  canvas?: HTMLCanvasElement | OffscreenCanvas
}

/** A worker that holds any number of models and runs. */
export interface Engine {
  /** Where it computes, and why there. */
  readonly device: { readonly kind: 'cpu' | 'webgpu'; readonly name: string; readonly reason: string }
  /** The families of models that it knows. */
  readonly families: readonly ModelCard[]
  /** Makes a model of a safetensors file, or of several whose tensors belong together, as a decoder and an encoder. */
  load(files: Bytes | readonly Bytes[], options?: Transfer): Promise<Model>
  /**
   * Begins a run. `settings` are by the keys of the family's card; what is not named has its default. Nothing is trained
   * before {@link Run.steps} is pulled. `seed` is that of everything random, 1 by default.
   */
  train(family: string, settings: Settings, data: Images, options?: Transfer & { seed?: number }): Promise<Run>
  /** Takes up a run from the bytes that {@link Run.save} gave, with the same images. */
  resume(file: Bytes, data: Images, options?: Transfer): Promise<Run>
  /** Times and counts in the worker. */
  stats(): Promise<Stats>
  /** Ends the worker and frees its memory and its GPU. What is pending rejects with `disposed`, and so does what is asked later. */
  dispose(): void
}

/** A trained model. A code is `latentDim` numbers, followed by one per class where the model has classes. */
export interface Model {
  /** Id of its family. */
  readonly family: string
  /** Numbers in a code, without those for the class. */
  readonly latentDim: number
  /** Numbers for the class, one of which is 1; 0 for a model without classes. */
  readonly classes: number
  /** Numbers in a whole code: `latentDim + classes`. */
  readonly codeLength: number
  /** Numbers in an image: 784. */
  readonly pixels: number
  /** Whether it can encode: a decoder alone cannot. */
  readonly encodes: boolean
  /** What its file says of itself. */
  readonly metadata: Readonly<Record<string, string>>
  /** Pixels of n codes in [0, 1], n * `pixels`, image by image and row by row. */
  decode(z: Float32Array, options?: Transfer): Promise<Float32Array<ArrayBuffer>>
  /** Posterior of n images, in [0, 1] or as grey bytes: n * `latentDim` each; `logVar` is null where a code is a point. */
  encode(
    images: Float32Array | Uint8Array | Uint8ClampedArray,
    options?: Transfer & { labels?: Uint8Array },
  ): Promise<{ mu: Float32Array<ArrayBuffer>; logVar: Float32Array<ArrayBuffer> | null }>
  /**
   * Codes of n points of the unit square, two numbers each: equal areas of the square carry equal prior mass. `axes` are the
   * two latents along its sides, the others are 0; `class` is for a model with classes.
   */
  latentFromUnit(
    points: Float32Array,
    options?: Transfer & { axes?: readonly [number, number]; class?: number },
  ): Promise<Float32Array<ArrayBuffer>>
  /** Decodes n codes onto the engine's canvas, `columns` in a row, between two colours given as three bytes each. */
  draw(z: Float32Array, options?: Transfer & { columns?: number; colors?: { paper: Color; ink: Color } }): Promise<void>
  /** Frees its memory. */
  dispose(): void
}

/** A model being trained. */
export interface Run {
  /** Id of its family. */
  readonly family: string
  /** Steps done. */
  readonly step: number
  /** Passes over the images, with the fraction of the current one. */
  readonly epoch: number
  /** Whether all epochs are done. */
  readonly finished: boolean
  /**
   * Trains while it is pulled, and tells where the run stands after each `every` steps, until all epochs are done or the run is
   * paused. Leaving the loop stops training; another call goes on. Other requests are answered between two steps.
   */
  steps(every: number): AsyncGenerator<Progress, void, void>
  /** Stops after the step in flight. */
  pause(): Promise<void>
  /** Changes settings that are `live` on the family's card; others stay as they are. */
  adjust(settings: Settings): Promise<void>
  /** The loss on the images that were kept back for testing. */
  evaluate(): Promise<TestLoss>
  /** The weights as they are now, as a model that does not learn on. */
  model(): Promise<Model>
  /** All that {@link Engine.resume} needs, as a safetensors file; {@link Engine.load} takes it too. */
  save(): Promise<Uint8Array<ArrayBuffer>>
  /** Frees its memory. What is pending rejects with `disposed`. */
  dispose(): void
}

/** A file of weights. */
export type Bytes = ArrayBuffer | Uint8Array

/** Red, green and blue, from 0 to 255. */
export type Color = readonly [number, number, number]

/** Whether arrays that are passed may be moved into the worker, which empties the caller's; else they are copied. */
export interface Transfer {
  transfer?: boolean
}

/** Settings by key; layer widths are lists. */
export type Settings = Readonly<Record<string, number | string | readonly number[]>>

/** Images to train on. */
export interface Images {
  /** 784 grey bytes per image, 28 rows from the top, 0 is background. */
  images: Uint8Array | Uint8ClampedArray
  /** A class per image, for models that are told it. */
  labels?: Uint8Array
  /** Images that are measured on and never trained on. */
  test?: { images: Uint8Array | Uint8ClampedArray; labels?: Uint8Array }
  /** The share of `images` that is kept back where there is no `test`: 0.1 by default, and at least one image. */
  holdout?: number
}

/** Where a run stands. */
export interface Progress {
  readonly step: number
  readonly epoch: number
  readonly finished: boolean
  /** Losses of the last step by the keys of the family's card, from before its update. */
  readonly losses: Readonly<Record<string, number>>
}

/** The loss on test images; lower is better. */
export interface TestLoss {
  readonly label: string
  readonly unit: string
  readonly total: number
  /** What it is the sum of, if anything, by name. */
  readonly parts: Readonly<Record<string, number>>
  /** Test images. */
  readonly images: number
}

/** Times of the last decode and of a training step, bytes taken, and what was read back from a GPU: 0 on the CPU. */
export interface Stats {
  readonly decodeMs: number
  readonly stepMs: number
  readonly memoryBytes: number
  readonly readbacks: number
  readonly bytesReadBack: number
}

/** How a family of models presents itself. */
export interface ModelCard {
  readonly id: string
  readonly name: string
  readonly summary: string
  readonly paper: { readonly citation: string; readonly title: string; readonly url: string }
  readonly abilities: {
    readonly encode: boolean
    readonly likelihood: 'bernoulli' | 'gaussian' | null
    readonly exact: boolean
    readonly classes: boolean
  }
  readonly decodeCost: 'live' | 'progressive'
  readonly hyperparameters: readonly Hyperparameter[]
  /** What a step reports; the first one is minimised. */
  readonly losses: readonly { readonly key: string; readonly label: string; readonly unit: string; readonly help: string }[]
}

/** One setting of a family. */
export type Hyperparameter = {
  readonly key: string
  readonly label: string
  readonly help: string
  /** Whether it may change while training. */
  readonly live: boolean
} & (
  | { readonly kind: 'real'; readonly default: number; readonly min: number; readonly max: number; readonly logarithmic: boolean }
  | { readonly kind: 'whole'; readonly default: number; readonly min: number; readonly max: number }
  | { readonly kind: 'pick'; readonly default: string; readonly options: readonly { readonly id: string; readonly label: string }[] }
  | {
      readonly kind: 'widths'
      readonly default: readonly number[]
      readonly min: number
      readonly max: number
      readonly fewest: number
      readonly most: number
    }
)

/** What can go wrong. */
export type ErrorCode =
  /** A number or a name that this cannot take. */
  | 'bad-argument'
  /** The canvas cannot be handed over. */
  | 'bad-canvas'
  /** Images that cannot be trained on: too few, too many classes, or others than those of a saved run. */
  | 'bad-data'
  /** Not a file of weights, or not of this engine's. */
  | 'bad-file'
  /** A setting does not fit the family's card. */
  | 'bad-settings'
  /** An array has the wrong length or type. */
  | 'bad-shape'
  /** An array holds values that are not finite or not in [0, 1]. */
  | 'bad-values'
  /** The run is still meeting another request. */
  | 'busy'
  /** The worker broke, as when memory runs out; make a new engine. */
  | 'crashed'
  /** The GPU does not answer any more; make a new engine. */
  | 'device-lost'
  /** The engine, the model or the run was disposed of. */
  | 'disposed'
  /** A loss is no finite number; the run is back at weights that were good. */
  | 'diverged'
  /** The engine was made without a canvas. */
  | 'no-canvas'
  /** WebGPU was asked for and cannot be used. */
  | 'no-webgpu'
  /** The worker or its files could not be loaded. */
  | 'not-started'
  /** This model has no such ability. */
  | 'unable'
  /** There is no such family. */
  | 'unknown-family'

/** What everything here rejects with. */
export class LatentError extends Error {
  constructor(code: ErrorCode, message: string, options?: ErrorOptions)
  readonly name: 'LatentError'
  readonly code: ErrorCode
}
