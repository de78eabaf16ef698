// The service worker: keeps the files of one version of the page, so that it works without a network and no script of one
// version meets code of another. What stands between the marks is written by stamp.mjs: the version, the page's policy, how
// large all is, and each file's checksum.
/* files */
const [VERSION, POLICY, MEGABYTES, FIRST, LATER] = ['', '', 0, {}, {}]
/* end */

// Other pages may share the origin.
const FAMILY = `latent-explorer ${registration.scope} `
const NAME = FAMILY + VERSION
const integrityOf = file => FIRST[file] ?? LATER[file]
const files = [...Object.keys(FIRST), ...Object.keys(LATER)]

/** The file that a URL asks for, and of which version, if it names one. */
function asked(url) {
  const { pathname, searchParams } = new URL(url)
  const file = decodeURI(pathname.slice(new URL(registration.scope).pathname.length)) || 'index.html'
  return { file, version: searchParams.get('v') }
}

/** A file from the network. The browser refuses it if it is not of this version. */
async function fetched(file) {
  const fresh = await fetch(file, { integrity: integrityOf(file), cache: 'no-cache' })
  if (!fresh.ok) throw new Error(`${file}: ${fresh.status}`)
  return fresh
}

async function answer(event, file) {
  const cache = await caches.open(NAME)
  let found = await cache.match(file)
  if (!found) {
    found = await fetched(file)
    // On a full disk it is not kept, and used nevertheless.
    event.waitUntil(cache.put(file, found.clone()).catch(() => {}))
  }
  const headers = new Headers(found.headers)
  // Workers have the policy that they are sent, not that of their page.
  headers.set('Content-Security-Policy', POLICY)
  // As it is, it would tell the URL under which it is kept; a script is to see the one that was asked for.
  return new Response(found.body, { status: found.status, headers })
}

/** Names of the caches of other versions. */
const others = async () => (await caches.keys()).filter(name => name.startsWith(FAMILY) && name !== NAME)

/** Whether an answer has a file's checksum. */
async function isOf(file, response) {
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()))
  return integrityOf(file) === `sha256-${btoa(String.fromCharCode(...sum))}`
}

/** What other versions keep that this one has too; with the answer, if it is the same file. */
async function inherited() {
  const kept = new Map()
  for (const name of await others()) {
    const cache = await caches.open(name)
    for (const request of await cache.keys()) {
      const { file } = asked(request.url)
      if (!integrityOf(file) || kept.get(file)) continue
      const known = await cache.match(request)
      kept.set(file, await isOf(file, known.clone()) ? known : null)
    }
  }
  return kept
}

/** Keeps what is needed first, and then whatever was kept of the version before, as far as there is room for both. */
async function install() {
  const [cache, old] = [await caches.open(NAME), await inherited()]
  const keep = async file => {
    if (!await cache.match(file)) await cache.put(file, old.get(file) ?? await fetched(file))
  }
  await Promise.all(Object.keys(FIRST).map(keep))
  const isFull = reason => { if (reason.name !== 'QuotaExceededError') throw reason }
  await Promise.all([...old.keys()].map(file => keep(file).catch(isFull)))
}

async function activate() {
  // What comes next may be filling its own.
  const old = registration.installing ? [] : await others()
  await Promise.all(old.map(name => caches.delete(name)))
  await clients.claim()
}

/** Keeps the rest, and tells a page at every tenth of it. */
async function keepAll(page) {
  const cache = await caches.open(NAME)
  const kept = new Set((await cache.keys()).map(({ url }) => asked(url).file))
  const missing = files.filter(file => !kept.has(file))
  const all = files.length
  try {
    for (const [count, file] of missing.entries()) {
      await cache.put(file, await fetched(file))
      const now = all - missing.length + count + 1
      if (Math.floor(10 * now / all) > Math.floor(10 * (now - 1) / all)) page.postMessage({ isKeeping: true, kept: now, all })
    }
    page.postMessage({ kept: all, all })
  } catch ({ message }) {
    page.postMessage({ failed: message })
  }
}

/** Tells a page how many files are kept. */
async function count(page) {
  const cache = await caches.open(NAME)
  page.postMessage({ kept: (await cache.keys()).length, all: files.length, megabytes: MEGABYTES })
}

addEventListener('install', event => event.waitUntil(install()))
addEventListener('activate', event => event.waitUntil(activate()))
addEventListener('message', event => {
  const tasks = {
    'take over': () => skipWaiting(),
    'keep all': () => keepAll(event.source),
    'how many': () => count(event.source),
    'which version': () => event.source.postMessage({ version: VERSION }),
  }
  event.waitUntil(tasks[event.data]?.())
})
addEventListener('fetch', event => {
  const { method, mode, url } = event.request
  if (method !== 'GET' || !url.startsWith(registration.scope)) return
  const { file, version } = asked(url)
  if (!integrityOf(file)) return
  // A page that another version left behind gets nothing of this one; it is about to be loaded again (offline.js).
  const isOther = mode !== 'navigate' && version && version !== VERSION
  event.respondWith(isOther ? Response.error() : answer(event, file))
})
