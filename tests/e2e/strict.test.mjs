// What the page may do: its policy, and that it needs no more.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PAGE_URL, drawn, launch, open } from './browser.mjs'

let browser
before(async () => { browser = await launch() })
after(() => browser.close())

test('there is no script in the page itself, and none is taken in', { timeout: 60_000 }, async () => {
  const html = await (await fetch(PAGE_URL)).text()
  const scripts = [...html.matchAll(/<script([^>]*)>([^]*?)<\/script>/g)]
  assert.ok(scripts.length >= 2)
  for (const [, attributes, content] of scripts) {
    assert.match(attributes, /src="[\w.-]+"/)
    assert.equal(content.trim(), '')
  }
  assert.doesNotMatch(html, / on\w+=/, 'handlers in attributes')
  const [, policy] = html.match(/"Content-Security-Policy"\s+content="([^"]+)"/)
  assert.deepEqual(policy.split('; '), [
    "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "worker-src 'self'", "connect-src 'self'", "img-src 'self'",
    "manifest-src 'self'", "style-src 'self'", "style-src-attr 'unsafe-inline'", "base-uri 'none'", "form-action 'none'",
  ])

  const page = await drawn(await open(browser, '?device=cpu'))
  assert.deepEqual(page.problems, [], 'the page keeps to its own policy')
  const refused = await page.evaluate(() => new Promise(resolve => {
    // A policy that is sent as well is told of as well.
    const refused = new Set()
    document.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => {
      refused.add(effectiveDirective)
      if (refused.size === 4) resolve([...refused].sort())
    })
    const script = document.createElement('script')
    script.textContent = 'globalThis.wasRun = true'
    document.body.append(script)
    const image = new Image()
    image.src = 'http://127.0.0.1:9/counter.png'
    fetch('http://127.0.0.1:9/told').catch(() => {})
    try { new Worker(URL.createObjectURL(new Blob(['']))) } catch { /* told by the event */ }
  }))
  assert.deepEqual(refused, ['connect-src', 'img-src', 'script-src-elem', 'worker-src'])
  assert.equal(await page.evaluate(() => globalThis.wasRun), undefined)
  await page.close()
})

test('workers keep to the policy too, where it is sent with them', { timeout: 60_000 }, async () => {
  const page = await drawn(await open(browser, '?device=cpu'))
  const [worker] = page.workers()
  const asked = await worker.evaluate(async () => {
    const told = new Promise(resolve => addEventListener('securitypolicyviolation', event => resolve(event.effectiveDirective)))
    return [await fetch('http://127.0.0.1:9/told').catch(() => told), (await fetch('words.js')).status]
  })
  assert.deepEqual(asked, ['connect-src', 200])
  await page.close()
})
