//! Half a digit: the right half is hidden, the posterior of the code is that of the left half alone, and the hidden half is
//! decoded from it. Beside it what needs no model: black, the mean digit, and the training digit whose left half is most
//! alike.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_kernels::{Form, product, upload};
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Fact, Finding, Images, Need, Picture, Series};

use super::{Bench, Entry, Experiment, Image, Progress, Work, fact, share};
use crate::CoreError;
use crate::data::{CLASSES, PIXELS, SIDE};
use crate::family::Examples;
use crate::gates::{LabGate, Limit};
use crate::grid::Grid;
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("half-a-digit"),
        name: Borrowed("Half a digit"),
        summary: Borrowed(
            "The right half is hidden. Which codes agree with what can be seen, and what do they say of the rest? The \
             answer is a mean over all of them, and where they disagree it is unsure. A good one beats a black half, \
             the mean digit, and a copy of the most similar training digit.",
        ),
        needs: Borrowed(&[Need::Bits, Need::Plane, Need::NoClasses]),
        images: Images::All,
    },
    begin: || Box::new(Half::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[
    LabGate { fact: "mse_model", limit: Limit::AtMost(0.055), reference: "0.0492 (pilot)" },
    LabGate {
        fact: "mse_model",
        limit: Limit::Below("lab/half-a-digit/mse_copy"),
        reference: "0.0664 (pilot)",
    },
    LabGate {
        fact: "mse_model",
        limit: Limit::Below("lab/half-a-digit/mse_mean"),
        reference: "0.0685 (pilot)",
    },
    LabGate {
        fact: "mse_model",
        limit: Limit::Below("lab/half-a-digit/mse_black"),
        reference: "0.1150 (pilot)",
    },
    LabGate {
        fact: "accuracy_model",
        limit: Limit::AboveBy(4.0, "lab/half-a-digit/accuracy_black"),
        reference: "87.8 against 81.0 (pilot, another judge)",
    },
];

/// Columns that can be seen.
const SEEN: usize = SIDE / 2;
/// Cells along a latent.
const GRID: usize = 100;
/// Cells at once.
const CELLS: usize = 1000;
/// Test images beside the subject, over which errors are averaged.
const TESTS: usize = 200;
/// Training images that can be copied, and of them at once.
const COPIES: usize = 10_000;
const COPIES_AT_ONCE: usize = 250;

/// The experiment under way. The subject is the first of the images.
#[derive(Default)]
pub struct Half {
    images: Vec<Image>,
    /// Bits of the visible half, 0 elsewhere, `[images, 784]`.
    seen: Vec<f32>,
    /// The largest log-likelihood of each image so far; its sums are in units of it.
    most: Vec<f64>,
    sums: Vec<f64>,
    /// `[images, 784]`: sums of the pixels and of their squares.
    pixels: Vec<f64>,
    squares: Vec<f64>,
    pub(super) cells: usize,
    copied: usize,
    /// The most similar training image so far, and how far it is.
    nearest: Vec<(u64, usize)>,
    /// Sum of the training images.
    mean: Vec<f64>,
}

impl Experiment for Half {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Half {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        if self.images.is_empty() {
            self.begin(bench).await?;
        }
        let (grid, copies) = (Grid::whole(GRID, 2), COPIES.min(bench.dataset.train().labels.len()));
        if self.cells < grid.cells() {
            self.decode(bench, grid).await?;
        } else if self.copied < copies {
            self.compare(bench, copies);
        } else {
            return Ok(Progress::Done(Box::new(self.finding(bench, copies).await?)));
        }
        let done = self.cells / CELLS + self.copied / COPIES_AT_ONCE;
        Ok(share(done, grid.cells() / CELLS + copies / COPIES_AT_ONCE))
    }

    pub(super) async fn begin(&mut self, bench: &Bench<'_>) -> Result<(), CoreError> {
        self.images.push(bench.image.clone());
        self.images.extend((0..TESTS).map_while(|number| Image::of_test(bench.dataset, number)));
        let count = self.images.len();
        let images: Vec<&Image> = self.images.iter().collect();
        self.seen = read(bench.examples(&images).images).await?;
        for row in self.seen.chunks_exact_mut(SIDE) {
            row[SEEN..].fill(0.0);
        }
        (self.most, self.sums) = (vec![f64::NEG_INFINITY; count], vec![0.0; count]);
        (self.pixels, self.squares) = (vec![0.0; count * PIXELS], vec![0.0; count * PIXELS]);
        self.nearest = vec![(u64::MAX, 0); count];
        self.mean = vec![0.0; PIXELS];
        Ok(())
    }

    /// Weigh the next cells by what each image shows, and add what they draw.
    pub(super) async fn decode(&mut self, bench: &Bench<'_>, grid: Grid) -> Result<(), CoreError> {
        let cells = self.cells..(self.cells + CELLS).min(grid.cells());
        self.cells = cells.end;
        let (codes, masses) = grid.part(cells);
        let (device, count, cells) = (bench.model.device(), self.images.len(), masses.len());
        let drawn: Tensor<2> = bench.model.decode(bench.codes(codes)).flatten(1, 3);
        // Away from 0 and 1, whose logarithms are infinite.
        let light = drawn.clone() * (1.0 - 2e-6) + 1e-6;
        let (log_light, log_dark) = (light.clone().log(), (light.neg() + 1.0).log());
        let seen = upload(self.seen.clone(), [count, PIXELS], &device);
        let window: Vec<f32> = (0..PIXELS).map(|pixel| f32::from(u8::from(pixel % SIDE < SEEN))).collect();
        let window = upload(window, [1, PIXELS], &device);
        // sum over what is seen of x log p + (1 - x) log(1 - p)
        let logs = product(log_light - log_dark.clone(), seen, Form::RightTransposed)
            + product(log_dark, window, Form::RightTransposed);
        let logs = read(logs).await?;
        let log_weight = |cell: usize, image: usize| masses[cell] + f64::from(logs[cell * count + image]);
        let mut weights = vec![0.0; cells * count];
        for image in 0..count {
            let most = (0..cells).map(|cell| log_weight(cell, image)).fold(self.most[image], f64::max);
            let fade = libm::exp(self.most[image] - most);
            self.most[image] = most;
            self.sums[image] *= fade;
            for sums in [&mut self.pixels, &mut self.squares] {
                sums[image * PIXELS..(image + 1) * PIXELS].iter_mut().for_each(|sum| *sum *= fade);
            }
            for cell in 0..cells {
                let weight = libm::exp(log_weight(cell, image) - most);
                self.sums[image] += weight;
                #[expect(clippy::cast_possible_truncation, reason = "weights are f32 on the device")]
                let weight = weight as f32;
                weights[cell * count + image] = weight;
            }
        }
        let weights = upload(weights, [cells, count], &device);
        let pixels = read(product(weights.clone(), drawn.clone(), Form::LeftTransposed)).await?;
        let squares = read(product(weights, drawn.powi_scalar(2), Form::LeftTransposed)).await?;
        for (sums, values) in [(&mut self.pixels, pixels), (&mut self.squares, squares)] {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(value));
        }
        Ok(())
    }

    /// Look for the left halves among the next training images.
    fn compare(&mut self, bench: &Bench<'_>, copies: usize) {
        let train = &bench.dataset.train().pixels;
        let part = self.copied..(self.copied + COPIES_AT_ONCE).min(copies);
        self.copied = part.end;
        for number in part {
            let greys = &train[number * PIXELS..(number + 1) * PIXELS];
            self.mean.iter_mut().zip(greys).for_each(|(sum, grey)| *sum += f64::from(*grey) / 255.0);
            for (nearest, image) in self.nearest.iter_mut().zip(&self.images) {
                let apart: u32 = seen(greys)
                    .zip(seen(&image.greys))
                    .map(|(a, b)| {
                        let apart = u32::from(a.abs_diff(*b));
                        apart * apart
                    })
                    .sum();
                *nearest = (*nearest).min((u64::from(apart), number));
            }
        }
    }

    /// What is put in the place of the hidden half, by name.
    pub(super) fn answers(
        &self,
        bench: &Bench<'_>,
        copies: usize,
    ) -> [(&'static str, &'static str, Vec<f64>); 4] {
        let count = self.images.len();
        let train = &bench.dataset.train().pixels;
        #[expect(clippy::cast_precision_loss, reason = "images are few")]
        let mean: Vec<f64> = self.mean.iter().map(|sum| sum / copies.max(1) as f64).collect();
        let copy = |(_, number): &(u64, usize)| {
            train[number * PIXELS..(number + 1) * PIXELS]
                .iter()
                .map(|grey| f64::from(*grey) / 255.0)
                .collect()
        };
        let nearest: Vec<Vec<f64>> =
            if copies > 0 { self.nearest.iter().map(copy).collect() } else { Vec::new() };
        let sums = |image: usize| self.sums[image];
        let model = self.pixels.iter().enumerate().map(|(at, sum)| sum / sums(at / PIXELS)).collect();
        [
            ("model", "This model", model),
            ("copy", "Copy of the most similar training digit", nearest.concat()),
            ("mean", "Mean digit", mean.repeat(count)),
            ("black", "Black", vec![0.0; count * PIXELS]),
        ]
    }

    async fn finding(&self, bench: &Bench<'_>, copies: usize) -> Result<Finding, CoreError> {
        let (mut facts, mut errors) = (Vec::new(), Vec::new());
        let answers = self.answers(bench, copies);
        let tests = 1..self.images.len();
        for (key, name, answer) in answers.iter().filter(|(_, _, answer)| !answer.is_empty()) {
            let error = tests.clone().map(|image| self.error(image, answer)).sum::<f64>();
            #[expect(clippy::cast_precision_loss, reason = "images are few")]
            let error = error / tests.len().max(1) as f64;
            facts.push(fact(
                &format!("mse_{key}"),
                format!("Squared error: {name}"),
                "per hidden pixel",
                error,
            ));
            errors.push((*name, error));
            if let Some(judge) = bench.judge {
                let right = self.right(judge, answer).await?;
                facts.push(fact(
                    &format!("accuracy_{key}"),
                    format!("Read rightly: {name}"),
                    "%",
                    100.0 * right,
                ));
            }
        }
        facts.push(self.doubt(&answers[0].2));
        let series = errors.iter().enumerate().map(|(index, (name, error))| {
            let at = f64::from(u8::try_from(index).unwrap_or(u8::MAX));
            Series { name: (*name).into(), points: vec![(at, *error)] }
        });
        let charts = vec![Chart {
            title: format!("Squared error of the hidden half, over {} test digits", tests.len()),
            kind: ChartKind::Bars,
            x: String::new(),
            y: "per pixel".into(),
            series: series.collect(),
        }];
        let mut pictures = vec![
            picture("The digit", |at| f64::from(bench.image.greys[at]) / 255.0),
            picture("What is seen", |at| if at % SIDE < SEEN { f64::from(self.seen[at]) } else { 0.0 }),
            picture("How unsure: standard deviation of what the codes draw", |at| {
                2.0 * libm::sqrt(self.variance(&answers[0].2, at))
            }),
        ];
        for (_, name, answer) in answers.iter().filter(|(_, _, answer)| !answer.is_empty()) {
            pictures.insert(pictures.len() - 1, picture(name, |at| self.completed(0, at, answer)));
        }
        let notes = vec![
            "The mean over all codes that agree is the best guess of each pixel, and blurred where they disagree. A copy \
             is a real digit, and sharp: readers like it better than its error deserves."
                .into(),
        ];
        Ok(Finding { facts, notes, charts, pictures })
    }

    /// A pixel of an image whose hidden half is answered.
    fn completed(&self, image: usize, at: usize, answer: &[f64]) -> f64 {
        if at % SIDE < SEEN {
            f64::from(self.images[image].greys[at]) / 255.0
        } else {
            answer[image * PIXELS + at].clamp(0.0, 1.0)
        }
    }

    /// Mean square of the error of the hidden greys.
    pub(super) fn error(&self, image: usize, answer: &[f64]) -> f64 {
        let greys = &self.images[image].greys;
        let square = |at: usize| (answer[image * PIXELS + at] - f64::from(greys[at]) / 255.0).powi(2);
        let hidden = (0..PIXELS).filter(|at| at % SIDE >= SEEN);
        #[expect(clippy::cast_precision_loss, reason = "an image is small")]
        let count = (PIXELS - SIDE * SEEN) as f64;
        hidden.map(square).sum::<f64>() / count
    }

    /// Variance of what the codes that agree draw at a place of the subject.
    pub(super) fn variance(&self, model: &[f64], at: usize) -> f64 {
        (self.squares[at] / self.sums[0] - model[at] * model[at]).max(0.0)
    }

    pub(super) fn doubt(&self, model: &[f64]) -> Fact {
        let hidden = (0..PIXELS).filter(|at| at % SIDE >= SEEN);
        #[expect(clippy::cast_precision_loss, reason = "an image is small")]
        let mean = hidden.map(|at| self.variance(model, at)).sum::<f64>() / (PIXELS - SIDE * SEEN) as f64;
        fact("doubt", "Spread of what the codes draw, of this digit", "per hidden pixel", libm::sqrt(mean))
    }

    /// Share of test images that the judge still reads.
    async fn right(&self, judge: &crate::judge::Judge, answer: &[f64]) -> Result<f64, CoreError> {
        let mut pixels = Vec::new();
        for image in 1..self.images.len() {
            #[expect(clippy::cast_possible_truncation, reason = "pixels are f32")]
            pixels.extend((0..PIXELS).map(|at| self.completed(image, at, answer) as f32));
        }
        let classes: Vec<u8> = self.images[1..].iter().map(|image| image.class).collect();
        let logits = read(judge.look(Examples::new(pixels, &classes, &judge.device()).images).1).await?;
        let found = logits.chunks_exact(CLASSES).map(crate::evaluation::best);
        let right = found.zip(&classes).filter(|(found, class)| *found == usize::from(**class)).count();
        #[expect(clippy::cast_precision_loss, reason = "images are few")]
        let share = right as f64 / classes.len().max(1) as f64;
        Ok(share)
    }
}

/// The greys that can be seen.
fn seen(greys: &[u8]) -> impl Iterator<Item = &u8> {
    greys.chunks_exact(SIDE).flat_map(|row| &row[..SEEN])
}

fn picture(title: &str, pixel: impl Fn(usize) -> f64) -> Picture {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
    let greys = (0..PIXELS).map(|at| (255.0 * pixel(at).clamp(0.0, 1.0)).round() as u8).collect();
    Picture { title: title.into(), width: SIDE, greys, marks: Vec::new() }
}
