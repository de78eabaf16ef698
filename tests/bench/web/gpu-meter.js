// Counts what a worker asks of the GPU, whoever asks: the calls of WebGPU itself are wrapped. Imported before everything else
// of a worker, and asked by the page through a channel.

const counts = {}

function reset() {
  const names = ['dispatches', 'draws', 'submits', 'copiedBytes', 'writtenBytes', 'readbacks', 'readBytes', 'buffers']
  for (const name of names) counts[name] = 0
}

/** Notes every call of a method before it is made. */
function watch({ prototype }, method, note) {
  const original = prototype[method]
  prototype[method] = function (...options) {
    note.apply(this, options)
    return original.apply(this, options)
  }
}

/** Bytes of what `writeBuffer` is given: offset and size count elements of a typed array, bytes of a buffer. */
function written(data, offset = 0, size) {
  const element = data.BYTES_PER_ELEMENT ?? 1
  return size === undefined ? data.byteLength - offset * element : size * element
}

reset()
if (globalThis.GPUQueue) {
  watch(GPUQueue, 'submit', () => { counts.submits += 1 })
  watch(GPUQueue, 'writeBuffer', (_buffer, _at, ...data) => { counts.writtenBytes += written(...data) })
  for (const method of ['dispatchWorkgroups', 'dispatchWorkgroupsIndirect']) {
    watch(GPUComputePassEncoder, method, () => { counts.dispatches += 1 })
  }
  for (const method of ['draw', 'drawIndexed']) watch(GPURenderPassEncoder, method, () => { counts.draws += 1 })
  // The offsets may be left out.
  watch(GPUCommandEncoder, 'copyBufferToBuffer', (from, ...options) => {
    counts.copiedBytes += (typeof options[0] === 'number' ? options[3] : options[1]) ?? from.size
  })
  watch(GPUBuffer, 'mapAsync', function (mode, offset = 0, size = this.size - offset) {
    if (mode !== GPUMapMode.READ) return
    counts.readbacks += 1
    counts.readBytes += size
  })
  watch(GPUDevice, 'createBuffer', ({ size, mappedAtCreation }) => {
    counts.buffers += 1
    if (mappedAtCreation) counts.writtenBytes += size
  })
}

new BroadcastChannel('gpu-meter').onmessage = ({ data, target }) => {
  if (data === 'read') target.postMessage({ ...counts })
  if (data === 'reset') {
    reset()
    target.postMessage({ ...counts })
  }
}
