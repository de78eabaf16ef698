//! Encoder and decoder networks that families share: dense layers with ReLU, or convolutions before and after them.

use std::borrow::Cow::Borrowed;

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::tensor::{Device, Tensor};
use latent_kernels::Activation;
use latent_protocol::{Choice, Control, Hyperparameter, Settings};

use crate::data::{PIXELS, SIDE};
use crate::layers::{convolution, dense, flat, maps, transposed_convolution};
use crate::{Noise, init};

/// Widths of the encoder's dense layers.
pub const ENCODER_HIDDEN: Hyperparameter = widths(
    "encoder_hidden",
    "Encoder layers",
    "Widths of the encoder's hidden layers, from the image to the code.",
    &[512],
);

/// Widths of the decoder's dense layers.
pub const DECODER_HIDDEN: Hyperparameter = widths(
    "decoder_hidden",
    "Decoder layers",
    "Widths of the decoder's hidden layers, from the code to the image.",
    &[512],
);

/// Dense layers alone, or convolutions between them and the pixels.
pub const ARCHITECTURE: Hyperparameter = Hyperparameter {
    key: Borrowed("architecture"),
    label: Borrowed("Architecture"),
    help: Borrowed(
        "Dense: every unit sees every pixel. Convolutional: two layers of 4 by 4 filters (16 and 32) stand between \
         the pixels and the dense layers; fewer weights, more work per image.",
    ),
    control: Control::Pick {
        default: Borrowed("dense"),
        options: Borrowed(&[
            Choice { id: Borrowed("dense"), label: Borrowed("Dense") },
            Choice { id: Borrowed("convolutional"), label: Borrowed("Convolutional") },
        ]),
    },
    live: false,
};

/// Numbers in a code.
pub const LATENT_DIM: Hyperparameter = Hyperparameter {
    key: Borrowed("latent_dim"),
    label: Borrowed("Latent dimensions"),
    help: Borrowed(
        "Numbers in a code. With more than two, the plane shows two of them and holds the others.",
    ),
    control: Control::Whole { default: 2, min: 1, max: 64 },
    live: false,
};

/// A list of layer widths.
pub const fn widths(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    default: &'static [u32],
) -> Hyperparameter {
    Hyperparameter {
        key: Borrowed(key),
        label: Borrowed(label),
        help: Borrowed(help),
        control: Control::Widths { default: Borrowed(default), min: 1, max: 2048, fewest: 1, most: 4 },
        live: false,
    }
}

/// Side of the filters, which move by two pixels: each convolution halves height and width.
const FILTER: usize = 4;
/// Channels of the two convolutions.
const CHANNELS: [usize; 2] = [16, 32];
/// Numbers in the feature maps between the convolutions and the dense layers: 32 maps of 7 x 7.
const FEATURES: usize = CHANNELS[1] * (SIDE / 4) * (SIDE / 4);

/// Sizes of an encoder and a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// Widths of the encoder's dense layers.
    pub encoder_hidden: Vec<usize>,
    /// Widths of the decoder's dense layers.
    pub decoder_hidden: Vec<usize>,
    /// Whether convolutions stand between pixels and dense layers.
    pub convolutional: bool,
    /// Numbers in a code.
    pub latent_dim: usize,
    /// Numbers that go into encoder and decoder beside image and code: one per class, or none.
    pub classes: usize,
}

impl Sizes {
    /// From checked settings; what the card does not have is dense and without classes.
    pub fn read(settings: &Settings) -> Self {
        Self {
            encoder_hidden: settings.widths(&ENCODER_HIDDEN.key),
            decoder_hidden: settings.widths(&DECODER_HIDDEN.key),
            convolutional: settings.has(&ARCHITECTURE.key) && settings.pick(&ARCHITECTURE.key) != "dense",
            latent_dim: settings.whole(&LATENT_DIM.key),
            classes: 0,
        }
    }
}

/// Image (and class) to features.
#[derive(Module, Debug)]
pub struct Encoder {
    convolutions: Vec<Conv2d>,
    layers: Vec<Linear>,
    /// Features to the means of the code.
    pub mu: Linear,
    /// Features to the logarithms of the variances; an autoencoder has none.
    pub log_var: Option<Linear>,
}

impl Encoder {
    /// Fresh weights.
    pub fn init(sizes: &Sizes, has_variance: bool, noise: &mut Noise, device: &Device) -> Self {
        let convolutions = if sizes.convolutional {
            [(1, CHANNELS[0]), (CHANNELS[0], CHANNELS[1])]
                .map(|(from, to)| init::convolution(from, to, FILTER, noise, device))
                .into()
        } else {
            Vec::new()
        };
        let inputs = if sizes.convolutional { FEATURES } else { PIXELS } + sizes.classes;
        let layers = init::stack(inputs, &sizes.encoder_hidden, noise, device);
        let outputs = sizes.encoder_hidden.last().copied().unwrap_or(inputs);
        let mu = init::linear(outputs, sizes.latent_dim, noise, device);
        let log_var = has_variance.then(|| init::linear(outputs, sizes.latent_dim, noise, device));
        Self { convolutions, layers, mu, log_var }
    }

    /// The last hidden layer.
    ///
    /// # Shapes
    /// `[batch, 1, 28, 28]`, and `[batch, classes]` where there are classes -> `[batch, width]`.
    pub fn features(&self, images: Tensor<4>, classes: Option<Tensor<2>>) -> Tensor<2> {
        let pixels = if self.convolutions.is_empty() {
            images.flatten(1, 3)
        } else {
            let [batch, ..] = images.dims();
            let images = images.reshape([batch, SIDE, SIDE, 1]);
            flat(self.convolutions.iter().fold(images, |x, layer| convolution(layer, x)))
        };
        self.layers.iter().fold(join(pixels, classes), |x, layer| dense(layer, x, Activation::Relu))
    }
}

/// Code (and class) to one or two numbers per pixel, before any squashing.
#[derive(Module, Debug)]
pub struct Decoder {
    layers: Vec<Linear>,
    /// The last dense layer.
    pub output: Linear,
    convolutions: Vec<ConvTranspose2d>,
}

impl Decoder {
    /// Fresh weights; `maps` numbers per pixel.
    pub fn init(sizes: &Sizes, maps: usize, noise: &mut Noise, device: &Device) -> Self {
        let inputs = sizes.latent_dim + sizes.classes;
        let layers = init::stack(inputs, &sizes.decoder_hidden, noise, device);
        let width = sizes.decoder_hidden.last().copied().unwrap_or(inputs);
        if !sizes.convolutional {
            let output = init::linear(width, maps * PIXELS, noise, device);
            return Self { layers, output, convolutions: Vec::new() };
        }
        let output = init::linear(width, FEATURES, noise, device);
        let convolutions = [(CHANNELS[1], CHANNELS[0]), (CHANNELS[0], maps)]
            .map(|(from, to)| init::transposed_convolution(from, to, noise, device))
            .into();
        Self { layers, output, convolutions }
    }

    /// # Shapes
    /// `[batch, latent_dim + classes]` -> `[batch, maps * 784]`.
    pub fn forward(&self, z: Tensor<2>, activation: Activation) -> Tensor<2> {
        let hidden = self.layers.iter().fold(z, |x, layer| dense(layer, x, Activation::Relu));
        let Some((last, first)) = self.convolutions.split_last() else {
            return dense(&self.output, hidden, activation);
        };
        let features = maps(dense(&self.output, hidden, Activation::Relu), CHANNELS[1], SIDE / 4);
        let features =
            first.iter().fold(features, |x, layer| transposed_convolution(layer, x, Activation::Relu));
        flat(transposed_convolution(last, features, activation))
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.layers.first().unwrap_or(&self.output).weight.dims()[0]
    }
}

/// A code with its class.
///
/// # Shapes
/// `[batch, n]`, `[batch, classes]` -> `[batch, n + classes]`.
pub fn join(x: Tensor<2>, classes: Option<Tensor<2>>) -> Tensor<2> {
    match classes {
        Some(classes) => Tensor::cat(vec![x, classes], 1),
        None => x,
    }
}
