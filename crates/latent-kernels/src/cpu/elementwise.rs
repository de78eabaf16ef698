//! What is done number by number, in one pass over memory.

use super::lanes::{Lanes, WIDTH};
use crate::{Activation, AdamRates};

/// Apply a function to four numbers of each of some slices at a time: to vectors, then to a vector filled up with 0.
macro_rules! in_lanes {
    (|$values:ident $(, $other:ident)*| $result:expr) => {{
        let (vectors, rest) = $values.as_chunks_mut::<WIDTH>();
        $(let mut $other = ($other.as_chunks::<WIDTH>().0.iter(), &$other[vectors.len() * WIDTH..]);)*
        for values in vectors {
            let $values = Lanes::load(values);
            $(let $other = Lanes::load($other.0.next().expect("slices are of the same length"));)*
            $result.store(values);
        }
        if !rest.is_empty() {
            let padded = |slice: &[f32]| {
                let mut padded = [0.0; WIDTH];
                padded[..slice.len()].copy_from_slice(slice);
                Lanes::load(&padded)
            };
            let $values = padded(rest);
            $(let $other = padded($other.1);)*
            let mut values = [0.0; WIDTH];
            $result.store(&mut values);
            rest.copy_from_slice(&values[..rest.len()]);
        }
    }};
}

/// `max(x, 0)`, in place.
pub fn relu(x: &mut [f32]) {
    let zero = Lanes::splat(0.0);
    in_lanes!(|x| x.max(zero));
}

/// `activation(x + bias)` for rows of `x`.
pub fn activate(x: &mut [f32], bias: &[f32], activation: Activation) {
    let zero = Lanes::splat(0.0);
    for row in x.chunks_exact_mut(bias.len()) {
        match activation {
            Activation::None => in_lanes!(|row, bias| row + bias),
            Activation::Relu => in_lanes!(|row, bias| (row + bias).max(zero)),
            Activation::Sigmoid => in_lanes!(|row, bias| (row + bias).sigmoid()),
        }
    }
}

/// The gradient before an activation, in place.
pub fn before_activation(gradient: &mut [f32], output: &[f32], activation: Activation) {
    let zero = Lanes::splat(0.0);
    match activation {
        Activation::None => {}
        Activation::Relu => in_lanes!(|gradient, output| output.positive_or(gradient, zero)),
        Activation::Sigmoid => {
            in_lanes!(|gradient, output| gradient * output * (Lanes::splat(1.0) - output));
        }
    }
}

/// The sum of the rows.
pub fn sum_of_rows(values: &[f32], columns: usize) -> Vec<f32> {
    let mut sums = vec![0.0; columns];
    for row in values.chunks_exact(columns) {
        let sum = &mut sums[..];
        in_lanes!(|sum, row| sum + row);
    }
    sums
}

/// `mu + exp(log_var / 2) eps` in place of `eps`, which may hold several samples.
pub fn reparameterize(mu: &[f32], log_var: &[f32], eps: &mut [f32]) {
    for eps in eps.chunks_exact_mut(mu.len()) {
        for ((eps, mu), log_var) in eps.iter_mut().zip(mu).zip(log_var) {
            *eps = mu + (log_var * 0.5).exp() * *eps;
        }
    }
}

/// Gradients of `mu` and `log_var` from that of the codes.
pub fn reparameterize_gradients(log_var: &[f32], eps: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut mu, mut spread) = (vec![0.0; log_var.len()], vec![0.0; log_var.len()]);
    for (eps, gradient) in eps.chunks_exact(log_var.len()).zip(gradient.chunks_exact(log_var.len())) {
        for (index, (eps, gradient)) in eps.iter().zip(gradient).enumerate() {
            mu[index] += gradient;
            spread[index] += gradient * eps * (log_var[index] * 0.5).exp() * 0.5;
        }
    }
    (mu, spread)
}

/// `sum (mu^2 + exp(log_var) - log_var - 1) / 2` of each row.
pub fn kl_from_normal(mu: &[f32], log_var: &[f32], latent_dim: usize) -> Vec<f32> {
    let rows = mu.chunks_exact(latent_dim).zip(log_var.chunks_exact(latent_dim));
    let divergence = |(mu, log_var): (&f32, &f32)| (mu * mu + log_var.exp() - log_var - 1.0) * 0.5;
    rows.map(|(mu, log_var)| mu.iter().zip(log_var).map(divergence).sum()).collect()
}

/// Gradients in place of `mu` and `log_var`, with one number per row.
pub fn kl_gradients(mu: &mut [f32], log_var: &mut [f32], gradient: &[f32], latent_dim: usize) {
    let rows = mu.chunks_exact_mut(latent_dim).zip(log_var.chunks_exact_mut(latent_dim));
    for ((mu, log_var), gradient) in rows.zip(gradient) {
        for (mu, log_var) in mu.iter_mut().zip(log_var) {
            *mu *= gradient;
            *log_var = gradient * (log_var.exp() - 1.0) * 0.5;
        }
    }
}

/// `sum max(l, 0) - l x + log(1 + exp(-|l|))` of each row.
pub fn bernoulli_costs(logits: &[f32], x: &[f32], pixels: usize) -> Vec<f32> {
    let zero = Lanes::splat(0.0);
    let mut row = vec![0.0; pixels];
    let costs = logits.chunks_exact(pixels).zip(x.chunks_exact(pixels)).map(|(logits, x)| {
        let cost = &mut row[..];
        cost.copy_from_slice(logits);
        in_lanes!(|cost, x| {
            let softplus = cost.max(zero) + (zero - cost.abs()).exp_of_negative().log1p_of_share();
            softplus - cost * x
        });
        // Pairwise, or the sum of 784 numbers loses digits.
        row.chunks(28).map(|part| part.iter().sum::<f32>()).sum()
    });
    costs.collect()
}

/// `(sigmoid(l) - x) g` in place of the logits, with one `g` per row.
pub fn bernoulli_gradients(logits: &mut [f32], x: &[f32], gradient: &[f32], pixels: usize) {
    let rows = logits.chunks_exact_mut(pixels).zip(x.chunks_exact(pixels));
    for ((logits, x), &g) in rows.zip(gradient) {
        let g = Lanes::splat(g);
        in_lanes!(|logits, x| (logits.sigmoid() - x) * g);
    }
}

/// The mean, of partial sums, or many numbers would lose digits.
pub fn mean(values: &[f32]) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "batches are small")]
    let count = values.len() as f32;
    values.chunks(32).map(|part| part.iter().sum::<f32>()).sum::<f32>() / count
}

/// One step of Adam, in place.
pub fn adam(
    parameter: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    rates: AdamRates,
) {
    let s = Lanes::splat;
    let (old_1, old_2) = (s(rates.beta_1), s(rates.beta_2));
    let (new_1, new_2) = (s(1.0 - rates.beta_1), s(1.0 - rates.beta_2));
    let [correction_1, correction_2] = rates.corrections().map(s);
    let (rate, epsilon) = (s(-rates.learning_rate), s(rates.epsilon));
    in_lanes!(|first, gradient| first * old_1 + gradient * new_1);
    in_lanes!(|second, gradient| second * old_2 + gradient * gradient * new_2);
    let (first, second) = (&*first, &*second);
    in_lanes!(|parameter, first, second| {
        parameter + rate * first * correction_1 / ((second * correction_2).sqrt() + epsilon)
    });
}
