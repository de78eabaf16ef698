//! Wake-sleep (Hinton, Dayan, Frey and Neal 1995): encoder and decoder each have an objective of their own.
//!
//! Awake, the decoder learns to draw an image from a code that the encoder gave it: `-log p(x|z)`, `z ~ q(z|x)`. Asleep,
//! the encoder learns to tell the code of an image that the decoder drew: `-log q(z|x)`, `z ~ p(z)`, `x ~ p(x|z)`. The
//! sum is no bound on `log p(x)`: its derivatives by the decoder's weights are those of the first term alone, by the
//! encoder's those of the second.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_kernels::{mean, reparameterize};
use latent_protocol::LossTerm;

use super::Variational;
use crate::family::{Batch, Losses};
use crate::models::parts::likelihood::gaussian_cost;
use crate::models::parts::networks::Encoder;

/// What training minimises.
pub const SUM: LossTerm = LossTerm {
    key: Borrowed("total"),
    label: Borrowed("Wake + sleep"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "Two objectives side by side, each for one of the networks. Their sum is no bound on the likelihood: compare \
         models by their measured \u{2212}ELBO.",
    ),
};

/// The decoder's objective.
pub const WAKE: LossTerm = LossTerm {
    key: Borrowed("wake"),
    label: Borrowed("Wake"),
    unit: Borrowed("nats"),
    help: Borrowed("How surprising an image is to the decoder, given a code that the encoder drew for it."),
};

/// The encoder's objective.
pub const SLEEP: LossTerm = LossTerm {
    key: Borrowed("sleep"),
    label: Borrowed("Sleep"),
    unit: Borrowed("nats"),
    help: Borrowed(
        "How surprising a code from the prior is to the encoder, given the image that the decoder dreamt from it. \
         Codes are continuous, so it may be negative.",
    ),
};

impl Variational {
    /// Both objectives of a batch.
    pub(super) fn wake_sleep(&self, encoder: &Encoder, latent_dim: usize, batch: Batch) -> Losses {
        let Batch { examples, mut noise, .. } = batch;
        let ([size, ..], device) = (examples.images.dims(), examples.images.device());

        let eps = noise.normal([1, size, latent_dim], &device);
        let wake = self.wake(encoder, examples.images, eps);
        let codes = noise.normal([size, latent_dim], &device);
        let dreams = self.drawn(codes.clone(), &mut noise);
        let sleep = Self::sleep(encoder, codes, dreams);
        let sum: Tensor<1> = wake.clone() + sleep.clone();
        Losses::new(vec![("total", sum), ("wake", wake), ("sleep", sleep)])
    }

    /// The decoder's objective, by the codes of this noise, `[1, batch, latent_dim]`.
    fn wake(&self, encoder: &Encoder, images: Tensor<4>, eps: Tensor<3>) -> Tensor<1> {
        let [_, size, latent_dim] = eps.dims();
        let (mu, log_var) = Self::heads(encoder, images.clone(), None);
        let codes = reparameterize(mu, log_var, eps).detach().reshape([size, latent_dim]);
        mean(self.cost(codes, images.flatten(1, 3)))
    }

    /// The encoder's objective, by codes of the prior, `[batch, latent_dim]`, and what was dreamt of them.
    fn sleep(encoder: &Encoder, codes: Tensor<2>, dreams: Tensor<4>) -> Tensor<1> {
        let (mu, log_var) = Self::heads(encoder, dreams.detach(), None);
        mean(gaussian_cost(mu, (log_var * 0.5).exp(), codes))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, ModuleVisitor, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::{Device, TensorData};
    use pollster::block_on;

    use super::*;
    use crate::data::PIXELS;
    use crate::family::{Examples, LatentModel, Objective};
    use crate::models::family;
    use crate::models::parts::networks::Sizes;
    use crate::models::parts::variational::{Pixels, Rule, VariationalConfig};
    use crate::noise::{Noise, Stream};
    use crate::weights::{self, HostTensor, WeightFile, read};

    fn config() -> VariationalConfig {
        let sizes = Sizes {
            encoder_hidden: vec![6],
            decoder_hidden: vec![5],
            convolutional: false,
            latent_dim: 3,
            classes: 0,
        };
        VariationalConfig {
            sizes,
            pixels: Pixels::Bernoulli,
            squashed: true,
            beta: 1.0,
            samples: 1,
            warmup: 0.0,
            rule: Rule::WakeSleep,
        }
    }

    fn batch(device: &Device) -> Batch {
        let pixels = (0..4 * PIXELS).map(|i| f32::from(u8::from(i % 5 == 0))).collect();
        Batch {
            examples: Examples::new(pixels, &[0, 1, 2, 3], device),
            indices: vec![0, 1, 2, 3],
            noise: Noise::new(6, Stream::Step, 0),
            epoch: 0.0,
        }
    }

    /// Which halves of the model get a gradient, and the squares of its numbers, added up.
    #[derive(Default)]
    struct Reached {
        gradients: Option<GradientsParams>,
        path: Vec<String>,
        found: Vec<String>,
        squares: Vec<f32>,
    }

    impl ModuleVisitor for Reached {
        fn enter_module(&mut self, name: &str, _container_type: &str) {
            self.path.push(name.to_string());
        }

        fn exit_module(&mut self, _name: &str, _container_type: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let gradients = self.gradients.as_ref();
            if let Some(gradient) = gradients.and_then(|gradients| gradients.get::<D>(param.id)) {
                self.found.push(self.path[0].clone());
                self.squares.push(block_on(read(gradient.powi_scalar(2).sum())).expect("the CPU answers")[0]);
            }
        }
    }

    #[test]
    fn each_objective_reaches_one_network() {
        let device = Device::flex().autodiff();
        let model = Variational::init(&config(), &mut Noise::new(4, Stream::Weights, 0), &device);
        for (term, half, tensors) in [("wake", "decoder", 4), ("sleep", "encoder", 6)] {
            let losses = model.losses(&config(), batch(&device));
            let (_, value) = losses.terms.into_iter().find(|(name, _)| *name == term).expect("a term");
            let gradients = Some(GradientsParams::from_grads(value.backward(), &model));
            let mut reached = Reached { gradients, ..Reached::default() };
            model.visit(&mut reached);
            assert_eq!(reached.found, vec![half; tensors], "{term}");
        }
    }

    /// Objectives and lengths of the gradients against an independent implementation: see
    /// `tests/fixtures/generate.py`.
    #[test]
    fn objectives_and_gradients_agree_with_an_independent_implementation() {
        let golden = include_bytes!("../../../../../../tests/fixtures/laboratory.safetensors");
        let golden = WeightFile::parse(golden).expect("a fixture");
        let device = Device::flex().autodiff();
        let settings = golden.settings(&family("vae").expect("a family").card).expect("its settings");
        let config = VariationalConfig { rule: Rule::WakeSleep, ..VariationalConfig::read(&settings) };
        let mut own = golden.clone();
        own.tensors.retain(|name, _| name.starts_with("encoder.") || name.starts_with("decoder."));
        let fresh = Variational::init(&config, &mut Noise::new(0, Stream::Weights, 0), &device);
        let model = weights::fill(fresh, &own).expect("the weights fit");
        let encoder = model.encoder.as_ref().expect("an encoder");

        let wake = model.wake(encoder, tensor(&golden, "images"), tensor(&golden, "wake_eps"));
        let sleep = Variational::sleep(encoder, tensor(&golden, "dreamt_codes"), tensor(&golden, "dreams"));
        let found =
            [wake.clone(), sleep.clone()].map(|term| block_on(read(term)).expect("the CPU answers")[0]);
        near(found, &golden["wake_sleep"].values);

        let gradients = Some(GradientsParams::from_grads((wake + sleep).backward(), &model));
        let mut reached = Reached { gradients, ..Reached::default() };
        model.visit(&mut reached);
        let length = |half: &str| {
            let of = reached.found.iter().zip(&reached.squares).filter(|(found, _)| *found == half);
            of.map(|(_, square)| square).sum::<f32>().sqrt()
        };
        near(["encoder", "decoder"].map(length), &golden["wake_sleep_norms"].values);
    }

    fn tensor<const D: usize>(golden: &WeightFile, name: &str) -> Tensor<D> {
        let HostTensor { shape, values } = &golden[name];
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &Device::flex().autodiff())
    }

    /// Sums of some thousands of numbers in f32.
    fn near(found: [f32; 2], expected: &[f32]) {
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5 * expected.abs(), "{found} instead of {expected}");
        }
    }

    #[test]
    fn what_is_dreamt_is_black_and_white_and_its_codes_are_from_the_prior() {
        let device = Device::flex();
        let model = Variational::init(&config(), &mut Noise::new(4, Stream::Weights, 0), &device);
        let mut noise = Noise::new(1, Stream::Test, 0);
        let codes = noise.normal([200, 3], &device);
        let expected = block_on(read(model.decode(codes.clone()).mean())).expect("the CPU answers")[0];
        let dreams = block_on(read(model.drawn(codes, &mut noise))).expect("the CPU answers");
        assert!(dreams.iter().all(|pixel| [0.0, 1.0].contains(pixel)), "bits");
        let share =
            dreams.iter().sum::<f32>() / f32::from(u16::try_from(200 * PIXELS / 16).expect("few")) / 16.0;
        assert!((share - expected).abs() < 0.01, "{share} instead of {expected}");
    }
}
