//! Monte-Carlo expectation maximisation (Wei and Tanner 1990) with Hamiltonian Monte Carlo, as in "Auto-Encoding Variational
//! Bayes" (Kingma and Welling 2014, section 5 and appendix E): a decoder learns without an encoder.
//!
//! Each training image has a Markov chain of its own, which goes on in the posterior of the image's code whenever the image
//! is seen: ten leapfrog steps, accepted or not. Then the decoder learns from the codes: five updates on `-log p(x|z)`.
//!
//! Found here: a young decoder throws the codes out to about twice the spread of the prior, and they come back very slowly,
//! since the posteriors have become narrow by then. Smaller first weights and smaller steps did not help.

use std::borrow::Cow::Borrowed;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use latent_kernels::{Form, mean, product, upload};
use latent_protocol::{LossTerm, Settings};
use litemap::LiteMap;

use super::{Variational, VariationalConfig};
use crate::CoreError;
use crate::family::{Batch, Examined, LatentModel, Losses, Objective, Trainer};
use crate::hmc::{Hmc, Moved};
use crate::linalg::plain;
use crate::noise::{Noise, Stream};
use crate::training::{Adam, Moments, gradient_sizes};
use crate::weights::{self, Host, HostTensor, WeightFile, read};

/// Updates of the weights with the codes of a batch.
const UPDATES: usize = 5;

const CHAINS: &str = "state.chains";
const STEP: &str = "state.leapfrog";

const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// The negative logarithm of what expectation maximisation raises.
pub const JOINT: LossTerm = LossTerm {
    key: Borrowed("joint"),
    label: Borrowed("\u{2212}log p(x, z)"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "How surprising an image is together with the code that its chain has reached. It is no bound on the likelihood \
         of the image: other codes could have made it too.",
    ),
};

/// The negative log-density of the codes.
pub const PRIOR: LossTerm = LossTerm {
    key: Borrowed("prior"),
    label: Borrowed("\u{2212}log p(z)"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "How far out the codes of the chains are. Codes of a standard normal have 1.4 nats per latent.",
    ),
};

/// What became of the proposals.
pub const ACCEPTED: LossTerm = LossTerm {
    key: Borrowed("accepted"),
    label: Borrowed("Accepted"),
    unit: Borrowed("of the proposals"),
    help: Borrowed("Share of the chains that moved. The length of a leapfrog step is tuned until it is 0.9."),
};

/// Length of a leapfrog step.
pub const LEAPFROG: LossTerm = LossTerm {
    key: Borrowed("leapfrog"),
    label: Borrowed("Leapfrog step"),
    unit: Borrowed("of a code"),
    help: Borrowed(
        "How far a chain goes in one of its ten steps. It shrinks as the codes of an image draw together.",
    ),
};

/// A decoder in training, and the chains from whose codes it learns.
#[derive(Clone)]
pub struct MonteCarloEm {
    model: Variational,
    adam: Adam,
    sampler: Hmc,
    /// Where the chain of each training image is, `[images, latent_dim]`.
    chains: Tensor<2>,
    device: Device,
}

/// What the chains of a batch have found.
struct Expectation {
    /// Rows of the unit matrix, `[batch, images]`: which chains these are.
    selection: Tensor<2>,
    /// Where they were, `[batch, latent_dim]`.
    before: Tensor<2>,
    moved: Moved,
}

impl MonteCarloEm {
    /// Fresh weights, and chains that begin at codes from the prior, for so many training images.
    pub fn new(device: &Device, config: &VariationalConfig, images: usize, seed: u64) -> Self {
        let noise = |index| Noise::new(seed, Stream::Weights, index);
        let model = Variational::init(config, &mut noise(0), &device.clone().autodiff());
        let chains = noise(1).normal([images, config.sizes.latent_dim], device);
        Self { model, adam: Adam::default(), sampler: Hmc::new(device), chains, device: device.clone() }
    }

    /// Let the chains of a batch go on, each in the posterior of its image.
    fn expectation(&self, batch: &Batch) -> Expectation {
        let [images, _] = self.chains.dims();
        let mut rows = vec![0.0; batch.indices.len() * images];
        for (row, index) in rows.chunks_exact_mut(images).zip(&batch.indices) {
            row[*index as usize] = 1.0;
        }
        let selection = upload(rows, [batch.indices.len(), images], &self.device);
        let before = plain(selection.clone(), self.chains.clone());
        let x = pixels(batch);
        // The decoder stays as it is: no gradients of its weights are computed.
        let decoder = self.model.clone().no_grad();
        let moved = self
            .sampler
            .advance(before.clone(), &mut batch.noise.clone(), |z| decoder.cost(z, x.clone()).neg());
        Expectation { selection, before, moved }
    }

    /// `-log p(x|z)` at the codes of the chains, which the weights are to lower.
    fn cost(&self, batch: &Batch, moved: &Moved) -> Tensor<1> {
        mean(self.model.cost(Tensor::from_inner(moved.codes.clone()), pixels(batch)))
    }

    /// Lower it once.
    fn update(&mut self, cost: &Tensor<1>, learning_rate: f64) {
        let gradients = GradientsParams::from_grads(cost.backward(), &self.model);
        self.model = self.adam.step(learning_rate, self.model.clone(), gradients);
    }

    /// What is told of it.
    fn losses(&self, cost: &Tensor<1>, moved: &Moved) -> Losses {
        let reconstruction = cost.clone().inner();
        let [_, latent_dim] = moved.codes.dims();
        #[expect(clippy::cast_precision_loss, reason = "latents are few")]
        let constant = 0.5 * LN_2_PI * latent_dim as f64;
        let squares: Tensor<1> = moved.codes.clone().powi_scalar(2).sum_dim(1).mean().reshape([1]);
        let prior = squares * 0.5 + constant;
        Losses::new(vec![
            ("joint", reconstruction.clone() + prior.clone()),
            ("reconstruction", reconstruction),
            ("prior", prior),
            ("accepted", moved.accepted.clone()),
            ("leapfrog", self.sampler.step.clone()),
        ])
    }
}

/// # Shapes
/// -> `[batch, 784]`.
fn pixels(batch: &Batch) -> Tensor<2> {
    batch.examples.images.clone().flatten(1, 3)
}

impl Trainer for MonteCarloEm {
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses {
        let Expectation { selection, before, moved } = self.expectation(&batch);
        let first = self.cost(&batch, &moved);
        let losses = self.losses(&first, &moved);
        self.update(&first, learning_rate);
        for _ in 1..UPDATES {
            self.update(&self.cost(&batch, &moved), learning_rate);
        }
        let by = moved.codes - before;
        self.chains = self.chains.clone() + product(selection, by, Form::LeftTransposed);
        self.sampler.tune(moved.accepted);
        losses
    }

    fn examine(&self, batch: Batch) -> Option<Examined> {
        let moved = self.expectation(&batch).moved;
        let cost = self.cost(&batch, &moved);
        let losses = self.losses(&cost, &moved);
        let gradients = GradientsParams::from_grads(cost.backward(), &self.model);
        Some(Examined { losses, gradients: gradient_sizes(&self.model, gradients) })
    }

    fn snapshot(&self) -> Box<dyn LatentModel> {
        Box::new(self.model.valid())
    }

    fn fork(&self) -> Box<dyn Trainer> {
        Box::new(self.clone())
    }

    fn adjust(&mut self, _settings: &Settings) -> Result<(), CoreError> {
        // Learning rate and batch, which the run looks after, are all that may change.
        Ok(())
    }

    fn state(&self) -> Host<'_> {
        Box::pin(async {
            let mut tensors: LiteMap<String, HostTensor> = self.adam.moments().read().await?;
            let chains =
                HostTensor { shape: self.chains.dims().into(), values: read(self.chains.clone()).await? };
            tensors.insert(CHAINS.into(), chains);
            let step = HostTensor { shape: vec![1], values: read(self.sampler.step.clone()).await? };
            tensors.insert(STEP.into(), step);
            Ok(tensors)
        })
    }

    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError> {
        let (moments, shape) = (Moments::load(file, &self.device)?, self.chains.dims());
        let (chains, step) = (file.values(CHAINS, &shape)?, file.values(STEP, &[1])?);
        self.model = weights::fill(self.model.clone(), file)?;
        self.adam.set_moments(moments);
        self.chains = upload(chains, shape, &self.device);
        self.sampler.step = upload(step, [1], &self.device);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::evaluation::log_sum_exp;
    use crate::family::Examples;
    use crate::grid::Grid;
    use crate::models::parts::networks::Sizes;
    use crate::models::parts::variational::{Pixels, Rule};

    /// A trainer of a small decoder with these chains.
    fn trainer(images: usize) -> MonteCarloEm {
        let sizes = Sizes {
            encoder_hidden: vec![],
            decoder_hidden: vec![16],
            convolutional: false,
            latent_dim: 2,
            classes: 0,
        };
        let config = VariationalConfig {
            sizes,
            pixels: Pixels::Bernoulli,
            squashed: true,
            beta: 1.0,
            samples: 1,
            warmup: 0.0,
            rule: Rule::MonteCarlo,
        };
        MonteCarloEm::new(&Device::flex(), &config, images, 3)
    }

    /// A step's batch: of these images each fourth is the same.
    fn batch(indices: std::ops::Range<u32>, step: u64) -> Batch {
        // Nearly grey, so that a decoder that has learned nothing explains it best with codes near the middle.
        let grey = |index: u32| (0..784).map(move |at| if at / 7 % 4 == index % 4 { 0.6 } else { 0.45 });
        let pixels = indices.clone().flat_map(grey).collect();
        Batch {
            examples: Examples::new(pixels, &vec![0; indices.len()], &Device::flex().autodiff()),
            indices: indices.collect(),
            noise: Noise::new(8, Stream::Step, step),
            epoch: 0.0,
        }
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        block_on(read(tensor)).expect("the CPU answers")
    }

    #[test]
    fn a_step_moves_the_chains_of_its_images_alone_and_the_weights_five_times() {
        let mut trainer = trainer(6);
        let before = values(trainer.chains.clone());
        let losses = block_on(trainer.step(batch(2..5, 0), 0.01).read()).expect("the CPU answers");
        let after = values(trainer.chains.clone());
        let moved: Vec<bool> = before.chunks(2).zip(after.chunks(2)).map(|(a, b)| a != b).collect();
        let count = moved.iter().filter(|moved| **moved).count();
        assert!(!moved[0] && !moved[1] && !moved[5] && count > 0, "{moved:?}");
        assert_eq!(losses[3].0, "accepted");
        assert!(
            (losses[3].1 * 3.0 - f32::from(u8::try_from(count).expect("few"))).abs() < 1e-5,
            "{losses:?}"
        );
        let state = block_on(trainer.state()).expect("the CPU answers");
        assert_eq!(state.get("state.adam.time").map(|time| time.values[0]), Some(5.0));
    }

    /// Chains of many copies of an image are samples of its posterior, which a grid knows.
    #[test]
    fn chains_find_the_posterior_of_their_image() {
        const CHAINS: u32 = 400;
        let mut trainer = trainer(CHAINS as usize);
        for step in 0..40 {
            let _ = trainer.step(batch(0..CHAINS, step), 0.0);
        }
        let model = trainer.snapshot();
        let grid = Grid::whole(200, 2);
        let (codes, masses) = grid.part(0..grid.cells());
        let z = upload(codes.clone(), [grid.cells(), 2], &Device::flex());
        let images = batch(0..4, 0).examples.images.inner();
        let pairs = values(model.log_likelihood(images, z).expect("a likelihood"));
        let found = values(trainer.chains);
        for (image, latent) in (0..4).flat_map(|image| [(image, 0), (image, 1)]) {
            let pairs = pairs.iter().skip(image).step_by(4);
            let logs: Vec<f64> =
                masses.iter().zip(pairs).map(|(mass, pair)| mass + f64::from(*pair)).collect();
            let all = log_sum_exp(logs.iter().copied());
            let weights = logs.iter().map(|log| libm::exp(log - all));
            let exact = moments(codes.iter().skip(latent).step_by(2).zip(weights));
            let chains = found.iter().skip(2 * image + latent).step_by(8);
            let sampled = moments(chains.map(|z| (z, 4.0 / f64::from(CHAINS))));
            let said = format!("{image}, {latent}: {sampled:?} instead of {exact:?}");
            assert!((sampled[0] - exact[0]).abs() < 0.25 * exact[1], "{said}");
            assert!((sampled[1] / exact[1] - 1.0).abs() < 0.2, "{said}");
        }
    }

    /// Mean and standard deviation of numbers with these weights.
    fn moments<'a>(weighted: impl Iterator<Item = (&'a f32, f64)>) -> [f64; 2] {
        let (mut mean, mut square) = (0.0, 0.0);
        for (value, weight) in weighted {
            mean += f64::from(*value) * weight;
            square += f64::from(*value).powi(2) * weight;
        }
        [mean, (square - mean * mean).sqrt()]
    }
}
