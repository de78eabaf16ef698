//! `log p(x)` of one image, by every estimator there is: the bound, importance sampling with more and more codes, codes
//! from the prior, and the sum over a grid where codes have one or two numbers.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_protocol::lab::{Chart, ChartKind, ExperimentCard, Finding, Images, Need, Series};

use super::{Bench, Entry, Experiment, Progress, SEED, Work, fact, share};
use crate::CoreError;
use crate::evaluation::{log_mean_exp, log_sum_exp};
use crate::gates::{LabGate, Limit};
use crate::grid::Grid;
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// Line of this experiment.
pub const ENTRY: Entry = Entry {
    card: ExperimentCard {
        id: Borrowed("marginal-likelihood"),
        name: Borrowed("How probable is this digit?"),
        summary: Borrowed(
            "A model of codes gives an image a probability only through an integral over all codes. The bound that is \
             trained on is one estimate from below; more codes per image come closer, and on a plane of two latents a \
             fine grid gives the answer itself.",
        ),
        needs: Borrowed(&[Need::Likelihood, Need::NoClasses]),
        images: Images::None,
    },
    begin: || Box::new(Marginal::default()),
    rival: |_| None,
    gates: GATES,
};

const GATES: &[LabGate] = &[
    LabGate {
        fact: "iwae_100",
        limit: Limit::AboveBy(0.0, "lab/marginal-likelihood/elbo"),
        reference: "must hold",
    },
    LabGate {
        fact: "iwae_1000",
        limit: Limit::AboveBy(0.0, "lab/marginal-likelihood/iwae_100"),
        reference: "must hold",
    },
    LabGate {
        fact: "grid_400",
        limit: Limit::AboveBy(-0.05, "lab/marginal-likelihood/iwae_1000"),
        reference: "must hold",
    },
    LabGate {
        fact: "grid_200",
        limit: Limit::Near(0.3, "lab/marginal-likelihood/grid_400"),
        reference: "0.12 apart (pilot)",
    },
];

/// Codes drawn from the encoder and from the prior.
const DRAWS: usize = 5000;
/// Of them at once.
const CHUNK: usize = 500;
/// Codes per estimate.
const COUNTS: [usize; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000];
/// Cells along a latent.
const SIDES: [usize; 4] = [50, 100, 200, 400];
/// Cells at once.
const CELLS: usize = 1000;

/// Numbers that are told first.
const TELLING: [&str; 6] = ["elbo", "iwae_100", "iwae_1000", "prior_1000", "grid_400", "exact"];
/// Estimates so many nats below the best are not drawn: they would leave no room for the others.
const DRAWN: f64 = 10.0;

/// The experiment under way.
#[derive(Default)]
pub struct Marginal {
    /// Log-weights of codes from the encoder.
    weights: Vec<f32>,
    /// Log-likelihoods given codes from the prior.
    prior: Vec<f32>,
    /// Logarithms of the sums of finished grids.
    pub(super) grids: Vec<f64>,
    /// Cells of the next grid that are done, and the logarithm of their sum.
    cells: usize,
    sum: Option<f64>,
}

impl Experiment for Marginal {
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a> {
        Box::pin(self.work(bench))
    }
}

impl Marginal {
    async fn work(&mut self, bench: &Bench<'_>) -> Result<Progress, CoreError> {
        let latent_dim = bench.latent_dim();
        let sides: &[usize] = if latent_dim <= 2 { &SIDES } else { &[] };
        let pieces = |side: usize| Grid::whole(side, latent_dim.min(2)).cells().div_ceil(CELLS);
        let all = DRAWS / CHUNK + sides.iter().map(|side| pieces(*side)).sum::<usize>();
        if self.prior.len() < DRAWS {
            self.draw(bench, latent_dim).await?;
        } else if let Some(side) = sides.get(self.grids.len()) {
            self.sum(bench, Grid::whole(*side, latent_dim)).await?;
        } else {
            return Ok(Progress::Done(Box::new(self.finding(bench, sides).await?)));
        }
        let grids = sides[..self.grids.len()].iter().map(|side| pieces(*side)).sum::<usize>();
        Ok(share(self.prior.len() / CHUNK + grids + self.cells / CELLS, all))
    }

    /// Codes from the encoder, where the family has one, and as many from the prior.
    async fn draw(&mut self, bench: &Bench<'_>, latent_dim: usize) -> Result<(), CoreError> {
        let mut noise = Noise::new(SEED, Stream::Test, self.prior.len() as u64);
        if bench.card.abilities.encode {
            let eps = noise.normal([CHUNK, 1, latent_dim], &bench.model.device());
            self.weights.extend(log_weights(bench, eps).await?);
        }
        let codes = (0..CHUNK * latent_dim).map(|_| noise.gauss()).collect();
        self.prior.extend(bench.log_likelihoods(codes).await?);
        Ok(())
    }

    /// The next cells of a grid.
    pub(super) async fn sum(&mut self, bench: &Bench<'_>, grid: Grid) -> Result<(), CoreError> {
        let cells = self.cells..(self.cells + CELLS).min(grid.cells());
        self.cells = cells.end;
        let (codes, masses) = grid.part(cells);
        let likelihoods = bench.log_likelihoods(codes).await?;
        let terms = masses.iter().zip(&likelihoods).map(|(mass, likelihood)| mass + f64::from(*likelihood));
        let sum = log_sum_exp(terms.chain(self.sum));
        self.sum = Some(sum);
        if self.cells == grid.cells() {
            self.grids.push(sum);
            (self.cells, self.sum) = (0, None);
        }
        Ok(())
    }

    async fn finding(&self, bench: &Bench<'_>, sides: &[usize]) -> Result<Finding, CoreError> {
        let importance = curve(&self.weights);
        let prior = curve(&self.prior);
        let mut facts = Vec::new();
        let mut series = Vec::new();
        let across =
            |value: f64| vec![(1.0, value), (f64::from(u16::try_from(DRAWS).unwrap_or(u16::MAX)), value)];
        if let Some(((_, elbo), more)) = importance.split_first() {
            facts.push(fact("elbo", "ELBO: one code, on average", "nats", *elbo));
            for (count, value) in more {
                facts.push(fact(&format!("iwae_{count}"), format!("IWAE-{count}"), "nats", *value));
            }
            series.push(Series { name: "Codes from the encoder (IWAE)".into(), points: importance });
        }
        for (count, value) in prior.iter().filter(|(count, _)| [1000.0, 5000.0].contains(count)) {
            facts.push(fact(
                &format!("prior_{count}"),
                format!("{count} codes from the prior"),
                "nats",
                *value,
            ));
        }
        let best = [series.first().and_then(|series: &Series| series.points.last()), prior.last()];
        let best = best.into_iter().flatten().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
        let near = prior.into_iter().filter(|(_, value)| best - value <= DRAWN).collect();
        series.push(Series { name: "Codes from the prior".into(), points: near });
        for (side, value) in sides.iter().zip(&self.grids) {
            facts.push(fact(
                &format!("grid_{side}"),
                format!("Grid, {side} cells per latent"),
                "nats",
                *value,
            ));
        }
        if let Some(value) = self.grids.last() {
            series.push(Series { name: "Grid".into(), points: across(*value) });
        }
        if let Some(exact) = bench.model.log_density(bench.subject().images) {
            let exact = f64::from(read(exact).await?.first().copied().unwrap_or(f32::NAN));
            facts.push(fact("exact", "Exact", "nats", exact));
            series.push(Series { name: "Exact".into(), points: across(exact) });
        }
        let mut notes =
            vec!["All but the grid are estimates from below, on average; with few codes from the prior, far below.".into()];
        if bench.card.abilities.encode {
            notes.push(
                "Where the encoder's distribution is narrower than the true one, thousands of its codes still miss what \
                 lies outside."
                    .into(),
            );
        }
        let charts = vec![Chart {
            title: format!("log p(x) by the number of codes; what is {DRAWN} nats off is not drawn"),
            kind: ChartKind::LinesOverLogarithm,
            x: "codes per estimate".into(),
            y: "nats".into(),
            series,
        }];
        facts.sort_by_key(|fact| !TELLING.contains(&fact.key.as_str()));
        Ok(Finding { facts, notes, charts, pictures: Vec::new() })
    }
}

/// `log p(x, z) - log q(z|x)` of the subject and codes from the encoder by this noise, `[codes, 1, latent_dim]`.
pub(super) async fn log_weights(bench: &Bench<'_>, eps: Tensor<3>) -> Result<Vec<f32>, CoreError> {
    let unable = CoreError::Unable("bound the likelihood of images: its encoder is missing");
    let terms = bench.model.bound(&bench.subject(), eps).ok_or(unable)?;
    read(terms.log_weight).await
}

/// `E log 1/K sum of K weights` for each K, over all groups of K that there are.
#[expect(clippy::cast_precision_loss, reason = "draws are few")]
pub(super) fn curve(weights: &[f32]) -> Vec<(f64, f64)> {
    let of = |count: usize| {
        let groups = weights.chunks_exact(count);
        let many = groups.len() as f64;
        (count as f64, groups.map(|group| log_mean_exp(group.iter().copied())).sum::<f64>() / many)
    };
    COUNTS.into_iter().filter(|count| *count <= weights.len()).map(of).collect()
}
