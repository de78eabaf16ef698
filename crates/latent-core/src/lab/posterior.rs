//! The true posterior of an image's code on the plane, by Bayes's rule on a grid, under the encoder's ellipse and samples of
//! Hamiltonian Monte Carlo.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_protocol::lab::{ExperimentCard, Finding, Images, Mark, Need, Picture};

use super::{Bench, Entry, Experiment, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::evaluation::log_sum_exp;
use crate::gates::{LabGate, Limit};
use crate::grid::Grid;
use crate::hmc::Hmc;
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("posterior"),
        name: Borrowed("Which codes could have made it?"),
        summary: Borrowed(
            "Bayes's rule says how probable each code is once the image is seen. An encoder answers with an \
             ellipse; a grid of decoded digits gives the answer itself, and Hamiltonian Monte Carlo samples from it \
             without an encoder.",
        ),
        needs: Borrowed(&[Need::Likelihood, Need::Plane, Need::NoClasses]),
        images: Images::None,
    },
    begin: || Box::new(Truth::default()),
    rival: |_| None,
    gates: GATES,
};

/// The grid knows the answer, so the sampler must agree with it.
const GATES: &[LabGate] = &[
    LabGate {
        fact: "sampled_mean_1",
        limit: Limit::Near(0.05, "lab/posterior/mean_1"),
        reference: "the grid's",
    },
    LabGate {
        fact: "sampled_mean_2",
        limit: Limit::Near(0.05, "lab/posterior/mean_2"),
        reference: "the grid's",
    },
    LabGate { fact: "accepted", limit: Limit::AtLeast(0.8), reference: "tuned to 0.9" },
];

/// Cells along a latent: to find where the mass is, and to look at it.
const COARSE: usize = 160;
const FINE: usize = 120;
/// Cells at once.
const CELLS: usize = 1200;
/// Nats from paper to ink on the whole plane.
const RANGE: f64 = 20.0;
/// The share of the mass that is looked at.
const SHOWN: f64 = 0.999;
/// Chains of the sampler, proposals while it is tuned, and proposals from each of which the codes are kept.
const CHAINS: usize = 40;
const TUNING: usize = 30;
const KEPT: usize = 5;

/// The experiment under way.
#[derive(Default)]
pub struct Truth {
    /// Logarithms of the mass in the cells of the grid that is filled.
    pub(super) masses: Vec<f64>,
    /// The whole plane's, once it is filled.
    whole: Vec<f64>,
    /// Where to look.
    window: Option<Window>,
    fine: Option<Vec<f64>>,
    sampler: Option<Sampler>,
    proposals: usize,
    accepted: f64,
    samples: Vec<f32>,
}

/// Chains that move side by side in the posterior.
struct Sampler {
    hmc: Hmc,
    /// `[chains, 2]`
    codes: Tensor<2>,
    noise: Noise,
}

/// A part of the plane.
#[derive(Clone, Copy)]
struct Window {
    grid: Grid,
    /// Logarithm of the mass of the whole plane.
    log_p: f64,
}

impl Experiment for Truth {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Truth {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        let pieces = [(COARSE * COARSE).div_ceil(CELLS), (FINE * FINE).div_ceil(CELLS), TUNING + KEPT];
        let done = match (self.window, &self.fine) {
            (None, _) => {
                let grid = Grid::whole(COARSE, 2);
                if self.fill(bench, grid).await? {
                    self.whole = std::mem::take(&mut self.masses);
                    self.window = Some(around(grid, &self.whole));
                    pieces[0]
                } else {
                    self.masses.len() / CELLS
                }
            }
            (Some(window), None) => {
                if self.fill(bench, window.grid).await? {
                    self.fine = Some(std::mem::take(&mut self.masses));
                    pieces[0] + pieces[1]
                } else {
                    pieces[0] + self.masses.len() / CELLS
                }
            }
            (Some(window), Some(fine)) if self.proposals == TUNING + KEPT => {
                return Ok(Progress::Done(Box::new(self.finding(bench, window, fine).await?)));
            }
            (Some(window), Some(_)) => {
                self.sample(bench, window).await?;
                pieces[0] + pieces[1] + self.proposals
            }
        };
        Ok(share(done, pieces.iter().sum()))
    }

    /// The next cells of a grid; whether those were the last.
    pub(super) async fn fill(&mut self, bench: &Bench<'_>, grid: Grid) -> Result<bool, CoreError> {
        let cells = self.masses.len()..(self.masses.len() + CELLS).min(grid.cells());
        let (codes, masses) = grid.part(cells);
        let likelihoods = bench.log_likelihoods(codes).await?;
        self.masses.extend(masses.iter().zip(likelihoods).map(|(mass, l)| mass + f64::from(l)));
        Ok(self.masses.len() == grid.cells())
    }

    async fn sample(&mut self, bench: &Bench<'_>, window: Window) -> Result<(), CoreError> {
        let sampler = self.sampler.get_or_insert_with(|| {
            let mut noise = Noise::new(SEED, Stream::Test, 1);
            // Anywhere in sight: where chains end must not depend on where they begin.
            let [x, y] = window.grid.bounds;
            #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
            let at = |[from, to]: [f64; 2], unit: f32| (from + f64::from(unit) * (to - from)) as f32;
            let codes = (0..CHAINS).flat_map(|_| [at(x, noise.unit()), at(y, noise.unit())]).collect();
            let codes = bench.codes(codes).inner();
            Sampler { hmc: Hmc::new(&codes.device()), codes, noise }
        });
        let tunes = self.proposals < TUNING;
        let images = bench.subject().images;
        let moved = sampler.hmc.advance(sampler.codes.clone(), &mut sampler.noise, |z| {
            let pairs = bench.model.log_likelihood(images.clone(), z);
            pairs.expect("the experiment needs a likelihood").reshape([-1])
        });
        sampler.codes = moved.codes;
        if tunes {
            sampler.hmc.tune(moved.accepted);
        } else {
            self.samples.extend(read(sampler.codes.clone()).await?);
            let accepted = f64::from(read(moved.accepted).await?[0]);
            #[expect(clippy::cast_precision_loss, reason = "proposals are few")]
            let part = 1.0 / KEPT as f64;
            self.accepted += accepted * part;
        }
        self.proposals += 1;
        Ok(())
    }

    async fn finding(&self, bench: &Bench<'_>, window: Window, fine: &[f64]) -> Result<Finding, CoreError> {
        let [mean, spread] = moments(window.grid, fine);
        let encoder = encoder(bench).await?;
        let mut facts = Vec::new();
        for latent in 0..2 {
            let number = latent + 1;
            facts.push(fact(&format!("mean_{number}"), format!("Mean of z{number}"), "", mean[latent]));
            if let Some([mu, _]) = encoder {
                facts.push(fact(&format!("mu_{number}"), "  by the encoder", "", mu[latent]));
            }
            facts.push(fact(
                &format!("spread_{number}"),
                format!("Standard deviation of z{number}"),
                "",
                spread[latent],
            ));
            if let Some([_, sigma]) = encoder {
                facts.push(fact(&format!("sigma_{number}"), "  by the encoder", "", sigma[latent]));
            }
        }
        facts.push(fact("log_p", "log p(x), by the grid", "nats", window.log_p));
        facts.push(fact("accepted", "Proposals of the sampler that were accepted", "", self.accepted));
        let of = |samples: &[f32], latent: usize| {
            let values: Vec<f64> = samples.iter().skip(latent).step_by(2).map(|z| f64::from(*z)).collect();
            moments_of(&values)
        };
        for latent in 0..2 {
            let (number, (mean, spread)) = (latent + 1, of(&self.samples, latent));
            facts.push(fact(
                &format!("sampled_mean_{number}"),
                format!("Mean of z{number}, sampled"),
                "",
                mean,
            ));
            facts.push(fact(
                &format!("sampled_spread_{number}"),
                format!("Standard deviation of z{number}, sampled"),
                "",
                spread,
            ));
        }
        let place = |z: [f64; 2]| {
            let [x, y] = window.grid.bounds;
            [(z[0] - x[0]) / (x[1] - x[0]), 1.0 - (z[1] - y[0]) / (y[1] - y[0])]
        };
        let mut marks: Vec<Mark> = self
            .samples
            .chunks_exact(2)
            .map(|z| Mark::Point(place([f64::from(z[0]), f64::from(z[1])])))
            .collect();
        let [x, y] = window.grid.bounds;
        if let Some([mu, sigma]) = encoder {
            let radii = |times: f64| [times * sigma[0] / (x[1] - x[0]), times * sigma[1] / (y[1] - y[0])];
            marks.extend([1.0, 2.0].map(|times| Mark::Ellipse(place(mu), radii(times))));
        }
        let ellipses =
            if encoder.is_some() { "ellipses: the encoder, one and two standard deviations; " } else { "" };
        let picture = Picture {
            title: format!(
                "Posterior, z1 from {:.2} to {:.2}, z2 from {:.2} to {:.2}; {ellipses}points: samples",
                x[0], x[1], y[0], y[1]
            ),
            width: FINE,
            greys: shade(fine, FINE, libm::exp),
            marks,
        };
        let [z1, z2] = Grid::whole(COARSE, 2).bounds;
        let whole = Picture {
            title: format!(
                "The same from {:.0} to {:.0}, where paper is {RANGE} nats less probable than the darkest ink",
                z1[0].max(z2[0]),
                z1[1].min(z2[1])
            ),
            width: COARSE,
            greys: shade(&self.whole, COARSE, |below| 1.0 + below / RANGE),
            marks: Vec::new(),
        };
        let note = if encoder.is_some() {
            "Ink is where the code probably lies. An ellipse inside the ink is too sure of itself: it covers a \
             part of the codes that explain the image. An encoder draws one ellipse even where there are two places."
        } else {
            "Ink is where the code probably lies. This model has no encoder that would guess the place; chains like \
             these taught it."
        };
        let notes = vec![note.into()];
        Ok(Finding { facts, notes, charts: Vec::new(), pictures: vec![picture, whole] })
    }
}

/// The encoder's means and standard deviations of the subject's code, where the family has an encoder.
async fn encoder(bench: &Bench<'_>) -> Result<Option<[[f64; 2]; 2]>, CoreError> {
    if !bench.card.abilities.encode {
        return Ok(None);
    }
    let unable = CoreError::Unable("tell a code: its encoder is missing");
    let posterior = bench.model.encode(&bench.subject()).ok_or(unable)?;
    let log_var = posterior.log_var.ok_or(CoreError::Unable("tell how sure it is of a code"))?;
    let (mu, sigma) = (read(posterior.mu).await?, read((log_var * 0.5).exp()).await?);
    Ok(Some([[mu[0], mu[1]], [sigma[0], sigma[1]]].map(|pair| pair.map(f64::from))))
}

/// The part of the plane with nearly all of the mass, and some more around it.
fn around(grid: Grid, masses: &[f64]) -> Window {
    let log_p = log_sum_exp(masses.iter().copied());
    let mut order: Vec<usize> = (0..masses.len()).collect();
    order.sort_by(|a, b| masses[*b].total_cmp(&masses[*a]));
    let (mut seen, mut bounds) = (0.0, [[f64::INFINITY, f64::NEG_INFINITY]; 2]);
    for cell in order {
        for (bound, z) in bounds.iter_mut().zip(grid.middle(cell)) {
            *bound = [bound[0].min(z), bound[1].max(z)];
        }
        seen += libm::exp(masses[cell] - log_p);
        if seen >= SHOWN {
            break;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "grids are small")]
    let cell = (grid.bounds[0][1] - grid.bounds[0][0]) / grid.side as f64;
    // Square, so that circles stay circles.
    let half = bounds.map(|[from, to]| 0.5 * (to - from)).into_iter().fold(0.0, f64::max) * 1.2 + 2.0 * cell;
    let bounds = bounds.map(|[from, to]| [0.5 * (from + to) - half, 0.5 * (from + to) + half]);
    Window { grid: Grid { side: FINE, bounds, ..grid }, log_p }
}

/// Mean and standard deviation of each latent.
pub(super) fn moments(grid: Grid, masses: &[f64]) -> [[f64; 2]; 2] {
    let log_all = log_sum_exp(masses.iter().copied());
    let (mut mean, mut square) = ([0.0; 2], [0.0; 2]);
    for (cell, mass) in masses.iter().enumerate() {
        let mass = libm::exp(mass - log_all);
        for (latent, z) in grid.middle(cell).enumerate() {
            mean[latent] += mass * z;
            square[latent] += mass * z * z;
        }
    }
    [mean, [0, 1].map(|latent| libm::sqrt((square[latent] - mean[latent] * mean[latent]).max(0.0)))]
}

#[expect(clippy::cast_precision_loss, reason = "samples are few")]
fn moments_of(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, libm::sqrt(values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count))
}

/// A grey for each cell, the upper row first; `grey` tells it from how far its logarithm is below the highest.
fn shade(masses: &[f64], side: usize, grey: impl Fn(f64) -> f64) -> Vec<u8> {
    let most = masses.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 255")]
    let grey = |mass: &f64| (255.0 * grey(mass - most).clamp(0.0, 1.0)).round() as u8;
    masses.chunks_exact(side).rev().flat_map(|row| row.iter().map(grey)).collect()
}
