//! Layers with seeded weights.

use burn::module::Param;
use burn::nn::Linear;
use burn::tensor::Device;

use crate::Noise;

/// A dense layer, `y = x W + b`, with weights and biases uniform in +-1 / sqrt(inputs).
///
/// # Shapes
/// `x`: `[batch, inputs]`; `y`: `[batch, outputs]`; `W`: `[inputs, outputs]`.
pub fn linear(inputs: usize, outputs: usize, noise: &mut Noise, device: &Device) -> Linear {
    #[expect(clippy::cast_precision_loss, reason = "layers are smaller than 2^24")]
    let bound = 1.0 / (inputs as f32).sqrt();
    Linear {
        weight: Param::from_tensor(noise.uniform(bound, [inputs, outputs], device)),
        bias: Some(Param::from_tensor(noise.uniform(bound, [outputs], device))),
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
