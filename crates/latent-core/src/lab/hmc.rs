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
        let start: Vec<f32> = self.codes.iter().map(|_| self.noise.gauss()).collect();
        let (mut kept, mut kept_slope) = match self.here.take() {
            Some(here) => here,
            None => joint(bench, &self.codes).await?,
        };
        let end = leapfrog(bench, self.step, (&self.codes, &start), (&kept, &kept_slope)).await?;
        let mut taken = 0;
        for (chain, (joint, gain)) in end.joint.iter().zip(&end.gain).enumerate() {
            let of = chain * latent_dim..(chain + 1) * latent_dim;
            // A proposal that left all numbers behind gains NaN, and is refused.
            if self.noise.unit().max(1e-30).ln() < *gain {
                taken += 1;
                self.codes[of.clone()].copy_from_slice(&end.codes[of.clone()]);
                kept_slope[of.clone()].copy_from_slice(&end.slope[of]);
                kept[chain] = *joint;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "chains are few")]
        let share = f64::from(taken) / kept.len().max(1) as f64;
        self.here = Some((kept, kept_slope));
        if tune {
            self.step *= if share < ACCEPTED { 0.9 } else { 1.1 };
        }
        Ok(share)
    }
}

/// Where chains end after leapfrog steps.
pub(super) struct End {
    /// `[chains, latent_dim]`
    pub codes: Vec<f32>,
    /// `log p(x, z)` of each chain and its slope, of these codes.
    joint: Vec<f32>,
    slope: Vec<f32>,
    /// What each chain's Hamiltonian lost on the way; nothing, were the steps infinitely short.
    pub gain: Vec<f32>,
}

/// Roll from codes with momenta, where `log p(x, z)` and its slope are known.
pub(super) async fn leapfrog(
    bench: &Bench<'_>,
    step: f32,
    (codes, start): (&[f32], &[f32]),
    (before, slope): (&[f32], &[f32]),
) -> Result<End, CoreError> {
    let (mut z, mut momentum) = (codes.to_vec(), start.to_vec());
    let (mut after, mut pull) = (before.to_vec(), slope.to_vec());
    for _ in 0..STEPS {
        push(&mut momentum, &pull, 0.5 * step);
        push(&mut z, &momentum, step);
        (after, pull) = joint(bench, &z).await?;
        push(&mut momentum, &pull, 0.5 * step);
    }
    let kinetic = |p: &[f32]| 0.5 * p.iter().map(|p| p * p).sum::<f32>();
    let chains = start.chunks_exact(bench.latent_dim()).zip(momentum.chunks_exact(bench.latent_dim()));
    let gain = chains
        .zip(before.iter().zip(&after))
        .map(|((start, end), (before, after))| after - kinetic(end) - before + kinetic(start));
    Ok(End { gain: gain.collect(), codes: z, joint: after, slope: pull })
}

fn push(x: &mut [f32], slope: &[f32], by: f32) {
    for (x, slope) in x.iter_mut().zip(slope) {
        *x += by * slope;
    }
}

/// `log p(x, z)` up to a constant for each chain, and its slope by the codes.
pub(super) async fn joint(bench: &Bench<'_>, z: &[f32]) -> Result<(Vec<f32>, Vec<f32>), CoreError> {
    let unable = || CoreError::Unable("tell the likelihood of images");
    let codes = bench.codes(z.to_vec()).require_grad();
    let likelihood = bench.model.log_likelihood(bench.subject().images, codes.clone()).ok_or_else(unable)?;
    let joint = likelihood - codes.clone().powi_scalar(2).sum_dim(1) * 0.5;
    let gradients = joint.clone().sum().backward();
    let slope = codes.grad(&gradients).ok_or(CoreError::Unable("be derived by its codes"))?;
    Ok((read(joint.inner()).await?, read(slope).await?))
}
