//! `log p(x)` of a model without encoder: the mean of `p(x|z)` over codes from the prior. On average a bound from below, as
//! every logarithm of a mean of a few codes is; close for one or two latents, loose where each image has its codes in a small
//! corner.

use std::ops::Range;

use latent_protocol::{Likelihood, MeasureTable};

use super::{Subject, TEST_SEED, chunk, likelihood_group, log_sum_exp, mean, measure};
use crate::CoreError;
use crate::data::{Dataset, Shard};
use crate::family::codes;
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Codes at once, which are also those of the loss that is followed while training.
pub const CODES: usize = 1000;
/// Images of that loss at most: each is compared with each code.
pub const IMAGES: usize = 1000;

/// Which images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Images that it was trained on, if it was trained on these.
    Train,
    /// Images that it was never trained on.
    Test,
}

impl Split {
    fn of(self, dataset: &Dataset) -> &Shard {
        match self {
            Self::Train => dataset.train(),
            Self::Test => dataset.test(),
        }
    }
}

pub struct Stage {
    split: Split,
    images: usize,
    /// Codes in units of [`CODES`].
    codes: usize,
    next: usize,
    /// Logarithms of the sums so far, one per image.
    log_sums: Vec<f64>,
}

impl Stage {
    /// Over so many images and so many times [`CODES`] codes.
    pub fn new(split: Split, images: usize, codes: usize) -> Self {
        Self { split, images, codes, next: 0, log_sums: vec![f64::NEG_INFINITY; images] }
    }

    pub fn chunks(&self) -> usize {
        self.images.div_ceil(super::CHUNK) * self.codes
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let range = chunk(self.next / self.codes, self.images);
        let shard = self.split.of(subject.dataset);
        let found = log_sums(subject, shard, range.clone(), self.next % self.codes).await?;
        self.next += 1;
        for (log_sum, found) in self.log_sums[range].iter_mut().zip(found) {
            *log_sum = log_sum_exp([*log_sum, found].into_iter());
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let Some(likelihood) = subject.card.abilities.likelihood else { return };
        let codes = self.codes * CODES;
        let log_p = mean(self.log_sums.iter().sum(), self.images) - log(codes);
        let (images, of) = match self.split {
            Split::Train => (", training digits", "train_"),
            Split::Test => ("", ""),
        };
        let label = format!("log p(x) by {codes} codes of the prior{images}");
        let group = likelihood_group(table, likelihood);
        group.measures.push(match likelihood {
            Likelihood::Bernoulli => {
                let key = format!("{of}neg_log_p_{codes}");
                measure(&key, &format!("\u{2212}{label}"), "nats", -log_p, self.images)
            }
            Likelihood::Gaussian => {
                measure(&format!("{of}log_p_{codes}"), &label, "nats", log_p, self.images)
            }
        });
    }
}

/// `log p(x)` of images by [`CODES`] codes.
pub async fn log_p(subject: &Subject<'_>, shard: &Shard, range: Range<usize>) -> Result<Vec<f64>, CoreError> {
    let sums = log_sums(subject, shard, range, 0).await?;
    Ok(sums.into_iter().map(|sum| sum - log(CODES)).collect())
}

/// `log sum p(x|z)` of images over the codes of a chunk, which are the same for every image and every model.
async fn log_sums(
    subject: &Subject<'_>,
    shard: &Shard,
    range: Range<usize>,
    chunk: usize,
) -> Result<Vec<f64>, CoreError> {
    let count = range.len();
    let images = subject.of(shard, range).images;
    let mut noise = Noise::new(TEST_SEED, Stream::Samples, chunk as u64);
    let z = codes(subject.model, subject.model.plane().sample(CODES, &mut noise));
    let unable = CoreError::Unable("tell the likelihood of images");
    let pairs = read(subject.model.log_likelihood(images, z).ok_or(unable)?).await?;
    let of = |image: usize| pairs.iter().skip(image).step_by(count).map(|pair| f64::from(*pair));
    Ok((0..count).map(|image| log_sum_exp(of(image))).collect())
}

#[expect(clippy::cast_precision_loss, reason = "codes are few")]
fn log(codes: usize) -> f64 {
    libm::log(codes as f64)
}
