//! Two ways to teach the same networks, side by side: auto-encoding variational Bayes against wake-sleep (Kingma and Welling
//! 2014, figure 2). Same sizes, same images in the same order, same seed; measured on test images never trained on.

use std::borrow::Cow::Borrowed;

use latent_protocol::Settings;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Finding, Images, Series};

use super::{Bench, Entry, Experiment, Progress, Work, fact, share};
use crate::CoreError;
use crate::data::{Dataset, Shard};
use crate::evaluation::TestLossEvaluation;
use crate::gates::{LabGate, Limit};
use crate::models;
use crate::training::{Advance, Run};

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("race"),
        name: Borrowed("One bound or two objectives?"),
        summary: Borrowed(
            "The same networks are taught by the variational bound and by wake-sleep, from the same weights, on the same \
             images in the same order. Every 30,000 images the bound of both is measured on test digits.",
        ),
        // It trains models of its own.
        needs: Borrowed(&[]),
        images: Images::All,
    },
    begin: || Box::new(Race::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[LabGate {
    fact: "least_lead",
    limit: Limit::AtLeast(2.0),
    reference: "4.4 to 6.2 nats at 1, 2 and 4 epochs (pilot, 60,000 images)",
}];

/// Who runs: family and name.
const RUNNERS: [(&str, &str); 2] =
    [("vae", "One bound (AEVB)"), ("wake-sleep-vae", "Two objectives (wake-sleep)")];

/// Settings of both.
const SETTINGS: [(&str, &str); 5] = [
    ("latent_dim", "3"),
    ("encoder_hidden", "300"),
    ("decoder_hidden", "300"),
    ("batch_size", "100"),
    ("images", "60000"),
];

/// Times that both are measured, and steps between two of them.
const MEASURED: u64 = 4;
const BETWEEN: u64 = 300;
/// Test images that are measured.
const TESTS: usize = 2000;
/// Steps in a piece of work.
const STEPS: usize = 2;

/// The experiment under way.
#[derive(Default)]
pub struct Race {
    runs: Vec<Run>,
    /// The test images that are measured, as a data set of their own.
    tests: Option<Dataset>,
    evaluation: Option<TestLossEvaluation>,
    /// Bounds by images seen.
    curves: [Vec<(f64, f64)>; 2],
}

impl Experiment for Race {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }

    fn so_far(&self) -> Option<Finding> {
        (!self.curves[1].is_empty()).then(|| self.finding())
    }
}

impl Race {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        if self.runs.is_empty() {
            self.begin(bench)?;
        }
        // The one that is behind.
        let runner = usize::from(self.curves[0].len() > self.curves[1].len());
        let Some(run) = self.runs.get_mut(runner) else {
            return Err(CoreError::Unable("be taught here"));
        };
        let measured = self.curves[runner].len() as u64;
        if measured == MEASURED {
            return Ok(Progress::Done(Box::new(self.finding())));
        }
        let due = (measured + 1) * BETWEEN;
        if run.step() < due {
            for _ in 0..STEPS {
                if run.step() < due && !matches!(run.advance(bench.dataset), Advance::Stepped(_)) {
                    return Err(CoreError::Unable(
                        "be taught yet: the training images are still on their way",
                    ));
                }
            }
        } else if let Some(tests) = &self.tests {
            let evaluation = self
                .evaluation
                .get_or_insert_with(|| TestLossEvaluation::new(run.snapshot(), &run.family().card));
            if let Some(loss) = evaluation.advance(tests).await? {
                #[expect(clippy::cast_precision_loss, reason = "images are few")]
                let seen = (run.step() * run.config().batch_size as u64) as f64;
                self.curves[runner].push((seen, loss.total));
                self.evaluation = None;
            }
        }
        let done: u64 = self.runs.iter().map(Run::step).sum();
        let all = RUNNERS.len() as u64 * MEASURED * BETWEEN;
        Ok(share(usize::try_from(done).unwrap_or(0), usize::try_from(all).unwrap_or(1)))
    }

    fn begin(&mut self, bench: &Bench<'_>) -> Result<(), CoreError> {
        for (id, _) in RUNNERS {
            let card = &models::family(id)?.card;
            let mut settings = Settings::defaults(card);
            for (key, value) in SETTINGS {
                settings.set(card, key, value)?;
            }
            self.runs.push(Run::new(
                &bench.model.device().inner(),
                id,
                &settings,
                super::SEED,
                bench.dataset,
            )?);
        }
        let test = bench.dataset.test();
        let count = TESTS.min(test.labels.len());
        let part = Shard {
            pixels: test.pixels[..count * crate::data::PIXELS].to_vec(),
            labels: test.labels[..count].to_vec(),
        };
        self.tests = Some(Dataset::complete("some test images", Shard::default(), part));
        Ok(())
    }

    fn finding(&self) -> Finding {
        let leads: Vec<f64> = self.curves[1]
            .iter()
            .zip(&self.curves[0])
            .map(|((_, behind), (_, ahead))| behind - ahead)
            .collect();
        let least = leads.iter().copied().fold(f64::INFINITY, f64::min);
        let mut facts = vec![fact("least_lead", "Least lead of the one bound", "nats", least)];
        let names = RUNNERS.iter().zip(["bound", "wake_sleep"]).zip(&self.curves);
        for (((_, name), key), curve) in names {
            for (seen, loss) in curve {
                facts.push(fact(
                    &format!("{key}_{seen}"),
                    format!("{name}, {seen} images seen"),
                    "nats",
                    *loss,
                ));
            }
        }
        let charts = vec![Chart {
            title: "\u{2212}ELBO of test digits".into(),
            kind: ChartKind::Lines,
            x: "images seen".into(),
            y: "nats".into(),
            series: RUNNERS
                .iter()
                .zip(&self.curves)
                .map(|((_, name), curve)| Series { name: (*name).into(), points: curve.clone() })
                .collect(),
        }];
        let notes = vec![
            "Asleep, the encoder learns from dreams, not from digits, and early dreams are poor. Nothing drives the two \
             objectives to the same model, so the gap need not close. With fewer hidden units (128) wake-sleep was ahead \
             for a while: a race is of these networks, not of all."
                .into(),
        ];
        Finding { facts, notes, charts, pictures: Vec::new() }
    }
}
