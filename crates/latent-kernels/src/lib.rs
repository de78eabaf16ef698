//! The operations in which models spend their time, each in one pass: on the CPU with SIMD, on a GPU as one kernel.
//!
//! They stand beside Burn's as an extension of its backends, differentiable where a model needs it. What is not here
//! (sums, slices, rare functions) is Burn's. All of it is `f32`.

mod autodiff;
#[cfg(feature = "cpu")]
mod cpu;
mod extension;
#[cfg(feature = "gpu")]
pub mod gpu;
pub mod parity;

use burn::backend::Dispatch;
use burn::tensor::{Device, Shape, Tensor};

use extension::Kernels;

/// Which factor of a product is transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `A B`
    Plain,
    /// `A^T B`
    LeftTransposed,
    /// `A B^T`
    RightTransposed,
}

/// What becomes of a layer's sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`
    Relu,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
}

/// The patches of a batch of images: what the filters of a convolution with stride 2 and padding 1 see. The images are
/// twice as high and wide as the grid of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Grid {
    /// Images.
    pub batch: usize,
    /// Rows of patches.
    pub height: usize,
    /// Patches in a row.
    pub width: usize,
    /// Channels of the images.
    pub channels: usize,
    /// Pixels along each side of a patch: 3 or 4, or filters would leave pixels out.
    pub side: usize,
}

impl Grid {
    /// `[batch * height * width, side * side * channels]`
    #[must_use]
    pub fn patches_shape(&self) -> [usize; 2] {
        [self.batch * self.height * self.width, self.side * self.side * self.channels]
    }

    /// `[batch, 2 height, 2 width, channels]`
    #[must_use]
    pub fn images_shape(&self) -> [usize; 4] {
        [self.batch, 2 * self.height, 2 * self.width, self.channels]
    }
}

/// Constants of a step of Adam (Kingma and Ba 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamRates {
    /// Step size.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub epsilon: f32,
    /// Steps done with this one: from 1.
    pub time: u32,
}

impl AdamRates {
    /// `1 / (1 - beta^time)` of both moments.
    pub(crate) fn corrections(&self) -> [f32; 2] {
        #[expect(clippy::cast_possible_truncation, reason = "a factor near 1")]
        let correction = |beta: f32| (1.0 / (1.0 - f64::from(beta).powf(f64::from(self.time)))) as f32;
        [correction(self.beta_1), correction(self.beta_2)]
    }
}

/// Numbers on a device, row by row. Burn's own way there brings code for every type of numbers.
///
/// # Panics
/// When there are more or fewer numbers than the shape has places.
#[must_use]
pub fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    assert_eq!(values.len(), shape.iter().product::<usize>(), "a number for each place of {shape:?}");
    // An operation goes where its tensors are: this one only says where.
    let there = Tensor::<1>::empty([1], device);
    Tensor::from_dispatch(Dispatch::upload(there.into_dispatch(), values, Shape::from(shape)))
}

/// `max(x, 0)`.
#[must_use]
pub fn relu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::rectify(x.into_dispatch()))
}

/// A product of two matrices.
///
/// # Shapes
/// `[m, k]`, `[k, n]` -> `[m, n]`, with the factor that `form` names stored as its transpose.
///
/// # Panics
/// When the sums' lengths differ.
#[must_use]
pub fn product(left: Tensor<2>, right: Tensor<2>, form: Form) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::product(left.into_dispatch(), right.into_dispatch(), form))
}

/// A dense layer: `activation(x W + b)`.
///
/// # Shapes
/// `x`: `[batch, inputs]`; `weight`: `[inputs, outputs]`; `bias`: `[outputs]`; returns `[batch, outputs]`.
///
/// # Panics
/// When shapes do not fit.
#[must_use]
pub fn dense(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, activation: Activation) -> Tensor<2> {
    let (weight, bias) = (weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::dense(x.into_dispatch(), weight, bias, activation))
}

/// The patches that the filters of a convolution see, black around the images.
///
/// # Shapes
/// `[batch, 2 height, 2 width, channels]` -> `[batch * height * width, side * side * channels]`.
#[must_use]
pub fn unfold(images: Tensor<4>, grid: Grid) -> Tensor<2> {
    Tensor::from_dispatch(Dispatch::unfold(images.into_dispatch(), grid))
}

/// Images as sums of overlapping patches: the transpose of [`unfold`].
///
/// # Shapes
/// `[batch * height * width, side * side * channels]` -> `[batch, 2 height, 2 width, channels]`.
#[must_use]
pub fn fold(patches: Tensor<2>, grid: Grid) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::fold(patches.into_dispatch(), grid))
}

/// Codes drawn from Gaussians: `z = mu + exp(log_var / 2) eps`.
///
/// # Shapes
/// `mu`, `log_var`: `[batch, latent_dim]`; `eps`: `[samples, batch, latent_dim]`; returns the same.
#[must_use]
pub fn reparameterize(mu: Tensor<2>, log_var: Tensor<2>, eps: Tensor<3>) -> Tensor<3> {
    let (mu, log_var) = (mu.into_dispatch(), log_var.into_dispatch());
    Tensor::from_dispatch(Dispatch::reparameterize(mu, log_var, eps.into_dispatch()))
}

/// `KL(N(mu, exp(log_var)) || N(0, I)) = sum (mu^2 + exp(log_var) - log_var - 1) / 2`.
///
/// # Shapes
/// Two times `[batch, latent_dim]` -> `[batch]`.
#[must_use]
pub fn kl_from_normal(mu: Tensor<2>, log_var: Tensor<2>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::kl_from_normal(mu.into_dispatch(), log_var.into_dispatch()))
}

/// `-log p(x)` of Bernoulli pixels, `sum max(l, 0) - l x + log(1 + exp(-|l|))`; derivatives go to the logits.
///
/// # Shapes
/// Two times `[batch, pixels]` -> `[batch]`.
#[must_use]
pub fn bernoulli_cost(logits: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::bernoulli_cost(logits.into_dispatch(), x.into_dispatch()))
}

/// The mean of numbers.
///
/// # Shapes
/// `[n]` -> `[1]`.
#[must_use]
pub fn mean(values: Tensor<1>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::mean(values.into_dispatch()))
}

/// One step of Adam: the new parameter and moments. Not differentiable.
///
/// # Shapes
/// All `[n]`.
#[must_use]
pub fn adam(
    parameter: Tensor<1>,
    gradient: Tensor<1>,
    moments: [Tensor<1>; 2],
    rates: AdamRates,
) -> (Tensor<1>, [Tensor<1>; 2]) {
    let [first, second] = moments.map(Tensor::into_dispatch);
    let (parameter, first, second) =
        Dispatch::adam(parameter.into_dispatch(), gradient.into_dispatch(), first, second, rates);
    (Tensor::from_dispatch(parameter), [first, second].map(Tensor::from_dispatch))
}
