// A tour of the page. Who comes for the first time is invited to it; everybody else can start it with a button `data-tour`.
// What leads through it, driver.js, is fetched when it starts.
import { words } from './words.js'

const KEY = 'latent-explorer.tour'
/** What is shown, and on which side of it the words go where there is room. */
const STEPS = [
  ['plane', '.plane', 'right'],
  ['digit', '.digit', 'left'],
  ['train', '.training .buttons .primary', 'left'],
  ['model', '.family', 'left'],
  ['panels', '.panels', 'top'],
  ['keep', '.copy-link button', 'bottom'],
]

const saying = words()
let isKnown = recalled()
let card = null
let isOn = false

/** Whether the visitor has answered the invitation before. */
function recalled() {
  try {
    return localStorage.getItem(KEY) !== null
  } catch {
    return false
  }
}

/** Takes the invitation away for good. */
function answered() {
  isKnown = true
  card?.remove()
  try {
    localStorage.setItem(KEY, 'seen')
  } catch {
    // Nothing is kept in this browser: it will ask again.
  }
}

/** A sentence with buttons at the foot of the window; first in the page, for who comes by keyboard. */
function show(title, text, ...buttons) {
  card?.remove()
  card = Object.assign(document.createElement('aside'), { className: 'tour' })
  card.setAttribute('aria-label', title)
  const place = Object.assign(document.createElement('div'), { className: 'buttons' })
  for (const [className, textContent, onclick] of buttons) {
    place.append(Object.assign(document.createElement('button'), { type: 'button', className, textContent, onclick }))
  }
  card.append(Object.assign(document.createElement('p'), { textContent: text }), place)
  document.body.prepend(card)
}

/** Waits until a selector finds something. */
function appeared(selector) {
  return new Promise(resolve => {
    const look = () => {
      if (!document.querySelector(selector)) return
      observer.disconnect()
      resolve()
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { childList: true, subtree: true })
    look()
  })
}

async function invite() {
  await appeared('.digit-surface canvas')
  await new Promise(resolve => setTimeout(resolve, 1500))
  const say = await saying
  if (isKnown) return
  show(say('tour.name'), say('tour.invitation'), ['primary', say('tour.start'), start], ['', say('tour.not-now'), answered])
}

function style(file) {
  return new Promise((resolve, reject) => {
    const { href } = new URL(file, import.meta.url)
    document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload: resolve, onerror: reject }))
  })
}

let loading = null
function load() {
  loading ??= Promise.all([import('./vendor/driver.esm.js'), style('vendor/driver.css'), style('tour.css')])
  return loading
}

async function start() {
  if (isOn) return
  isOn = true
  const before = document.activeElement
  answered()
  const say = await saying
  try {
    const [{ driver }] = await load()
    lead(driver, say, before)
  } catch {
    [isOn, loading] = [false, null]
    show(say('tour.name'), say('tour.failed'), ['primary', say('tour.start'), start], ['', say('tour.close'), answered])
  }
}

/** Leads through the steps, and gives the focus back to where it was `before`. */
function lead(driver, say, before) {
  const found = STEPS.filter(([, selector]) => document.querySelector(selector))
  const steps = found.map(([name, element, side], index) => ({
    element,
    popover: {
      title: say(`tour.${name}`),
      description: say(`tour.${name}.text`),
      progressText: say('tour.progress', { current: index + 1, total: found.length }),
      side,
    },
  }))
  const guide = driver({
    steps,
    animate: !matchMedia('(prefers-reduced-motion: reduce)').matches,
    duration: 250,
    stagePadding: 8,
    stageRadius: 18,
    popoverOffset: 6,
    showProgress: true,
    nextBtnText: say('tour.next'),
    prevBtnText: say('tour.previous'),
    doneBtnText: say('tour.done'),
    // Its own keys would also take the arrows with which the plane's handle is moved.
    allowKeyboardControl: false,
    // What is beside the step does not end the tour: a finger slips.
    overlayClickBehavior: () => {},
    // Of a step that is left before all has come to rest, driver.js forgets that it was marked.
    onHighlightStarted: () => {
      for (const shown of document.querySelectorAll('.driver-active-element')) shown.classList.remove('driver-active-element')
    },
    onPopoverRender: ({ title, footer, closeButton, nextButton }) => {
      closeButton.setAttribute('aria-label', say('tour.close'))
      // They are not the page's header and footer.
      title.setAttribute('role', 'none')
      footer.setAttribute('role', 'none')
      queueMicrotask(() => {
        // The step's element does not open the words beside it, whatever driver.js says of it.
        const shown = document.querySelector('.driver-active-element')
        for (const name of ['haspopup', 'expanded', 'controls']) shown.removeAttribute(`aria-${name}`)
        nextButton.focus()
      })
    },
    onDestroyStarted: end,
  })

  function end() {
    removeEventListener('keydown', press)
    guide.destroy()
    isOn = false
    // The invitation is gone by now.
    const back = before.isConnected ? before : document.querySelector('.plane')
    back?.focus()
  }

  function press({ key, target }) {
    if (key === 'Escape') return end()
    if (target.closest?.('.driver-active-element')) return
    const isMirrored = getComputedStyle(document.body).direction === 'rtl'
    const [previous, next] = isMirrored ? ['ArrowRight', 'ArrowLeft'] : ['ArrowLeft', 'ArrowRight']
    if (key === next && guide.hasNextStep()) guide.moveNext()
    if (key === previous && guide.hasPreviousStep()) guide.movePrevious()
  }

  addEventListener('keydown', press)
  guide.drive()
}

addEventListener('click', ({ target }) => {
  if (target.closest?.('[data-tour]')) start()
})
if (!isKnown) invite()
