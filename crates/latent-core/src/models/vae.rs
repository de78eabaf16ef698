//! The variational autoencoder of Kingma and Welling, "Auto-Encoding Variational Bayes" (2014): Gaussian
//! posterior, Bernoulli pixels.
//!
//! `loss = E_q[-log p(x|z)] + beta KL(q(z|x) || N(0, I))`, summed over pixels and latents, averaged over images.

use std::borrow::Cow::Borrowed;

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};
use latent_protocol::{Abilities, Control, DecodeCost, Hyperparameter, LossTerm, ModelCard, Paper, Settings};

use crate::data::{PIXELS, SIDE};
use crate::family::{Batch, BoundTerms, Family, LatentModel, Losses, Objective, Posterior};
use crate::noise::Noise;
use crate::plane::Plane;
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE, TARGETS};
use crate::weights::{self, Host, WeightFile};
use crate::{CoreError, Stream, init};

/// Line of this family in the registry.
pub const FAMILY: Family = Family { card: CARD, trainer: GradientTrainer::<Vae>::create, load: Vae::load };

const CARD: ModelCard = ModelCard {
    id: Borrowed("vae"),
    name: Borrowed("Variational autoencoder"),
    summary: Borrowed(
        "An encoder turns each digit into a small cloud of codes, a decoder turns codes into digits. Training asks \
         for good reconstructions and for clouds that together fill a standard normal. So every point of the plane \
         decodes to something, and neighbours decode alike.",
    ),
    paper: Paper {
        citation: Borrowed("Kingma and Welling, 2014"),
        title: Borrowed("Auto-Encoding Variational Bayes"),
        url: Borrowed("https://arxiv.org/abs/1312.6114"),
    },
    abilities: Abilities { encode: true, bound: true },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        hidden(
            "encoder_hidden",
            "Encoder layers",
            "Widths of the encoder's hidden layers, from the image to the code.",
        ),
        hidden(
            "decoder_hidden",
            "Decoder layers",
            "Widths of the decoder's hidden layers, from the code to the image.",
        ),
        Hyperparameter {
            key: Borrowed("latent_dim"),
            label: Borrowed("Latent dimensions"),
            help: Borrowed(
                "Numbers in a code. With more than two, the plane shows the first two and holds the others at 0.",
            ),
            control: Control::Whole { default: 2, min: 1, max: 64 },
        },
        Hyperparameter {
            key: Borrowed("beta"),
            label: Borrowed("Beta"),
            help: Borrowed(
                "Weight of the KL term. 1 is the VAE; less gives sharper digits and gaps in the plane, more a smoother plane.",
            ),
            control: Control::Real { default: 1.0, min: 0.0, max: 20.0, logarithmic: false },
        },
        Hyperparameter {
            key: Borrowed("samples"),
            label: Borrowed("Samples per image"),
            help: Borrowed(
                "Codes drawn per image in a step (L in the paper). One is enough with batches of 100.",
            ),
            control: Control::Whole { default: 1, min: 1, max: 16 },
        },
        Hyperparameter {
            key: Borrowed("warmup"),
            label: Borrowed("KL warm-up"),
            help: Borrowed("Epochs over which the weight of the KL term grows from 0 to beta; 0 for none."),
            control: Control::Real { default: 0.0, min: 0.0, max: 100.0, logarithmic: false },
        },
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        EPOCHS,
        IMAGES,
        TARGETS,
    ]),
    losses: Borrowed(&[
        LossTerm {
            key: Borrowed("total"),
            label: Borrowed("Total"),
            unit: Borrowed("nats"),
            help: Borrowed(
                "What training minimises: reconstruction plus beta times KL, per image. With beta 1 it is the negative evidence lower bound.",
            ),
        },
        LossTerm {
            key: Borrowed("reconstruction"),
            label: Borrowed("Reconstruction"),
            unit: Borrowed("nats"),
            help: Borrowed("How surprising the pixels are, given a code drawn for the image."),
        },
        LossTerm {
            key: Borrowed("kl"),
            label: Borrowed("KL"),
            unit: Borrowed("nats"),
            help: Borrowed(
                "How far the clouds of codes are from the standard normal: the information a code carries about its image.",
            ),
        },
    ]),
    shipped: true,
};

const fn hidden(key: &'static str, label: &'static str, help: &'static str) -> Hyperparameter {
    Hyperparameter {
        key: Borrowed(key),
        label: Borrowed(label),
        help: Borrowed(help),
        control: Control::Widths { default: Borrowed(&[512]), min: 1, max: 2048, fewest: 1, most: 4 },
    }
}

/// Settings of a [`Vae`].
#[derive(Clone, Debug, PartialEq)]
pub struct VaeConfig {
    encoder_hidden: Vec<usize>,
    decoder_hidden: Vec<usize>,
    latent_dim: usize,
    beta: f64,
    samples: usize,
    warmup: f64,
}

/// A variational autoencoder of dense layers with ReLU.
#[derive(Module, Debug)]
pub struct Vae {
    encoder: Option<Encoder>,
    decoder: Decoder,
}

/// Image to posterior.
#[derive(Module, Debug)]
struct Encoder {
    layers: Vec<Linear>,
    mu: Linear,
    log_var: Linear,
}

/// Code to logits.
#[derive(Module, Debug)]
struct Decoder {
    layers: Vec<Linear>,
    output: Linear,
}

impl Encoder {
    /// # Shapes
    /// `[batch, 1, 28, 28]` -> two times `[batch, latent_dim]`.
    fn forward(&self, images: Tensor<4>) -> Posterior {
        let hidden = self.layers.iter().fold(images.flatten(1, 3), |x, layer| relu(layer.forward(x)));
        Posterior { mu: self.mu.forward(hidden.clone()), log_var: self.log_var.forward(hidden) }
    }
}

impl Decoder {
    /// # Shapes
    /// `[batch, latent_dim]` -> `[batch, 784]`, logits.
    fn forward(&self, z: Tensor<2>) -> Tensor<2> {
        self.output.forward(self.layers.iter().fold(z, |x, layer| relu(layer.forward(x))))
    }
}

/// One way from images through codes back to images.
struct Pass {
    posterior: Posterior,
    /// `[samples, batch, latent_dim]`
    z: Tensor<3>,
    /// `-log p(x|z)`, `[samples, batch]`
    reconstruction: Tensor<2>,
}

impl Vae {
    /// # Shapes
    /// `images`: `[batch, 1, 28, 28]`; `eps`: `[samples, batch, latent_dim]`.
    fn pass(&self, encoder: &Encoder, images: Tensor<4>, eps: Tensor<3>) -> Pass {
        let [samples, batch, latent_dim] = eps.dims();
        let posterior = encoder.forward(images.clone());
        let z = reparameterize(&posterior, eps);
        let logits = self.decoder.forward(z.clone().reshape([samples * batch, latent_dim]));
        let targets = images.flatten::<2>(1, 3).repeat_dim(0, samples);
        let reconstruction = bernoulli_cost(logits, targets).reshape([samples, batch]);
        Pass { posterior, z, reconstruction }
    }

    fn load(device: &Device, file: &WeightFile) -> Result<Box<dyn LatentModel>, CoreError> {
        let config = Self::config(&file.settings(&CARD)?)?;
        let mut fresh = Self::init(&config, &mut Noise::new(0, Stream::Weights, 0), device);
        if !file.tensors.keys().any(|name| name.starts_with("encoder.")) {
            fresh.encoder = None;
        }
        Ok(Box::new(weights::fill(fresh, file, &[])?))
    }
}

impl Objective for Vae {
    type Config = VaeConfig;

    fn config(settings: &Settings) -> Result<VaeConfig, CoreError> {
        let settings = settings.checked(&CARD)?;
        Ok(VaeConfig {
            encoder_hidden: settings.widths("encoder_hidden"),
            decoder_hidden: settings.widths("decoder_hidden"),
            latent_dim: settings.whole("latent_dim"),
            beta: settings.real("beta"),
            samples: settings.whole("samples"),
            warmup: settings.real("warmup"),
        })
    }

    fn init(config: &VaeConfig, noise: &mut Noise, device: &Device) -> Self {
        let (latent_dim, last) =
            (config.latent_dim, |widths: &[usize], from| widths.last().copied().unwrap_or(from));
        let encoder_out = last(&config.encoder_hidden, PIXELS);
        let decoder_out = last(&config.decoder_hidden, latent_dim);
        let encoder = Encoder {
            layers: init::stack(PIXELS, &config.encoder_hidden, noise, device),
            mu: init::linear(encoder_out, latent_dim, noise, device),
            log_var: init::linear(encoder_out, latent_dim, noise, device),
        };
        let decoder = Decoder {
            layers: init::stack(latent_dim, &config.decoder_hidden, noise, device),
            output: init::linear(decoder_out, PIXELS, noise, device),
        };
        Self { encoder: Some(encoder), decoder }
    }

    fn losses(&self, config: &VaeConfig, mut batch: Batch) -> Losses {
        let shape = [config.samples, batch.images.dims()[0], config.latent_dim];
        let eps = batch.noise.normal(shape, &batch.images.device());
        let encoder =
            self.encoder.as_ref().expect("a model in training was made by `init`, which has an encoder");
        let pass = self.pass(encoder, batch.images, eps);
        let reconstruction = pass.reconstruction.mean();
        let kl = kl_from_normal(&pass.posterior).mean();
        let weight = if config.warmup > 0.0 { (batch.epoch / config.warmup).min(1.0) } else { 1.0 };
        let total = reconstruction.clone() + kl.clone() * (config.beta * weight);
        Losses(vec![("total", total), ("reconstruction", reconstruction), ("kl", kl)])
    }
}

impl LatentModel for Vae {
    fn plane(&self) -> Plane {
        let first = self.decoder.layers.first().unwrap_or(&self.decoder.output);
        Plane::gaussian(first.weight.dims()[0])
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, _] = z.dims();
        sigmoid(self.decoder.forward(z)).reshape([batch, 1, SIDE, SIDE])
    }

    fn encode(&self, images: Tensor<4>) -> Option<Posterior> {
        self.encoder.as_ref().map(|encoder| encoder.forward(images))
    }

    fn bound(&self, images: Tensor<4>, eps: Tensor<3>) -> Option<BoundTerms> {
        let [samples, batch, _] = eps.dims();
        let Pass { posterior, z, reconstruction } = self.pass(self.encoder.as_ref()?, images, eps.clone());
        // log p(z) - log q(z|x); the constants of the two Gaussians cancel.
        let log_var = posterior.log_var.clone().unsqueeze::<3>();
        let log_ratio = (eps.powi_scalar(2) + log_var - z.powi_scalar(2)).sum_dim(2) * 0.5;
        let log_weight = log_ratio.reshape([samples, batch]) - reconstruction.clone();
        Some(BoundTerms { reconstruction, kl: kl_from_normal(&posterior), log_weight })
    }

    fn device(&self) -> Device {
        self.decoder.output.weight.device()
    }

    fn weights(&self) -> Host<'_> {
        Box::pin(weights::collect(self))
    }
}

/// `z = mu + exp(log_var / 2) eps`.
///
/// # Shapes
/// `eps`: `[samples, batch, latent_dim]`; returns the same.
fn reparameterize(posterior: &Posterior, eps: Tensor<3>) -> Tensor<3> {
    let sigma = (posterior.log_var.clone() * 0.5).exp();
    posterior.mu.clone().unsqueeze::<3>() + sigma.unsqueeze::<3>() * eps
}

/// `-log p(x|z)` of Bernoulli pixels: `sum max(l, 0) - l x + log(1 + exp(-|l|))`.
///
/// # Shapes
/// Two times `[batch, pixels]` -> `[batch]`.
fn bernoulli_cost(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
    let softplus = logits.clone().abs().neg().exp().log1p();
    let cost = relu(logits.clone()) - logits * targets + softplus;
    cost.sum_dim(1).squeeze_dim(1)
}

/// `KL(N(mu, exp(log_var)) || N(0, I)) = sum (mu^2 + exp(log_var) - log_var - 1) / 2`.
///
/// # Shapes
/// `[batch, latent_dim]` -> `[batch]`.
fn kl_from_normal(posterior: &Posterior) -> Tensor<1> {
    let Posterior { mu, log_var } = posterior;
    let terms = mu.clone().powi_scalar(2) + log_var.clone().exp() - log_var.clone() - 1.0;
    (terms.sum_dim(1) * 0.5).squeeze_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::gradient_check;
    use crate::weights::read;
    use pollster::block_on;

    /// Tensors made by JAX: see `tests/fixtures/generate.py`.
    fn golden() -> WeightFile {
        let bytes = include_bytes!("../../../../tests/fixtures/vae.safetensors");
        WeightFile::parse(bytes).expect("a fixture")
    }

    fn tensor<const D: usize>(file: &WeightFile, name: &str) -> Tensor<D> {
        let host = &file.tensors[name];
        let data = burn::tensor::TensorData::new(host.values.clone(), host.shape.clone());
        Tensor::from_data(data, &Device::flex())
    }

    fn near(name: &str, found: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(found.len(), expected.len(), "{name}");
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{name}: {f} instead of {e}");
        }
    }

    #[test]
    fn agrees_with_an_independent_implementation() {
        let golden = golden();
        let mut file = golden.part("encoder.");
        file.tensors.extend(golden.part("decoder.").tensors);
        let model = Vae::load(&Device::flex(), &file).expect("fits");
        let terms = model.bound(tensor(&golden, "images"), tensor(&golden, "eps")).expect("a bound");
        let host = |t: Tensor<2>| block_on(read(t)).expect("flex reads");
        near("reconstruction", &host(terms.reconstruction), &golden.tensors["reconstruction"].values, 1e-5);
        near("kl", &block_on(read(terms.kl)).expect("reads"), &golden.tensors["kl"].values, 1e-5);
        near("log_weight", &host(terms.log_weight), &golden.tensors["log_weight"].values, 1e-5);
        let posterior = model.encode(tensor(&golden, "images")).expect("an encoder");
        near("mu", &host(posterior.mu), &golden.tensors["mu"].values, 1e-5);
        near("log_var", &host(posterior.log_var), &golden.tensors["log_var"].values, 1e-5);
        let pixels = block_on(read(model.decode(tensor(&golden, "z")))).expect("reads");
        near("pixels", &pixels, &golden.tensors["pixels"].values, 1e-5);
    }

    #[test]
    fn importance_weights_give_the_golden_bound() {
        let golden = golden();
        let mut file = golden.part("encoder.");
        file.tensors.extend(golden.part("decoder.").tensors);
        let model = Vae::load(&Device::flex(), &file).expect("fits");
        let terms = model.bound(tensor(&golden, "images"), tensor(&golden, "eps")).expect("a bound");
        let [samples, batch] = terms.log_weight.dims();
        let weights = block_on(read(terms.log_weight)).expect("reads");
        let bounds: Vec<f32> = (0..batch)
            .map(|i| crate::evaluation::log_mean_exp((0..samples).map(|s| weights[s * batch + i])))
            .map(|bound| {
                #[expect(clippy::cast_possible_truncation, reason = "compared as f32")]
                let bound = bound as f32;
                bound
            })
            .collect();
        near("iwae", &bounds, &golden.tensors["iwae"].values, 1e-5);
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        for (key, value) in [("samples", "1"), ("samples", "3"), ("beta", "4"), ("warmup", "2")] {
            let mut settings = Settings::defaults(&CARD);
            for (key, value) in [("encoder_hidden", "6-5"), ("decoder_hidden", "4-7"), (key, value)] {
                settings.set(&CARD, key, value).expect("fits");
            }
            gradient_check::run::<Vae>(&settings);
        }
    }

    /// The closed form against 10^5 draws: systems with a sign or a factor wrong are far off.
    #[test]
    fn closed_form_kl_is_the_expected_log_ratio() {
        let device = Device::flex();
        let posterior = Posterior {
            mu: Tensor::from_data([[0.7, -1.2]], &device),
            log_var: Tensor::from_data([[-1.0, 0.4]], &device),
        };
        let count = 100_000;
        let eps = Noise::new(1, Stream::Test, 0).normal([count, 1, 2], &device);
        let z = reparameterize(&posterior, eps.clone());
        let log_ratio = (z.powi_scalar(2) - eps.powi_scalar(2) - posterior.log_var.clone().unsqueeze::<3>())
            .sum_dim(2)
            .mean()
            * 0.5;
        let sampled = block_on(read(log_ratio)).expect("reads")[0];
        let exact = block_on(read(kl_from_normal(&posterior))).expect("reads")[0];
        assert!((sampled / exact - 1.0).abs() < 0.01, "{sampled} against {exact}");
    }

    #[test]
    fn a_decoder_alone_decodes_and_says_that_it_cannot_encode() {
        let golden = golden();
        let model = Vae::load(&Device::flex(), &golden.part("decoder.")).expect("fits");
        assert_eq!(model.plane().latent_dim, 3);
        assert!(model.encode(tensor(&golden, "images")).is_none());
        assert!(model.bound(tensor(&golden, "images"), tensor(&golden, "eps")).is_none());
    }
}
