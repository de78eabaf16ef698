//! Is an autoencoder generative? Codes drawn at random, codes drawn from a Gaussian fitted to those of digits, and a variational
//! autoencoder beside a plain one.

use std::borrow::Cow::Borrowed;

use latent_protocol::ModelCard;
use latent_protocol::lab::{ExperimentCard, Finding, Images, Need, Picture};
use nalgebra::{Cholesky, DMatrix, DVector};

use super::{Bench, Entry, Experiment, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::data::{PIXELS, SIDE};
use crate::evaluation::{Gaussian, Judged, frechet_distance, greys};
use crate::family::{Examples, LatentModel, codes};
use crate::gates::{LabGate, Limit};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("generative"),
        name: Borrowed("Does it make digits?"),
        summary: Borrowed(
            "A plain autoencoder is told to have learned a code but no distribution of codes. Here codes are drawn from a \
             standard normal and from a Gaussian fitted to the codes of digits, and a judge that knows nothing of \
             codes looks at what is decoded, beside another model's samples.",
        ),
        needs: Borrowed(&[Need::Codes, Need::NoClasses]),
        images: Images::All,
    },
    begin: || Box::new(Walls::default()),
    rival: |card| Some(if card.abilities.likelihood.is_some() { "autoencoder" } else { "vae" }),
    gates: GATES,
};

/// Of the first family, a variational autoencoder, beside the shipped autoencoder.
const GATES: &[LabGate] = &[
    LabGate {
        fact: "raw_fd",
        limit: Limit::Below("lab/generative/rival_raw_fd"),
        reference: "its prior is that normal, the autoencoder's codes lie elsewhere",
    },
    LabGate {
        fact: "rival_fitted_fd",
        limit: Limit::Below("lab/generative/rival_raw_fd"),
        reference: "a fitted Gaussian mends a part of it",
    },
];

/// Training images whose codes are fitted, test images and samples that are judged, and of each at once.
const FITTED: usize = 2000;
const JUDGED: usize = 1000;
const CHUNK: usize = 250;
/// Samples in a row and in all of a wall.
const ROW: usize = 10;
const WALL: usize = 60;

/// The experiment under way.
#[derive(Default)]
pub struct Walls {
    next: usize,
    test: Judged,
    own: Side,
    rival: Side,
}

/// What one model makes.
#[derive(Default)]
struct Side {
    /// Of its codes of training images.
    codes: Option<Gaussian>,
    raw: Wall,
    fitted: Wall,
}

/// Samples.
#[derive(Default)]
struct Wall {
    judged: Judged,
    greys: Vec<u8>,
}

impl Experiment for Walls {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Walls {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        let (fits, walls) = (FITTED / CHUNK, 2 * JUDGED / CHUNK);
        let sides = if bench.rival.is_some() { 2 } else { 1 };
        let (tests, per_side) = (JUDGED / CHUNK, fits + walls);
        let (all, piece) = (tests + sides * per_side, self.next);
        if piece == all {
            return Ok(Progress::Done(Box::new(self.finding(bench))));
        }
        self.next += 1;
        let part = |piece: usize, count: usize| {
            let from = (piece * CHUNK).min(count);
            from..(from + CHUNK).min(count)
        };
        if let Some(piece) = piece.checked_sub(tests) {
            let (side, model) = match (piece / per_side, bench.rival) {
                (1, Some((_, rival))) => (&mut self.rival, rival),
                _ => (&mut self.own, bench.model),
            };
            let piece = piece % per_side;
            if piece < fits {
                let train = bench.dataset.train();
                side.fit(model, &greys(train, part(piece, FITTED.min(train.labels.len())), model)).await?;
            } else {
                let mut noise = Noise::new(SEED, Stream::Samples, piece as u64);
                side.draw(bench, model, (piece - fits) % 2 == 0, &mut noise).await?;
            }
        } else if let Some(judge) = bench.judge {
            let test = bench.dataset.test();
            let range = part(piece, JUDGED.min(test.labels.len()));
            let greys =
                test.pixels[range.start * PIXELS..range.end * PIXELS].iter().map(|g| f32::from(*g) / 255.0);
            let examples = Examples::new(greys.collect(), &test.labels[range], &judge.device());
            self.test.add(judge, &examples).await?;
        }
        Ok(share(self.next, all))
    }

    fn finding(&self, bench: &Bench<'_>) -> Finding {
        let (mut facts, mut pictures) = (Vec::new(), Vec::new());
        let mut tell = |key: &str, side: &Side, card: &ModelCard| {
            for (name, wall, from) in [
                ("raw", &side.raw, "a standard normal"),
                ("fitted", &side.fitted, "a Gaussian fitted to its codes"),
            ] {
                let title = format!("{}: codes from {from}", card.name);
                if bench.judge.is_some() {
                    let verdict = &wall.judged.verdict;
                    let distance = frechet_distance(&wall.judged.features, &self.test.features);
                    facts.push(fact(
                        &format!("{key}{name}_fd"),
                        format!("{title}: Fr\u{e9}chet distance"),
                        "",
                        distance,
                    ));
                    facts.push(fact(
                        &format!("{key}{name}_sure"),
                        "  judge more than 90 % sure",
                        "%",
                        100.0 * verdict.sure(),
                    ));
                    facts.push(fact(
                        &format!("{key}{name}_entropy"),
                        "  entropy of classes",
                        "nats",
                        verdict.entropy(),
                    ));
                }
                pictures.push(Picture {
                    title,
                    width: ROW * SIDE,
                    greys: wall.greys.clone(),
                    marks: Vec::new(),
                });
            }
        };
        tell("", &self.own, bench.card);
        if let Some((card, _)) = bench.rival {
            tell("rival_", &self.rival, card);
        }
        let notes = vec![
            "\u{201c}Almost surely nothing like the data\u{201d} is not what is found here: a plain autoencoder also decodes \
             most random codes to something like a digit, only some digits far more often than others, and a Gaussian \
             fitted to its codes mends a part of that. What it still lacks is a probability for any image."
                .into(),
            format!(
                "The distance compares {JUDGED} samples with as many test digits by this judge's features; it cannot be \
                 compared with published ones, nor with those of Measure, which has more samples."
            ),
        ];
        Finding { facts, notes, charts: Vec::new(), pictures }
    }
}

impl Side {
    async fn fit(&mut self, model: &dyn LatentModel, examples: &Examples) -> Result<(), CoreError> {
        if examples.images.dims()[0] == 0 {
            return Ok(());
        }
        let unable = CoreError::Unable("encode images: its encoder is missing");
        let codes = read(model.encode(examples).ok_or(unable)?.mu).await?;
        let length = model.plane().latent_dim;
        self.codes.get_or_insert_with(|| Gaussian::new(length)).add(&codes);
        Ok(())
    }

    async fn draw(
        &mut self,
        bench: &Bench<'_>,
        model: &dyn LatentModel,
        is_raw: bool,
        noise: &mut Noise,
    ) -> Result<(), CoreError> {
        let length = model.plane().latent_dim;
        let mut normal: Vec<f32> = (0..CHUNK * length).map(|_| noise.gauss()).collect();
        if let (false, Some(fitted)) = (is_raw, &self.codes) {
            shape(&mut normal, fitted);
        }
        let normal = codes(model, normal);
        let codes = if is_raw { model.counted(normal) } else { normal };
        let pixels = read(model.decode(codes)).await?;
        let wall = if is_raw { &mut self.raw } else { &mut self.fitted };
        if wall.greys.is_empty() {
            wall.greys = mosaic(&pixels);
        }
        if let Some(judge) = bench.judge {
            let examples = Examples::new(pixels, &[0; CHUNK], &judge.device());
            wall.judged.add(judge, &examples).await?;
        }
        Ok(())
    }
}

/// Standard normal codes become those of a Gaussian: `mean + L n` with `L L^T` its covariance.
fn shape(codes: &mut [f32], gaussian: &Gaussian) {
    let (mean, mut covariance) = (gaussian.mean(), gaussian.covariance());
    let length = mean.len();
    // A latent that nothing uses has no spread, and a little is added for its root.
    covariance += DMatrix::identity(length, length) * 1e-9;
    let root = Cholesky::new(covariance).map_or_else(|| DMatrix::zeros(length, length), |root| root.l());
    for code in codes.chunks_exact_mut(length) {
        let normal = DVector::from_iterator(length, code.iter().map(|n| f64::from(*n)));
        for (number, value) in code.iter_mut().zip((&mean + &root * normal).iter()) {
            #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
            let value = *value as f32;
            *number = value;
        }
    }
}

/// The first images in rows.
fn mosaic(pixels: &[f32]) -> Vec<u8> {
    let mut greys = vec![0; WALL * PIXELS];
    for (index, image) in pixels.chunks_exact(PIXELS).take(WALL).enumerate() {
        let (left, top) = (index % ROW * SIDE, index / ROW * SIDE);
        for (row, pixels) in image.chunks_exact(SIDE).enumerate() {
            let from = (top + row) * ROW * SIDE + left;
            for (grey, pixel) in greys[from..from + SIDE].iter_mut().zip(pixels) {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
                let value = (255.0 * pixel.clamp(0.0, 1.0)).round() as u8;
                *grey = value;
            }
        }
    }
    greys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_codes_take_the_shape_that_is_asked_for() {
        let mut noise = Noise::new(1, Stream::Test, 0);
        // x = 2 + n, y = x - 3 + n / 2
        let mut wanted = Gaussian::new(2);
        for _ in 0..20_000 {
            let x = 2.0 + noise.gauss();
            wanted.add(&[x, x - 3.0 + 0.5 * noise.gauss()]);
        }
        let mut codes: Vec<f32> = (0..40_000).map(|_| noise.gauss()).collect();
        shape(&mut codes, &wanted);
        let mut found = Gaussian::new(2);
        found.add(&codes);
        assert!((found.mean() - DVector::from_vec(vec![2.0, -1.0])).norm() < 0.03, "{}", found.mean());
        let covariance = DMatrix::from_row_slice(2, 2, &[1.0, 1.0, 1.0, 1.25]);
        assert!((found.covariance() - covariance).norm() < 0.06, "{}", found.covariance());
    }
}
