// Starts what the page needs while its own code is still on its way: the CPU engine, which the page takes over
// (client/engine.rs), or starts another if this one broke; and the words of the visitor's language (text.rs).
const version = document.querySelector('meta[name=engines]').content
const worker = new Worker(new URL(`engine.js?engine=engine_cpu&v=${version}`, import.meta.url), { type: 'module' })
worker.onmessage = () => { worker.isUp = true }
worker.onerror = () => { delete globalThis.earlyEngine }
globalThis.earlyEngine = worker

// Each language has its words under text/. A link or the menu chooses one, or else the browser.
const LANGUAGES = { en: 'English', de: 'Deutsch' }
const RIGHT_TO_LEFT = /^(ar|fa|he|ur)$/
const KEY = 'latent-explorer.language'

/** What is kept of the visitor's choice; a link that names a language chooses it. */
function chosen() {
  const [, code] = location.search.match(/[?&]lang=([a-z]+)/) ?? []
  if (code) history.replaceState(null, '', location.pathname + location.search.replace(/([?&])lang=[a-z]+&?/, '$1') + location.hash)
  try {
    if (code) localStorage.setItem(KEY, code)
    return code ?? localStorage.getItem(KEY)
  } catch {
    return code // Nothing may be kept.
  }
}

const wanted = [chosen(), ...navigator.languages]
const language = wanted.map(code => code?.slice(0, 2)).find(code => code in LANGUAGES) ?? 'en'
const root = document.documentElement
root.lang = language
root.dir = RIGHT_TO_LEFT.test(language) ? 'rtl' : 'ltr'

async function words(name) {
  const answer = await fetch(new URL(`text/${name}.json?v=${version}`, import.meta.url))
  if (!answer.ok) throw new Error(`text/${name}.json: the server answered ${answer.status}`)
  return answer.json()
}

/** Language, texts by keys, what engines say by the English sentence, and the names of all languages. */
globalThis.words = Promise.all([language, words(language), language === 'en' ? null : words(`${language}.engine`), LANGUAGES])
globalThis.chooseLanguage = code => location.assign(`${location.search || '?'}&lang=${code}`)

// What stands in the page before its code runs.
globalThis.words.then(([, texts]) => {
  document.title = texts['page.title']
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = texts[element.dataset.text]
  for (const element of document.querySelectorAll('[data-label]')) element.ariaLabel = texts[element.dataset.label]
})
