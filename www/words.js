// The page's texts for the scripts beside it. start.js chooses the language and fetches them.
/** A function that gives the text of a key, with values in place of their names in braces; without texts, the key itself. */
export async function words() {
  const [, texts] = await Promise.resolve(globalThis.words).catch(() => undefined) ?? []
  return (key, values = {}) => (texts?.[key] ?? key).replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole)
}
