//! The machinery of autoencoders without a distribution: an encoder, a decoder, and the range of the codes.
//!
//! Nothing asks such codes to be anywhere. So that the plane shows where they are, the model follows their mean and
//! standard deviation, and its codes are counted in them: `z = (code - center) / spread`.

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use latent_kernels::Activation;
use latent_protocol::{ModelCard, Settings};

use super::likelihood::point;
use super::networks::{Decoder, Encoder, Sizes};
use crate::data::{PIXELS, SIDE};
use crate::family::{Batch, Examples, LatentModel, Losses, Objective, Posterior};
use crate::layers::dense;
use crate::linalg::{at_least, unit};
use crate::models::pca::fixed;
use crate::noise::Noise;
use crate::plane::Plane;
use crate::weights::{self, Host, WeightFile};
use crate::{CoreError, Stream};

/// What is done to an image before it is encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Corruption {
    /// Nothing.
    None,
    /// Normal noise of this standard deviation is added.
    Gaussian(f64),
    /// This share of the pixels is set to black.
    Dropout(f64),
}

/// Which autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct AutoencoderConfig {
    /// Sizes of the networks.
    pub sizes: Sizes,
    /// Whether pixels are squashed into [0, 1]; those of a linear decoder are differences from the mean image.
    pub squashed: bool,
    /// What the encoder has to see through.
    pub corruption: Corruption,
    /// Price of the absolute value of a code's numbers.
    pub sparsity: f64,
}

/// An autoencoder.
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Option<Encoder>,
    decoder: Decoder,
    /// The mean image, for a linear one: what is encoded is the difference from it. `[784]`
    mean: Option<Param<Tensor<1>>>,
    /// Mean of the codes, `[latent_dim]`.
    center: Param<Tensor<1>>,
    /// Their standard deviation, `[latent_dim]`.
    spread: Param<Tensor<1>>,
}

/// How fast the mean and spread of the codes follow a batch.
const FOLLOW: f64 = 0.02;

impl Autoencoder {
    /// The model in a file, of the family with this card.
    pub fn load(
        device: &Device,
        file: &WeightFile,
        card: &ModelCard,
        config: fn(&Settings) -> AutoencoderConfig,
    ) -> Result<Box<dyn LatentModel>, CoreError> {
        let config = config(&file.settings(card)?);
        let mut fresh = Self::init(&config, &mut Noise::new(0, Stream::Weights, 0), device);
        if !file.tensors.keys().any(|name| name.starts_with("encoder.")) {
            fresh.encoder = None;
        }
        Ok(Box::new(weights::fill(fresh, file)?))
    }

    /// Directions of the decoder's output, for a linear one: `[784, latent_dim]`.
    pub fn directions(&self) -> Tensor<2> {
        self.decoder.output.weight.val().transpose()
    }

    /// # Shapes
    /// `[batch, latent_dim]`, not normalised -> `[batch, 784]`.
    fn pixels(&self, codes: Tensor<2>) -> Tensor<2> {
        match &self.mean {
            None => self.decoder.forward(codes, Activation::Sigmoid),
            Some(mean) => self.decoder.forward(codes, Activation::None) + mean.val().unsqueeze(),
        }
    }

    fn codes(&self, encoder: &Encoder, images: Tensor<4>) -> Tensor<2> {
        let images = match &self.mean {
            None => images,
            Some(mean) => images - mean.val().reshape([1, 1, SIDE, SIDE]),
        };
        dense(&encoder.mu, encoder.features(images, None), Activation::None)
    }

    /// Encode differences from this image, `[1, 784]`.
    #[must_use]
    pub fn around(self, mean: Tensor<2>) -> Self {
        let mean = self.mean.is_some().then(|| fixed(mean.reshape([PIXELS])));
        Self { mean, ..self }
    }
}

impl Objective for Autoencoder {
    type Config = AutoencoderConfig;

    fn init(config: &AutoencoderConfig, noise: &mut Noise, device: &Device) -> Self {
        let latent_dim = config.sizes.latent_dim;
        Self {
            encoder: Some(Encoder::init(&config.sizes, false, noise, device)),
            decoder: Decoder::init(&config.sizes, 1, noise, device),
            mean: (!config.squashed).then(|| fixed(Tensor::zeros([PIXELS], device))),
            center: fixed(Tensor::zeros([latent_dim], device)),
            spread: fixed(Tensor::ones([latent_dim], device)),
        }
    }

    fn losses(&self, config: &AutoencoderConfig, mut batch: Batch) -> Losses {
        let encoder =
            self.encoder.as_ref().expect("a model in training was made by `init`, which has an encoder");
        let images = batch.examples.images;
        let (shape, device) = (images.dims(), images.device());
        let seen = match config.corruption {
            Corruption::None => images.clone(),
            Corruption::Gaussian(std) => images.clone() + batch.noise.normal(shape, &device) * std,
            Corruption::Dropout(zeros) => images.clone() * batch.noise.kept(zeros, shape, &device),
        };
        let codes = self.codes(encoder, seen);
        let apart = self.pixels(codes.clone()) - images.flatten(1, 3);
        let mse = apart.powi_scalar(2).mean();
        let size = codes.clone().abs().sum_dim(1).mean();
        let total = mse.clone() + size.clone() * config.sparsity;
        Losses { terms: vec![("total", total), ("mse", mse), ("size", size)], codes: Some(Box::new(codes)) }
    }

    fn observe(self, codes: Tensor<2>) -> Self {
        let mean = codes.clone().mean_dim(0);
        let [_, latent_dim] = mean.dims();
        let variance = (codes - mean.clone()).powi_scalar(2).mean_dim(0);
        let std = at_least(variance, 1e-12).sqrt();
        let follow = |param: &Param<Tensor<1>>, to: Tensor<2>| {
            let old = param.val().inner();
            let new = old.clone() + (to.reshape([latent_dim]) - old) * FOLLOW;
            // On the device of derivatives, as all weights in training are.
            fixed(Tensor::from_inner(new))
        };
        let (center, spread) = (follow(&self.center, mean), follow(&self.spread, std));
        Self { center, spread, ..self }
    }
}

impl LatentModel for Autoencoder {
    fn plane(&self) -> Plane {
        Plane::gaussian(self.center.dims()[0])
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, _] = z.dims();
        let codes = z * self.spread.val().unsqueeze() + self.center.val().unsqueeze();
        let pixels = self.pixels(codes);
        let pixels = if self.mean.is_some() { unit(pixels) } else { pixels };
        pixels.reshape([batch, 1, SIDE, SIDE])
    }

    fn encode(&self, examples: &Examples) -> Option<Posterior> {
        let codes = self.codes(self.encoder.as_ref()?, examples.images.clone());
        Some(point(self.counted(codes)))
    }

    fn counted(&self, raw: Tensor<2>) -> Tensor<2> {
        (raw - self.center.val().unsqueeze()) / self.spread.val().unsqueeze()
    }

    fn reconstruct(&self, examples: &Examples) -> Option<Tensor<2>> {
        Some(self.pixels(self.codes(self.encoder.as_ref()?, examples.images.clone())))
    }

    fn device(&self) -> Device {
        self.center.val().device()
    }

    fn weights(&self) -> Host<'_> {
        Box::pin(weights::collect(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::gradient_check;

    #[test]
    fn gradients_agree_with_finite_differences() {
        let sizes = Sizes {
            encoder_hidden: vec![6],
            decoder_hidden: vec![7],
            convolutional: false,
            latent_dim: 2,
            classes: 0,
        };
        let plain = AutoencoderConfig { sizes, squashed: true, corruption: Corruption::None, sparsity: 0.1 };
        for config in [
            plain.clone(),
            AutoencoderConfig { squashed: false, ..plain.clone() },
            AutoencoderConfig { corruption: Corruption::Gaussian(0.3), ..plain.clone() },
            AutoencoderConfig { corruption: Corruption::Dropout(0.3), ..plain.clone() },
        ] {
            gradient_check::run::<Autoencoder>(&config);
        }
    }

    /// Codes with a known mean and spread: the model must count in them after a while.
    #[test]
    fn the_range_of_the_codes_is_followed() {
        let sizes = Sizes {
            encoder_hidden: vec![],
            decoder_hidden: vec![],
            convolutional: false,
            latent_dim: 1,
            classes: 0,
        };
        let config = AutoencoderConfig { sizes, squashed: true, corruption: Corruption::None, sparsity: 0.0 };
        let device = Device::flex();
        let mut model =
            Autoencoder::init(&config, &mut Noise::new(1, Stream::Weights, 0), &device.clone().autodiff());
        let mut noise = Noise::new(1, Stream::Step, 0);
        for _ in 0..400 {
            model = model.observe(noise.normal([200, 1], &device) * 3.0 + 5.0);
        }
        let read = |param: &Param<Tensor<1>>| {
            pollster::block_on(weights::read(param.val().inner())).expect("reads")[0]
        };
        assert!((read(&model.center) - 5.0).abs() < 0.2, "{}", read(&model.center));
        assert!((read(&model.spread) - 3.0).abs() < 0.1, "{}", read(&model.spread));
    }
}
