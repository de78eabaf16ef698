// The decoder as an ONNX file (onnx.proto3 of ONNX 1.12, opset 13), written field by field: protobuf needs no library.
import { shapes } from './problem.js'

const utf8 = text => new TextEncoder().encode(text)

function varint(value) {
  const bytes = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128)
  return Uint8Array.from([...bytes, value])
}

function join(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const number = (field, value) => join([varint(field * 8), varint(value)])
const bytes = (field, content) => join([varint(field * 8 + 2), varint(content.length), content])
const text = (field, content) => bytes(field, utf8(content))
const message = (field, ...parts) => bytes(field, join(parts))

const FLOAT = 1

const tensor = (name, shape, values) => message(5,
  ...shape.map(size => number(1, size)), number(2, FLOAT), text(8, name),
  bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)))

const node = (type, inputs, output) => message(1, ...inputs.map(name => text(1, name)), text(2, output), text(4, type))

/** An input or output [n, size]. */
const value = (field, name, size) => message(field, text(1, name), message(2, message(1, number(1, FLOAT),
  message(2, message(1, text(2, 'n')), message(1, number(1, size))))))

/** z [n, latent] -> pixels [n, 784]. */
export function decoder(weights, sizes) {
  const sized = shapes(sizes)
  const graph = message(7,
    node('Gemm', ['z', 'w2', 'b2'], 'first'), node('Relu', ['first'], 'hidden'),
    node('Gemm', ['hidden', 'w3', 'b3'], 'logits'), node('Sigmoid', ['logits'], 'pixels'),
    text(2, 'decoder'),
    ...['w2', 'b2', 'w3', 'b3'].map(name => tensor(name, sized[name], weights[name])),
    value(11, 'z', sized.w2[0]), value(12, 'pixels', sized.w3[1]))
  return join([number(1, 8), graph, message(8, number(2, 13))])
}
