// The words of the page in the visitor's language, fetched while the page's own code is still on its way.
// Each has its words under text/. A link or the menu chooses one, or else the browser.
const LANGUAGES = { en: 'English', de: 'Deutsch' }
const RIGHT_TO_LEFT = /^(ar|fa|he|ur)$/
const KEY = 'latent-explorer.language'

/** What is kept of the visitor's choice; a link that names one of the languages chooses it. */
function chosen() {
  const code = location.search.match(/[?&]lang=([^&]*)/)?.[1].slice(0, 2)
  if (code !== undefined) history.replaceState(null, '', location.pathname + location.search.replace(/([?&])lang=[^&]*&?/, '$1') + location.hash)
  try {
    if (!(code in LANGUAGES)) return localStorage.getItem(KEY)
    localStorage.setItem(KEY, code)
  } catch {
    // Nothing may be kept.
  }
  return code
}

const version = document.querySelector('meta[name=version]').content
const wanted = [chosen(), ...navigator.languages]
const language = wanted.map(code => code?.slice(0, 2)).find(code => code in LANGUAGES) ?? 'en'

/** Tells the browser which language the page is in. */
function mark(code) {
  document.documentElement.lang = code
  document.documentElement.dir = RIGHT_TO_LEFT.test(code) ? 'rtl' : 'ltr'
}
mark(language)

async function file(name) {
  const answer = await fetch(new URL(`text/${name}.json?v=${version}`, import.meta.url))
  if (!answer.ok) throw new Error(`text/${name}.json: the server answered ${answer.status}`)
  return answer.json()
}

/** A function that gives an engine's English sentence in another language, or nothing. Values stand where a pattern has
 *  `{}`; they may be sentences of their own, or numbers. */
function translator(sentences, texts) {
  const plain = part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const patterns = Object.entries(sentences).filter(([pattern]) => pattern.includes('{}'))
  const known = patterns.map(([pattern, text]) => [RegExp(`^${pattern.split('{}').map(plain).join('(.+?)')}$`, 's'), text])
  const number = text => (/^-?\d+(\.\d+)?$/.test(text) ? text.replace('-', '\u2212').replace('.', texts['number.point']) : text)
  const translate = said => {
    if (said in sentences) return sentences[said]
    for (const [pattern, text] of known) {
      const values = said.match(pattern)?.slice(1)
      if (values) return text.replaceAll('{}', () => { const value = values.shift(); return translate(value) ?? number(value) })
    }
  }
  return translate
}

async function fetched(code) {
  const [texts, sentences] = await Promise.all([file(code), code === 'en' ? null : file(`${code}.engine`)])
  return [code, texts, sentences && translator(sentences, texts)]
}

/** Language, texts by keys, and what translates engines, for the page's code (text.rs). English is better than nothing. */
globalThis.words = fetched(language).catch(() => fetched('en'))

/** A function that gives the text of a key, with values in place of their names in braces; without texts, the key itself. */
export async function words() {
  const [, texts] = await globalThis.words.catch(() => [])
  return (key, values = {}) => (texts?.[key] ?? key).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole)
}

/** The menu of languages, where one is `spoken`. Another one loads the page again; a run that is under way is kept, and offered
 *  then. */
function offer(menu, spoken) {
  const option = ([code, name]) => Object.assign(new Option(name, code, false, code === spoken), { lang: code })
  menu.replaceChildren(...Object.entries(LANGUAGES).map(option))
  menu.onchange = () => location.assign(`${location.search || '?'}&lang=${menu.value}`)
}

// Elements whose words never change say by `data-text` and `data-label` which those are: in the page as it comes, and whatever
// its code adds, before that is painted. Without texts they say what they said, or the key.
globalThis.words.catch(() => ['en', {}]).then(([spoken, texts]) => {
  const say = root => {
    for (const element of [root, ...root.querySelectorAll('[data-text], [data-label]')]) {
      const { text, label } = element.dataset
      if (text) element.textContent = texts[text] ?? (element.textContent || text)
      if (label) element.ariaLabel = texts[label] ?? element.ariaLabel ?? label
      if (element.className === 'language') offer(element, spoken)
    }
  }
  mark(spoken)
  document.title = texts['page.title'] ?? document.title
  say(document.body)
  const added = records => records.forEach(({ addedNodes }) => addedNodes.forEach(node => node.dataset && say(node)))
  new MutationObserver(added).observe(document.body, { childList: true, subtree: true })
})
