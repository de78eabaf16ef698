// What is pressed may vanish: a card, a row, a message. Whoever came to it by keyboard is not sent back to the top of the page, but
// to the title of the panel that it was in, or to the plane.
let last = null
let home = null

addEventListener('pointerdown', () => { last = null }, true)
addEventListener('focusin', ({ target }) => {
  last = target.matches(':focus-visible') ? target : null
  home = target.closest('.panel')?.querySelector('summary')
})

new MutationObserver(() => {
  if (!last || last.isConnected) return
  last = null
  if (document.activeElement !== document.body) return
  const place = home?.isConnected ? home : document.querySelector('.plane')
  place?.focus()
}).observe(document.body, { childList: true, subtree: true })
