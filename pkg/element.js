// <latent-explorer src="model.safetensors">: the latent plane of a model, and the digit under a handle.
import { createEngine, LatentError } from './index.js'

/** Tiles along one side of the plane. */
const GRID = 20
/** Pixels along one side of an image. */
const SIDE = 28
const STEP = 0.02
const LARGE_STEP = 0.1
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }
/** What ends an engine. */
const FATAL = ['crashed', 'device-lost', 'disposed', 'not-started']

const SHELL = document => {
  const template = document.createElement('template')
  template.innerHTML = `
    <style>
      :host {
        --ink: var(--latent-ink, #17171c); --paper: var(--latent-paper, #fff); --accent: var(--latent-accent, #c2410c);
        display: block; font: 0.875rem/1.4 system-ui, sans-serif;
      }
      @media (prefers-color-scheme: dark) {
        :host {
          --ink: var(--latent-ink, #f4f4f0); --paper: var(--latent-paper, #17171c); --accent: var(--latent-accent, #fb923c);
        }
      }
      :host([hidden]), [hidden] { display: none !important; }
      .parts { align-items: start; display: grid; gap: var(--latent-gap, 1rem); grid-template-columns: minmax(0, 3fr) minmax(0, 1fr); }
      .plane { aspect-ratio: 1; cursor: crosshair; position: relative; touch-action: none; user-select: none; }
      .plane:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
      canvas { background: var(--paper); color: var(--ink); display: block; image-rendering: pixelated; inline-size: 100%; }
      .handle {
        block-size: 1rem; border: 3px solid var(--accent); border-radius: 50%; box-shadow: 0 0 0 2px var(--paper); box-sizing: border-box;
        inline-size: 1rem; pointer-events: none; position: absolute; transform: translate(-50%, -50%);
      }
      .value { font-variant-numeric: tabular-nums; margin: 0.25rem 0 0; overflow-wrap: anywhere; }
      .note { margin: 0; }
    </style>
    <p class="note" part="note" role="status"></p>
    <p class="note" part="error" role="alert"></p>
    <div class="parts" hidden>
      <div class="plane" part="plane" role="application" tabindex="0" aria-roledescription="plane" aria-describedby="value">
        <canvas aria-hidden="true"></canvas>
        <div class="handle" part="handle"></div>
      </div>
      <div>
        <canvas part="digit" role="img" aria-label="Decoded digit"></canvas>
        <p class="value" id="value" part="value" role="status"></p>
      </div>
    </div>`
  return template.content
}

// What is imported where there is no page, as on a server, is not used there.
export class LatentExplorer extends (globalThis.HTMLElement ?? class {}) {
  static observedAttributes = ['device', 'family', 'label', 'src']

  #point = [0.5, 0.5]
  #z = null
  /** What lives from one connection to the next: engine, model, listeners. */
  #life = null

  constructor() {
    super()
    this.attachShadow({ mode: 'open' }).append(SHELL(this.ownerDocument))
    const plane = this.#find('.plane')
    plane.addEventListener('pointerdown', event => {
      if (event.button !== 0) return
      plane.setPointerCapture(event.pointerId)
      plane.focus({ preventScroll: true })
      event.preventDefault()
      this.#movedTo(event)
    })
    plane.addEventListener('pointermove', event => {
      if (plane.hasPointerCapture(event.pointerId)) this.#movedTo(event)
    })
    plane.addEventListener('keydown', event => this.#pressed(event))
  }

  connectedCallback() {
    this.#start()
  }

  disconnectedCallback() {
    this.#stop()
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#life || before === after) return
    if (name === 'label') return this.#name()
    this.#stop()
    this.#start()
  }

  /** The point under the handle, in the unit square; the second number grows upwards. */
  get point() {
    return [...this.#point]
  }

  set point([x, y]) {
    const inside = number => Math.min(Math.max(Number(number) || 0, 0), 1)
    this.#point = [inside(x), inside(y)]
    this.#follow()
  }

  /** The code of the digit on show; null before the first one. */
  get z() {
    return this.#z?.slice() ?? null
  }

  #find(selector) {
    return this.shadowRoot.querySelector(selector)
  }

  #say(part, text) {
    this.#find(`[part=${part}]`).textContent = text
  }

  #name(family = this.#life?.model?.family) {
    this.#find('.plane').setAttribute('aria-label', this.getAttribute('label') ?? `Latent plane${family ? ` of ${family}` : ''}`)
  }

  async #start() {
    const life = { leaving: new AbortController(), model: null, tiles: null, digit: null, busy: false, due: false }
    this.#life = life
    this.#say('error', '')
    this.#say('note', 'Loading the model')
    this.#find('.parts').hidden = true
    try {
      life.loan = borrow(this.getAttribute('device') ?? 'auto')
      const [engine, file] = await Promise.all([life.loan.engine, this.#fetch(life.leaving.signal)])
      if (life !== this.#life) return
      const model = await engine.load(file, { transfer: true })
      if (life !== this.#life) return model.dispose()
      life.model = model
      this.#check(model)
      life.tiles = await model.decode(await model.latentFromUnit(centers(GRID)), { transfer: true })
      if (life === this.#life) this.#show(life)
    } catch (error) {
      this.#fail(life, error)
    }
  }

  #stop() {
    const life = this.#life
    this.#life = null
    life?.leaving.abort()
    life?.model?.dispose()
    life?.loan?.giveBack()
  }

  async #fetch(signal) {
    const src = this.getAttribute('src')
    if (!src) throw new LatentError('bad-argument', 'the attribute src must name a file of weights')
    const response = await fetch(new URL(src, this.ownerDocument.baseURI), { signal })
    if (!response.ok) throw new LatentError('bad-file', `${src} could not be fetched: the server answered ${response.status}`)
    return response.arrayBuffer()
  }

  #check({ family }) {
    const wanted = this.getAttribute('family')
    if (wanted && wanted !== family) {
      throw new LatentError('bad-file', `${this.getAttribute('src')} is a model of the family ${family}, not ${wanted}`)
    }
  }

  #show(life) {
    this.#name()
    this.#say('note', '')
    this.#find('.parts').hidden = false
    this.#paint()
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', () => this.#paint(), { signal: life.leaving.signal })
    this.#follow()
  }

  #fail(life, error) {
    if (life !== this.#life) return
    if (FATAL.includes(error.code)) life.loan?.forget()
    this.#find('.parts').hidden = true
    this.#say('note', '')
    this.#say('error', `This model cannot be shown: ${error.message}.`)
  }

  /** Decodes the point under the handle; a newer point takes the place of one that waits. */
  async #follow() {
    const life = this.#life
    if (!life?.tiles) return
    this.#place()
    life.due = true
    if (life.busy) return
    life.busy = true
    try {
      while (life.due && life === this.#life) {
        life.due = false
        const point = this.point
        const z = await life.model.latentFromUnit(Float32Array.from(point))
        const pixels = await life.model.decode(z)
        if (life === this.#life) this.#decoded(life, point, z, pixels)
      }
    } catch (error) {
      this.#fail(life, error)
    }
    life.busy = false
  }

  #decoded(life, point, z, pixels) {
    life.digit = pixels
    this.#z = z
    draw(this.#find('[part=digit]'), pixels, 1)
    this.#say('value', `z = ${Array.from(z, number => number.toFixed(2).replace('-', '\u2212')).join(', ')}`)
    this.dispatchEvent(new CustomEvent('latentchange', { bubbles: true, composed: true, detail: { z: z.slice(), point } }))
  }

  /** Draws anew what is known, as in other colours. */
  #paint() {
    const { tiles, digit } = this.#life
    draw(this.#find('.plane canvas'), tiles, GRID)
    if (digit) draw(this.#find('[part=digit]'), digit, 1)
  }

  #place() {
    const { style } = this.#find('.handle')
    style.left = `${100 * this.#point[0]}%`
    style.top = `${100 * (1 - this.#point[1])}%`
  }

  #movedTo({ clientX, clientY }) {
    const { left, top, width, height } = this.#find('.plane').getBoundingClientRect()
    this.point = [(clientX - left) / width, 1 - (clientY - top) / height]
  }

  #pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const [x, y] = this.#point
    const step = event.shiftKey ? LARGE_STEP : STEP
    const [right, up] = ARROWS[event.key] ?? []
    if (right !== undefined) this.point = [x + right * step, y + up * step]
    else if (event.key === 'Home') this.point = [0.5, 0.5]
    else return
    event.preventDefault()
  }
}

/** Engines by device, each shared by all elements of the page that want it. */
const engines = new Map()

function borrow(device) {
  let entry = engines.get(device)
  if (!entry) {
    entry = { users: 0, engine: createEngine({ device }) }
    engines.set(device, entry)
    entry.engine.catch(() => forget())
  }
  entry.users += 1
  function forget() {
    if (engines.get(device) === entry) engines.delete(device)
  }
  function giveBack() {
    entry.users -= 1
    if (entry.users > 0) return
    forget()
    entry.engine.then(engine => engine.dispose(), () => {})
  }
  return { engine: entry.engine, forget, giveBack }
}

/** Centres of the tiles in reading order, as points of the unit square. */
function centers(grid) {
  const along = index => (index + 0.5) / grid
  return Float32Array.from({ length: 2 * grid * grid }, (_, index) => {
    const tile = index >> 1
    return index % 2 ? 1 - along(Math.floor(tile / grid)) : along(tile % grid)
  })
}

/** Draws images side by side, from the canvas's background to its colour. */
function draw(canvas, pixels, columns) {
  const images = pixels.length / SIDE ** 2
  canvas.width = columns * SIDE
  canvas.height = Math.ceil(images / columns) * SIDE
  const context = canvas.getContext('2d')
  const palette = colors(canvas)
  const image = context.createImageData(canvas.width, canvas.height)
  const to = new Uint32Array(image.data.buffer)
  for (let row = 0; row < images * SIDE; row++) {
    const tile = Math.floor(row / SIDE)
    const start = (Math.floor(tile / columns) * SIDE + row % SIDE) * canvas.width + (tile % columns) * SIDE
    for (let x = 0; x < SIDE; x++) to[start + x] = palette[Math.round(255 * pixels[row * SIDE + x])]
  }
  context.putImageData(image, 0, 0)
}

/** 256 colours between two that CSS may write in any way. */
function colors(canvas) {
  const { color, backgroundColor } = getComputedStyle(canvas)
  const probe = new OffscreenCanvas(256, 1).getContext('2d')
  const ramp = probe.createLinearGradient(0.5, 0, 255.5, 0)
  ramp.addColorStop(0, backgroundColor)
  ramp.addColorStop(1, color)
  probe.fillStyle = ramp
  probe.fillRect(0, 0, 256, 1)
  return new Uint32Array(probe.getImageData(0, 0, 256, 1).data.buffer)
}

if (globalThis.customElements && !customElements.get('latent-explorer')) customElements.define('latent-explorer', LatentExplorer)
