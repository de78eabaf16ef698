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

/** The list that the build wrote into the service worker: version, megabytes, files for the first drag, other files. */
async function list() {
  const script = await readFile(join(DIST, 'sw.js'), 'utf8')
  return JSON.parse(script.match(/const \[VERSION, MEGABYTES, FIRST, LATER\] = ([^]*?\n\])/)[1])
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
  const [version, megabytes, first, later] = await list()
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
  const [, , first, later] = await list()
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

test('a new version is offered, and until it is taken nothing of it is used', { timeout: 180_000 }, async t => {
  const files = {}
  const server = await serving(t, files)
  const page = await visit(server)
  const [version, , first] = await list()

  // The new version has another script that starts the page, another engine of the laboratory, and so another list.
  const change = async name => {
    files[`/${name}`] = Buffer.concat([await readFile(join(DIST, name)), Buffer.from('\n// new\n')])
    return `sha256-${createHash('sha256').update(files[`/${name}`]).digest('base64')}`
  }
  const boot = Object.keys(first).find(file => file.startsWith('boot-'))
  let script = await readFile(join(DIST, 'sw.js'), 'utf8')
  for (const name of [boot, 'engine_lab.js']) {
    const sum = await change(name)
    script = script.replace(new RegExp(`("${name}": )"[^"]*"`), `$1"${sum}"`)
  }
  files['/sw.js'] = script.replace(version, 'another')

  // What the old version has not kept yet is not taken from the new one.
  await page.locator('#panel-lab > summary').click()
  await page.getByRole('status', { name: 'State of the laboratory' }).getByText('is closed').waitFor()
  await page.waitForURL(/[?&]open=lab/)

  // The tab of the first visit is told without a reload, once the browser has looked.
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update())
  await page.getByRole('alert').getByText('There is a new version').waitFor({ timeout: 30_000 })
  await drawn(page)
  const text = path => page.evaluate(async path => (await fetch(path)).text(), path)
  assert.ok(!(await text(boot)).endsWith('// new\n'), 'the old script still')
  await Promise.all([page.waitForEvent('load'), button(page, 'Reload').click()])
  await drawn(page)
  assert.ok((await text(boot)).endsWith('// new\n'), 'the new script now')
  await page.locator('#experiment-density').waitFor()
  const kept = await page.evaluate(() => caches.keys())
  assert.equal(kept.length, 1, 'the old version is gone')
  await page.context().close()
})
