//! Principal component analysis (Pearson 1901; Hotelling 1933): the plane that keeps most of the variance.
//!
//! `z = V^T (x - mean) / spread`, `x = mean + V (spread z)`, with the leading eigenvectors V of the covariance. A
//! code is counted in standard deviations (`spread`, the roots of the eigenvalues), so that the plane shows the
//! same share of digits along each axis.

use std::borrow::Cow::Borrowed;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use latent_kernels::{Form, product};
use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, LossTerm, ModelCard, Paper, Preset, Settings,
};

use super::parts::likelihood::point;
use super::parts::spectrum::{Spectral, SpectralTrainer, Spectrum};
use crate::data::{PIXELS, SIDE};
use crate::family::{Examples, Family, LatentModel, Losses, Posterior};
use crate::gates::{Gate, GateRun, Limit};
use crate::linalg::{at_least, plain, unit};
use crate::noise::Noise;
use crate::plane::Plane;
use crate::training::{BATCH_SIZE, EPOCHS, IMAGES};
use crate::weights::{self, Host, WeightFile};
use crate::{CoreError, Stream};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: |device, settings, seed| SpectralTrainer::<Pca>::create(device, settings, seed, config),
    load: Pca::load,
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("pca"),
    name: Borrowed("Principal components"),
    summary: Borrowed(
        "The flat baseline: every digit is the mean digit plus so much of each eigen-digit. The components are the \
         directions in which digits differ most; no other linear code of this size reconstructs better. It is \
         computed, not learned, in seconds.",
    ),
    paper: Paper {
        citation: Borrowed("Hotelling, 1933"),
        title: Borrowed("Analysis of a complex of statistical variables into principal components"),
        url: Borrowed("https://doi.org/10.1037/h0071325"),
    },
    abilities: Abilities { encode: true, likelihood: None, exact: false, classes: false },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        Hyperparameter { control: Control::Whole { default: 10, min: 1, max: 64 }, ..COMPONENTS },
        Hyperparameter { control: Control::Whole { default: 500, min: 1, max: 1024 }, ..BATCH_SIZE },
        Hyperparameter { control: Control::Whole { default: 1, min: 1, max: 1000 }, ..EPOCHS },
        Hyperparameter { control: Control::Whole { default: 10_000, min: 1, max: 200_000 }, ..IMAGES },
    ]),
    losses: Borrowed(&[MSE]),
    shipped: true,
    presets: Borrowed(&[Preset {
        title: Borrowed("Change one component at a time: each row adds more or less of one eigen-digit"),
        query: Borrowed("beside=latents"),
    }]),
};

/// Number of components.
pub const COMPONENTS: Hyperparameter = Hyperparameter {
    key: Borrowed("components"),
    label: Borrowed("Components"),
    help: Borrowed("Numbers in a code. The plane shows two of them, the sliders all."),
    control: Control::Whole { default: 2, min: 1, max: 64 },
    live: false,
};

/// The error of reconstructions.
pub const MSE: LossTerm = LossTerm {
    key: Borrowed("mse"),
    label: Borrowed("Squared error"),
    unit: Borrowed("per pixel"),
    help: Borrowed("Mean squared difference between an image and its reconstruction, per pixel in [0, 1]."),
};

const GATES: &[GateRun] = &[
    GateRun {
        name: "two components",
        settings: &[("components", "2")],
        gates: &[
            Gate {
                epochs: 1,
                measure: "mse",
                limit: Limit::AtMost(0.0563),
                reference: "0.0558 (pilot, 10,000 images)",
            },
            Gate { epochs: 1, measure: "knn", limit: Limit::AtLeast(40.0), reference: "45.1 (pilot)" },
        ],
    },
    GateRun {
        name: "two components, all images",
        settings: &[("components", "2"), ("images", "60000")],
        gates: &[Gate {
            epochs: 1,
            measure: "mse",
            limit: Limit::AtMost(0.0568),
            reference: "0.0557 (exact)",
        }],
    },
    GateRun {
        name: "ten components",
        settings: &[("components", "10"), ("images", "60000")],
        gates: &[Gate {
            epochs: 1,
            measure: "mse",
            limit: Limit::AtMost(0.0348),
            reference: "0.0341 (exact)",
        }],
    },
];

/// Steps of orthogonal iteration per batch.
const ITERATIONS: usize = 4;

/// Mean, components and their spread.
#[derive(Module, Debug)]
pub struct Pca {
    /// `[784]`
    mean: Param<Tensor<1>>,
    /// `[784, components]`, orthonormal
    basis: Param<Tensor<2>>,
    /// `[components]`
    spread: Param<Tensor<1>>,
}

fn config(settings: &Settings) -> Result<usize, CoreError> {
    Ok(settings.checked(&CARD)?.whole(&COMPONENTS.key))
}

/// A number that is not learned by gradients.
pub fn fixed<const D: usize>(tensor: Tensor<D>) -> Param<Tensor<D>> {
    Param::from_tensor(tensor).set_require_grad(false)
}

impl Pca {
    fn load(device: &Device, file: &WeightFile) -> Result<Box<dyn LatentModel>, CoreError> {
        let components = config(&file.settings(&CARD)?)?;
        let fresh = Self::init(&components, &mut Noise::new(0, Stream::Weights, 0), device);
        Ok(Box::new(weights::fill(fresh, file)?))
    }

    /// # Shapes
    /// `[batch, 784]` -> `[batch, components]`.
    fn codes(&self, x: Tensor<2>) -> Tensor<2> {
        plain(x - self.mean.val().unsqueeze(), self.basis.val()) / self.spread.val().unsqueeze()
    }

    /// # Shapes
    /// `[batch, components]` -> `[batch, 784]`.
    fn pixels(&self, z: Tensor<2>) -> Tensor<2> {
        product(z * self.spread.val().unsqueeze(), self.basis.val(), Form::RightTransposed)
            + self.mean.val().unsqueeze()
    }
}

impl Spectral for Pca {
    type Config = usize;

    fn init(components: &usize, noise: &mut Noise, device: &Device) -> Self {
        let basis = noise.uniform(0.05, [PIXELS, *components], device);
        Self {
            mean: fixed(Tensor::zeros([PIXELS], device)),
            basis: fixed(basis),
            spread: fixed(Tensor::ones([*components], device)),
        }
    }

    fn components(components: &usize) -> usize {
        *components
    }

    fn losses(&self, _spectrum: &Spectrum, images: Tensor<4>) -> Losses {
        let x: Tensor<2> = images.flatten(1, 3);
        let apart = self.pixels(self.codes(x.clone())) - x;
        Losses::new(vec![("mse", apart.powi_scalar(2).mean())])
    }

    fn follow(self, components: &usize, spectrum: &mut Spectrum) -> Self {
        spectrum.iterate(ITERATIONS);
        let (basis, values) = spectrum.leading(*components);
        Self {
            mean: fixed(spectrum.mean().reshape([PIXELS])),
            basis: fixed(basis),
            // A direction without variance has no spread to count in.
            spread: fixed(at_least(values, 1e-8).sqrt()),
        }
    }
}

impl LatentModel for Pca {
    fn plane(&self) -> Plane {
        Plane::gaussian(self.spread.dims()[0])
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, _] = z.dims();
        unit(self.pixels(z)).reshape([batch, 1, SIDE, SIDE])
    }

    fn encode(&self, examples: &Examples) -> Option<Posterior> {
        Some(point(self.codes(examples.images.clone().flatten(1, 3))))
    }

    fn reconstruct(&self, examples: &Examples) -> Option<Tensor<2>> {
        Some(self.pixels(self.codes(examples.images.clone().flatten(1, 3))))
    }

    fn device(&self) -> Device {
        self.spread.val().device()
    }

    fn weights(&self) -> Host<'_> {
        Box::pin(weights::collect(self))
    }
}
