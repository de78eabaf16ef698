//! The importance-weighted bound of Burda, Grosse and Salakhutdinov (2016): `log 1/K sum_k p(x, z_k) / q(z_k|x)`.

use latent_protocol::{Likelihood, MeasureTable};

use super::{Subject, likelihood_group, log_mean_exp, mean, measure};
use crate::CoreError;
use crate::weights::read;

/// Codes in a chunk.
const CODES: usize = 2000;

pub struct Stage {
    images: usize,
    samples: usize,
    next: usize,
    log_p: f64,
}

impl Stage {
    pub fn new(images: usize, samples: usize) -> Self {
        Self { images, samples, next: 0, log_p: 0.0 }
    }

    fn batch(&self) -> usize {
        (CODES / self.samples).max(1)
    }

    pub fn chunks(&self) -> usize {
        self.images.div_ceil(self.batch())
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let range = self.next..(self.next + self.batch()).min(self.images);
        self.next = range.end;
        let (size, samples) = (range.len(), self.samples);
        let unable = CoreError::Unable("bound the likelihood of images: its encoder is missing");
        let examples = subject.test(range.clone());
        let terms = subject.model.bound(&examples, subject.eps(&range, samples)).ok_or(unable)?;
        let weights = read(terms.log_weight).await?;
        for image in 0..size {
            self.log_p += log_mean_exp((0..samples).map(|s| weights[s * size + image]));
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let Some(likelihood) = subject.card.abilities.likelihood else { return };
        let log_p = mean(self.log_p, self.images);
        let group = likelihood_group(table, likelihood);
        let label = format!("IWAE-{}", self.samples);
        group.measures.push(match likelihood {
            Likelihood::Bernoulli => {
                measure("neg_iwae", &format!("\u{2212}{label}"), "nats", -log_p, self.images)
            }
            Likelihood::Gaussian => measure("iwae_density", &label, "nats", log_p, self.images),
        });
    }
}
