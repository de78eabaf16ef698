//! The machinery of all variational autoencoders here: a Gaussian posterior from an encoder, Bernoulli or Gaussian
//! pixels from a decoder, with or without classes. A family adds its card and says which of these it is.
//!
//! `loss = E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I))`, summed over pixels and latents, averaged over images.

pub mod monte_carlo;
pub mod wake_sleep;

use std::borrow::Cow::Borrowed;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use latent_kernels::{Activation, bernoulli_cost, kl_from_normal, mean, reparameterize};
use latent_protocol::{Control, Hyperparameter, LossTerm, ModelCard, Settings};

use super::likelihood::{
    bernoulli_pairs, gaussian_cost, gaussian_pairs, kl_of_latents, log_prior_over_posterior, softplus,
};
use super::networks::{Decoder, Encoder, Sizes, join};
use crate::data::{PIXELS, SIDE};
use crate::family::{Batch, BoundTerms, Examples, LatentModel, Losses, Objective, Posterior};
use crate::layers::dense;
use crate::linalg::{positive, unit};
use crate::noise::Noise;
use crate::plane::Plane;
use crate::weights::{self, Host, WeightFile};
use crate::{CoreError, Stream};

/// Weight of the KL term.
pub const BETA: Hyperparameter = Hyperparameter {
    key: Borrowed("beta"),
    label: Borrowed("Beta"),
    help: Borrowed(
        "Weight of the KL term. 1 is the VAE; less gives sharper digits and gaps in the plane, more a smoother plane.",
    ),
    control: Control::Real { default: 1.0, min: 0.0, max: 20.0, logarithmic: false },
    live: true,
};

/// Codes drawn per image.
pub const SAMPLES: Hyperparameter = Hyperparameter {
    key: Borrowed("samples"),
    label: Borrowed("Samples per image"),
    help: Borrowed("Codes drawn per image in a step (L in the paper). One is enough with batches of 100."),
    control: Control::Whole { default: 1, min: 1, max: 16 },
    live: false,
};

/// How the weight of the KL term begins.
pub const WARMUP: Hyperparameter = Hyperparameter {
    key: Borrowed("warmup"),
    label: Borrowed("KL warm-up"),
    help: Borrowed("Epochs over which the weight of the KL term grows from 0 to beta; 0 for none."),
    control: Control::Real { default: 0.0, min: 0.0, max: 100.0, logarithmic: false },
    live: false,
};

/// The sum that training minimises.
pub const TOTAL: LossTerm = LossTerm {
    key: Borrowed("total"),
    label: Borrowed("Total"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "What training minimises: reconstruction plus beta times KL, per image. With beta 1 it is the negative evidence lower bound.",
    ),
};

/// The negative expected log-likelihood.
pub const RECONSTRUCTION: LossTerm = LossTerm {
    key: Borrowed("reconstruction"),
    label: Borrowed("Reconstruction"),
    unit: Borrowed("nats"),
    help: Borrowed("How surprising the pixels are, given a code drawn for the image."),
};

/// The divergence of the posterior from the prior.
pub const KL: LossTerm = LossTerm {
    key: Borrowed("kl"),
    label: Borrowed("KL"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "How far the clouds of codes are from the standard normal: the information a code carries about its image.",
    ),
};

/// Smallest standard deviation of a pixel where each has its own: without a floor the density of the many pixels
/// that are always black grows without bound.
pub const SIGMA_FLOOR: f64 = 0.05;

/// The distribution of a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pixels {
    /// Black or white.
    Bernoulli,
    /// Grey, with this standard deviation.
    Fixed(f64),
    /// Grey, with one learned standard deviation for all pixels.
    Learned,
    /// Grey, with a standard deviation per pixel from the decoder, at least [`SIGMA_FLOOR`].
    PerPixel,
}

/// How the weights are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Auto-encoding variational Bayes: one bound for both networks.
    Bound,
    /// An objective for each of them.
    WakeSleep,
    /// No encoder: codes of the training images come from Markov chains, by a trainer of its own.
    MonteCarlo,
}

/// Which variational autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct VariationalConfig {
    /// Sizes of the networks.
    pub sizes: Sizes,
    /// The distribution of a pixel.
    pub pixels: Pixels,
    /// Whether the mean of a Gaussian pixel is squashed into [0, 1]; a linear decoder's is not.
    pub squashed: bool,
    /// Weight of the KL term.
    pub beta: f64,
    /// Codes drawn per image and step.
    pub samples: usize,
    /// Epochs over which the weight of the KL term grows.
    pub warmup: f64,
    /// How it learns.
    pub rule: Rule,
}

impl VariationalConfig {
    /// Bernoulli pixels, from checked settings.
    pub fn read(settings: &Settings) -> Self {
        Self {
            sizes: Sizes::read(settings),
            pixels: Pixels::Bernoulli,
            squashed: true,
            beta: if settings.has(&BETA.key) { settings.real(&BETA.key) } else { 1.0 },
            samples: if settings.has(&SAMPLES.key) { settings.whole(&SAMPLES.key) } else { 1 },
            warmup: if settings.has(&WARMUP.key) { settings.real(&WARMUP.key) } else { 0.0 },
            rule: Rule::Bound,
        }
    }
}

/// A variational autoencoder.
#[derive(Module, Debug)]
pub struct Variational {
    encoder: Option<Encoder>,
    decoder: Decoder,
    /// Logarithm of the one learned standard deviation.
    log_sigma: Option<Param<Tensor<1>>>,
    #[module(skip)]
    pixels: Pixels,
    #[module(skip)]
    squashed: bool,
    #[module(skip)]
    classes: usize,
}

/// One way from images through codes back to images.
struct Pass {
    mu: Tensor<2>,
    log_var: Tensor<2>,
    /// `[samples, batch, latent_dim]`
    z: Tensor<3>,
    /// `-log p(x|z)`, `[samples, batch]`
    reconstruction: Tensor<2>,
}

impl Variational {
    /// The model in a file, of the family with this card.
    pub fn load(
        device: &Device,
        file: &WeightFile,
        card: &ModelCard,
        config: fn(&Settings) -> VariationalConfig,
    ) -> Result<Box<dyn LatentModel>, CoreError> {
        let config = config(&file.settings(card)?);
        let mut fresh = Self::init(&config, &mut Noise::new(0, Stream::Weights, 0), device);
        if !file.tensors.keys().any(|name| name.starts_with("encoder.")) {
            fresh.encoder = None;
        }
        Ok(Box::new(weights::fill(fresh, file)?))
    }

    fn labels(&self, examples: &Examples) -> Option<Tensor<2>> {
        (self.classes > 0).then(|| examples.labels.clone())
    }

    /// # Shapes
    /// `eps`: `[samples, batch, latent_dim]`.
    fn pass(&self, encoder: &Encoder, examples: &Examples, eps: Tensor<3>) -> Pass {
        let [samples, batch, latent_dim] = eps.dims();
        let labels = self.labels(examples);
        let (mu, log_var) = Self::heads(encoder, examples.images.clone(), labels.clone());
        let z = reparameterize(mu.clone(), log_var.clone(), eps);
        let codes =
            join(z.clone().reshape([samples * batch, latent_dim]), labels.map(|l| l.repeat_dim(0, samples)));
        let mut targets = examples.images.clone().flatten::<2>(1, 3);
        if samples > 1 {
            targets = targets.repeat_dim(0, samples);
        }
        let reconstruction = self.cost(codes, targets).reshape([samples, batch]);
        Pass { mu, log_var, z, reconstruction }
    }

    fn heads(encoder: &Encoder, images: Tensor<4>, labels: Option<Tensor<2>>) -> (Tensor<2>, Tensor<2>) {
        let features = encoder.features(images, labels);
        let log_var = encoder.log_var.as_ref().expect("`init` gives a variational encoder its variances");
        (dense(&encoder.mu, features.clone(), Activation::None), dense(log_var, features, Activation::None))
    }

    /// `-log p(x|z)`.
    fn cost(&self, codes: Tensor<2>, x: Tensor<2>) -> Tensor<1> {
        match self.gaussian(codes.clone()) {
            None => bernoulli_cost(self.decoder.forward(codes, Activation::None), x),
            Some((mean, sigma)) => gaussian_cost(mean, sigma, x),
        }
    }

    /// Means and standard deviations of Gaussian pixels, the latter in one row, one column or for each.
    fn gaussian(&self, codes: Tensor<2>) -> Option<(Tensor<2>, Tensor<2>)> {
        if self.pixels == Pixels::Bernoulli {
            return None;
        }
        let [batch, _] = codes.dims();
        let output = self.decoder.forward(codes, Activation::None);
        let device = output.device();
        let (mean, sigma) = match self.pixels {
            Pixels::PerPixel => {
                let spread = output.clone().slice([0..batch, PIXELS..2 * PIXELS]);
                (output.slice([0..batch, 0..PIXELS]), softplus(spread) + SIGMA_FLOOR)
            }
            Pixels::Fixed(sigma) => (output, Tensor::full([1, 1], sigma, &device)),
            _ => {
                let log_sigma = self.log_sigma.as_ref().expect("`init` makes it where it is learned");
                (output, log_sigma.val().exp().reshape([1, 1]))
            }
        };
        Some((if self.squashed { sigmoid(mean) } else { mean }, sigma))
    }

    /// Images drawn from `p(x|z)`.
    fn drawn(&self, z: Tensor<2>, noise: &mut Noise) -> Tensor<4> {
        let [batch, _] = z.dims();
        let device = z.device();
        let pixels = match self.gaussian(z.clone()) {
            None => {
                let threshold = noise.uniform(0.5, [batch, PIXELS], &device) + 0.5;
                positive(self.mean(z) - threshold)
            }
            Some((mean, sigma)) => mean + sigma * noise.normal([batch, PIXELS], &device),
        };
        unit(pixels).reshape([batch, 1, SIDE, SIDE])
    }

    /// Expected pixels, not clamped.
    fn mean(&self, codes: Tensor<2>) -> Tensor<2> {
        match self.gaussian(codes.clone()) {
            None => self.decoder.forward(codes, Activation::Sigmoid),
            Some((mean, _)) => mean,
        }
    }
}

impl Objective for Variational {
    type Config = VariationalConfig;

    fn init(config: &VariationalConfig, noise: &mut Noise, device: &Device) -> Self {
        let maps = if config.pixels == Pixels::PerPixel { 2 } else { 1 };
        let has_encoder = config.rule != Rule::MonteCarlo;
        let encoder = has_encoder.then(|| Encoder::init(&config.sizes, true, noise, device));
        let decoder = Decoder::init(&config.sizes, maps, noise, device);
        // A third of the grey range: near where it ends, so that it need not travel far.
        let log_sigma =
            (config.pixels == Pixels::Learned).then(|| Param::from_tensor(Tensor::full([1], -1.2, device)));
        Self {
            encoder,
            decoder,
            log_sigma,
            pixels: config.pixels,
            squashed: config.squashed,
            classes: config.sizes.classes,
        }
    }

    fn losses(&self, config: &VariationalConfig, mut batch: Batch) -> Losses {
        let encoder =
            self.encoder.as_ref().expect("a model that learns by gradients alone has an encoder from `init`");
        if config.rule == Rule::WakeSleep {
            return self.wake_sleep(encoder, config.sizes.latent_dim, batch);
        }
        let shape = [config.samples, batch.examples.images.dims()[0], config.sizes.latent_dim];
        let eps = batch.noise.normal(shape, &batch.examples.images.device());
        let pass = self.pass(encoder, &batch.examples, eps);
        let reconstruction = mean(pass.reconstruction.flatten(0, 1));
        let kl = mean(kl_from_normal(pass.mu, pass.log_var));
        let weight = if config.warmup > 0.0 { (batch.epoch / config.warmup).min(1.0) } else { 1.0 };
        let weight = config.beta * weight;
        #[expect(
            clippy::float_cmp,
            reason = "exactly 1 by default, which saves a multiplication and its derivative"
        )]
        let weighted = if weight == 1.0 { kl.clone() } else { kl.clone() * weight };
        let total = reconstruction.clone() + weighted;
        Losses::new(vec![("total", total), ("reconstruction", reconstruction), ("kl", kl)])
    }
}

impl LatentModel for Variational {
    fn plane(&self) -> Plane {
        Plane::gaussian(self.decoder.inputs() - self.classes).with_classes(self.classes)
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, _] = z.dims();
        let mean = self.mean(z);
        let pixels = if self.squashed { mean } else { unit(mean) };
        pixels.reshape([batch, 1, SIDE, SIDE])
    }

    fn encode(&self, examples: &Examples) -> Option<Posterior> {
        let encoder = self.encoder.as_ref()?;
        let (mu, log_var) = Self::heads(encoder, examples.images.clone(), self.labels(examples));
        Some(Posterior { mu, log_var: Some(log_var) })
    }

    fn reconstruct(&self, examples: &Examples) -> Option<Tensor<2>> {
        Some(self.mean(join(self.encode(examples)?.mu, self.labels(examples))))
    }

    fn bound(&self, examples: &Examples, eps: Tensor<3>) -> Option<BoundTerms> {
        let Pass { mu, log_var, z, reconstruction } =
            self.pass(self.encoder.as_ref()?, examples, eps.clone());
        let log_ratio = log_prior_over_posterior(log_var.clone(), z, eps);
        let log_weight = log_ratio - reconstruction.clone();
        Some(BoundTerms { reconstruction, kl: kl_of_latents(mu, log_var), log_weight })
    }

    fn log_likelihood(&self, images: Tensor<4>, z: Tensor<2>) -> Option<Tensor<2>> {
        let x = images.flatten(1, 3);
        Some(match self.gaussian(z.clone()) {
            None => bernoulli_pairs(self.decoder.forward(z, Activation::None), x),
            Some((mean, sigma)) => gaussian_pairs(mean, sigma, x),
        })
    }

    fn sample(&self, z: Tensor<2>, noise: &mut Noise) -> Option<Tensor<4>> {
        Some(self.drawn(z, noise))
    }

    fn encoder_gradients(&self, of: Tensor<1>) -> Option<Vec<Tensor<1>>> {
        let encoder = self.encoder.as_ref()?;
        let gradients = GradientsParams::from_grads(of.backward(), encoder);
        let mut flat = Flat { gradients, found: Vec::new() };
        encoder.visit(&mut flat);
        Some(flat.found)
    }

    fn sigma(&self) -> Option<Tensor<1>> {
        self.log_sigma.as_ref().map(|log_sigma| log_sigma.val().exp())
    }

    fn device(&self) -> Device {
        self.decoder.output.weight.device()
    }

    fn weights(&self) -> Host<'_> {
        Box::pin(weights::collect(self))
    }
}

/// Collects gradients.
struct Flat {
    gradients: GradientsParams,
    found: Vec<Tensor<1>>,
}

impl ModuleVisitor for Flat {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.found.push(gradient.flatten(0, D - 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::gradient_check;

    fn config(pixels: Pixels) -> VariationalConfig {
        let sizes = Sizes {
            encoder_hidden: vec![6, 5],
            decoder_hidden: vec![4, 7],
            convolutional: false,
            latent_dim: 3,
            classes: 0,
        };
        VariationalConfig {
            sizes,
            pixels,
            squashed: true,
            beta: 1.0,
            samples: 1,
            warmup: 0.0,
            rule: Rule::Bound,
        }
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let plain = config(Pixels::Bernoulli);
        for config in [
            plain.clone(),
            VariationalConfig { samples: 3, ..plain.clone() },
            VariationalConfig { beta: 4.0, ..plain.clone() },
            VariationalConfig { warmup: 2.0, ..plain.clone() },
            VariationalConfig { sizes: Sizes { classes: 10, ..plain.sizes.clone() }, ..plain.clone() },
            config(Pixels::Fixed(0.5)),
            config(Pixels::Learned),
            VariationalConfig { squashed: false, ..config(Pixels::Learned) },
            config(Pixels::PerPixel),
        ] {
            gradient_check::run::<Variational>(&config);
        }
    }

    #[test]
    fn gradients_of_convolutions_agree_with_finite_differences() {
        let plain = config(Pixels::Bernoulli);
        let sizes = Sizes { convolutional: true, ..plain.sizes.clone() };
        gradient_check::run::<Variational>(&VariationalConfig { sizes, ..plain });
    }
}
