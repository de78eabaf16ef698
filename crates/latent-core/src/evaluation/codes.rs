//! Codes and reconstructions of test images: the squared error, which latents are in use, and how well the codes tell
//! the classes apart.

use latent_protocol::MeasureTable;

use super::scores::nearest_neighbours;
use super::{CHUNK, Subject, chunk, greys, group, mean, measure};
use crate::CoreError;
use crate::data::{PIXELS, Shard};
use crate::family::{LatentModel, Posterior};
use crate::models::parts::likelihood::kl_of_latents;
use crate::weights::read;

/// Neighbours that vote.
const NEIGHBOURS: usize = 15;
/// A latent is in use when the variance of its mean over images is above this.
const ACTIVE: f64 = 0.01;

pub struct Stage {
    images: usize,
    neighbours: usize,
    latent_dim: usize,
    next: usize,
    squares: f64,
    sigma_squared: Option<f64>,
    test: Vec<f32>,
    train: Vec<f32>,
    right: usize,
}

impl Stage {
    pub fn new(images: usize, neighbours: usize, latent_dim: usize) -> Self {
        Self {
            images,
            neighbours,
            latent_dim,
            next: 0,
            squares: 0.0,
            sigma_squared: None,
            test: Vec::new(),
            train: Vec::new(),
            right: 0,
        }
    }

    fn parts(&self) -> [usize; 3] {
        let votes = if self.neighbours > 0 { self.images.div_ceil(CHUNK) } else { 0 };
        [self.images.div_ceil(CHUNK), self.neighbours.div_ceil(CHUNK), votes]
    }

    pub fn chunks(&self) -> usize {
        self.parts().iter().sum()
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let [test, train, _] = self.parts();
        let index = self.next;
        self.next += 1;
        if index < test {
            let range = chunk(index, self.images);
            let examples = greys(subject.dataset.test(), range.clone(), subject.model);
            let unable = CoreError::Unable("encode images: its encoder is missing");
            let again = subject.model.reconstruct(&examples).ok_or(unable)?;
            let squares = (again - examples.images.flatten(1, 3)).powi_scalar(2).sum();
            self.squares += f64::from(read(squares).await?[0]);
            self.test.extend(codes(subject.model, subject.dataset.test(), range).await?);
            if index == 0
                && let Some(sigma) = subject.model.sigma()
            {
                self.sigma_squared = Some(f64::from(read(sigma.powi_scalar(2)).await?[0]));
            }
        } else if index < test + train {
            let range = chunk(index - test, self.neighbours);
            self.train.extend(codes(subject.model, subject.dataset.train(), range).await?);
        } else {
            let range = chunk(index - test - train, self.images);
            let asked = &self.test[range.start * self.latent_dim..range.end * self.latent_dim];
            let classes = &subject.dataset.train().labels[..self.neighbours];
            let found = nearest_neighbours(&self.train, classes, asked, self.latent_dim, NEIGHBOURS);
            let truth = &subject.dataset.test().labels[range];
            self.right += found.iter().zip(truth).filter(|(found, truth)| found == truth).count();
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let mse = mean(self.squares, self.images * PIXELS);
        let reconstructions = group(
            table,
            "Reconstruction of grey test digits",
            "Through the mean of the code; the baseline is the mean training digit for every image.",
        );
        let mut error = measure("mse", "Squared error", "per pixel", mse, self.images);
        error.baseline = Some(mean_image_error(subject.dataset.train(), subject.dataset.test(), self.images));
        reconstructions.measures.push(error);
        if let Some(sigma_squared) = self.sigma_squared {
            let sigma = measure("sigma_squared", "Learned sigma squared", "per pixel", sigma_squared, 1);
            reconstructions.measures.push(sigma);
        }
        let latents = group(
            table,
            "Codes of test digits",
            "A latent is active when the variance of its mean is above 0.01. Neighbours are training digits in the space \
             of codes; the baseline is guessing.",
        );
        if subject.card.abilities.likelihood.is_some() {
            let active = active_latents(&self.test, self.latent_dim);
            #[expect(clippy::cast_precision_loss, reason = "at most 64")]
            let active = active as f64;
            let label = format!("Active latents of {}", self.latent_dim);
            latents.measures.push(measure("active_units", &label, "", active, self.images));
        }
        if self.neighbours > 0 {
            #[expect(clippy::cast_precision_loss, reason = "counts are small")]
            let share = 100.0 * self.right as f64 / self.images.max(1) as f64;
            let label = format!("Class by {NEIGHBOURS} neighbours");
            let mut knn = measure("knn", &label, "% right", share, self.images);
            knn.baseline = Some(10.0);
            latents.measures.push(knn);
        }
    }
}

/// Codes of some images, one after the other; none without an encoder.
///
/// # Errors
/// When the device fails.
pub async fn codes_of(
    model: &dyn LatentModel,
    shard: &Shard,
    indices: &[usize],
) -> Result<Option<Vec<f32>>, CoreError> {
    let mut found = Vec::new();
    for index in indices {
        let index = (*index).min(shard.labels.len().saturating_sub(1));
        let Some(posterior) = model.encode(&greys(shard, index..index + 1, model)) else { return Ok(None) };
        found.extend(read(posterior.mu).await?);
    }
    Ok(Some(found))
}

/// KL of each latent, averaged over the first images, in nats; none for a model without posterior.
///
/// # Errors
/// When the device fails.
pub async fn latent_kl(
    model: &dyn LatentModel,
    shard: &Shard,
    images: usize,
) -> Result<Option<Vec<f64>>, CoreError> {
    let images = images.min(shard.labels.len());
    let posterior = model.encode(&greys(shard, 0..images, model));
    let Some(Posterior { mu, log_var: Some(log_var) }) = posterior else { return Ok(None) };
    let kl = read(kl_of_latents(mu, log_var).mean_dim(0)).await?;
    Ok(Some(kl.into_iter().map(f64::from).collect()))
}

async fn codes(
    model: &dyn LatentModel,
    shard: &Shard,
    range: std::ops::Range<usize>,
) -> Result<Vec<f32>, CoreError> {
    let unable = CoreError::Unable("encode images: its encoder is missing");
    read(model.encode(&greys(shard, range, model)).ok_or(unable)?.mu).await
}

fn active_latents(codes: &[f32], latent_dim: usize) -> usize {
    let count = codes.len() / latent_dim;
    let is_active = |latent: &usize| {
        let values = codes.iter().skip(*latent).step_by(latent_dim).map(|v| f64::from(*v));
        let average = mean(values.clone().sum(), count);
        mean(values.map(|v| (v - average) * (v - average)).sum(), count) > ACTIVE
    };
    (0..latent_dim).filter(is_active).count()
}

/// Squared error per pixel of the mean training image.
fn mean_image_error(train: &Shard, test: &Shard, images: usize) -> f64 {
    let count = train.labels.len();
    let mut average = vec![0.0; PIXELS];
    for image in train.pixels.chunks_exact(PIXELS) {
        for (sum, grey) in average.iter_mut().zip(image) {
            *sum += f64::from(*grey);
        }
    }
    for sum in &mut average {
        *sum = mean(*sum, count) / 255.0;
    }
    let apart = |(index, grey): (usize, &u8)| {
        let apart = f64::from(*grey) / 255.0 - average[index % PIXELS];
        apart * apart
    };
    mean(test.pixels[..images * PIXELS].iter().enumerate().map(apart).sum(), images * PIXELS)
}
