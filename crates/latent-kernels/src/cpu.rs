//! The operations on the CPU.

mod elementwise;
mod lanes;
mod patches;
// Outside of browsers it is only tested.
#[cfg(any(test, target_family = "wasm"))]
mod product;

#[cfg_attr(target_family = "wasm", path = "cpu/packed.rs")]
#[cfg_attr(not(target_family = "wasm"), path = "cpu/native.rs")]
mod matrix;

use burn::backend::Flex;
use burn::backend::flex::{FlexTensor, Layout};
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Bytes, DType, Shape};

use crate::extension::{DenseLayer, Derivatives, Kernels, Wanted};
use crate::{Activation, AdamRates, Form, Grid};

/// A tensor whose floats lie one after the other.
fn packed(tensor: FlexTensor) -> FlexTensor {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The floats of a packed tensor.
fn floats(tensor: &FlexTensor) -> &[f32] {
    tensor.as_slice().expect("`packed` made it contiguous, and all tensors here are f32")
}

fn dims(tensor: &FlexTensor) -> [usize; 2] {
    let shape = tensor.layout().shape();
    [shape[0], shape[1]]
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::new(Bytes::from_elems(values), Layout::contiguous(shape.into()), DType::F32)
}

/// The floats of a tensor, to be overwritten: its own if nobody else has them.
fn owned(tensor: FlexTensor) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("all tensors here are f32")
}

impl Kernels for Flex {
    fn upload(_there: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        tensor(values, shape)
    }

    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = x.layout().shape().clone();
        let mut values = owned(x);
        elementwise::relu(&mut values);
        tensor(values, shape)
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        matrix::product(left, right, form)
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let sums = matrix::product(x, weight, Form::Plain);
        let shape = dims(&sums);
        let mut sums = owned(sums);
        elementwise::activate(&mut sums, floats(&packed(bias)), activation);
        tensor(sums, shape)
    }

    fn unfold(images: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        tensor(patches::unfold(floats(&packed(images)), grid), grid.patches_shape())
    }

    fn fold(patches: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        tensor(patches::fold(floats(&packed(patches)), grid), grid.images_shape())
    }

    fn reparameterize(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let shape = eps.layout().shape().clone();
        let (mu, log_var, mut codes) = (packed(mu), packed(log_var), owned(eps));
        elementwise::reparameterize(floats(&mu), floats(&log_var), &mut codes);
        tensor(codes, shape)
    }

    fn kl_from_normal(mu: FloatTensor<Self>, log_var: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, latent_dim] = dims(&mu);
        let (mu, log_var) = (packed(mu), packed(log_var));
        tensor(elementwise::kl_from_normal(floats(&mu), floats(&log_var), latent_dim), [batch])
    }

    fn bernoulli_cost(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let [batch, pixels] = dims(&logits);
        let (logits, x) = (packed(logits), packed(x));
        tensor(elementwise::bernoulli_costs(floats(&logits), floats(&x), pixels), [batch])
    }

    fn mean(values: FloatTensor<Self>) -> FloatTensor<Self> {
        tensor(vec![elementwise::mean(floats(&packed(values)))], [1])
    }

    fn adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rates: AdamRates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let gradient = packed(gradient);
        let [mut parameter, mut first, mut second] = [parameter, first, second].map(owned);
        elementwise::adam(&mut parameter, floats(&gradient), &mut first, &mut second, rates);
        let flat = |values: Vec<f32>| {
            let length = values.len();
            tensor(values, [length])
        };
        (flat(parameter), flat(first), flat(second))
    }
}

impl Derivatives for Flex {
    fn mean_gradient(gradient: FloatTensor<Self>, count: usize) -> FloatTensor<Self> {
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        let each = floats(&packed(gradient))[0] / count as f32;
        tensor(vec![each; count], [count])
    }

    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = gradient.layout().shape().clone();
        let mut gradient = owned(gradient);
        elementwise::before_activation(&mut gradient, floats(&packed(output)), Activation::Relu);
        tensor(gradient, shape)
    }

    fn dense_gradients(
        layer: DenseLayer<Self>,
        gradient: FloatTensor<Self>,
        wanted: Wanted,
    ) -> (Option<FloatTensor<Self>>, Option<[FloatTensor<Self>; 2]>) {
        let DenseLayer { x, weight, output, activation } = layer;
        let [batch, outputs] = dims(&gradient);
        let gradient = if activation == Activation::None {
            packed(gradient)
        } else {
            let mut gradient = owned(gradient);
            elementwise::before_activation(&mut gradient, floats(&packed(output)), activation);
            tensor(gradient, [batch, outputs])
        };
        let input = wanted.input.then(|| matrix::product(gradient.clone(), weight, Form::RightTransposed));
        let parameters = wanted.parameters.then(|| {
            let bias = tensor(elementwise::sum_of_rows(floats(&gradient), outputs), [outputs]);
            [matrix::product(x, gradient, Form::LeftTransposed), bias]
        });
        (input, parameters)
    }

    fn reparameterize_gradients(
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape = dims(&log_var);
        let [log_var, eps, gradient] = [log_var, eps, gradient].map(packed);
        let (mu, spread) =
            elementwise::reparameterize_gradients(floats(&log_var), floats(&eps), floats(&gradient));
        (tensor(mu, shape), tensor(spread, shape))
    }

    fn kl_gradients(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let shape = dims(&mu);
        let gradient = packed(gradient);
        let [mut mu, mut log_var] = [mu, log_var].map(owned);
        elementwise::kl_gradients(&mut mu, &mut log_var, floats(&gradient), shape[1]);
        (tensor(mu, shape), tensor(log_var, shape))
    }

    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let shape = dims(&logits);
        let (x, gradient) = (packed(x), packed(gradient));
        let mut values = owned(logits);
        elementwise::bernoulli_gradients(&mut values, floats(&x), floats(&gradient), shape[1]);
        tensor(values, shape)
    }
}
