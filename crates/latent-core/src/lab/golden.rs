//! The experiments' estimators, given images, codes and noise, against an independent implementation: see
//! `tests/fixtures/generate.py`.

use pollster::block_on;

use super::amortisation::{self, Gap};
use super::density::{self, Density};
use super::estimators::{Draws, Kind, cost, gradients};
use super::half::Half;
use super::marginal::{self, Marginal};
use super::posterior::{Truth, moments};
use super::*;
use crate::data::Shard;
use crate::grid::Grid;
use crate::hmc::Hmc;
use crate::models::family;
use crate::weights::{HostTensor, WeightFile};

/// Cells of the fixture's grid along a latent: more than a piece of work takes.
const SIDE_OF_GRID: usize = 40;

/// The fixture: a model, images of 0 and 255 alone, so that their bits do not depend on noise, and tensors.
struct Golden {
    file: WeightFile,
    model: Box<dyn LatentModel>,
    card: &'static ModelCard,
    dataset: Dataset,
    images: Vec<Image>,
}

impl Golden {
    fn open() -> Self {
        let bytes = include_bytes!("../../../../tests/fixtures/laboratory.safetensors");
        let file = WeightFile::parse(bytes).expect("a fixture");
        let mut own = file.clone();
        own.tensors.retain(|name, _| name.starts_with("encoder.") || name.starts_with("decoder."));
        let family = family("vae").expect("a family");
        let model = (family.load)(&device(&Device::flex()), &own).expect("the weights fit");
        let pixels: Vec<u8> =
            file["images"].values.iter().map(|bit| if *bit > 0.5 { 255 } else { 0 }).collect();
        let shard = Shard { labels: vec![0; pixels.len() / PIXELS], pixels };
        let dataset = Dataset::complete("fixture", shard.clone(), shard);
        let images = (0..).map_while(|number| Image::of_test(&dataset, number)).collect();
        Self { file, model, card: &family.card, dataset, images }
    }

    fn bench(&self, image: usize) -> Bench<'_> {
        Bench {
            model: self.model.as_ref(),
            card: self.card,
            dataset: &self.dataset,
            judge: None,
            image: &self.images[image],
            rival: None,
        }
    }

    fn values(&self, name: &str) -> Vec<f32> {
        self.file[name].values.clone()
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let HostTensor { shape, values } = self.file[name].clone();
        upload(values, shape.try_into().expect("so many dimensions"), &self.model.device())
    }

    /// One along the first dimension.
    fn part<const D: usize>(&self, name: &str, index: usize) -> Tensor<D> {
        let HostTensor { shape, values } = &self.file[name];
        let shape: [usize; D] = shape[1..].try_into().expect("one more dimension");
        let size: usize = shape.iter().product();
        upload(values[index * size..(index + 1) * size].to_vec(), shape, &self.model.device())
    }

    /// Each number within `tolerance`, relative where it is above one.
    fn check(&self, name: &str, found: &[f64], tolerance: f64) {
        let expected = &self.file[name].values;
        assert_eq!(found.len(), expected.len(), "{name}");
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let expected = f64::from(*expected);
            let apart = (found - expected).abs() / expected.abs().max(1.0);
            assert!(apart <= tolerance, "{name}, {at}: {found} instead of {expected}, {apart:e} apart");
        }
    }
}

fn doubles(values: Vec<f32>) -> Vec<f64> {
    values.into_iter().map(f64::from).collect()
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    doubles(block_on(read(tensor)).expect("the CPU answers"))
}

/// Of sums over the pixels in f32, some hundreds of nats.
const NATS: f64 = 1e-5;
/// Of gradients: sums of such sums, with both signs.
const GRADIENT: f64 = 5e-5;
/// Of means over codes: their weights are as exact as the nats are, to thousandths.
const MEAN: f64 = 2e-5;

#[test]
fn estimates_of_the_bound() {
    let golden = Golden::open();
    for (name, kind) in [("a", Kind::Sampled), ("b", Kind::ClosedForm)] {
        let mut found = Vec::new();
        for codes in [1, 5] {
            for image in 0..golden.images.len() {
                let bench = golden.bench(image);
                let eps = golden.tensor::<3>("eps").slice([0..codes, image..image + 1]);
                let cost = cost(&bench, &bench.subject(), kind, eps).expect("an encoder");
                found.push(-host(cost)[0]);
            }
        }
        golden.check(name, &found, NATS);
    }
}

#[test]
fn gradients_of_the_encoder() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let batch = bench.examples(&golden.images.iter().collect::<Vec<_>>());
    for (name, kind) in
        [("a_gradient", Kind::Sampled), ("b_gradient", Kind::ClosedForm), ("score_gradient", Kind::Score)]
    {
        let found = gradients(&bench, &batch, kind, golden.tensor("eps")).expect("an encoder");
        golden.check(name, &host(Tensor::cat(found, 0)), GRADIENT);
    }
    let mut draws = Draws::default();
    for draw in 0..golden.file["draws"].shape[0] {
        let eps = golden.part("draws", draw);
        draws.add(gradients(&bench, &batch, Kind::ClosedForm, eps).expect("an encoder"));
    }
    let variance = block_on(draws.total_variance()).expect("the CPU answers");
    golden.check("total_variance", &[variance], GRADIENT);
}

#[test]
fn likelihoods_and_importance_sampling() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let of =
        |weights: &[f32]| -> Vec<f64> { marginal::curve(weights).iter().map(|(_, value)| *value).collect() };
    let likelihoods = block_on(bench.log_likelihoods(golden.values("prior_codes"))).expect("the CPU answers");
    golden.check("prior", &of(&likelihoods), NATS);
    golden.check("likelihoods", &doubles(likelihoods), NATS);
    let weights = marginal::log_weights(&bench, golden.tensor("importance_eps"));
    golden.check("importance", &of(&block_on(weights).expect("the CPU answers")), NATS);
}

#[test]
fn grids() {
    let golden = Golden::open();
    let grid = Grid::whole(SIDE_OF_GRID, 2);
    let (mut sums, mut means, mut spreads) = (Vec::new(), Vec::new(), Vec::new());
    for image in 0..golden.images.len() {
        let bench = golden.bench(image);
        let mut marginal = Marginal::default();
        while marginal.grids.is_empty() {
            block_on(marginal.sum(&bench, grid)).expect("the CPU answers");
        }
        sums.append(&mut marginal.grids);
        let mut truth = Truth::default();
        while !block_on(truth.fill(&bench, grid)).expect("the CPU answers") {}
        let [mean, spread] = moments(grid, &truth.masses);
        means.extend(mean);
        spreads.extend(spread);
    }
    golden.check("grid", &sums, NATS);
    golden.check("posterior_mean", &means, MEAN);
    golden.check("posterior_spread", &spreads, MEAN);
}

#[test]
fn a_posterior_fitted_to_one_image() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let mut gap = Gap::default();
    block_on(gap.begin(&bench)).expect("an encoder");
    let steps = golden.file["fit_eps"].shape[0] - 1;
    let elbo = |fitted: &[f32]| {
        let half = |part: &[f32]| bench.codes(part.to_vec());
        let eps = golden.part("fit_eps", steps);
        host(amortisation::bound(&bench, half(&fitted[..2]), half(&fitted[2..]), eps).expect("an encoder"))[0]
    };
    golden.check("fit_start", &doubles(gap.fitted.clone()), 1e-5);
    let before = elbo(&gap.fitted);
    for step in 0..steps {
        block_on(gap.descend(&bench, golden.part("fit_eps", step))).expect("codes can be derived");
    }
    golden.check("fit_end", &doubles(gap.fitted.clone()), 1e-5);
    golden.check("fit_elbo", &[before, elbo(&gap.fitted)], NATS);
}

#[test]
fn a_trajectory_of_the_sampler() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let images = bench.subject().images;
    let log_likelihood =
        |z| bench.model.log_likelihood(images.clone(), z).expect("a likelihood").reshape([-1]);
    let (start, push) = (golden.tensor::<2>("hmc_start").inner(), golden.tensor::<2>("hmc_momentum").inner());
    let (end, gain) = Hmc::new(&start.device()).leapfrog(start, push, log_likelihood);
    golden.check("hmc_end", &host(end), MEAN);
    // Differences between hundreds of nats in f32.
    golden.check("hmc_change", &host(gain.neg()), 1e-3);
}

/// The experiment's images are its subject, the first of the fixture, and all of the fixture's.
#[test]
fn a_hidden_half() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let (mut half, grid) = (Half::default(), Grid::whole(SIDE_OF_GRID, 2));
    block_on(half.begin(&bench)).expect("the CPU answers");
    while half.cells < grid.cells() {
        block_on(half.decode(&bench, grid)).expect("the CPU answers");
    }
    let [(_, _, completed), ..] = half.answers(&bench, 0);
    let hidden = |at: &usize| at % SIDE >= SIDE / 2;
    let tests = PIXELS..completed.len();
    let means: Vec<f64> = tests.filter(hidden).map(|at| completed[at]).collect();
    golden.check("half_mean", &means, MEAN);
    let errors: Vec<f64> = (1..=golden.images.len()).map(|image| half.error(image, &completed)).collect();
    golden.check("half_error", &errors, MEAN);
    let spread = |at: usize| libm::sqrt(half.variance(&completed, at));
    let spreads: Vec<f64> = (0..PIXELS).filter(hidden).map(spread).collect();
    // A root of a small difference between squares.
    golden.check("half_spread", &spreads, 1e-4);
    golden.check("half_doubt", &[half.doubt(&completed).value], 1e-4);
}

#[test]
fn densities_and_their_rank() {
    let golden = Golden::open();
    let bench = golden.bench(0);
    let images: Vec<&Image> = golden.images.iter().collect();
    let costs = block_on(density::by_the_encoder(&bench, &images, golden.tensor("eps"))).expect("an encoder");
    golden.check("cost", &costs, NATS);

    let mut density = Density::default();
    density.nats = doubles(golden.values("nats"));
    let finding = density.finding(&bench);
    let fact = |key: &str| finding.value(key).expect("a fact");
    golden.check("nats_mean", &[fact("digits")], NATS);
    let strangers = ["subject", "flipped", "permuted", "inverted", "noise", "skull", "blank"];
    golden.check("nats_beaten", &strangers.map(|key| fact(&format!("{key}_beats"))), NATS);
    let bars = &finding.charts[0].series[0].points;
    let bars: Vec<f64> = bars.iter().flat_map(|(middle, count)| [*middle, *count]).collect();
    golden.check("nats_bars", &bars, NATS);
}
