//! The amortisation gap: what one image gains when its posterior is fitted to it alone, instead of read off by the encoder
//! that serves all images (Cremer, Li and Duvenaud, "Inference Suboptimality in Variational Autoencoders", 2018).

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_kernels::upload;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Finding, Images, Need, Series};

use super::{Bench, Entry, Experiment, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::gates::{LabGate, Limit};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("amortisation-gap"),
        name: Borrowed("What does sharing an encoder cost?"),
        summary: Borrowed(
            "One encoder answers for all images, so its answer for this one is not the best there is. Here mean and \
             variance of this image's code are fitted to its own bound, and the nats that it gains are counted.",
        ),
        needs: Borrowed(&[Need::Posterior, Need::NoClasses]),
        images: Images::None,
    },
    begin: || Box::new(Gap::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[LabGate { fact: "gain", limit: Limit::AtLeast(0.0), reference: "not piloted" }];

/// Steps of the search.
const STEPS: usize = 300;
/// Codes drawn in a step.
const DRAWS: usize = 64;
/// Codes drawn to measure: the same before and after.
const MEASURED: usize = 2000;
/// Steps between two points of the curve.
const EVERY: usize = 20;
/// Codes at once.
const CHUNK: usize = 500;

/// The experiment under way.
#[derive(Default)]
pub struct Gap {
    /// Means, then logarithms of the variances.
    pub(super) fitted: Vec<f32>,
    /// Adam's moments.
    first: Vec<f32>,
    second: Vec<f32>,
    step: usize,
    /// The bound by steps.
    curve: Vec<(f64, f64)>,
}

impl Experiment for Gap {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }

    fn so_far(&self) -> Option<Finding> {
        Some(self.finding())
    }
}

impl Gap {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        if self.fitted.is_empty() {
            self.begin(bench).await?;
        }
        #[expect(clippy::cast_precision_loss, reason = "steps are few")]
        if self.step.is_multiple_of(EVERY) {
            let bound = measured(bench, &self.fitted).await?;
            self.curve.push((self.step as f64, bound));
        }
        if self.step == STEPS {
            return Ok(Progress::Done(Box::new(self.finding())));
        }
        let shape = [DRAWS, bench.latent_dim()];
        let eps = Noise::new(SEED, Stream::Step, self.step as u64).normal(shape, &bench.model.device());
        self.descend(bench, eps).await?;
        Ok(share(self.step, STEPS))
    }

    pub(super) async fn begin(&mut self, bench: &Bench<'_>) -> Result<(), CoreError> {
        let unable = || CoreError::Unable("tell how sure it is of a code");
        let posterior = bench.model.encode(&bench.subject()).ok_or_else(unable)?;
        self.fitted = read(posterior.mu).await?;
        self.fitted.extend(read(posterior.log_var.ok_or_else(unable)?).await?);
        (self.first, self.second) = (vec![0.0; self.fitted.len()], vec![0.0; self.fitted.len()]);
        Ok(())
    }

    /// One step of Adam on the negative bound over these draws, `[draws, latent_dim]`.
    pub(super) async fn descend(&mut self, bench: &Bench<'_>, eps: Tensor<2>) -> Result<(), CoreError> {
        let latent_dim = bench.latent_dim();
        let device = bench.model.device();
        let half = |part: &[f32]| upload(part.to_vec(), [1, latent_dim], &device).require_grad();
        let (mu, log_var) = (half(&self.fitted[..latent_dim]), half(&self.fitted[latent_dim..]));
        let cost = -bound(bench, mu.clone(), log_var.clone(), eps)?;
        let gradients = cost.backward();
        let unable = || CoreError::Unable("be derived by its codes");
        let mut slope = read(mu.grad(&gradients).ok_or_else(unable)?).await?;
        slope.extend(read(log_var.grad(&gradients).ok_or_else(unable)?).await?);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)]
        let (time, left) = (self.step as i32 + 1, 1.0 - self.step as f32 / STEPS as f32);
        for (index, slope) in slope.into_iter().enumerate() {
            self.first[index] = 0.9 * self.first[index] + 0.1 * slope;
            self.second[index] = 0.99 * self.second[index] + 0.01 * slope * slope;
            let first = self.first[index] / (1.0 - 0.9f32.powi(time));
            let second = self.second[index] / (1.0 - 0.99f32.powi(time));
            self.fitted[index] -= 0.02 * left * first / (second.sqrt() + 1e-8);
        }
        self.step += 1;
        Ok(())
    }

    fn finding(&self) -> Finding {
        let ends =
            [self.curve.first(), self.curve.last()].map(|end| end.map_or(f64::NAN, |(_, bound)| *bound));
        let facts = vec![
            fact("gain", "Gained by fitting this image alone", "nats", ends[1] - ends[0]),
            fact("elbo_encoder", "ELBO with the encoder's answer", "nats", ends[0]),
            fact("elbo_fitted", "ELBO with the fitted one", "nats", ends[1]),
        ];
        let notes = vec![
            "What is left between the fitted bound and log p(x) is the cost of asking for an ellipse at all: see \u{201c}How \
             probable is this digit?\u{201d}."
                .into(),
        ];
        let charts = vec![Chart {
            title: "ELBO of this image".into(),
            kind: ChartKind::Lines,
            x: "steps".into(),
            y: "nats".into(),
            series: vec![Series { name: "ELBO".into(), points: self.curve.clone() }],
        }];
        Finding { facts, notes, charts, pictures: Vec::new() }
    }
}

/// `E log p(x|z) - KL(q || p)` of the subject, for `q` with these moments, `[1, latent_dim]`, over draws of
/// `[draws, latent_dim]`.
pub(super) fn bound(
    bench: &Bench<'_>,
    mu: Tensor<2>,
    log_var: Tensor<2>,
    eps: Tensor<2>,
) -> Result<Tensor<1>, CoreError> {
    let z = mu.clone() + (log_var.clone() * 0.5).exp() * eps;
    let likelihood = bench.model.log_likelihood(bench.subject().images, z);
    let likelihood = likelihood.ok_or(CoreError::Unable("tell the likelihood of images"))?;
    let kl = (mu.powi_scalar(2) + log_var.clone().exp() - log_var - 1.0).sum() * 0.5;
    Ok(likelihood.mean() - kl)
}

/// The bound over the draws by which it is measured.
async fn measured(bench: &Bench<'_>, fitted: &[f32]) -> Result<f64, CoreError> {
    let (latent_dim, device) = (bench.latent_dim(), bench.model.device());
    let half = |part: &[f32]| upload(part.to_vec(), [1, latent_dim], &device);
    let mut sum = 0.0;
    for chunk in 0..MEASURED / CHUNK {
        let (mu, log_var) = (half(&fitted[..latent_dim]), half(&fitted[latent_dim..]));
        let eps = Noise::new(SEED, Stream::Test, chunk as u64).normal([CHUNK, latent_dim], &device);
        sum += f64::from(read(bound(bench, mu, log_var, eps)?).await?.first().copied().unwrap_or(f32::NAN));
    }
    #[expect(clippy::cast_precision_loss, reason = "chunks are few")]
    let chunks = (MEASURED / CHUNK) as f64;
    Ok(sum / chunks)
}
