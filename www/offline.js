// Without a network: registers the service worker once the page is at rest, offers a new version, and keeps all files when the
// visitor wants them or has installed the page.
import { words } from './words.js'

const workers = navigator.serviceWorker
const place = document.querySelector('#offline')
const say = await words()
let isInstalled = matchMedia('(display-mode: standalone)').matches

/** A line of text with a button, at the foot of the page. */
function offer(text, action, press) {
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: action, onclick: press })
  place.replaceChildren(`${text} `, ...(action ? [button] : []))
}

function keepAll() {
  workers.controller?.postMessage('keep all')
}

/** Has all kept in an installed page, and asks how many files are in any other. */
function ask() {
  workers.controller?.postMessage(isInstalled ? 'keep all' : 'how many')
}

function hear({ data: { kept, all, megabytes, isKeeping, failed } }) {
  if (failed) offer(say('offline.failed', { reason: failed }), say('offline.try-again'), keepAll)
  else if (kept >= all) offer(say('offline.all-kept'))
  else if (isKeeping) offer(say('offline.keeping', { kept, all }))
  else offer(say('offline.possible'), say('offline.keep-all', { megabytes }), keepAll)
}

function offerReload(registration) {
  const bar = Object.assign(document.createElement('p'), { className: 'alert update', role: 'alert' })
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: say('offline.reload') })
  button.onclick = () => registration.waiting?.postMessage('take over')
  bar.append(`${say('offline.new-version')} `, button)
  document.querySelector('.update')?.remove()
  document.body.prepend(bar)
}

async function begin() {
  // A first visit comes under control while it is open.
  let isControlled = workers.controller !== null
  workers.addEventListener('message', hear)
  workers.addEventListener('controllerchange', () => {
    // All tabs go over together: a page never gets files of two versions. Runs are kept.
    if (isControlled) return location.reload()
    isControlled = true
    ask()
  })
  const registration = await workers.register('sw.js', { updateViaCache: 'none' })
  if (registration.waiting && isControlled) offerReload(registration)
  registration.addEventListener('updatefound', () => {
    const next = registration.installing
    next.addEventListener('statechange', () => {
      if (next.state === 'installed' && isControlled) offerReload(registration)
    })
  })
  ask()
  addEventListener('appinstalled', () => {
    isInstalled = true
    ask()
  })
}

if (workers) {
  const rest = () => setTimeout(() => begin().catch(() => offer(say('offline.unsupported'))), 3000)
  if (document.readyState === 'complete') rest()
  else addEventListener('load', rest)
}
