//! Measuring a model on images it was never trained on, a chunk at a time: the same code natively and in the tab.

mod bound;
mod codes;
mod importance;
mod judged;
mod prior;
mod quadrature;
mod scores;
mod test_loss;

use std::collections::VecDeque;
use std::ops::Range;

use burn::tensor::Tensor;
use latent_protocol::{Effort, Likelihood, Measure, MeasureGroup, MeasureTable, ModelCard};

pub use codes::{codes_of, latent_kl};
pub(crate) use judged::Judged;
use prior::Split;
pub(crate) use scores::{Gaussian, best, frechet_distance};
pub use test_loss::{TestLossEvaluation, image_loss};

use crate::CoreError;
use crate::data::{Dataset, PIXELS, Shard};
use crate::family::{Examples, LatentModel};
use crate::judge::Judge;
use crate::noise::{Noise, Stream};

/// Images in a chunk.
const CHUNK: usize = 250;

/// Codes from the prior in the place of one from an encoder.
const PRIOR_CODES: usize = 100;

/// Seed of the test bits and of the noise: part of the measure, the same for every model and every run.
const TEST_SEED: u64 = 0;

/// What is measured.
struct Subject<'a> {
    model: &'a dyn LatentModel,
    card: &'a ModelCard,
    dataset: &'a Dataset,
    judge: Option<&'a Judge>,
}

impl Subject<'_> {
    /// Test images as the likelihood sees them: bits drawn once with the grey as probability, the same in every
    /// measurement, for a Bernoulli likelihood; else greys.
    fn test(&self, range: Range<usize>) -> Examples {
        self.of(self.dataset.test(), range)
    }

    /// The same of other images.
    fn of(&self, shard: &Shard, range: Range<usize>) -> Examples {
        if self.card.abilities.likelihood == Some(Likelihood::Bernoulli) {
            test_bits(shard, range, self.model)
        } else {
            greys(shard, range, self.model)
        }
    }

    /// Standard normal numbers for the codes of test images.
    fn eps(&self, range: &Range<usize>, samples: usize) -> Tensor<3> {
        let shape = [samples, range.len(), self.model.plane().latent_dim];
        Noise::new(TEST_SEED, Stream::Test, range.start as u64).normal(shape, &self.model.device())
    }
}

/// Grey images.
pub(crate) fn greys(shard: &Shard, range: Range<usize>, model: &dyn LatentModel) -> Examples {
    let bytes = &shard.pixels[range.start * PIXELS..range.end * PIXELS];
    let pixels = bytes.iter().map(|grey| f32::from(*grey) / 255.0).collect();
    Examples::new(pixels, &shard.labels[range], &model.device())
}

/// Binary images.
fn test_bits(shard: &Shard, range: Range<usize>, model: &dyn LatentModel) -> Examples {
    let mut bits = Vec::with_capacity(range.len() * PIXELS);
    for index in range.clone() {
        let grey = &shard.pixels[index * PIXELS..(index + 1) * PIXELS];
        Noise::new(TEST_SEED, Stream::TestBits, index as u64).binarize(grey, &mut bits);
    }
    Examples::new(bits, &shard.labels[range], &model.device())
}

/// A part of a measurement.
enum Stage {
    Bound(bound::Stage),
    Importance(importance::Stage),
    Prior(prior::Stage),
    Quadrature(quadrature::Stage),
    Codes(codes::Stage),
    Judged(Box<judged::Stage>),
}

impl Stage {
    /// Chunks in all.
    fn chunks(&self) -> usize {
        match self {
            Self::Bound(stage) => stage.chunks(),
            Self::Importance(stage) => stage.chunks(),
            Self::Prior(stage) => stage.chunks(),
            Self::Quadrature(stage) => stage.chunks(),
            Self::Codes(stage) => stage.chunks(),
            Self::Judged(stage) => stage.chunks(),
        }
    }

    async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        match self {
            Self::Bound(stage) => stage.advance(subject).await,
            Self::Importance(stage) => stage.advance(subject).await,
            Self::Prior(stage) => stage.advance(subject).await,
            Self::Quadrature(stage) => stage.advance(subject).await,
            Self::Codes(stage) => stage.advance(subject).await,
            Self::Judged(stage) => stage.advance(subject).await,
        }
    }

    fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        match self {
            Self::Bound(stage) => stage.finish(subject, table),
            Self::Importance(stage) => stage.finish(subject, table),
            Self::Prior(stage) => stage.finish(subject, table),
            Self::Quadrature(stage) => stage.finish(subject, table),
            Self::Codes(stage) => stage.finish(subject, table),
            Self::Judged(stage) => stage.finish(subject, table),
        }
    }
}

/// A measurement under way.
pub struct Evaluation {
    model: Box<dyn LatentModel>,
    card: &'static ModelCard,
    judge: Option<Judge>,
    stages: VecDeque<Stage>,
    /// Chunks done in the first stage.
    done: usize,
    finished: usize,
    total: usize,
    table: MeasureTable,
}

/// How far a measurement is.
#[derive(Clone, Debug, PartialEq)]
pub enum Advanced {
    /// So much is done, 0 to 1.
    To(f64),
    /// All is.
    Done(MeasureTable),
}

impl Evaluation {
    /// Measure a model with all that its card allows and a judge, if there is one, can say. Its encoder must be
    /// there if the card declares one.
    #[must_use]
    pub fn new(
        model: Box<dyn LatentModel>,
        card: &'static ModelCard,
        judge: Option<Judge>,
        effort: Effort,
        dataset: &Dataset,
    ) -> Self {
        let (test, train) = (dataset.test().labels.len(), dataset.train().labels.len());
        let images = effort.images.min(test);
        let latent_dim = model.plane().latent_dim;
        let mut stages = VecDeque::new();
        if card.abilities.likelihood.is_some() {
            let (samples, some) = (effort.importance_samples, effort.importance_images);
            if card.abilities.encode {
                stages.push_back(Stage::Bound(bound::Stage::new(images)));
                if samples > 0 {
                    stages.push_back(Stage::Importance(importance::Stage::new(some.min(test), samples)));
                }
            } else {
                let mut add = |split, images, codes| {
                    stages.push_back(Stage::Prior(prior::Stage::new(split, images, codes)));
                };
                add(Split::Test, images.min(prior::IMAGES), 1);
                if samples > 0 {
                    let codes = (samples * PRIOR_CODES).div_ceil(prior::CODES);
                    add(Split::Test, some.min(test), codes);
                    add(Split::Train, some.min(prior::IMAGES).min(train), codes);
                }
            }
            // Codes with a class would need the quadrature of each class.
            if effort.quadrature_grid > 0 && latent_dim <= 2 && !card.abilities.classes {
                let images = effort.quadrature_images.min(test);
                stages.push_back(Stage::Quadrature(quadrature::Stage::new(
                    images,
                    effort.quadrature_grid,
                    latent_dim,
                )));
            }
        }
        if card.abilities.encode {
            stages.push_back(Stage::Codes(codes::Stage::new(
                images,
                effort.neighbours.min(train),
                latent_dim,
            )));
        }
        if judge.is_some() && effort.samples > 0 {
            stages.push_back(Stage::Judged(Box::new(judged::Stage::new(effort.samples.min(train), images))));
        }
        let total = stages.iter().map(Stage::chunks).sum();
        Self { model, card, judge, stages, done: 0, finished: 0, total, table: MeasureTable::default() }
    }

    /// Measure the next chunk.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self, dataset: &Dataset) -> Result<Advanced, CoreError> {
        let subject =
            Subject { model: self.model.as_ref(), card: self.card, dataset, judge: self.judge.as_ref() };
        let Some(stage) = self.stages.front_mut() else {
            return Ok(Advanced::Done(std::mem::take(&mut self.table)));
        };
        if self.done < stage.chunks() {
            stage.advance(&subject).await?;
            self.done += 1;
            self.finished += 1;
        }
        if self.done >= stage.chunks() {
            self.done = 0;
            if let Some(stage) = self.stages.pop_front() {
                stage.finish(&subject, &mut self.table);
            }
        }
        if self.stages.is_empty() {
            return Ok(Advanced::Done(std::mem::take(&mut self.table)));
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let done = self.finished as f64 / self.total.max(1) as f64;
        Ok(Advanced::To(done))
    }
}

/// The range of a chunk.
fn chunk(index: usize, count: usize) -> Range<usize> {
    index * CHUNK..((index + 1) * CHUNK).min(count)
}

fn measure(key: &str, label: &str, unit: &str, value: f64, count: usize) -> Measure {
    Measure {
        key: key.into(),
        label: label.into(),
        unit: unit.into(),
        value,
        count: count as u64,
        real: None,
        baseline: None,
    }
}

/// The group with this title, at the end of the table if it is new.
fn group<'a>(table: &'a mut MeasureTable, title: &str, note: &str) -> &'a mut MeasureGroup {
    let at = table.groups.iter().position(|group| group.title == title).unwrap_or_else(|| {
        table.groups.push(MeasureGroup { title: title.into(), note: note.into(), measures: Vec::new() });
        table.groups.len() - 1
    });
    &mut table.groups[at]
}

/// The group of likelihoods of this kind: numbers of two kinds never stand in one.
fn likelihood_group(table: &mut MeasureTable, likelihood: Likelihood) -> &mut MeasureGroup {
    match likelihood {
        Likelihood::Bernoulli => group(
            table,
            "Likelihood of black and white test digits",
            "Dynamic binarisation, bits drawn once with a fixed seed, the same for every model. Nats per image; lower \
             is better. Not to be compared with numbers for statically binarised, thresholded or grey digits.",
        ),
        Likelihood::Gaussian => group(
            table,
            "Density of grey test digits",
            "Nats per image, higher is better; a density may be positive and depends on sigma. Not to be compared with \
             likelihoods of black and white digits.",
        ),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn mean(sum: f64, count: usize) -> f64 {
    sum / count.max(1) as f64
}

fn sum(values: &[f32]) -> f64 {
    values.iter().map(|v| f64::from(*v)).sum()
}

/// `log sum exp` without overflow; minus infinity where all are.
pub(crate) fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let max = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if max == f64::NEG_INFINITY {
        return max;
    }
    max + libm::log(values.map(|value| libm::exp(value - max)).sum())
}

/// `log mean exp` without overflow.
pub(crate) fn log_mean_exp(values: impl Iterator<Item = f32> + Clone) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "samples are few")]
    let count = values.clone().count() as f64;
    log_sum_exp(values.map(f64::from)) - libm::log(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::noisy_dataset;
    use crate::models;
    use crate::training::{Advance, Run};
    use latent_protocol::Settings;
    use pollster::block_on;

    /// A model on blurred toy data, measured.
    fn measured(family: &str, pairs: &[(&str, &str)], dataset: &Dataset, effort: Effort) -> MeasureTable {
        let card = &models::family(family).expect("a family").card;
        let mut settings = Settings::defaults(card);
        for (key, value) in [("epochs", "30"), ("batch_size", "50")].iter().chain(pairs) {
            settings.set(card, key, value).expect("fits");
        }
        let device = crate::Device::flex();
        let mut run = Run::new(&device, family, &settings, 1, dataset).expect("a run");
        while let Advance::Stepped(_) = run.advance(dataset) {}
        let mut evaluation = Evaluation::new(run.snapshot(), card, None, effort, dataset);
        let mut last = -1.0;
        loop {
            match block_on(evaluation.advance(dataset)).expect("flex computes") {
                Advanced::To(done) => {
                    assert!(done >= last && done <= 1.0, "{last} to {done}");
                    last = done;
                }
                Advanced::Done(table) => return table,
            }
        }
    }

    /// Probabilistic PCA knows its likelihood, so every estimator must find it.
    #[test]
    fn every_estimator_finds_the_exact_density() {
        let effort = Effort { quadrature_grid: 400, importance_samples: 200, samples: 0, ..Effort::FULL };
        let table = measured("ppca", &[], &noisy_dataset(), effort);
        let value = |key: &str| table.value(key).unwrap_or_else(|| panic!("no {key}"));
        let exact = value("log_p_density");
        // One code per image: its mean over 200 images still scatters.
        assert!((value("elbo_density") - exact).abs() < 0.2, "{table:#?}");
        assert!((value("iwae_density") - exact).abs() < 0.05, "{table:#?}");
        assert!((value("log_p_quadrature") - exact).abs() < 0.05, "{table:#?}");
    }

    /// Without an encoder: enough codes of the prior find what the grid finds, a few from below, and the loss that is
    /// followed while training is one of these numbers.
    #[test]
    fn codes_of_the_prior_find_the_likelihood_where_codes_are_two_numbers() {
        let effort = Effort { quadrature_grid: 100, importance_images: 200, samples: 0, ..Effort::FULL };
        let settings =
            [("decoder_hidden", "32"), ("images", "200"), ("epochs", "60"), ("learning_rate", "0.003")];
        let dataset = noisy_dataset();
        let table = measured("mcem-vae", &settings, &dataset, effort);
        let value = |key: &str| table.value(key).unwrap_or_else(|| panic!("no {key}: {table:#?}"));
        let grid = value("neg_log_p_quadrature");
        assert!((value("neg_log_p_10000") - grid).abs() < 0.1, "{table:#?}");
        assert!(value("neg_log_p_1000") > grid - 0.1 && value("neg_log_p_1000") < grid + 2.0, "{table:#?}");
        // The same images, with other bits in training only.
        assert!((value("train_neg_log_p_10000") - value("neg_log_p_10000")).abs() < 1e-9, "{table:#?}");
        assert!(table.value("neg_elbo").is_none() && table.latent_kl.is_empty());
    }

    /// Importance weights of an independent implementation give its bound.
    #[test]
    fn the_importance_weighted_bound_agrees_with_an_independent_implementation() {
        for fixture in [
            &include_bytes!("../../../../tests/fixtures/vae.safetensors")[..],
            include_bytes!("../../../../tests/fixtures/gaussian.safetensors"),
        ] {
            let golden = crate::weights::WeightFile::parse(fixture).expect("a fixture");
            let (weights, expected) = (&golden["log_weight"], &golden["iwae"].values);
            let images = weights.shape[1];
            for (image, expected) in expected.iter().enumerate() {
                let of_image = weights.values.iter().skip(image).step_by(images).copied();
                let (found, expected) = (log_mean_exp(of_image), f64::from(*expected));
                assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found}, {expected}");
            }
        }
    }

    /// Likelihoods of bits and densities of greys never stand in one group.
    #[test]
    fn kinds_of_likelihoods_are_kept_apart() {
        let effort = Effort { quadrature_grid: 20, samples: 0, ..Effort::TAB };
        let small = [("encoder_hidden", "8"), ("decoder_hidden", "8"), ("epochs", "2")];
        let bits = measured("vae", &small, &noisy_dataset(), effort);
        let greys = measured("gaussian-vae", &small, &noisy_dataset(), effort);
        let groups = |table: &MeasureTable| -> Vec<String> {
            table.groups.iter().map(|group| group.title.clone()).collect()
        };
        assert!(groups(&bits)[0].contains("black and white") && groups(&greys)[0].contains("grey"));
        for key in ["neg_elbo", "neg_iwae", "neg_log_p_quadrature", "grey_cost"] {
            assert!(bits.value(key).is_some() && greys.value(key).is_none(), "{key}");
        }
        for key in ["elbo_density", "iwae_density", "log_p_quadrature", "sigma_squared"] {
            assert!(greys.value(key).is_some() && bits.value(key).is_none(), "{key}");
        }
        let with_grey: Vec<_> =
            bits.groups.iter().filter(|group| group.measures.iter().any(|m| m.key == "grey_cost")).collect();
        assert!(with_grey.len() == 1 && with_grey[0].measures.len() == 1, "it stands alone");
        assert_eq!(bits.latent_kl.len(), 2);
    }
}
