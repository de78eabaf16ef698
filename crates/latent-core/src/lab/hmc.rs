//! Hamiltonian Monte Carlo on the posterior of one image's code (Neal 2011; Kingma and Welling 2014, appendix E).

use super::Bench;
use crate::CoreError;
use crate::noise::Noise;
use crate::weights::read;

/// Leapfrog steps of a proposal.
const STEPS: usize = 10;
/// Share of proposals to be accepted.
const ACCEPTED: f64 = 0.9;

/// Chains that move side by side, each in the posterior of the same image.
pub struct Hmc {
    /// `[chains, latent_dim]`
    pub codes: Vec<f32>,
    noise: Noise,
    /// Length of a leapfrog step.
    step: f32,
    /// `log p(x, z)` of each chain and its slope, of the codes as they are.
    here: Option<(Vec<f32>, Vec<f32>)>,
}

impl Hmc {
    /// Chains that begin at these codes.
    pub fn new(codes: Vec<f32>, noise: Noise) -> Self {
        Self { codes, noise, step: 0.05, here: None }
    }

    /// Propose a move for each chain and take it or not. The share that was taken.
    ///
    /// With `tune`, the step's length follows, so that nine tenths are: to be left off before samples are kept.
    pub async fn advance(&mut self, bench: &Bench<'_>, tune: bool) -> Result<f64, CoreError> {
        let latent_dim = bench.latent_dim();
        let (before, slope) = match self.here.take() {
            Some(here) => here,
            None => joint(bench, &self.codes).await?,
        };
        let start: Vec<f32> = self.codes.iter().map(|_| self.noise.gauss()).collect();
        let (mut z, mut momentum, mut pull) = (self.codes.clone(), start.clone(), slope.clone());
        let mut after = before.clone();
        for _ in 0..STEPS {
            push(&mut momentum, &pull, 0.5 * self.step);
            push(&mut z, &momentum, self.step);
            (after, pull) = joint(bench, &z).await?;
            push(&mut momentum, &pull, 0.5 * self.step);
        }
        let (mut kept, mut kept_slope) = (before.clone(), slope);
        let mut taken = 0;
        for chain in 0..before.len() {
            let of = chain * latent_dim..(chain + 1) * latent_dim;
            let kinetic = |p: &[f32]| 0.5 * p.iter().map(|p| p * p).sum::<f32>();
            let gain =
                after[chain] - kinetic(&momentum[of.clone()]) - before[chain] + kinetic(&start[of.clone()]);
            // A proposal that left all numbers behind gains NaN, and is refused.
            if self.noise.unit().max(1e-30).ln() < gain {
                taken += 1;
                self.codes[of.clone()].copy_from_slice(&z[of.clone()]);
                kept_slope[of.clone()].copy_from_slice(&pull[of]);
                kept[chain] = after[chain];
            }
        }
        self.here = Some((kept, kept_slope));
        #[expect(clippy::cast_precision_loss, reason = "chains are few")]
        let share = f64::from(taken) / before.len().max(1) as f64;
        if tune {
            self.step *= if share < ACCEPTED { 0.9 } else { 1.1 };
        }
        Ok(share)
    }
}

fn push(x: &mut [f32], slope: &[f32], by: f32) {
    for (x, slope) in x.iter_mut().zip(slope) {
        *x += by * slope;
    }
}

/// `log p(x, z)` up to a constant for each chain, and its slope by the codes.
async fn joint(bench: &Bench<'_>, z: &[f32]) -> Result<(Vec<f32>, Vec<f32>), CoreError> {
    let unable = || CoreError::Unable("tell the likelihood of images");
    let codes = bench.codes(z.to_vec()).require_grad();
    let likelihood = bench.model.log_likelihood(bench.subject().images, codes.clone()).ok_or_else(unable)?;
    let joint = likelihood - codes.clone().powi_scalar(2).sum_dim(1) * 0.5;
    let gradients = joint.clone().sum().backward();
    let slope = codes.grad(&gradients).ok_or(CoreError::Unable("be derived by its codes"))?;
    Ok((read(joint.inner()).await?, read(slope).await?))
}
