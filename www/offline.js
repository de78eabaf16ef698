// Without a network: registers the service worker once the page is at rest, offers a new version, and keeps all files when the
// visitor wants them or has installed the page.
import { words } from './words.js'

const workers = navigator.serviceWorker
const version = document.querySelector('meta[name=version]').content

/** Loads the page again if the service worker is of another version: all tabs go over together, and a page never gets files
 *  of two. Runs are kept. */
function compare() {
  workers.controller?.postMessage('which version')
}
if (workers) {
  workers.addEventListener('message', ({ data }) => {
    if ((data.version ?? version) !== version) location.reload()
  })
  workers.addEventListener('controllerchange', compare)
  compare()
}

const place = document.querySelector('#offline')
const say = await words()
let isInstalled = matchMedia('(display-mode: standalone)').matches

const button = (textContent, onclick) => Object.assign(document.createElement('button'), { type: 'button', textContent, onclick })

/** A line of text with a button, at the foot of the page. Who pressed the one before stays there. */
function offer(text, action, press) {
  const hadFocus = place.contains(document.activeElement)
  place.replaceChildren(`${text} `, ...(action ? [button(action, press)] : []))
  place.tabIndex = -1
  if (hadFocus) place.focus()
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
  else if (all) offer(say('offline.possible'), say('offline.keep-all', { megabytes }), keepAll)
}

function offerReload(registration) {
  const bar = Object.assign(document.createElement('p'), { className: 'alert update', role: 'alert' })
  const reload = button(say('offline.reload'), () => registration.waiting?.postMessage('take over'))
  const later = () => {
    const hadFocus = bar.querySelector(':focus-visible')
    bar.remove()
    if (hadFocus) document.querySelector('.plane')?.focus()
  }
  bar.append(`${say('offline.new-version')} `, reload, button(say('offline.not-now'), later))
  document.querySelector('.update')?.remove()
  document.body.prepend(bar)
}

async function begin() {
  workers.addEventListener('message', hear)
  workers.addEventListener('controllerchange', ask)
  const registration = await workers.register('sw.js', { updateViaCache: 'none' })
  // The first worker of all is not a new version. In WebKit it still counts as waiting when it has taken the page over.
  const isNew = worker => worker?.state === 'installed' && workers.controller
  if (isNew(registration.waiting)) offerReload(registration)
  registration.addEventListener('updatefound', () => {
    registration.installing.addEventListener('statechange', ({ target }) => {
      if (isNew(target)) offerReload(registration)
    })
  })
  // A tab may be open for days.
  addEventListener('visibilitychange', () => {
    if (!document.hidden) registration.update().catch(() => {})
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
