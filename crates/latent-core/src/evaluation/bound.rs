//! The evidence lower bound with one code per image, in parts; the exact density beside it where it is known.

use latent_protocol::{Likelihood, MeasureTable};

use super::{Subject, chunk, greys, likelihood_group, mean, measure, sum};
use crate::CoreError;
use crate::data::{PIXELS, Shard};
use crate::family::BoundTerms;
use crate::weights::read;

pub struct Stage {
    images: usize,
    next: usize,
    reconstruction: f64,
    /// Per latent.
    kl: Vec<f64>,
    log_density: f64,
    grey: f64,
}

impl Stage {
    pub fn new(images: usize) -> Self {
        Self { images, next: 0, reconstruction: 0.0, kl: Vec::new(), log_density: 0.0, grey: 0.0 }
    }

    pub fn chunks(&self) -> usize {
        self.images.div_ceil(super::CHUNK)
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let range = chunk(self.next, self.images);
        self.next += 1;
        let examples = subject.test(range.clone());
        let unable = CoreError::Unable("bound the likelihood of images: its encoder is missing");
        let BoundTerms { reconstruction, kl, .. } =
            subject.model.bound(&examples, subject.eps(&range, 1)).ok_or(unable)?;
        self.reconstruction += sum(&read(reconstruction).await?);
        let per_latent = read(kl.sum_dim(0)).await?;
        self.kl.resize(per_latent.len(), 0.0);
        for (sum, kl) in self.kl.iter_mut().zip(per_latent) {
            *sum += f64::from(kl);
        }
        if let Some(log_density) = subject.model.log_density(examples.images) {
            self.log_density += sum(&read(log_density).await?);
        }
        if subject.card.abilities.likelihood == Some(Likelihood::Bernoulli) {
            let grey = greys(subject.dataset.test(), range.clone(), subject.model);
            if let Some(terms) = subject.model.bound(&grey, subject.eps(&range, 1)) {
                self.grey += sum(&read(terms.reconstruction).await?) + sum(&read(terms.kl.sum_dim(1)).await?);
            }
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let Some(likelihood) = subject.card.abilities.likelihood else { return };
        let count = self.images;
        table.latent_kl = self.kl.iter().map(|kl| mean(*kl, count)).collect();
        let kl: f64 = table.latent_kl.iter().sum();
        let reconstruction = mean(self.reconstruction, count);
        let group = likelihood_group(table, likelihood);
        let mut add = |key, label, value| group.measures.push(measure(key, label, "nats", value, count));
        match likelihood {
            Likelihood::Bernoulli => {
                add("neg_elbo", "\u{2212}ELBO, one code per image", reconstruction + kl);
                add("reconstruction", "  its reconstruction", reconstruction);
                add("kl", "  its KL", kl);
            }
            Likelihood::Gaussian => {
                add("elbo_density", "ELBO, one code per image", -reconstruction - kl);
                add("reconstruction_density", "  its expected log-density", -reconstruction);
                add("kl", "  its KL (subtracted)", kl);
            }
        }
        if subject.card.abilities.exact {
            add("log_p_density", "log p(x), exact", mean(self.log_density, count));
        }
        if likelihood == Likelihood::Bernoulli {
            let group = super::group(
                table,
                "Grey cross-entropy",
                "Grey values put into the formula for bits, plus KL: what many tutorials call the loss. It is no \
                 likelihood, and its floor (baseline) is the entropy of the greys themselves.",
            );
            let mut grey = measure("grey_cost", "Cross-entropy + KL", "nats", mean(self.grey, count), count);
            grey.baseline = Some(grey_floor(subject.dataset.test(), count));
            group.measures.push(grey);
        }
    }
}

/// Entropy of the greys taken as probabilities, in nats per image: no grey cross-entropy can be below it.
fn grey_floor(test: &Shard, images: usize) -> f64 {
    let mut counts = [0u32; 256];
    for grey in &test.pixels[..images * PIXELS] {
        counts[usize::from(*grey)] += 1;
    }
    let entropy = |(grey, count): (u8, u32)| {
        let p = f64::from(grey) / 255.0;
        let part = |p: f64| if p > 0.0 { -p * libm::log(p) } else { 0.0 };
        f64::from(count) * (part(p) + part(1.0 - p))
    };
    mean((0..=255).zip(counts).map(entropy).sum(), images)
}
