//! Hamiltonian Monte Carlo (Duane, Kennedy, Pendleton and Roweth 1987; Neal 2011): samples from `p(z|x)`, of which only
//! `p(z) p(x|z)` is known. A code is a ball that rolls over the landscape `-log p(z) - log p(x|z)` after a random push;
//! where it ends is accepted or not, so that the errors of the rolling do not count.
//!
//! Many chains move side by side, and nothing is read back from the device.

use burn::tensor::{Device, Tensor};
use latent_kernels::upload;

use crate::linalg::{positive, within};
use crate::noise::Noise;

/// Leapfrog steps of a proposal (Kingma and Welling 2014, appendix E).
pub const LEAPFROG_STEPS: usize = 10;

/// Share of proposals to be accepted (the same).
pub const ACCEPTED: f64 = 0.9;

/// Length of a leapfrog step before it is tuned.
const FIRST_STEP: f64 = 0.05;

/// Codes do not roll farther out than this. The prior has no mass there, so such a proposal is refused; but its numbers
/// stay finite, and a refusal can be a product with 0.
const FARTHEST: f64 = 1e3;

/// A sampler, which is the length of its steps.
#[derive(Clone, Debug)]
pub struct Hmc {
    /// Length of a leapfrog step, `[1]`.
    pub step: Tensor<1>,
}

/// Where chains are after a proposal.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The codes: the proposed ones, or those from before where they were refused. `[chains, latent_dim]`
    pub codes: Tensor<2>,
    /// Share of the proposals that was accepted, `[1]`.
    pub accepted: Tensor<1>,
}

impl Hmc {
    /// Before any tuning.
    pub fn new(device: &Device) -> Self {
        Self { step: Tensor::full([1], FIRST_STEP, device) }
    }

    /// Propose a move for each chain. The prior of the codes is a standard normal.
    ///
    /// # Shapes
    /// `codes`: `[chains, latent_dim]`, on a device without derivatives; `log_likelihood`: `[chains, latent_dim]` ->
    /// `[chains]`, `log p(x|z)` up to a constant, with derivatives by the codes.
    pub fn advance(
        &self,
        codes: Tensor<2>,
        noise: &mut Noise,
        log_likelihood: impl Fn(Tensor<2>) -> Tensor<1>,
    ) -> Moved {
        let ([chains, latent_dim], device) = (codes.dims(), codes.device());
        let push = noise.normal([chains, latent_dim], &device);
        let thresholds = (0..chains).map(|_| libm::logf(noise.unit().max(1e-30))).collect();
        let thresholds: Tensor<2> = upload(thresholds, [chains, 1], &device);
        let (z, gain) = self.leapfrog(codes.clone(), push, log_likelihood);
        let taken = positive(gain - thresholds);
        let accepted = taken.clone().mean().reshape([1]);
        Moved { codes: codes.clone() + (z - codes) * taken, accepted }
    }

    /// Where codes roll after a push, and what each chain's Hamiltonian loses on the way, `[chains, 1]`: nothing, were the
    /// steps infinitely short.
    pub(crate) fn leapfrog(
        &self,
        codes: Tensor<2>,
        push: Tensor<2>,
        log_likelihood: impl Fn(Tensor<2>) -> Tensor<1>,
    ) -> (Tensor<2>, Tensor<2>) {
        let step: Tensor<2> = self.step.clone().reshape([1, 1]);
        let half = step.clone() * 0.5;
        let (before, mut slope) = joint(codes.clone(), &log_likelihood);
        let (mut z, mut momentum, mut after) = (codes, push.clone(), before.clone());
        for _ in 0..LEAPFROG_STEPS {
            momentum = momentum + slope * half.clone();
            z = within(z + momentum.clone() * step.clone(), FARTHEST);
            (after, slope) = joint(z.clone(), &log_likelihood);
            momentum = momentum + slope.clone() * half.clone();
        }
        let kinetic = |momentum: Tensor<2>| momentum.powi_scalar(2).sum_dim(1) * 0.5;
        (z, after - before + kinetic(push) - kinetic(momentum))
    }

    /// Lengthen the step where more than nine tenths of the proposals were accepted, shorten it where fewer were
    /// (Robbins and Monro 1951, with a gain that stays: what is sampled from may change).
    pub fn tune(&mut self, accepted: Tensor<1>) {
        self.step = self.step.clone() * (accepted - ACCEPTED).exp();
    }
}

/// `log p(z) + log p(x|z)` up to a constant, `[chains, 1]`, and its slope by the codes.
fn joint(z: Tensor<2>, log_likelihood: &impl Fn(Tensor<2>) -> Tensor<1>) -> (Tensor<2>, Tensor<2>) {
    let codes = Tensor::from_inner(z.clone()).require_grad();
    let log_likelihood = log_likelihood(codes.clone());
    let gradients = log_likelihood.clone().sum().backward();
    let slope = codes.grad(&gradients).expect("a likelihood depends on its codes");
    let [chains, _] = z.dims();
    let log_prior = z.clone().powi_scalar(2).sum_dim(1) * -0.5;
    (log_likelihood.inner().reshape([chains, 1]) + log_prior, slope - z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Stream;
    use crate::weights::read;
    use pollster::block_on;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        block_on(read(tensor)).expect("the CPU answers").into_iter().map(f64::from).collect()
    }

    fn moments(values: &[f64]) -> [f64; 2] {
        let count = f64::from(u32::try_from(values.len()).expect("few"));
        let mean = values.iter().sum::<f64>() / count;
        [mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count]
    }

    /// The codes and the shares accepted after so many proposals, of which the first half tunes.
    fn sample(
        chains: usize,
        proposals: usize,
        log_likelihood: impl Fn(Tensor<2>) -> Tensor<1>,
    ) -> (Tensor<2>, f64) {
        let device = Device::flex();
        let mut noise = Noise::new(1, Stream::Test, 0);
        let (mut hmc, mut codes) = (Hmc::new(&device), noise.normal([chains, 2], &device));
        let mut shares = Vec::new();
        for proposal in 0..proposals {
            let moved = hmc.advance(codes, &mut noise, &log_likelihood);
            codes = moved.codes;
            if proposal < proposals / 2 {
                hmc.tune(moved.accepted);
            } else {
                shares.extend(values(moved.accepted));
            }
        }
        (codes, moments(&shares)[0])
    }

    #[test]
    fn the_prior_stays_the_prior_where_nothing_is_seen() {
        let (codes, accepted) = sample(20_000, 12, |z| (z * 0.0).sum_dim(1).reshape([-1]));
        let [mean, variance] = moments(&values(codes));
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
        assert!(accepted > 0.95, "a parabola is rolled over almost exactly: {accepted}");
    }

    /// `x = z + noise` of variance v: `z|x` has the mean `x / (1 + v)` and the variance `v / (1 + v)`.
    #[test]
    fn a_known_posterior_is_found_and_nine_tenths_are_accepted() {
        let (seen, variance) = ([1.5f32, -0.5], [0.01, 0.0016]);
        let log_likelihood = |z: Tensor<2>| {
            let (seen, precision) = (
                upload(seen.to_vec(), [1, 2], &z.device()),
                upload(variance.map(|v| 1.0 / v).to_vec(), [1, 2], &z.device()),
            );
            ((z - seen).powi_scalar(2) * precision).sum_dim(1).reshape([-1]) * -0.5
        };
        let (codes, accepted) = sample(4000, 120, log_likelihood);
        assert!((accepted - ACCEPTED).abs() < 0.02, "{accepted}");
        let codes = values(codes);
        for latent in 0..2 {
            let of: Vec<f64> = codes.iter().skip(latent).step_by(2).copied().collect();
            let [mean, spread] = moments(&of);
            let noise = f64::from(variance[latent]);
            let exact = [f64::from(seen[latent]) / (1.0 + noise), noise / (1.0 + noise)];
            assert!((mean - exact[0]).abs() < 0.05 * exact[1].sqrt(), "{mean} instead of {}", exact[0]);
            assert!((spread / exact[1] - 1.0).abs() < 0.08, "{spread} instead of {}", exact[1]);
        }
    }

    /// A step so long that the rolling explodes: chains stay where they are, with numbers.
    #[test]
    fn what_rolls_away_is_refused() {
        let device = Device::flex();
        let mut noise = Noise::new(2, Stream::Test, 0);
        let start = noise.normal([50, 2], &device);
        let mut hmc = Hmc { step: Tensor::full([1], 1.0, &device) };
        let moved =
            hmc.advance(start.clone(), &mut noise, |z| z.powi_scalar(2).sum_dim(1).reshape([-1]) * -1e7);
        assert_eq!(values(moved.codes), values(start));
        assert_eq!(values(moved.accepted.clone()), [0.0]);
        hmc.tune(moved.accepted);
        assert!(values(hmc.step)[0] < 0.42);
    }
}
