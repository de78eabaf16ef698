// The page without a network: which files are kept, what works with them, and how a new version takes over.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { button, code, drawn, launch, launchApp, plane, returning, step, until } from './browser.mjs'
import { ROOT, serve } from './package.mjs'

const DIST = process.env.DIST ?? join(ROOT, 'dist')

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

const said = page => page.getByRole('status', { name: 'Use without a network' })

/** The list that the build wrote into the service worker: version, policy, megabytes, files for the first drag, other files. */
async function list() {
  const script = await readFile(join(DIST, 'sw.js'), 'utf8')
  return JSON.parse(script.match(/const \[VERSION, POLICY, MEGABYTES, FIRST, LATER\] = ([^]*?\n\])/)[1])
}

/** A server of the page, and of made-up files, while a test runs: one that is left open keeps the process alive. */
async function serving(t, files) {
  const server = await serve(DIST, files)
  t.after(server.close)
  return server
}

/** Opens the page of a server where service workers may run, and waits until one does. */
async function visit(server, query = '?device=cpu&grid=5') {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  await context.addInitScript(returning)
  const page = await context.newPage()
  await page.goto(`${server.url}/${query}`)
  await drawn(page)
  await said(page).getByText('can work without a network').waitFor({ timeout: 30_000 })
  return page
}

test('the list of files is that of the files', async () => {
  const [version, , megabytes, first, later] = await list()
  assert.match(version, /^[0-9a-f]{12}$/)
  const found = {}
  for (const file of await readdir(DIST, { recursive: true })) {
    if (file === 'sw.js' || (await stat(join(DIST, file))).isDirectory()) continue
    found[file] = `sha256-${createHash('sha256').update(await readFile(join(DIST, file))).digest('base64')}`
  }
  assert.deepEqual({ ...first, ...later }, found)
  const bytes = async files => {
    const sizes = await Promise.all(files.map(async file => (await stat(join(DIST, file))).size))
    return sizes.reduce((sum, size) => sum + size)
  }
  assert.ok(await bytes(Object.keys(first)) < 4e6, 'what is kept unasked is what the first drag needs')
  assert.equal(megabytes, Math.ceil(await bytes(Object.keys(found)) / 1e6))
})

/** Takes the server away, and uses what the page has. */
async function worksAlone(page, server) {
  server.close()
  await assert.rejects(fetch(server.url), 'the server is gone')
  await page.reload()
  await drawn(page)
  const before = await code(page)
  await plane(page).focus()
  await page.keyboard.press('Shift+ArrowRight')
  await until(() => code(page), now => `${now}` !== `${before}`, 'the digit follows')
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 20, 'steps', 60_000)
  await button(page, 'Pause').click()
}

test('with all files kept, the page draws, learns and opens its laboratory without a network', { timeout: 180_000 }, async t => {
  const server = await serving(t)
  const page = await visit(server)
  await page.getByRole('button', { name: /^Keep all files/ }).click()
  await said(page).getByText('All files are kept').waitFor({ timeout: 60_000 })
  await worksAlone(page, server)
  await page.locator('#panel-lab > summary').click()
  const card = page.locator('#experiment-density')
  await card.getByRole('button', { name: 'Run' }).click()
  await card.locator('.origin').getByText('CPU').waitFor({ timeout: 60_000 })
  await page.context().close()
})

test('a page that is being installed keeps all files unasked', { timeout: 120_000 }, async t => {
  const page = await visit(await serving(t))
  const kept = () => page.evaluate(async () => (await (await caches.open((await caches.keys())[0])).keys()).length)
  const [, , , first, later] = await list()
  assert.equal(await kept(), Object.keys(first).length)
  await page.evaluate(() => dispatchEvent(new Event('appinstalled')))
  await said(page).getByText('All files are kept').waitFor({ timeout: 60_000 })
  assert.equal(await kept(), Object.keys({ ...first, ...later }).length)
  await page.context().close()
})

test('an installed page keeps all files unasked, and works alone', { timeout: 180_000 }, async t => {
  const server = await serving(t)
  const page = await launchApp(`${server.url}/?device=cpu&grid=5`)
  t.after(() => page.context().close())
  await drawn(page)
  assert.ok(await page.evaluate(() => matchMedia('(display-mode: standalone)').matches), 'as installed')
  await page.evaluate(returning)
  await said(page).getByText('All files are kept').waitFor({ timeout: 60_000 })
  await worksAlone(page, server)
  await said(page).getByText('All files are kept').waitFor({ timeout: 30_000 })
})

/** Puts a new version on a server: another script that starts the page, another engine of the laboratory, and so another list. */
async function release(files) {
  const [version, , , first] = await list()
  const boot = Object.keys(first).find(file => file.startsWith('boot-'))
  const read = async name => (await readFile(join(DIST, name))).toString()
  const next = version.split('').reverse().join('')
  const changed = {
    [boot]: `${await read(boot)}\n// new\n`,
    'engine_lab.js': `${await read('engine_lab.js')}\n// new\n`,
    'index.html': (await read('index.html')).replace(version, next),
  }
  let worker = (await read('sw.js')).replace(version, next)
  for (const [name, content] of Object.entries(changed)) {
    const sum = createHash('sha256').update(content).digest('base64')
    worker = worker.replace(new RegExp(`("${name}": )"[^"]*"`), `$1"sha256-${sum}"`)
    files[`/${name}`] = content
  }
  files['/sw.js'] = worker
  return { boot, next }
}

/** The end of a file, as the page gets it. */
const end = (page, path) => page.evaluate(async path => (await (await fetch(path)).text()).slice(-7).trim(), path)
const versionOf = page => page.locator('meta[name=version]').getAttribute('content')
/** Has the browser look for a new version. */
const look = page => page.evaluate(async () => (await navigator.serviceWorker.ready).update())
const offered = page => page.getByRole('alert').getByText('There is a new version').waitFor({ timeout: 30_000 })
const takeOver = page => Promise.all([page.waitForEvent('load'), button(page, 'Reload').click()])
/** How many files are kept of each version. */
const keptFiles = page => page.evaluate(async () => {
  const count = async name => (await (await caches.open(name)).keys()).length
  return Promise.all((await caches.keys()).map(count))
})

test('a new version is offered, and until it is taken nothing of it is used', { timeout: 180_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const page = await visit(server)
  const { boot } = await release(files)

  // What the old version has not kept yet is not taken from the new one.
  await page.locator('#panel-lab > summary').click()
  await page.getByRole('status', { name: 'State of the laboratory' }).getByText('is closed').waitFor()
  await page.waitForURL(/[?&]open=lab/)

  // The tab of the first visit is told without a reload, once the browser has looked; it does when the tab is seen again.
  await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))
  await offered(page)
  await drawn(page)
  assert.notEqual(await end(page, boot), '// new', 'the old script still')
  await button(page, 'Not now').click()
  await page.reload()
  await drawn(page)
  assert.notEqual(await end(page, boot), '// new', 'the old script after a reload, too')
  await offered(page)
  await takeOver(page)
  await drawn(page)
  assert.equal(await end(page, boot), '// new', 'the new script now')
  await page.locator('#experiment-density').waitFor()
  assert.equal((await keptFiles(page)).length, 1, 'the old version is gone')
  await page.context().close()
})

test('who kept all files keeps all of the new version, and fetches only those that changed', { timeout: 180_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const page = await visit(server)
  await page.getByRole('button', { name: /^Keep all files/ }).press('Enter')
  await said(page).getByText('All files are kept').waitFor({ timeout: 60_000 })
  assert.ok(await said(page).evaluate(place => place === document.activeElement), 'the focus stays where the button was')
  const [all] = await keptFiles(page)
  const { boot } = await release(files)
  server.requests.length = 0
  await look(page)
  await offered(page)
  assert.deepEqual([...new Set(server.requests)].sort(), [`/${boot}`, '/engine_lab.js', '/index.html', '/sw.js'].sort())
  await takeOver(page)
  await drawn(page)
  assert.deepEqual(await keptFiles(page), [all])
  await worksAlone(page, server)
  await page.context().close()
})

test('a page that came before a new version and is kept by it is loaded again', { timeout: 120_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.addInitScript(returning)
  const loads = []
  page.on('load', () => loads.push(1))
  await page.goto(`${server.url}/?device=cpu&grid=5`)
  const { next } = await release(files)
  await until(() => versionOf(page).catch(() => null), version => version === next, 'the new page')
  await drawn(page)
  await said(page).getByText('can work without a network').waitFor({ timeout: 30_000 })
  assert.equal(loads.length, 2, 'once')
  await context.close()
})

test('a tab that is loading while another takes the new version goes over too', { timeout: 120_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const page = await visit(server)
  const other = await page.context().newPage()
  await other.goto(`${server.url}/?device=cpu&grid=5`)
  const old = await versionOf(other)
  const faults = []
  for (const tab of [page, other]) tab.on('pageerror', error => faults.push(`${error}`))
  const { next } = await release(files)
  await look(page)
  await offered(page)
  await Promise.all([other.reload({ waitUntil: 'commit' }), takeOver(page)])
  for (const tab of [page, other]) {
    await until(() => versionOf(tab).catch(() => null), version => version === next, 'the new page')
    await drawn(tab)
  }
  assert.deepEqual(faults, [])
  // What still asks for files of the old version gets none of the new one.
  const refused = await page.evaluate(old => fetch(`engine_lab.js?v=${old}`).then(() => false, () => true), old)
  assert.ok(refused)
  // A link of the visitor's is no such file.
  await drawn(await page.goto(`${server.url}/?v=${old}&device=cpu&grid=5`).then(() => page))
  await page.context().close()
})

test('a disk without room for two versions takes the new one, with what is needed first', { timeout: 180_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const page = await visit(server)
  await page.getByRole('button', { name: /^Keep all files/ }).click()
  await said(page).getByText('All files are kept').waitFor({ timeout: 60_000 })
  const [all] = await keptFiles(page)
  await release(files)
  const { usage } = await page.evaluate(() => navigator.storage.estimate())
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: usage + 6e6 })
  await look(page)
  await offered(page)
  await takeOver(page)
  await drawn(page)
  const [kept] = await keptFiles(page)
  const [, , , first] = await list()
  assert.ok(kept >= Object.keys(first).length && kept < all, `${kept} of ${all}`)
  await page.context().close()
})

test('on a full disk the page works as it does online', { timeout: 120_000 }, async t => {
  const server = await serving(t)
  const page = await visit(server)
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: server.url, quotaSize: 1000 })
  await button(page, 'Train').click()
  await until(() => step(page), n => n >= 20, 'steps', 60_000)
  await page.getByRole('button', { name: /^Keep all files/ }).click()
  await said(page).getByText('Not all files could be kept').waitFor({ timeout: 30_000 })
  await page.context().close()
})

test('what the service worker answers has the policy of the page', { timeout: 60_000 }, async t => {
  const page = await visit(await serving(t))
  const policy = await page.locator('meta[http-equiv=Content-Security-Policy]').getAttribute('content')
  const sent = await page.evaluate(async () => (await fetch('engine.js')).headers.get('Content-Security-Policy'))
  assert.equal(sent, policy)
  await page.context().close()
})
