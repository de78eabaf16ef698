//! How much the encoder's gradient scatters by the estimator of the bound: both of "Auto-Encoding Variational Bayes"
//! (Kingma and Welling 2014, equations 6 and 7), with more codes per image, and the score function's (section 2.2).

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Finding, Images, Need, Series};

use super::{Bench, Entry, Experiment, Image, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::family::Examples;
use crate::gates::{LabGate, Limit};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("estimators"),
        name: Borrowed("How noisy is a gradient?"),
        summary: Borrowed(
            "The bound is an average over codes, and each step of training draws a few. Here one batch of test images \
             is drawn a hundred times by each estimator, and the scatter of the encoder's gradient is added up over \
             all its weights. Textbooks say that the closed form of the KL helps and that the score function is hopeless.",
        ),
        needs: Borrowed(&[Need::Posterior, Need::NoClasses, Need::Encoder]),
        images: Images::Test,
    },
    begin: || Box::new(Scatter::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[
    LabGate { fact: "a_to_b", limit: Limit::AtLeast(0.95), reference: "1.00 (pilot, trained)" },
    LabGate { fact: "one_to_five", limit: Limit::AtLeast(4.0), reference: "5.2 (pilot)" },
    LabGate { fact: "one_to_five", limit: Limit::AtMost(6.0), reference: "5.2 (pilot)" },
    LabGate { fact: "score_to_b", limit: Limit::AtLeast(20.0), reference: "10,000 (pilot, trained)" },
];

/// Images in the batch.
const BATCH: usize = 100;
/// Times that each gradient is drawn.
const REPEATS: usize = 100;
/// Gradients in a piece of work.
const AT_ONCE: usize = 2;

/// A way to draw the gradient.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// `log p(x, z) - log q(z|x)`, all of it by codes.
    Sampled,
    /// `log p(x|z)` by codes, the KL in closed form.
    ClosedForm,
    /// The derivative of `log q(z|x)` times what the codes earned.
    Score,
}

/// Key, name, way and codes per image.
const ESTIMATORS: [(&str, &str, Kind, usize); 8] = [
    ("a_1", "A: all by codes", Kind::Sampled, 1),
    ("a_5", "A, 5 codes", Kind::Sampled, 5),
    ("a_10", "A, 10 codes", Kind::Sampled, 10),
    ("b_1", "B: KL in closed form", Kind::ClosedForm, 1),
    ("b_2", "B, 2 codes", Kind::ClosedForm, 2),
    ("b_5", "B, 5 codes", Kind::ClosedForm, 5),
    ("b_10", "B, 10 codes", Kind::ClosedForm, 10),
    ("score_1", "Score function", Kind::Score, 1),
];

/// The experiment under way.
#[derive(Default)]
pub struct Scatter {
    batch: Option<Examples>,
    /// Of the estimator that is at work.
    draws: Draws,
    variances: Vec<f64>,
}

/// Draws of a gradient, tensor by tensor.
#[derive(Default)]
pub(super) struct Draws {
    /// Sums of the gradients and of their squares.
    sums: Vec<(Tensor<1>, Tensor<1>)>,
    count: usize,
}

impl Draws {
    /// One more.
    pub fn add(&mut self, gradients: Vec<Tensor<1>>) {
        if self.sums.is_empty() {
            self.sums = gradients.into_iter().map(|g| (g.clone(), g.powi_scalar(2))).collect();
        } else {
            for (sums, gradient) in self.sums.iter_mut().zip(gradients) {
                *sums = (sums.0.clone() + gradient.clone(), sums.1.clone() + gradient.powi_scalar(2));
            }
        }
        self.count += 1;
    }

    /// Variances of all weights, added up.
    pub async fn total_variance(self) -> Result<f64, CoreError> {
        #[expect(clippy::cast_precision_loss, reason = "draws are few")]
        let count = self.count as f64;
        let mut variance = 0.0;
        for (sum, squares) in self.sums {
            // Unbiased: (sum of squares - square of the sum / n) / (n - 1).
            let parts = (squares - sum.powi_scalar(2) / count).sum() / (count - 1.0);
            variance += f64::from(read(parts).await?.first().copied().unwrap_or(f32::NAN));
        }
        Ok(variance)
    }
}

impl Experiment for Scatter {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Scatter {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        let Some((_, _, kind, codes)) = ESTIMATORS.get(self.variances.len()).copied() else {
            return Ok(Progress::Done(Box::new(self.finding())));
        };
        let batch = self.batch.get_or_insert_with(|| {
            let images: Vec<Image> =
                (0..BATCH).map_while(|number| Image::of_test(bench.dataset, number)).collect();
            bench.examples(&images.iter().collect::<Vec<_>>())
        });
        for _ in 0..AT_ONCE {
            // All estimators get the same draws, so what they differ by is not chance.
            let eps = draw(bench, batch, codes, self.draws.count as u64);
            self.draws.add(gradients(bench, batch, kind, eps)?);
        }
        if self.draws.count >= REPEATS {
            self.variances.push(std::mem::take(&mut self.draws).total_variance().await?);
        }
        Ok(share(self.variances.len() * REPEATS + self.draws.count, ESTIMATORS.len() * REPEATS))
    }

    fn finding(&self) -> Finding {
        let of = |key: &str| {
            let at = ESTIMATORS.iter().position(|(known, ..)| *known == key);
            at.and_then(|at| self.variances.get(at)).copied().unwrap_or(f64::NAN)
        };
        let mut facts = vec![
            fact("a_to_b", "A scatters so many times as much as B", "", of("a_1") / of("b_1")),
            fact("one_to_five", "One code scatters so many times as much as five", "", of("b_1") / of("b_5")),
            fact(
                "score_to_b",
                "The score function so many times as much as B",
                "",
                of("score_1") / of("b_1"),
            ),
        ];
        for ((key, name, ..), variance) in ESTIMATORS.iter().zip(&self.variances) {
            facts.push(fact(key, format!("Variance of the gradient: {name}"), "nats\u{b2}", *variance));
        }
        let series =
            ESTIMATORS.iter().zip(&self.variances).enumerate().map(|(index, ((_, name, ..), variance))| {
                let at = f64::from(u8::try_from(index).unwrap_or(u8::MAX));
                Series { name: (*name).into(), points: vec![(at, *variance)] }
            });
        let charts = vec![Chart {
            title: "Variance of the encoder's gradient, all weights together".into(),
            kind: ChartKind::LogarithmicBars,
            x: String::new(),
            y: "nats\u{b2}".into(),
            series: series.collect(),
        }];
        let notes = vec![
            "The closed form helps by some percent at most; codes help as their number says, five by five times; the \
             score function, without a baseline, needs that many times the codes for the same gradient."
                .into(),
        ];
        Finding { facts, notes, charts, pictures: Vec::new() }
    }
}

/// Noise of so many codes for each image.
fn draw(bench: &Bench<'_>, batch: &Examples, codes: usize, index: u64) -> Tensor<3> {
    let shape = [codes, batch.images.dims()[0], bench.latent_dim()];
    Noise::new(SEED, Stream::Step, index).normal(shape, &bench.model.device())
}

const UNABLE: CoreError = CoreError::Unable("be derived: its encoder is missing");

/// The encoder's gradient of the negative bound, tensor by tensor, by the codes of this noise,
/// `[codes, batch, latent_dim]`.
pub(super) fn gradients(
    bench: &Bench<'_>,
    batch: &Examples,
    kind: Kind,
    eps: Tensor<3>,
) -> Result<Vec<Tensor<1>>, CoreError> {
    bench.model.encoder_gradients(cost(bench, batch, kind, eps)?).ok_or(UNABLE)
}

/// What is derived for it: for both kinds of the bound, their negative estimate.
pub(super) fn cost(
    bench: &Bench<'_>,
    batch: &Examples,
    kind: Kind,
    eps: Tensor<3>,
) -> Result<Tensor<1>, CoreError> {
    let terms = bench.model.bound(batch, eps.clone()).ok_or(UNABLE)?;
    Ok(match kind {
        Kind::Sampled => terms.log_weight.mean().neg(),
        Kind::ClosedForm => terms.reconstruction.mean() + terms.kl.sum_dim(1).mean(),
        Kind::Score => {
            let posterior = bench.model.encode(batch).ok_or(UNABLE)?;
            let log_var = posterior.log_var.ok_or(UNABLE)?;
            // The codes as numbers: only the density at them is derived.
            let sigma = (log_var.clone() * 0.5).exp();
            let z = posterior.mu.clone().detach().unsqueeze::<3>() + sigma.detach().unsqueeze::<3>() * eps;
            let square =
                (z - posterior.mu.unsqueeze::<3>()).powi_scalar(2) / log_var.clone().exp().unsqueeze::<3>();
            let log_q: Tensor<2> = ((square + log_var.unsqueeze::<3>()).sum_dim(2) * -0.5).squeeze_dim(2);
            (terms.log_weight.detach() * log_q).mean().neg()
        }
    })
}

#[cfg(test)]
mod tests {
    use latent_protocol::Settings;
    use pollster::block_on;

    use super::super::device;
    use super::*;
    use crate::Device;
    use crate::conformance::{noisy_dataset, toy_settings};
    use crate::models::family;

    /// All three estimate the same gradient: over many draws their means meet, as far as they scatter.
    #[test]
    fn the_estimators_agree_on_average() {
        let (family, dataset) = (family("vae").expect("a family"), noisy_dataset());
        let settings: Settings = toy_settings(&family.card);
        let fresh = (family.trainer)(&Device::flex(), &settings, 3).expect("settings fit").snapshot();
        let metadata = [
            ("family".to_string(), family.card.id.to_string()),
            ("settings".to_string(), serde_json::to_string(&settings).expect("numbers and words")),
        ];
        let file = crate::weights::WeightFile {
            metadata: metadata.into_iter().collect(),
            tensors: block_on(fresh.weights()).expect("the CPU answers"),
        };
        let model = (family.load)(&device(&Device::flex()), &file).expect("the same family");
        let image = Image::of_test(&dataset, 0).expect("an image");
        let bench = Bench {
            model: model.as_ref(),
            card: &family.card,
            dataset: &dataset,
            judge: None,
            rival: None,
            image: &image,
        };
        let images: Vec<Image> = (0..20).map_while(|number| Image::of_test(&dataset, number)).collect();
        let batch = bench.examples(&images.iter().collect::<Vec<_>>());
        // The bias of the means of the code: a few numbers that matter.
        let draws = |kind: Kind, count: u64| -> Vec<Vec<f32>> {
            let of = |index| {
                let eps = draw(&bench, &batch, 1, index);
                gradients(&bench, &batch, kind, eps).expect("an encoder").swap_remove(3)
            };
            (0..count).map(|index| block_on(read(of(index))).expect("the CPU answers")).collect()
        };
        let moments = |draws: &[Vec<f32>], at: usize| {
            let values: Vec<f64> = draws.iter().map(|draw| f64::from(draw[at])).collect();
            let count = f64::from(u32::try_from(values.len()).expect("few"));
            let mean = values.iter().sum::<f64>() / count;
            let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            (mean, square / (count - 1.0) / count)
        };
        let reference = draws(Kind::ClosedForm, 200);
        for (kind, count) in [(Kind::Sampled, 200), (Kind::Score, 3000)] {
            let found = draws(kind, count);
            for at in 0..found[0].len() {
                let ((a, a_error), (b, b_error)) = (moments(&found, at), moments(&reference, at));
                let apart = (a - b).abs() / libm::sqrt(a_error + b_error);
                assert!(apart < 4.0, "{at}: {a} and {b} are {apart} standard errors apart");
            }
        }
    }
}
