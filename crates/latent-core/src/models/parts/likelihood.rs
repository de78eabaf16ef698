//! Distributions of pixels given a code, and of codes given an image.

use burn::tensor::Tensor;
use latent_kernels::{Form, product, relu};

use crate::family::Posterior;

/// `ln(2 pi)`.
const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// Per latent: `KL(N(mu, exp(log_var)) || N(0, 1)) = (mu^2 + exp(log_var) - log_var - 1) / 2`.
///
/// # Shapes
/// `[batch, latent_dim]` -> the same.
pub fn kl_of_latents(mu: Tensor<2>, log_var: Tensor<2>) -> Tensor<2> {
    (mu.powi_scalar(2) + log_var.clone().exp() - log_var - 1.0) * 0.5
}

/// `log p(z) - log q(z|x)` of reparameterised codes; the constants of the two Gaussians cancel.
///
/// # Shapes
/// `z`, `eps`: `[samples, batch, latent_dim]`; returns `[samples, batch]`.
pub fn log_prior_over_posterior(log_var: Tensor<2>, z: Tensor<3>, eps: Tensor<3>) -> Tensor<2> {
    ((eps.powi_scalar(2) + log_var.unsqueeze::<3>() - z.powi_scalar(2)).sum_dim(2) * 0.5).squeeze_dim(2)
}

/// `log(1 + exp(x))`, as `max(x, 0) + log(1 + exp(-|x|))`, which does not overflow.
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    let positive = relu(x.clone());
    // |x| = 2 max(x, 0) - x
    positive.clone() + (x - positive * 2.0).exp().log1p()
}

/// `-log p(x|z)` of independent Gaussian pixels: `sum (log 2 pi + (x - mean)^2 / sigma^2) / 2 + log sigma`.
///
/// # Shapes
/// `[batch, pixels]`, `sigma` may have one row or column -> `[batch]`.
pub fn gaussian_cost(mean: Tensor<2>, sigma: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
    let [batch, pixels] = x.dims();
    let log_sigma = sigma.clone().log().expand([batch, pixels]);
    let cost = ((x - mean) / sigma).powi_scalar(2) * 0.5 + log_sigma + 0.5 * LN_2_PI;
    cost.sum_dim(1).squeeze_dim(1)
}

/// `log p(x|z)` of Bernoulli pixels for each pair of a code and an image.
///
/// # Shapes
/// `logits`: `[codes, pixels]`; `x`: `[images, pixels]`; returns `[codes, images]`.
pub fn bernoulli_pairs(logits: Tensor<2>, x: Tensor<2>) -> Tensor<2> {
    let normaliser = softplus(logits.clone()).sum_dim(1);
    product(logits, x, Form::RightTransposed) - normaliser
}

/// `log p(x|z)` of Gaussian pixels for each pair of a code and an image. The square is expanded, so that it is
/// three matrix products: `(x - m)^2 / s^2 = x^2 / s^2 - 2 x m / s^2 + m^2 / s^2`.
///
/// # Shapes
/// `mean`: `[codes, pixels]`, `sigma` may have one row or column; `x`: `[images, pixels]`; returns `[codes, images]`.
pub fn gaussian_pairs(mean: Tensor<2>, sigma: Tensor<2>, x: Tensor<2>) -> Tensor<2> {
    let shape = mean.dims();
    let sigma = sigma.expand(shape);
    let precision = sigma.clone().powi_scalar(-2);
    let pairs = |codes, x| product(codes, x, Form::RightTransposed);
    let squares = pairs(precision.clone(), x.clone().powi_scalar(2))
        - pairs(mean.clone() * precision.clone(), x) * 2.0
        + (mean.powi_scalar(2) * precision).sum_dim(1);
    let constant = (sigma.log() + 0.5 * LN_2_PI).sum_dim(1);
    squares * -0.5 - constant
}

/// The posterior of an encoder without variances.
pub fn point(mu: Tensor<2>) -> Posterior {
    Posterior { mu, log_var: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::read;
    use crate::{Device, Noise, Stream};
    use latent_kernels::reparameterize;
    use pollster::block_on;

    /// The closed form against 10^5 draws: systems with a sign or a factor wrong are far off.
    #[test]
    fn closed_form_kl_is_the_expected_log_ratio() {
        let device = Device::flex();
        let mu = Tensor::from_data([[0.7, -1.2]], &device);
        let log_var = Tensor::from_data([[-1.0, 0.4]], &device);
        let eps = Noise::new(1, Stream::Test, 0).normal([100_000, 1, 2], &device);
        let z = reparameterize(mu.clone(), log_var.clone(), eps.clone());
        let log_ratio = log_prior_over_posterior(log_var.clone(), z, eps).mean().neg();
        let sampled = block_on(read(log_ratio)).expect("reads")[0];
        let exact = block_on(read(kl_of_latents(mu, log_var).sum())).expect("reads")[0];
        assert!((sampled / exact - 1.0).abs() < 0.01, "{sampled} against {exact}");
    }
}
