//! Measuring a model on images it was never trained on. Units: nats per image.

use burn::tensor::{Tensor, TensorData};
use latent_protocol::BoundParts;

use crate::CoreError;
use crate::data::{PIXELS, SIDE, Shard};
use crate::family::{BoundTerms, LatentModel};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Images in a chunk of [`BoundEvaluation`].
const CHUNK: usize = 250;

/// Seed of the test bits: part of the measure, the same for every model and every run.
const TEST_SEED: u64 = 0;

/// The bits of a test image: drawn once, with the grey as probability, the same in every measurement.
fn test_bits(images: &Shard, range: std::ops::Range<usize>) -> Vec<f32> {
    let mut bits = Vec::with_capacity(range.len() * PIXELS);
    for index in range {
        let grey = &images.pixels[index * PIXELS..(index + 1) * PIXELS];
        Noise::new(TEST_SEED, Stream::TestBits, index as u64).binarize(grey, &mut bits);
    }
    bits
}

/// The negative evidence lower bound on test images with fixed bits and one code per image, a chunk at a time.
pub struct BoundEvaluation {
    model: Box<dyn LatentModel>,
    next: usize,
    sums: BoundParts,
}

impl BoundEvaluation {
    /// Measure this model.
    #[must_use]
    pub fn new(model: Box<dyn LatentModel>) -> Self {
        Self { model, next: 0, sums: BoundParts::default() }
    }

    /// Measure the next chunk; the result when it was the last.
    ///
    /// # Errors
    /// When the model has no bound or the device fails.
    pub async fn advance(&mut self, images: &Shard) -> Result<Option<BoundParts>, CoreError> {
        let end = (self.next + CHUNK).min(images.labels.len());
        let terms = bound_terms(self.model.as_ref(), images, self.next..end, 1)?;
        let reconstruction = sum(&read(terms.reconstruction).await?);
        let kl = sum(&read(terms.kl).await?);
        self.sums.reconstruction += reconstruction;
        self.sums.kl += kl;
        self.sums.total += reconstruction + kl;
        self.next = end;
        if end < images.labels.len() {
            return Ok(None);
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let count = end.max(1) as f64;
        let BoundParts { total, reconstruction, kl } = self.sums;
        Ok(Some(BoundParts { total: total / count, reconstruction: reconstruction / count, kl: kl / count }))
    }
}

/// The importance-weighted bound (Burda, Grosse and Salakhutdinov 2016), `-log 1/K sum_k p(x, z_k) / q(z_k|x)`,
/// averaged over the first `count` test images; calls `progress` with the images done.
///
/// # Errors
/// When the model has no bound or the device fails.
pub async fn importance_weighted(
    model: &dyn LatentModel,
    images: &Shard,
    count: usize,
    samples: usize,
    mut progress: impl FnMut(usize),
) -> Result<f64, CoreError> {
    let count = count.min(images.labels.len()).max(1);
    let mut total = 0.0;
    let batch = (2000 / samples).max(1);
    for start in (0..count).step_by(batch) {
        let range = start..(start + batch).min(count);
        let size = range.len();
        let terms = bound_terms(model, images, range, samples)?;
        let weights = read(terms.log_weight).await?;
        for image in 0..size {
            total -= log_mean_exp((0..samples).map(|s| weights[s * size + image]));
        }
        progress(start + size);
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let mean = total / count as f64;
    Ok(mean)
}

/// `log mean exp` without overflow.
pub(crate) fn log_mean_exp(values: impl Iterator<Item = f32> + Clone) -> f64 {
    let max = values.clone().map(f64::from).fold(f64::NEG_INFINITY, f64::max);
    let (sum, count) = values.fold((0.0, 0.0), |(sum, n), v| (sum + libm::exp(f64::from(v) - max), n + 1.0));
    max + libm::log(sum / count)
}

fn bound_terms(
    model: &dyn LatentModel,
    images: &Shard,
    range: std::ops::Range<usize>,
    samples: usize,
) -> Result<BoundTerms, CoreError> {
    let (device, size, latent_dim) = (model.device(), range.len(), model.plane().latent_dim);
    let eps =
        Noise::new(TEST_SEED, Stream::Test, range.start as u64).normal([samples, size, latent_dim], &device);
    let bits = TensorData::new(test_bits(images, range), [size, 1, SIDE, SIDE]);
    let terms = model.bound(Tensor::from_data(bits, &device), eps);
    terms.ok_or(CoreError::Unable("bound the likelihood of images (it has no encoder or no likelihood)"))
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum()
}
