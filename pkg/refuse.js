/** Tells the page that the engine of this worker did not start. */
export function refuse(error) {
  const message = `the engine did not start: ${error.message ?? error}`
  postMessage([{ id: null, error: { code: 'not-started', message } }, []])
}
