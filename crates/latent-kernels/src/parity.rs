//! The operations against the same ones written with Burn's own, values and derivatives, on any device. It runs
//! natively and, from the conformance checks, in a browser on WebGPU.

use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::module::{conv_transpose2d, conv2d};
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{Device, ExecutionError, Tensor, TensorData};

use crate::{
    Activation, AdamRates, Form, Grid, adam, bernoulli_cost, dense, fold, kl_from_normal, mean, product,
    reparameterize, unfold,
};

/// Largest difference that counts as none, in units of the largest number.
const TOLERANCE: f32 = 1e-4;

/// A tensor of numbers that look random and are the same each time.
fn numbers<const D: usize>(shape: [usize; D], seed: u32, device: &Device) -> Tensor<D> {
    let mut state = seed.wrapping_mul(747_796_405).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32_768.0 - 1.0
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| next()).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A name, what the operation gave and what Burn's own gave, both flat.
type Pair = (String, Tensor<1>, Tensor<1>);

/// Compare a function of some matrices with another, and the derivatives by all of them.
fn both(
    name: &str,
    inputs: &[Tensor<2>],
    ours: impl Fn(&[Tensor<2>]) -> Tensor<2>,
    plain: impl Fn(&[Tensor<2>]) -> Tensor<2>,
    pairs: &mut Vec<Pair>,
) {
    let differentiate = |function: &dyn Fn(&[Tensor<2>]) -> Tensor<2>| {
        let inputs: Vec<_> =
            inputs.iter().map(|input| Tensor::from_inner(input.clone()).require_grad()).collect();
        let output = function(&inputs);
        // Weights, so that derivatives of the sum are not all the same.
        let weights = numbers(output.dims(), 99, &output.device());
        let gradients = (output.clone() * weights).sum().backward();
        let mut found = vec![output.inner().flatten(0, 1)];
        for input in &inputs {
            found.extend(input.grad(&gradients).map(|gradient| gradient.flatten(0, 1)));
        }
        found
    };
    let (ours, plain) = (differentiate(&ours), differentiate(&plain));
    assert_eq!(ours.len(), plain.len(), "{name}: a derivative is missing");
    for (index, (ours, plain)) in ours.into_iter().zip(plain).enumerate() {
        let what = if index == 0 { "value".into() } else { format!("derivative {index}") };
        pairs.push((format!("{name}, {what}"), ours, plain));
    }
}

fn products(device: &Device, pairs: &mut Vec<Pair>) {
    // Sizes that fill tiles, that do not, and a single row.
    for [m, k, n] in [[1, 33, 40], [5, 7, 3], [64, 40, 72], [130, 20, 66]] {
        for form in [Form::Plain, Form::LeftTransposed, Form::RightTransposed] {
            let left = if form == Form::LeftTransposed { [k, m] } else { [m, k] };
            let right = if form == Form::RightTransposed { [n, k] } else { [k, n] };
            let inputs = [numbers(left, 1, device), numbers(right, 2, device)];
            let plain = |x: &[Tensor<2>]| match form {
                Form::Plain => x[0].clone().matmul(x[1].clone()),
                Form::LeftTransposed => x[0].clone().transpose().matmul(x[1].clone()),
                Form::RightTransposed => x[0].clone().matmul(x[1].clone().transpose()),
            };
            let ours = |x: &[Tensor<2>]| product(x[0].clone(), x[1].clone(), form);
            both(&format!("product {m} {k} {n} {form:?}"), &inputs, ours, plain, pairs);
        }
        for activation in [Activation::None, Activation::Relu, Activation::Sigmoid] {
            let bias = numbers([1, n], 3, device);
            let inputs = [numbers([m, k], 1, device), numbers([k, n], 2, device), bias];
            let plain = |x: &[Tensor<2>]| {
                let sums = x[0].clone().matmul(x[1].clone()) + x[2].clone();
                match activation {
                    Activation::None => sums,
                    Activation::Relu => relu(sums),
                    Activation::Sigmoid => sigmoid(sums),
                }
            };
            let ours =
                |x: &[Tensor<2>]| dense(x[0].clone(), x[1].clone(), x[2].clone().reshape([n]), activation);
            both(&format!("dense {m} {k} {n} {activation:?}"), &inputs, ours, plain, pairs);
            // With constant weights, only what went in has a derivative.
            let constant = |x: &[Tensor<2>]| [x[0].clone(), x[1].clone().detach(), x[2].clone().detach()];
            let name = format!("dense {m} {k} {n} {activation:?}, constant weights");
            both(&name, &inputs, |x| ours(&constant(x)), |x| plain(&constant(x)), pairs);
        }
    }
}

fn convolutions(device: &Device, pairs: &mut Vec<Pair>) {
    let (batch, from, to) = (2, 3, 5);
    for side in [3, 4] {
        let grid = Grid { batch, height: 4, width: 3, channels: from, side };
        let images = numbers([batch, 8 * 6 * from], 1, device);
        let filters = numbers([to, from * side * side], 2, device);
        let first = |x: Tensor<2>| x.reshape([batch, 8, 6, from]).permute([0, 3, 1, 2]);
        let plain = |x: &[Tensor<2>]| {
            let filters = x[1].clone().reshape([to, from, side, side]);
            let maps =
                conv2d(first(x[0].clone()), filters, None, ConvOptions::new([2, 2], [1, 1], [1, 1], 1));
            maps.permute([0, 2, 3, 1]).reshape([batch * 12, to])
        };
        let ours = |x: &[Tensor<2>]| {
            let filters = x[1].clone().reshape([to, from, side, side]).permute([2, 3, 1, 0]);
            let patches = unfold(x[0].clone().reshape([batch, 8, 6, from]), grid);
            product(patches, filters.reshape([side * side * from, to]), Form::Plain)
        };
        both(&format!("convolution with filters of {side}"), &[images, filters], ours, plain, pairs);
    }
    let grid = Grid { batch, height: 4, width: 3, channels: to, side: 4 };
    let maps = numbers([batch * 12, from], 1, device);
    let filters = numbers([from, to * 16], 2, device);
    let plain = |x: &[Tensor<2>]| {
        let maps = x[0].clone().reshape([batch, 4, 3, from]).permute([0, 3, 1, 2]);
        let filters = x[1].clone().reshape([from, to, 4, 4]);
        let options = ConvTransposeOptions::new([2, 2], [1, 1], [0, 0], [1, 1], 1);
        conv_transpose2d(maps, filters, None, options).permute([0, 2, 3, 1]).reshape([batch * 48, to])
    };
    let ours = |x: &[Tensor<2>]| {
        let filters = x[1].clone().reshape([from, to, 4, 4]).permute([0, 2, 3, 1]).reshape([from, 16 * to]);
        fold(product(x[0].clone(), filters, Form::Plain), grid).reshape([batch * 48, to])
    };
    both("transposed convolution", &[maps, filters], ours, plain, pairs);
}

fn losses(device: &Device, pairs: &mut Vec<Pair>) {
    let (batch, samples, latents, pixels) = (6, 3, 5, 70);
    // Logits as large as they get, and targets that are not constants of the graph.
    let logits = numbers([batch, pixels], 1, device) * 30.0;
    let x = relu(numbers([batch, pixels], 2, device));
    let targets = Tensor::from_inner(x);
    let plain = |l: &[Tensor<2>]| {
        let l = l[0].clone();
        let softplus = relu(l.clone()) + l.clone().abs().neg().exp().log1p();
        (softplus - l * targets.clone()).sum_dim(1)
    };
    let ours = |l: &[Tensor<2>]| bernoulli_cost(l[0].clone(), targets.clone()).reshape([batch, 1]);
    both("Bernoulli cost", &[logits], ours, plain, pairs);

    let plain = |x: &[Tensor<2>]| relu(x[0].clone());
    let ours = |x: &[Tensor<2>]| crate::relu(x[0].clone());
    both("ReLU", &[numbers([7, 9], 7, device)], ours, plain, pairs);

    let values = numbers([1, 200], 6, device);
    let plain = |v: &[Tensor<2>]| v[0].clone().mean().reshape([1, 1]);
    let ours = |v: &[Tensor<2>]| mean(v[0].clone().flatten(0, 1)).reshape([1, 1]);
    both("mean", &[values], ours, plain, pairs);

    let posterior = [numbers([batch, latents], 3, device), numbers([batch, latents], 4, device) * 3.0];
    let eps = Tensor::<3>::from_inner(numbers([samples, batch, latents], 5, device));
    let flat = [samples * batch, latents];
    let plain = |p: &[Tensor<2>]| {
        let spread = (p[1].clone() * 0.5).exp().unsqueeze::<3>();
        (p[0].clone().unsqueeze::<3>() + spread * eps.clone()).reshape(flat)
    };
    let ours = |p: &[Tensor<2>]| reparameterize(p[0].clone(), p[1].clone(), eps.clone()).reshape(flat);
    both("codes", &posterior, ours, plain, pairs);

    let plain = |p: &[Tensor<2>]| {
        let (mu, log_var) = (p[0].clone(), p[1].clone());
        ((mu.powi_scalar(2) + log_var.clone().exp() - log_var - 1.0) * 0.5).sum_dim(1)
    };
    let ours = |p: &[Tensor<2>]| kl_from_normal(p[0].clone(), p[1].clone()).reshape([batch, 1]);
    both("KL", &posterior, ours, plain, pairs);
}

fn steps(device: &Device, pairs: &mut Vec<Pair>) {
    let [parameter, gradient, first] = [1, 2, 3].map(|seed| numbers([131], seed, device));
    let second = numbers([131], 4, device).abs();
    let rates = AdamRates { learning_rate: 0.01, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, time: 3 };
    let moments = [first.clone(), second.clone()];
    let (ours, [ours_first, ours_second]) = adam(parameter.clone(), gradient.clone(), moments, rates);
    let first = first * 0.9 + gradient.clone() * 0.1;
    let second = second * 0.999 + gradient.powi_scalar(2) * 0.001;
    let (m, v) = (first.clone() / (1.0 - 0.9_f64.powi(3)), second.clone() / (1.0 - 0.999_f64.powi(3)));
    pairs.push(("Adam, parameter".into(), ours, parameter - m / (v.sqrt() + 1e-8) * 0.01));
    pairs.push(("Adam, first moment".into(), ours_first, first));
    pairs.push(("Adam, second moment".into(), ours_second, second));
}

/// Compare everything; per comparison its name, and what was wrong.
///
/// # Errors
/// When the device does not return a result.
pub async fn compare(device: &Device) -> Result<Vec<(String, Option<String>)>, ExecutionError> {
    let mut pairs = Vec::new();
    products(device, &mut pairs);
    convolutions(device, &mut pairs);
    losses(device, &mut pairs);
    steps(device, &mut pairs);
    let mut outcomes = Vec::new();
    for (name, ours, plain) in pairs {
        let (found, expected) = (ours.into_data_async().await?, plain.into_data_async().await?);
        let scale = expected.iter::<f32>().fold(1.0, |scale: f32, value| scale.max(value.abs()));
        let apart = found
            .iter::<f32>()
            .zip(expected.iter::<f32>())
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, |a, b| if b <= a { a } else { b });
        let is_close = apart <= TOLERANCE * scale;
        outcomes.push((name, (!is_close).then(|| format!("apart by {apart} of {scale}"))));
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_agree_with_burns_own() {
        let outcomes = pollster::block_on(compare(&Device::flex())).expect("the CPU returns results");
        assert!(outcomes.len() > 80, "only {} comparisons", outcomes.len());
        let faults: Vec<_> = outcomes.into_iter().filter(|(_, fault)| fault.is_some()).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}
