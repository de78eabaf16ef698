"""Decode a code with the weights that the page saved, as PyTorch would, and compare with the page's pixels.

Usage: read_weights.py WEIGHTS.safetensors DIGIT.json

DIGIT.json holds `z`, the code, and `pixels`, the 784 intensities that the page drew for it, 0 to 1. It must be a dense
model of black and white pixels: `torch.nn.Linear` layers with ReLU between them, then a sigmoid.
"""

import json
import sys

import numpy as np
from safetensors import safe_open

# The page draws 8-bit colours.
TOLERANCE = 1 / 255 + 1e-3


def linear(tensors, name, x):
    """What torch.nn.Linear computes: its weight is [outputs, inputs]."""
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def decode(tensors, z):
    count = sum(name.startswith("decoder.layers.") and name.endswith(".weight") for name in tensors)
    x = z
    for layer in range(count):
        x = np.maximum(linear(tensors, f"decoder.layers.{layer}", x), 0)
    return 1 / (1 + np.exp(-linear(tensors, "decoder.output", x)))


def main(weights, digit):
    with safe_open(weights, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name).astype(np.float64) for name in file.keys()}
    for entry in ("family", "settings", "seed", "step"):
        if entry not in metadata:
            sys.exit(f"the file does not say its {entry}")
    if any(name.startswith("state.") for name in tensors):
        sys.exit("the file holds more than the weights")
    if not any(name.startswith("encoder.") for name in tensors):
        sys.exit("the file holds no encoder")
    inputs = tensors["decoder.layers.0.weight"].shape[1]
    with open(digit, encoding="utf-8") as file:
        digit = json.load(file)
    z, pixels = np.array(digit["z"]), np.array(digit["pixels"])
    if z.shape != (inputs,) or pixels.shape != (784,):
        sys.exit(f"{z.size} numbers of a code and {pixels.size} pixels, where there should be {inputs} and 784")
    error = np.abs(decode(tensors, z) - pixels).max()
    # Also true of NaN.
    if not error <= TOLERANCE:
        sys.exit(f"the page drew pixels that differ by {error:.4f} from what its weights give; at most {TOLERANCE:.4f}")
    print(f"{metadata['family']} at step {metadata['step']}: pixels agree to {error:.4f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
