// The npm package installed from its tarball: types by tsc, and an app built by Vite, whose output is served and run.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build, createServer } from 'vite'
import { launch, until } from './browser.mjs'
import { PACKAGE, ROOT, folder, serve, shipped } from './package.mjs'

let app, server, browser

before(async () => {
  app = await folder('package-app')
  await cp(join(ROOT, 'tests/package'), app, { recursive: true })
  await writeFile(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', '--loglevel=error', PACKAGE], { cwd: app })
  await build({ root: join(app, 'app'), base: './', logLevel: 'warn', configFile: false, build: { target: 'es2022' } })
  server = await serve(join(app, 'app/dist'), { '/model.safetensors': await shipped('vae') })
  browser = await launch({ gpu: true })
})
after(async () => {
  await browser?.close()
  server?.close()
})

test('the types hold, and refuse what they should', { timeout: 120_000 }, () => {
  const compiler = join(ROOT, 'node_modules/.bin/tsc')
  const tsc = spawnSync(compiler, ['--noEmit', '--strict', '--project', join(app, 'tsconfig.json')], { encoding: 'utf8' })
  assert.equal(tsc.status, 0, `${tsc.error ?? ''}${tsc.stdout}${tsc.stderr}`)
})

test('an app built by Vite runs on both devices, with the element in it', { timeout: 300_000 }, async t => {
  const page = await browser.newPage()
  t.after(() => page.close())
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  await page.goto(`${server.url}/?device=cpu&device=webgpu`)
  const text = await until(() => page.locator('output').innerText(), text => text !== '', 'both decode', 240_000)
  const [cpu, gpu] = JSON.parse(text)
  assert.deepEqual([cpu.kind, gpu.kind], ['cpu', 'webgpu'])
  assert.ok(cpu.sum > 10 && Math.abs(cpu.sum - gpu.sum) < 0.1, text)
  await page.getByRole('application', { name: 'Latent plane of vae' }).waitFor({ timeout: 60_000 })
  assert.deepEqual(problems, [])
  // Files are named by their content: nothing was inlined, nothing is fetched from elsewhere.
  const engines = server.requests.filter(path => path.endsWith('.wasm'))
  assert.ok(engines.every(path => /^\/assets\/engine_(cpu|gpu)_bg-[\w-]+\.wasm$/.test(path)) && engines.length >= 2, `${engines}`)
})

test('the development server of Vite serves it too', { timeout: 120_000 }, async t => {
  const root = join(app, 'app')
  await writeFile(join(root, 'model.safetensors'), await shipped('vae'))
  const development = await createServer({
    root, cacheDir: join(app, 'cache'), configFile: false, logLevel: 'error', server: { host: '127.0.0.1', port: 0 },
  })
  t.after(() => development.close())
  await development.listen()
  const page = await browser.newPage()
  t.after(() => page.close())
  const text = () => page.locator('output').innerText()
  // First as it comes, then as what Vite has made of it meanwhile.
  await page.goto(`${development.resolvedUrls.local[0]}?device=cpu`)
  for (const which of ['first', 'second']) {
    const [cpu] = JSON.parse(await until(text, text => text !== '', which, 60_000))
    assert.ok(cpu.sum > 10)
    if (which === 'first') await page.reload()
  }
})
