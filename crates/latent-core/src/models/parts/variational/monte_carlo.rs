//! Monte-Carlo expectation maximisation (Wei and Tanner 1990) with Hamiltonian Monte Carlo, as in "Auto-Encoding Variational
//! Bayes" (Kingma and Welling 2014, section 5 and appendix E): a decoder learns without an encoder.
//!
//! Each training image has a Markov chain of its own, which goes on in the posterior of the image's code whenever the image
//! is seen: ten leapfrog steps, accepted or not. Then the decoder learns from the codes: five updates on `-log p(x|z)`.

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
    /// A trainer with fresh weights, and chains that begin at codes from the prior, for so many training images.
    pub fn create(device: &Device, config: &VariationalConfig, images: usize, seed: u64) -> Box<dyn Trainer> {
        let model =
            Variational::init(config, &mut Noise::new(seed, Stream::Weights, 0), &device.clone().autodiff());
        let chains = Noise::new(seed, Stream::Weights, 1).normal([images, config.sizes.latent_dim], device);
        let (adam, sampler) = (Adam::default(), Hmc::new(device));
        Box::new(Self { model, adam, sampler, chains, device: device.clone() })
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
        let losses = self.losses(&self.cost(&batch, &moved), &moved);
        for _ in 0..UPDATES {
            let gradients = GradientsParams::from_grads(self.cost(&batch, &moved).backward(), &self.model);
            self.model = self.adam.step(learning_rate, self.model.clone(), gradients);
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
