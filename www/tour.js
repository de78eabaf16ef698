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

/** The words and what they are about, and what Tab goes to. */
const SHOWN = ':is(.driver-popover, .driver-active-element)'
const STOPS = ':is(a[href], button, input, select, textarea, summary, [tabindex="0"]):not(:disabled)'

const saying = words()
let isKnown = recalled()
let card = null
let isOn = false
let before = null

/** Whether the visitor has answered the invitation before. */
function recalled() {
  try {
    return localStorage.getItem(KEY) !== null
  } catch {
    return false
  }
}

/** Gives the focus back to what had it before; after the invitation, which is gone then, to the plane. */
function back() {
  const place = before?.isConnected ? before : document.querySelector('.plane')
  place?.focus()
}

/** Takes the invitation away for good. Who came to it by keyboard is not left nowhere. */
function answered() {
  isKnown = true
  const hadFocus = card?.querySelector(':focus-visible')
  card?.remove()
  if (hadFocus) back()
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
  if (!card?.contains(document.activeElement)) before = document.activeElement
  answered()
  const say = await saying
  try {
    const [{ driver }] = await load()
    lead(driver, say)
  } catch {
    [isOn, loading] = [false, null]
    show(say('tour.name'), say('tour.failed'), ['primary', say('tour.start'), start], ['', say('tour.close'), answered])
    // It answers a press, so it is neither overlooked nor unheard.
    card.classList.add('failed')
    card.firstChild.role = 'alert'
    card.querySelector('button').focus()
  }
}

/** Leads through the steps. */
function lead(driver, say) {
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
    removeEventListener('keydown', turn, true)
    guide.destroy()
    isOn = false
    back()
  }

  /** Tab goes round through the words and what they are about: driver.js would pass over the plane, sliders and summaries. */
  function turn(event) {
    if (event.key !== 'Tab') return
    event.preventDefault()
    event.stopImmediatePropagation()
    const all = [...document.querySelectorAll(`${SHOWN}${STOPS}, ${SHOWN} ${STOPS}`)]
    const stops = all.filter(element => element.checkVisibility({ visibilityProperty: true }))
    const [step, first] = event.shiftKey ? [-1, stops.at(-1)] : [1, stops[0]]
    const next = stops[stops.indexOf(document.activeElement) + step] ?? first
    next?.focus()
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
  addEventListener('keydown', turn, true)
  guide.drive()
}

addEventListener('click', ({ target }) => {
  if (target.closest?.('[data-tour]')) start()
})
if (!isKnown) invite()
