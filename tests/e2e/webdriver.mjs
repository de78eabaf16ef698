// Three browser engines behind one interface, WebDriver: Chromium, Firefox and WebKit, each with its own driver.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { Builder, By, Key, Origin } from 'selenium-webdriver'
import { until } from './browser.mjs'

export { Key }

const AS_ROOT = process.getuid?.() === 0 ? ['--no-sandbox'] : []
const FIREFOX = {
  'intl.accept_languages': 'en-US',
  // Errors of the page come out of the driver.
  'devtools.console.stdout.content': true,
  ...JSON.parse(process.env.FIREFOX_PREFERENCES ?? '{}'),
}

const WIDTH = 1300
const HEIGHT = 950

/** By engine: its driver, the arguments that give it a port, and what is asked of it. */
const ENGINES = {
  chromium: {
    driver: process.env.CHROMEDRIVER,
    port: port => [`--port=${port}`],
    capabilities: {
      browserName: 'chrome',
      'goog:chromeOptions': {
        binary: process.env.CHROMIUM,
        args: [...AS_ROOT, '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run', '--lang=en-US'],
      },
      'goog:loggingPrefs': { browser: 'ALL' },
    },
    async errors({ session }) {
      const entries = await session.manage().logs().get('browser')
      return entries.filter(entry => entry.level.name === 'SEVERE').map(entry => entry.message)
    },
  },
  firefox: {
    driver: process.env.GECKODRIVER,
    port: port => ['--port', port],
    capabilities: {
      browserName: 'firefox',
      // Its driver waits five seconds for a change of size, which no window manager reports here.
      'moz:firefoxOptions': { binary: process.env.FIREFOX, prefs: FIREFOX, args: [`--width=${WIDTH}`, `--height=${HEIGHT}`] },
    },
    // The browser's own errors have no quotation mark and no address; what leaving a page aborts is no error.
    errors: ({ printed }) => printed.splice(0).join('').match(/^(console\.error: "|JavaScript error: http)(?!.* AbortError: ).*$/gm) ?? [],
  },
  webkit: {
    driver: process.env.WEBKIT_DRIVER,
    port: port => [`--port=${port}`, '--host=127.0.0.1'],
    capabilities: { browserName: 'MiniBrowser' },
    // Its console is out of reach; what comes after the page was loaded is collected in it.
    errors: visitor => visitor.run(() => window.errors?.splice(0) ?? []),
    watch: visitor => visitor.run(() => {
      window.errors = []
      const { error } = console
      console.error = (...words) => {
        window.errors.push(words.join(' '))
        error(...words)
      }
      addEventListener('error', event => window.errors.push(event.message))
      addEventListener('unhandledrejection', event => window.errors.push(String(event.reason)))
    }),
  },
}

export const NAMES = Object.keys(ENGINES)

/** Returns the reason to skip the tests of an engine, or false. */
export const missing = name => ENGINES[name].driver ? false : `there is no ${name} with its driver on this machine`

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** Starts a virtual screen: WebKit does not run without one. */
async function startScreen() {
  const xvfb = spawn(process.env.XVFB ?? 'Xvfb', ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const [number] = await once(xvfb.stdio[3], 'data')
  return { display: `:${String(number).trim()}`, end: () => xvfb.kill() }
}

/** Starts an engine. */
export async function start(name) {
  const { driver, port, capabilities, errors, watch } = ENGINES[name]
  const screen = await startScreen()
  const number = String(await freePort())
  const env = { ...process.env, DISPLAY: screen.display, LANGUAGE: 'en_US', LIBGL_ALWAYS_SOFTWARE: '1' }
  delete env.WAYLAND_DISPLAY
  const server = spawn(driver, port(number), { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed = []
  for (const stream of [server.stdout, server.stderr]) stream.on('data', data => printed.push(data))
  const url = `http://127.0.0.1:${number}`
  const isUp = () => fetch(`${url}/status`).then(answer => answer.ok, () => false)
  try {
    await until(isUp, up => up, `the driver of ${name}`)
    const session = await new Builder().usingServer(url).withCapabilities(capabilities).disableEnvironmentOverrides().build()
    if (name !== 'firefox') await session.manage().window().setRect({ x: 0, y: 0, width: WIDTH, height: HEIGHT })
    await session.manage().setTimeouts({ script: 60_000 })
    const end = () => {
      server.kill()
      screen.end()
    }
    // So far it was the browser's own.
    printed.splice(0)
    return new Visitor({ name, session, printed, errors, watch, end })
  } catch (error) {
    server.kill()
    screen.end()
    throw error
  }
}

/** A session of one engine. */
class Visitor {
  constructor(parts) {
    Object.assign(this, parts)
  }

  /** Opens an address as somebody who was here before, and is not invited to the tour. */
  async open(url) {
    await this.session.get(new URL('words.js', url).href)
    await this.run(() => localStorage.setItem('latent-explorer.tour', 'seen'))
    await this.session.get(url)
    await this.watch?.(this)
  }

  /** Returns what went wrong in the page since it was asked last, by its console. */
  async failures() {
    const failures = await this.errors(this)
    // The driver's own page, a script, has no icon.
    return failures.filter(failure => !failure.includes('/favicon.ico'))
  }

  /** Runs a function in the page. */
  run(work, ...values) {
    return this.session.executeScript(work, ...values)
  }

  /** Runs a function in the page that gives a promise. */
  async wait(work, ...values) {
    const script = `const done = arguments[arguments.length - 1]
      ;(${work})(...[...arguments].slice(0, -1)).then(value => done([value]), error => done([null, String(error)]))`
    const [value, error] = await this.session.executeAsyncScript(script, ...values)
    assert.equal(error, undefined)
    return value
  }

  /** Loads the page again, by its address: the reload of Firefox's driver asks no service worker. */
  async reload() {
    await this.session.get(await this.session.getCurrentUrl())
    await this.watch?.(this)
  }

  /** Opens an address in a new tab, and closes the one that was there. */
  async anew(url) {
    const old = await this.session.getWindowHandle()
    await this.session.switchTo().newWindow('tab')
    const opened = await this.session.getWindowHandle()
    await this.session.switchTo().window(old)
    await this.session.close()
    await this.session.switchTo().window(opened)
    await this.open(url)
  }

  /** An element, once it is there. */
  async find(css) {
    await until(() => this.count(css), count => count > 0, css)
    return this.session.findElement(By.css(css))
  }

  count = css => this.run(css => document.querySelectorAll(css).length, css)

  text = css => this.run(css => document.querySelector(css)?.innerText ?? '', css)

  /** Whether an element is there and can be pressed. */
  isEnabled = name => this.run(name => {
    const button = [...document.querySelectorAll('button')].find(button => button.innerText.trim() === name)
    return Boolean(button) && !button.disabled && button.getAttribute('aria-disabled') !== 'true'
  }, name)

  /** Clicks on an element, where it is in sight. */
  async click(css) {
    const element = await this.find(css)
    await this.run(element => element.scrollIntoView({ block: 'center' }), element)
    await element.click()
  }

  /** Presses the button with this name. */
  async press(name) {
    await until(() => this.isEnabled(name), enabled => enabled, `the button ${name}`)
    const button = await this.session.findElement(By.xpath(`//button[normalize-space() = "${name}"]`))
    await this.run(button => button.scrollIntoView({ block: 'center' }), button)
    await button.click()
  }

  /** Focuses an element and presses keys. */
  async keys(css, ...keys) {
    const element = await this.find(css)
    await this.run(element => element.focus(), element)
    await element.sendKeys(...keys)
  }

  /** Drags over an element, through points in shares of its width and height. */
  async drag(css, first, ...others) {
    const element = await this.find(css)
    await this.run(element => element.scrollIntoView({ block: 'center' }), element)
    const box = await this.run(element => {
      const { x, y, width, height } = element.getBoundingClientRect()
      return { x, y, width, height }
    }, element)
    const at = ([x, y]) => ({ x: Math.round(box.x + box.width * x), y: Math.round(box.y + box.height * y), origin: Origin.VIEWPORT })
    const actions = this.session.actions().move(at(first)).press()
    for (const point of others) actions.move({ ...at(point), duration: 200 })
    await actions.release().perform()
  }

  /** Chooses files. */
  async choose(css, ...paths) {
    const input = await this.find(css)
    await input.sendKeys(paths.join('\n'))
  }

  /** Returns the file that a button saves: WebKit's driver has no downloads, so it is taken before it is one. */
  async saved(name) {
    // By `window`: scripts of Firefox's driver have globals of their own.
    await this.run(() => {
      const { URL } = window
      const make = URL.createObjectURL.bind(URL)
      URL.createObjectURL = blob => {
        window.lastBlob = blob
        return make(blob)
      }
      const { click } = HTMLAnchorElement.prototype
      HTMLAnchorElement.prototype.click = function () {
        window.lastName = this.download
        click.call(this)
      }
    })
    await this.press(name)
    await until(() => this.run(() => Boolean(window.lastBlob)), found => found, 'a file')
    const bytes = await this.wait(async () => {
      const bytes = new Uint8Array(await window.lastBlob.arrayBuffer())
      return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''))
    })
    return { file: await this.run(() => window.lastName), bytes: Buffer.from(bytes, 'base64') }
  }

  /** Returns the pixels of an element on the screen, by rows, as sums of their colours. */
  async look(css) {
    const element = await this.find(css)
    await this.run(element => element.scrollIntoView({ block: 'center' }), element)
    const box = await this.run(element => {
      const { x, y, width, height } = element.getBoundingClientRect()
      return [x, y, width, height].map(Math.round)
    }, element)
    // Of all that is in sight: WebKit's picture of an element alone lacks what a worker drew.
    const png = await this.session.takeScreenshot()
    return this.wait(async (png, [left, top, width, height]) => {
      const bytes = Uint8Array.from(atob(png), character => character.charCodeAt(0))
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
      const context = new OffscreenCanvas(width, height).getContext('2d')
      context.drawImage(bitmap, -left, -top)
      const { data } = context.getImageData(0, 0, width, height)
      const sum = (x, y) => [0, 1, 2].reduce((sum, c) => sum + data[4 * (y * width + x) + c], 0)
      return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => sum(x, y)))
    }, png, box)
  }

  async close() {
    await this.session.quit().catch(() => {})
    this.end()
  }
}
