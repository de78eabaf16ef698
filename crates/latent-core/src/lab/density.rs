//! Where an image stands among test digits by the bound on its probability, beside images that are no digits; and why a blank
//! one wins.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Finding, Images, Need, Picture, Series};

use super::{Bench, Entry, Experiment, Image, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::data::{PIXELS, SIDE};
use crate::evaluation::log_mean_exp;
use crate::gates::{LabGate, Limit};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("density"),
        name: Borrowed("Is it a digit?"),
        summary: Borrowed(
            "What looks like a digit should be probable, and noise or a skull should not be. The image is put in the \
             histogram of test digits, with others that are no digits. One trap: a blank page comes out as more \
             probable than most digits, since black is what a model of digits predicts best.",
        ),
        needs: Borrowed(&[Need::Likelihood, Need::NoClasses]),
        images: Images::Test,
    },
    begin: || Box::new(Density::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[
    LabGate {
        fact: "flipped",
        limit: Limit::Above("lab/density/digits"),
        reference: "121 against 91 (pilot, 20 latents)",
    },
    LabGate {
        fact: "permuted",
        limit: Limit::Above("lab/density/flipped"),
        reference: "455 (pilot, 20 latents)",
    },
    LabGate {
        fact: "noise",
        limit: Limit::Above("lab/density/permuted"),
        reference: "2974 (pilot, 20 latents)",
    },
    LabGate {
        fact: "blank",
        limit: Limit::Below("lab/density/digits"),
        reference: "34.5 against 91: the trap (pilot, 20 latents)",
    },
];

/// Test images in the histogram, and images at once.
const TESTS: usize = 500;
const CHUNK: usize = 50;
/// Codes per image from its encoder, and codes from the prior for all images where there is none.
const DRAWS: usize = 8;
const PRIOR_DRAWS: usize = 2000;
/// Bars of the histogram.
const BARS: usize = 25;

/// The experiment under way.
#[derive(Default)]
pub struct Density {
    images: Vec<Image>,
    /// Negative bounds.
    pub(super) nats: Vec<f64>,
}

impl Experiment for Density {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Density {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        if self.images.is_empty() {
            self.images.extend(strangers(bench.image).map(|(_, _, image)| image));
            self.images.extend((0..TESTS).map_while(|number| Image::of_test(bench.dataset, number)));
        }
        if self.nats.len() == self.images.len() {
            return Ok(Progress::Done(Box::new(self.finding(bench))));
        }
        let from = self.nats.len();
        let images: Vec<&Image> = self.images[from..].iter().take(CHUNK).collect();
        let nats = if bench.card.abilities.encode {
            let shape = [DRAWS, images.len(), bench.latent_dim()];
            let eps = Noise::new(SEED, Stream::Test, from as u64).normal(shape, &bench.model.device());
            by_the_encoder(bench, &images, eps).await?
        } else {
            by_the_prior(bench, &images).await?
        };
        self.nats.extend(nats);
        Ok(share(self.nats.len(), self.images.len()))
    }

    pub(super) fn finding(&self, bench: &Bench<'_>) -> Finding {
        let strangers: Vec<_> = strangers(bench.image).collect();
        let (others, digits) = self.nats.split_at(strangers.len());
        let mut sorted = digits.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "images are few")]
        let percent = |nats: f64| {
            100.0 * sorted.iter().filter(|digit| **digit > nats).count() as f64 / sorted.len().max(1) as f64
        };
        #[expect(clippy::cast_precision_loss, reason = "images are few")]
        let mean = sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
        let mut facts = vec![fact("digits", format!("Test digits, mean of {}", digits.len()), "nats", mean)];
        let mut pictures = Vec::new();
        for ((key, name, image), nats) in strangers.iter().zip(others) {
            facts.push(fact(key, *name, "nats", *nats));
            facts.push(fact(
                &format!("{key}_beats"),
                "  test digits that are less probable",
                "%",
                percent(*nats),
            ));
            let title = format!("{name}: {nats:.0} nats");
            pictures.push(Picture { title, width: SIDE, greys: image.greys.clone(), marks: Vec::new() });
        }
        let mut series = vec![Series { name: "Test digits".into(), points: histogram(&sorted) }];
        series.extend(
            strangers
                .iter()
                .zip(others)
                .map(|((_, name, _), nats)| Series { name: (*name).into(), points: vec![(*nats, 0.0)] }),
        );
        let charts = vec![Chart {
            title: "Negative bound on the log-probability".into(),
            kind: ChartKind::Histogram,
            x: "nats, less is more probable".into(),
            y: "test digits".into(),
            series,
        }];
        let notes = vec![
            "A blank page is more probable than nearly all digits and is none: most pixels of every digit are black, so \
             black is never a surprise. A high probability alone does not make a digit."
                .into(),
        ];
        Finding { facts, notes, charts, pictures }
    }
}

/// The negative evidence lower bound of images by the codes of this noise, `[codes, images, latent_dim]`.
pub(super) async fn by_the_encoder(
    bench: &Bench<'_>,
    images: &[&Image],
    eps: Tensor<3>,
) -> Result<Vec<f64>, CoreError> {
    let unable = CoreError::Unable("bound the likelihood of images: its encoder is missing");
    let terms = bench.model.bound(&bench.examples(images), eps).ok_or(unable)?;
    let cost = terms.reconstruction.mean_dim(0).flatten::<1>(0, 1) + terms.kl.sum_dim(1).flatten::<1>(0, 1);
    Ok(read(cost).await?.into_iter().map(f64::from).collect())
}

/// The negative logarithm of the mean of `p(x|z)` over codes from the prior, the same for all images.
async fn by_the_prior(bench: &Bench<'_>, images: &[&Image]) -> Result<Vec<f64>, CoreError> {
    let mut noise = Noise::new(SEED, Stream::Test, 4);
    let z = (0..PRIOR_DRAWS * bench.latent_dim()).map(|_| noise.gauss()).collect();
    let pairs = bench.model.log_likelihood(bench.examples(images).images, bench.codes(z));
    let pairs = read(pairs.ok_or(CoreError::Unable("tell the likelihood of images"))?).await?;
    let of = |image: usize| pairs.iter().skip(image).step_by(images.len()).copied();
    Ok((0..images.len()).map(|image| -log_mean_exp(of(image))).collect())
}

/// Middles of the bars and how many digits are in each.
#[expect(clippy::cast_precision_loss, reason = "images are few")]
fn histogram(sorted: &[f64]) -> Vec<(f64, f64)> {
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let width = (most - least).max(1e-9) / BARS as f64;
    let mut counts = [0.0; BARS];
    for nats in sorted {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to BARS")]
        let bar = ((nats - least) / width) as usize;
        counts[bar.min(BARS - 1)] += 1.0;
    }
    counts.iter().enumerate().map(|(bar, count)| (least + (bar as f64 + 0.5) * width, *count)).collect()
}

/// The subject and images that are no digits: key, name, image.
fn strangers(subject: &Image) -> impl Iterator<Item = (&'static str, &'static str, Image)> {
    let of = |greys: Vec<u8>| Image { greys, class: subject.class, number: Image::OWN };
    let mut noise = Noise::new(SEED, Stream::Test, 3);
    let random = (0..PIXELS).map(|_| (noise.bits() >> 56) as u8).collect();
    let order = noise.permutation(PIXELS);
    let permuted = order.iter().map(|at| subject.greys[*at as usize]).collect();
    let flipped = super::rows(&subject.greys).flat_map(|row| row.iter().rev().copied()).collect();
    let inverted = subject.greys.iter().map(|grey| 255 - grey).collect();
    [
        ("subject", "This image", subject.clone()),
        ("flipped", "Flipped", of(flipped)),
        ("permuted", "Its pixels in another order", of(permuted)),
        ("inverted", "Its negative", of(inverted)),
        ("noise", "Noise", of(random)),
        ("skull", "A skull", of(skull())),
        ("blank", "A blank page", of(vec![0; PIXELS])),
    ]
    .into_iter()
}

/// The Jolly Roger, in two rows of the picture for each of these.
const SKULL: [&str; 14] = [
    "............................",
    "..........########..........",
    ".......##############.......",
    "......################......",
    "......###....##....###......",
    "......###....##....###......",
    "......################......",
    ".......######..######.......",
    ".........##########.........",
    "..##.....#.##.##.#.......##.",
    "...####..#.##.##.#...####...",
    ".......####......####.......",
    ".......####......####.......",
    "...####..............####...",
];

fn skull() -> Vec<u8> {
    SKULL
        .iter()
        .flat_map(|row| [row, row])
        .flat_map(|row| row.bytes().map(|byte| if byte == b'#' { 255 } else { 0 }))
        .collect()
}
