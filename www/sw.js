// The service worker: keeps the files of one version of the page, so that it works without a network and no script of one
// version meets code of another. What stands between the marks is written by stamp.mjs: how large all is,
// and each file's checksum.
/* files */
const [VERSION, MEGABYTES, FIRST, LATER] = ['', 0, {}, {}]
/* end */

// Other pages may share the origin.
const FAMILY = `latent-explorer ${registration.scope} `
const NAME = FAMILY + VERSION
const integrityOf = file => FIRST[file] ?? LATER[file]

/** The file that a URL asks for; what comes after `?` only keeps caches of the web apart. */
const fileOf = url => decodeURI(new URL(url).pathname.slice(new URL(registration.scope).pathname.length)) || 'index.html'

/** Has a file kept. The browser refuses it if it is not of this version. */
async function keep(cache, file) {
  const kept = await cache.match(file)
  if (kept) return kept
  const fresh = await fetch(file, { integrity: integrityOf(file), cache: 'no-cache' })
  if (!fresh.ok) throw new Error(`${file}: the server answered ${fresh.status}`)
  await cache.put(file, fresh.clone())
  return fresh
}

async function answer(file) {
  const { body, status, headers } = await keep(await caches.open(NAME), file)
  // As it is, it would tell the URL under which it is kept; a script is to see the one that was asked for.
  return new Response(body, { status, headers })
}

async function install() {
  const cache = await caches.open(NAME)
  await Promise.all(Object.keys(FIRST).map(file => keep(cache, file)))
}

async function activate() {
  const names = await caches.keys()
  await Promise.all(names.filter(name => name.startsWith(FAMILY) && name !== NAME).map(name => caches.delete(name)))
  await clients.claim()
}

const files = () => [...Object.keys(FIRST), ...Object.keys(LATER)]

/** Keeps the rest, and tells a page how far it is. */
async function keepAll(page) {
  const cache = await caches.open(NAME)
  try {
    for (const [count, file] of files().entries()) {
      await keep(cache, file)
      page.postMessage({ isKeeping: true, kept: count + 1, all: files().length })
    }
  } catch (error) {
    page.postMessage({ failed: error.message })
  }
}

/** Tells a page how many files are kept. */
async function count(page) {
  const cache = await caches.open(NAME)
  page.postMessage({ kept: (await cache.keys()).length, all: files().length, megabytes: MEGABYTES })
}

addEventListener('install', event => event.waitUntil(install()))
addEventListener('activate', event => event.waitUntil(activate()))
addEventListener('message', event => {
  const tasks = { 'take over': () => skipWaiting(), 'keep all': () => keepAll(event.source), 'how many': () => count(event.source) }
  event.waitUntil(tasks[event.data]?.())
})
addEventListener('fetch', event => {
  const { method, url } = event.request
  if (method !== 'GET' || !url.startsWith(registration.scope)) return
  const file = fileOf(url)
  if (integrityOf(file)) event.respondWith(answer(file))
})
