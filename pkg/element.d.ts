/**
 * `<latent-explorer src="model.safetensors">`: the latent plane of a model and the digit under a handle, by pointer, touch and
 * arrow keys. Importing this module defines the element.
 *
 * Attributes: `src`, the file of weights; `family`, which the file must then be of; `device`, as for `createEngine`; `label`, the
 * accessible name. Colours: `--latent-ink`, `--latent-paper`, `--latent-accent`; the gap: `--latent-gap`.
 */
export class LatentExplorer extends HTMLElement {
  /** The point under the handle, in the unit square; the second number grows upwards. */
  point: [number, number]
  /** The code of the digit on show; null before the first one. */
  readonly z: Float32Array<ArrayBuffer> | null
}

/** Dispatched whenever another digit is on show; it bubbles out of the element. */
export type LatentChangeEvent = CustomEvent<{ z: Float32Array<ArrayBuffer>; point: [number, number] }>

declare global {
  interface HTMLElementTagNameMap {
    'latent-explorer': LatentExplorer
  }
  interface HTMLElementEventMap {
    latentchange: LatentChangeEvent
  }
}
