//! What a backend must be able to do, and how Burn's dispatch finds it.

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use burn::tensor::Shape;

use crate::{Activation, AdamRates, Form, Grid};

/// The operations as models call them: see the crate's functions of the same names.
#[backend_extension(Cube: cfg(feature = "gpu"), Flex: cfg(feature = "cpu"), Autodiff)]
pub trait Kernels: Backend {
    fn upload(there: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self>;

    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>, form: Form) -> FloatTensor<Self>;

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    fn unfold(images: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self>;

    fn fold(patches: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self>;

    fn reparameterize(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
    ) -> FloatTensor<Self>;

    fn kl_from_normal(mu: FloatTensor<Self>, log_var: FloatTensor<Self>) -> FloatTensor<Self>;

    fn bernoulli_cost(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self>;

    fn mean(values: FloatTensor<Self>) -> FloatTensor<Self>;

    fn adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rates: AdamRates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// What the derivatives of [`Kernels`] are made of.
pub trait Derivatives: Kernels {
    /// The gradient of each of `count` numbers from that of their mean.
    fn mean_gradient(gradient: FloatTensor<Self>, count: usize) -> FloatTensor<Self>;

    /// `gradient` where `output` is positive, else 0.
    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Gradients of a dense layer: those of its input, and of its weight and bias, that are wanted.
    fn dense_gradients(
        layer: DenseLayer<Self>,
        gradient: FloatTensor<Self>,
        wanted: Wanted,
    ) -> (Option<FloatTensor<Self>>, Option<[FloatTensor<Self>; 2]>);

    /// Gradients of `mu` and `log_var` from that of the codes: sums over samples of `g` and `g eps exp(log_var / 2) / 2`.
    fn reparameterize_gradients(
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// Gradients of `mu` and `log_var`, `g mu` and `g (exp(log_var) - 1) / 2`, with one `g` per row.
    fn kl_gradients(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The gradient of the logits, `(sigmoid(l) - x) g`, with one `g` per row.
    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self>;
}

/// Which gradients of a dense layer somebody asks for: a sampler of codes has no use for those of the weights.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Of what went in.
    pub input: bool,
    /// Of the weight and the bias.
    pub parameters: bool,
}

/// What a dense layer remembers for its derivatives.
#[derive(Clone, Debug)]
pub struct DenseLayer<B: Backend> {
    /// What went in.
    pub x: FloatTensor<B>,
    /// The weight.
    pub weight: FloatTensor<B>,
    /// What came out.
    pub output: FloatTensor<B>,
    /// The activation.
    pub activation: Activation,
}
