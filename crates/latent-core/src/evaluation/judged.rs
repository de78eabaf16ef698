//! What an independent classifier sees in a model's samples and reconstructions.

use latent_protocol::MeasureTable;

use super::scores::{Gaussian, Verdict, best, frechet_distance, softmax};
use super::{CHUNK, Subject, TEST_SEED, chunk, greys, group, measure};
use crate::CoreError;
use crate::data::{CLASSES, PIXELS, SIDE};
use crate::family::{Examples, codes};
use crate::judge::{FEATURES, Judge};
use crate::linalg::unit;
use crate::noise::{Noise, Stream};
use crate::weights::read;

pub struct Stage {
    samples: usize,
    images: usize,
    next: usize,
    /// Test digits, which the others are compared with.
    test: Judged,
    /// Training digits: what a perfect model would get.
    real: Judged,
    /// Uniform noise.
    noise: Judged,
    model: Judged,
    /// Test digits, and reconstructions, that the judge takes for what they are.
    right: usize,
    right_again: usize,
    /// Samples that the judge takes for the class that was asked for.
    asked: usize,
}

/// What the judge said of a set of images.
pub(crate) struct Judged {
    /// Features of the images.
    pub features: Gaussian,
    /// Their classes.
    pub verdict: Verdict,
}

impl Default for Judged {
    fn default() -> Self {
        Self { features: Gaussian::new(FEATURES), verdict: Verdict::default() }
    }
}

impl Judged {
    /// Show images to the judge; returns the logits of their classes.
    pub async fn add(&mut self, judge: &Judge, examples: &Examples) -> Result<Vec<f32>, CoreError> {
        let (features, logits) = judge.look(examples.images.clone());
        self.features.add(&read(features).await?);
        let logits = read(logits).await?;
        self.verdict.add(&softmax(&logits));
        Ok(logits)
    }
}

impl Stage {
    pub fn new(samples: usize, images: usize) -> Self {
        let [test, real, noise, model] = std::array::from_fn(|_| Judged::default());
        Self { samples, images, next: 0, test, real, noise, model, right: 0, right_again: 0, asked: 0 }
    }

    pub fn chunks(&self) -> usize {
        self.images.div_ceil(CHUNK) + 3 * self.samples.div_ceil(CHUNK)
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let Some(judge) = subject.judge else { return Ok(()) };
        let (model, dataset) = (subject.model, subject.dataset);
        let (test, per_kind) = (self.images.div_ceil(CHUNK), self.samples.div_ceil(CHUNK));
        let index = self.next;
        self.next += 1;
        if index < test {
            let range = chunk(index, self.images);
            let truth = &dataset.test().labels[range.clone()];
            let examples = greys(dataset.test(), range, model);
            self.right += count_right(&self.test.add(judge, &examples).await?, truth);
            if let Some(again) = model.reconstruct(&examples) {
                let images = unit(again).reshape([truth.len(), 1, SIDE, SIDE]);
                self.right_again += count_right(&read(judge.look(images).1).await?, truth);
            }
            return Ok(());
        }
        let (kind, range) = ((index - test) / per_kind, chunk((index - test) % per_kind, self.samples));
        let mut noise = Noise::new(TEST_SEED, Stream::Samples, index as u64);
        match kind {
            0 => {
                let plane = model.plane();
                let z = plane.sample(range.len(), &mut noise);
                let asked: Vec<u8> = z
                    .chunks_exact(plane.code_length())
                    .map(|code| class(&code[plane.latent_dim..]))
                    .collect();
                let images = model.decode(codes(model, z));
                let examples = Examples {
                    images,
                    ..Examples::new(vec![0.0; asked.len() * PIXELS], &asked, &model.device())
                };
                self.asked += count_right(&self.model.add(judge, &examples).await?, &asked);
            }
            1 => {
                self.real.add(judge, &greys(dataset.train(), range, model)).await?;
            }
            _ => {
                let pixels: Vec<f32> = (0..range.len() * PIXELS).map(|_| noise.unit()).collect();
                let examples = Examples::new(pixels, &vec![0; range.len()], &model.device());
                self.noise.add(judge, &examples).await?;
            }
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let percent = |count: usize, of: usize| 100.0 * count as f64 / of.max(1) as f64;
        let accuracy = percent(self.right, self.images);
        let note = format!(
            "Means of decoded codes from the prior, seen by an independent classifier that is right on {accuracy:.2} % of \
             these test digits. Real: training digits. Baseline: uniform noise. The distance compares {FEATURES} features \
             of {} samples with those of {} test digits; it depends on that number and on this judge, so it cannot be \
             compared with published ones.",
            self.samples, self.images
        );
        let group = group(table, "Samples", &note);
        let mut add = |key: &str, label: &str, unit: &str, of: &dyn Fn(&Judged) -> f64| {
            let mut row = measure(key, label, unit, of(&self.model), self.samples);
            row.real = Some(of(&self.real));
            row.baseline = Some(of(&self.noise));
            group.measures.push(row);
        };
        add("samples_fd", "Fr\u{e9}chet distance to test digits", "", &|judged| {
            frechet_distance(&judged.features, &self.test.features)
        });
        add("samples_sure", "Judge more than 90 % sure", "%", &|judged| 100.0 * judged.verdict.sure());
        add("samples_entropy", "Entropy of classes (at most 2.30)", "nats", &|j| j.verdict.entropy());
        add("samples_rarest", "Rarest class", "%", &|judged| 100.0 * judged.verdict.rarest());
        add("samples_inception", "Inception score with this judge (at most 10)", "", &|j| {
            j.verdict.inception()
        });
        if subject.card.abilities.classes {
            let mut row = measure(
                "asked_class",
                "Drawn as the class asked for",
                "%",
                percent(self.asked, self.samples),
                self.samples,
            );
            row.real = Some(accuracy);
            row.baseline = Some(10.0);
            group.measures.push(row);
        }
        if subject.card.abilities.encode {
            let share = percent(self.right_again, self.images);
            let mut row = measure(
                "reconstruction_class",
                "Reconstructions of the right class",
                "%",
                share,
                self.images,
            );
            row.real = Some(accuracy);
            row.baseline = Some(10.0);
            group.measures.push(row);
        }
    }
}

/// The class that a one-hot code asks for; 0 where there is none.
fn class(one_hot: &[f32]) -> u8 {
    if one_hot.is_empty() { 0 } else { u8::try_from(best(one_hot)).unwrap_or(0) }
}

fn count_right(logits: &[f32], truth: &[u8]) -> usize {
    let found = logits.chunks_exact(CLASSES).map(best);
    found.zip(truth).filter(|(found, truth)| *found == usize::from(**truth)).count()
}
