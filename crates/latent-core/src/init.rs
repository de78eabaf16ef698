//! Layers with seeded weights: all uniform in +-1 / sqrt(inputs of a unit).

use burn::module::Param;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::nn::{Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::Noise;

/// Uniform numbers for a layer whose units have this many inputs.
fn uniform<const D: usize>(
    shape: [usize; D],
    inputs: usize,
    noise: &mut Noise,
    device: &Device,
) -> Param<Tensor<D>> {
    #[expect(clippy::cast_precision_loss, reason = "layers are smaller than 2^24")]
    let bound = 1.0 / (inputs as f32).sqrt();
    Param::from_tensor(noise.uniform(bound, shape, device))
}

/// A dense layer, `y = x W + b`.
///
/// # Shapes
/// `x`: `[batch, inputs]`; `y`: `[batch, outputs]`; `W`: `[inputs, outputs]`.
pub fn linear(inputs: usize, outputs: usize, noise: &mut Noise, device: &Device) -> Linear {
    Linear {
        weight: uniform([inputs, outputs], inputs, noise, device),
        bias: Some(uniform([outputs], inputs, noise, device)),
    }
}

/// Dense layers from `inputs` through all `widths`.
pub fn stack(inputs: usize, widths: &[usize], noise: &mut Noise, device: &Device) -> Vec<Linear> {
    let mut from = inputs;
    let layer = |width: &usize| {
        let layer = linear(from, *width, noise, device);
        from = *width;
        layer
    };
    widths.iter().map(layer).collect()
}

/// A convolution that halves height and width: square filters of side `filter`, stride 2, padding 1.
///
/// # Shapes
/// `[batch, from, h, w]` -> `[batch, to, h / 2, w / 2]`.
pub fn convolution(from: usize, to: usize, filter: usize, noise: &mut Noise, device: &Device) -> Conv2d {
    let inputs = from * filter * filter;
    Conv2d {
        weight: uniform([to, from, filter, filter], inputs, noise, device),
        bias: Some(uniform([to], inputs, noise, device)),
        stride: [2, 2],
        kernel_size: [filter, filter],
        dilation: [1, 1],
        groups: 1,
        padding: PaddingConfig2d::Explicit(1, 1, 1, 1),
    }
}

/// The transpose of a convolution: doubles height and width with square filters of side 4, stride 2, padding 1.
///
/// # Shapes
/// `[batch, from, h, w]` -> `[batch, to, 2 h, 2 w]`.
pub fn transposed_convolution(from: usize, to: usize, noise: &mut Noise, device: &Device) -> ConvTranspose2d {
    const FILTER: usize = 4;
    // Each output sees a quarter of the filter's places.
    let inputs = from * FILTER * FILTER / 4;
    ConvTranspose2d {
        weight: uniform([from, to, FILTER, FILTER], inputs, noise, device),
        bias: Some(uniform([to], inputs, noise, device)),
        stride: [2, 2],
        kernel_size: [FILTER, FILTER],
        dilation: [1, 1],
        groups: 1,
        padding: [1, 1],
        padding_out: [0, 0],
        channels: [from, to],
    }
}
