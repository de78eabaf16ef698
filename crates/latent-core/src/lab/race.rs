//! Ways to teach the same networks, side by side: auto-encoding variational Bayes against wake-sleep on many images, and both
//! against Monte-Carlo EM on few (Kingma and Welling 2014, figures 2 and 3). Same sizes, same images in the same order, same
//! seed; measured on test images never trained on.

use std::borrow::Cow::Borrowed;

use latent_protocol::Settings;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Fact, Finding, Images, Series};

use super::{Bench, Entry, Experiment, Progress, Work, fact, share};
use crate::CoreError;
use crate::data::{Dataset, PIXELS, Shard};
use crate::evaluation::TestLossEvaluation;
use crate::gates::{LabGate, Limit};
use crate::models;
use crate::training::{Advance, Run};

/// Line of the race on many images.
pub const MANY: Entry = Entry {
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
    begin: || Box::new(Race::new(&ON_MANY)),
    rival: |_| None,
    gates: &[LabGate {
        fact: "least_lead",
        limit: Limit::AtLeast(2.0),
        reference: "4.4 to 6.2 nats at 1, 2 and 4 epochs (pilot, 60,000 images)",
    }],
};

/// Line of the race on few images.
pub const FEW: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("race-with-chains"),
        name: Borrowed("Is an encoder worth it?"),
        summary: Borrowed(
            "A thousand images, a small decoder, three teachers: the variational bound and wake-sleep, each with an \
             encoder, and Monte-Carlo EM, which lets a Markov chain per image look for its codes. An image costs the \
             chains many times as much, so what counts is what is reached for the same work.",
        ),
        needs: Borrowed(&[]),
        images: Images::All,
    },
    begin: || Box::new(Race::new(&ON_FEW)),
    rival: |_| None,
    gates: &[
        LabGate {
            fact: "mcem_last",
            limit: Limit::AtMost(175.0),
            reference: "no figures in print: axes from 100 to 160 after millions of images (figure 3)",
        },
        LabGate {
            fact: "bound_last",
            limit: Limit::Below("lab/race-with-chains/mcem_last"),
            reference: "ahead for the same work (figure 3)",
        },
    ],
};

/// A race.
struct Course {
    runners: &'static [Runner],
    /// Settings of all; those that a family does not have are none of its.
    settings: &'static [(&'static str, &'static str)],
    /// Times that each is measured.
    measured: usize,
    /// Test images that are measured.
    tests: usize,
    /// What is measured: its name, and whether it is the likelihood by codes of the prior, which needs no encoder, and not
    /// the bound.
    measure: &'static str,
    by_prior: bool,
    note: &'static str,
}

/// Who runs.
struct Runner {
    family: &'static str,
    key: &'static str,
    name: &'static str,
    /// Steps between two measurements.
    between: u64,
    /// Products of an image or a code with the weights of a network, forward or for a derivative: the work per image,
    /// where encoder and decoder are equally large and the layers at the code cost nothing.
    passes: u64,
}

/// Encoder: forward, and the derivatives of its weights. Decoder: forward, and the derivatives of weights and code.
const BOUND: Runner =
    Runner { family: "vae", key: "bound", name: "One bound (AEVB)", between: 300, passes: 5 };

/// Awake, the encoder goes forward and the decoder learns; asleep, the decoder goes forward and the encoder learns.
const WAKE_SLEEP: Runner = Runner {
    family: "wake-sleep-vae",
    key: "wake_sleep",
    name: "Two objectives (wake-sleep)",
    between: 300,
    passes: 7,
};

/// Eleven slopes of the landscape, forward and back, and five updates.
const CHAINS: Runner = Runner {
    family: "mcem-vae",
    key: "mcem",
    name: "Markov chains (Monte-Carlo EM)",
    between: 40,
    passes: 37,
};

const ON_MANY: Course = Course {
    runners: &[BOUND, WAKE_SLEEP],
    settings: &[
        ("latent_dim", "3"),
        ("encoder_hidden", "300"),
        ("decoder_hidden", "300"),
        ("batch_size", "100"),
        ("images", "60000"),
        // Of fewer images there are more epochs in a race.
        ("epochs", "1000"),
    ],
    measured: 4,
    tests: 2000,
    measure: "\u{2212}ELBO of test digits",
    by_prior: false,
    note: "Asleep, the encoder learns from dreams, not from digits, and early dreams are poor. Nothing drives the two \
           objectives to the same model, so the gap need not close. With fewer hidden units (128) wake-sleep was ahead \
           for a while: a race is of these networks, not of all.",
};

/// About the same work for each.
const ON_FEW: Course = Course {
    runners: &[Runner { between: 280, ..BOUND }, Runner { between: 200, ..WAKE_SLEEP }, CHAINS],
    settings: &[
        ("latent_dim", "3"),
        ("encoder_hidden", "100"),
        ("decoder_hidden", "100"),
        ("batch_size", "100"),
        ("images", "1000"),
        ("epochs", "1000"),
    ],
    measured: 5,
    tests: 500,
    measure: "\u{2212}log p(x) of test digits, 1000 codes of the prior",
    by_prior: true,
    note: "By images seen the chains lead: they look at each image longer, and their codes are those of the true posterior. \
           By work the encoder leads, since it answers at once. With a thousand codes of the prior all three come out some \
           nats worse than they are.",
};

/// Passes of an image in a piece of work, if a step has no more.
const PASSES: u64 = 14;

/// The experiment under way.
pub struct Race {
    course: &'static Course,
    runs: Vec<Run>,
    /// The test images that are measured, as a data set of their own.
    tests: Option<Dataset>,
    evaluation: Option<TestLossEvaluation>,
    /// What was measured of each runner, by images seen.
    curves: Vec<Vec<(f64, f64)>>,
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
    fn new(course: &'static Course) -> Self {
        let curves = course.runners.iter().map(|_| Vec::new()).collect();
        Self { course, runs: Vec::new(), tests: None, evaluation: None, curves }
    }

    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        if self.runs.is_empty() {
            self.begin(bench)?;
        }
        // The one that is behind, the first of those.
        let behind = self.curves.iter().enumerate().min_by_key(|(_, curve)| curve.len());
        let runner = behind.map_or(0, |(runner, _)| runner);
        let Some(run) = self.runs.get_mut(runner) else {
            return Err(CoreError::Unable("be taught here"));
        };
        let measured = self.curves[runner].len();
        if measured == self.course.measured {
            return Ok(Progress::Done(Box::new(self.finding())));
        }
        let due = (measured as u64 + 1) * self.course.runners[runner].between;
        if run.step() < due {
            for _ in 0..(PASSES / self.course.runners[runner].passes).max(1) {
                if run.step() < due && !matches!(run.advance(bench.dataset), Advance::Stepped(_)) {
                    return Err(CoreError::Unable("be taught so long: there are too few training images"));
                }
            }
        } else if let Some(tests) = &self.tests {
            let evaluation = self.evaluation.get_or_insert_with(|| {
                let (model, card) = (run.snapshot(), &run.family().card);
                if self.course.by_prior {
                    TestLossEvaluation::by_prior(model, card)
                } else {
                    TestLossEvaluation::new(model, card)
                }
            });
            if let Some(loss) = evaluation.advance(tests).await? {
                #[expect(clippy::cast_precision_loss, reason = "images are few")]
                let seen = (run.step() * run.config().batch_size as u64) as f64;
                self.curves[runner].push((seen, loss.total));
                self.evaluation = None;
            }
        }
        let runners = self.course.runners.iter();
        let done: u64 = runners.clone().zip(&self.runs).map(|(runner, run)| runner.passes * run.step()).sum();
        let all: u64 = runners.map(|runner| runner.passes * runner.between).sum();
        let all = self.course.measured * usize::try_from(all).unwrap_or(1);
        Ok(share(usize::try_from(done).unwrap_or(0), all))
    }

    fn begin(&mut self, bench: &Bench<'_>) -> Result<(), CoreError> {
        for Runner { family, .. } in self.course.runners {
            let card = &models::family(family)?.card;
            let mut settings = Settings::defaults(card);
            for (key, value) in self.course.settings {
                if card.hyperparameter(key).is_some() {
                    settings.set(card, key, value)?;
                }
            }
            let device = bench.model.device().inner();
            self.runs.push(Run::new(&device, family, &settings, super::SEED, bench.dataset)?);
        }
        let test = bench.dataset.test();
        let count = self.course.tests.min(test.labels.len());
        let part =
            Shard { pixels: test.pixels[..count * PIXELS].to_vec(), labels: test.labels[..count].to_vec() };
        self.tests = Some(Dataset::complete("some test images", Shard::default(), part));
        Ok(())
    }

    fn finding(&self) -> Finding {
        let mut facts: Vec<Fact> = self.least_lead().into_iter().collect();
        let runners = || self.course.runners.iter().zip(&self.curves);
        for (Runner { key, name, .. }, curve) in runners() {
            if let Some((seen, loss)) = curve.last() {
                facts.push(fact(
                    &format!("{key}_last"),
                    format!("{name}, {seen} images seen"),
                    "nats",
                    *loss,
                ));
            }
        }
        for (Runner { key, name, .. }, curve) in runners() {
            for (seen, loss) in curve.iter().rev().skip(1).rev() {
                facts.push(fact(
                    &format!("{key}_{seen}"),
                    format!("{name}, {seen} images seen"),
                    "nats",
                    *loss,
                ));
            }
        }
        let chart = |x: &str, work: fn(&Runner) -> u64| Chart {
            title: self.course.measure.into(),
            kind: ChartKind::Lines,
            x: x.into(),
            y: "nats".into(),
            series: runners()
                .map(|(runner, curve)| {
                    #[expect(clippy::cast_precision_loss, reason = "some dozens")]
                    let work = work(runner) as f64;
                    let points = curve.iter().map(|(seen, loss)| (seen * work, *loss)).collect();
                    Series { name: runner.name.into(), points }
                })
                .collect(),
        };
        let charts =
            vec![chart("images seen", |_| 1), chart("passes through a network", |runner| runner.passes)];
        Finding { facts, notes: vec![self.course.note.into()], charts, pictures: Vec::new() }
    }

    /// By how much the first of two leads at least, where they are measured after the same images.
    fn least_lead(&self) -> Option<Fact> {
        let [ahead, behind] = self.curves.as_slice() else { return None };
        let leads = behind.iter().zip(ahead).map(|((_, behind), (_, ahead))| behind - ahead);
        let least = leads.fold(f64::INFINITY, f64::min);
        Some(fact("least_lead", "Least lead of the one bound", "nats", least))
    }
}
