// Without a network: registers the service worker once the page is at rest, offers a new version, and keeps all files when the
// visitor wants them or has installed the page.
const workers = navigator.serviceWorker
const place = document.querySelector('#offline')

/** A line of text with a button, at the foot of the page. */
function offer(text, action, press) {
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: action, onclick: press })
  place.replaceChildren(`${text} `, ...(action ? [button] : []))
}

function keepAll() {
  workers.controller?.postMessage('keep all')
}

function hear({ data: { kept, all, megabytes, isKeeping, failed } }) {
  if (failed) offer(`Not all files could be kept (${failed}).`, 'Try again', keepAll)
  else if (kept >= all) offer('All files are kept: this page works without a network.')
  else if (isKeeping) offer(`Keeping files: ${kept} of ${all}.`)
  else offer('This page can work without a network, training included.', `Keep all files (${megabytes} MB)`, keepAll)
}

function offerReload(registration) {
  const bar = Object.assign(document.createElement('p'), { className: 'alert update', role: 'alert' })
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Reload' })
  button.onclick = () => registration.waiting?.postMessage('take over')
  bar.append('There is a new version of this page. ', button)
  document.body.prepend(bar)
}

async function begin() {
  const wasControlled = workers.controller !== null
  workers.addEventListener('message', hear)
  workers.addEventListener('controllerchange', () => {
    // All tabs go over together: a page never gets files of two versions. Runs are kept.
    if (wasControlled) location.reload()
    else workers.controller?.postMessage('how many')
  })
  const registration = await workers.register('sw.js', { updateViaCache: 'none' })
  if (registration.waiting && wasControlled) offerReload(registration)
  registration.addEventListener('updatefound', () => {
    const next = registration.installing
    next.addEventListener('statechange', () => {
      if (next.state === 'installed' && wasControlled) offerReload(registration)
    })
  })
  if (wasControlled) workers.controller.postMessage(matchMedia('(display-mode: standalone)').matches ? 'keep all' : 'how many')
  addEventListener('appinstalled', keepAll)
}

if (workers) {
  const rest = () => setTimeout(() => begin().catch(() => offer('This browser keeps no files for use without a network.')), 3000)
  if (document.readyState === 'complete') rest()
  else addEventListener('load', rest)
}
