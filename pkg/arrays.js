// What callers hand over: checked, and copied unless it may be moved.
import { LatentError } from './link.js'

/** The array itself where it may be moved, else a copy: moving takes it from the caller. */
const own = (array, transfer) => (transfer && array.buffer instanceof ArrayBuffer ? array : array.slice())

/** Numbers for the engine. */
export function floats(what, array, transfer) {
  if (array instanceof Float32Array) return own(array, transfer)
  throw new LatentError('bad-shape', `${what} must be a Float32Array`)
}

/** Bytes for the engine; `undefined` becomes none. */
export function bytes(what, array = new Uint8Array(), transfer) {
  if (array instanceof ArrayBuffer) return own(new Uint8Array(array), transfer)
  if (array instanceof Uint8Array) return own(array, transfer)
  if (array instanceof Uint8ClampedArray) return own(new Uint8Array(array.buffer, array.byteOffset, array.length), transfer)
  throw new LatentError('bad-shape', `${what} must be a Uint8Array`)
}

/** Refuses a number that is not whole, or too small or large. */
export function whole(what, number, least, most = 2 ** 32 - 1) {
  if (Number.isInteger(number) && number >= least && number <= most) return number
  throw new LatentError('bad-argument', `${what} must be a whole number from ${least} to ${most}`)
}

/** Settings as pairs of texts, as on the command line. */
export function entries(settings = {}) {
  if (settings === null || typeof settings !== 'object') throw new LatentError('bad-settings', 'settings must be an object')
  return Object.entries(settings).map(([key, value]) => [key, Array.isArray(value) ? value.join('-') : String(value)])
}
