//! The linear autoencoder (Baldi and Hornik, "Neural networks and principal component analysis", 1989): it finds the
//! plane of the principal components, but not their axes.

use std::borrow::Cow::Borrowed;

use burn::tensor::Tensor;
use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, LossTerm, ModelCard, Paper, Preset, Settings, fill,
};

use super::parts::autoencoder::{Autoencoder, AutoencoderConfig, Corruption};
use super::parts::networks::{LATENT_DIM, Sizes};
use super::parts::spectrum::Spectrum;
use super::pca::MSE;
use crate::family::{Batch, Examined, Family, LatentModel, Losses, Trainer};
use crate::gates::{Gate, GateRun, Limit};
use crate::linalg::{orthonormalize, smallest_cosine};
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE, SCHEDULES};
use crate::weights::{Host, WeightFile};
use crate::{CoreError, Device, Noise, Stream};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: LinearTrainer::create,
    load: |device, file| Autoencoder::load(device, file, &CARD, config),
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("linear-autoencoder"),
    name: Borrowed("Linear autoencoder"),
    summary: Borrowed(
        "An autoencoder without hidden layers. Gradient steps lead it to the plane of the principal components, which \
         the cosine of the angle between the two planes shows; but its axes within that plane are any, and need not \
         stand at right angles.",
    ),
    paper: Paper {
        citation: Borrowed("Baldi and Hornik, 1989"),
        title: Borrowed(
            "Neural networks and principal component analysis: Learning from examples without local minima",
        ),
        url: Borrowed("https://doi.org/10.1016/0893-6080(89)90014-2"),
    },
    abilities: Abilities { encode: true, likelihood: None, exact: false, classes: false },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        LATENT_DIM,
        Hyperparameter {
            control: Control::Real { default: 0.02, min: 0.000_01, max: 1.0, logarithmic: true },
            ..LEARNING_RATE
        },
        Hyperparameter {
            control: Control::Pick { default: Borrowed("cosine"), options: SCHEDULES },
            ..SCHEDULE
        },
        BATCH_SIZE,
        Hyperparameter { control: Control::Whole { default: 3, min: 1, max: 1000 }, ..EPOCHS },
        IMAGES,
    ]),
    losses: Borrowed(&[
        MSE,
        LossTerm {
            key: Borrowed("cosine"),
            label: Borrowed("Cosine to the principal components"),
            unit: Borrowed("cosine"),
            help: Borrowed(
                "Of the largest principal angle between the decoder's plane and the plane of the principal components \
                 of 15,000 of the images: 1 when the two are the same.",
            ),
        },
    ]),
    shipped: true,
    presets: Borrowed(&[Preset {
        title: Borrowed("Compare with the principal components: the same plane of images, along other axes"),
        query: Borrowed("open=compare&second=pca"),
    }]),
};

const GATES: &[GateRun] = &[GateRun {
    name: "two latents",
    settings: &[("latent_dim", "2")],
    gates: &[
        Gate {
            epochs: 3,
            measure: "mse",
            limit: Limit::AtMostTimes(1.01, "pca/two components, all images/mse"),
            reference: "0.0557 (pilot)",
        },
        Gate { epochs: 3, measure: "cosine", limit: Limit::AtLeast(0.99), reference: "0.9986 (pilot)" },
    ],
}];

/// Images of the first epoch, evenly spread over it, whose principal components are compared with.
const COMPARED: f64 = 15_000.0;
/// Steps of orthogonal iteration per batch while they are gathered.
const ITERATIONS: usize = 2;

fn config(settings: &Settings) -> AutoencoderConfig {
    AutoencoderConfig {
        sizes: Sizes::read(settings),
        squashed: false,
        corruption: Corruption::None,
        sparsity: 0.0,
    }
}

/// Trains by gradients, and finds the principal components of the same images beside it.
#[derive(Clone)]
struct LinearTrainer {
    gradient: GradientTrainer<Autoencoder>,
    spectrum: Spectrum,
    latent_dim: usize,
}

impl LinearTrainer {
    fn create(device: &Device, settings: &Settings, seed: u64) -> Result<Box<dyn Trainer>, CoreError> {
        let gradient = GradientTrainer::new(device, settings, seed, |s| Ok(config(&s.checked(&CARD)?)))?;
        let latent_dim = settings.checked(&CARD)?.whole(&LATENT_DIM.key);
        let spectrum = Spectrum::new(latent_dim, &mut Noise::new(seed, Stream::Weights, 1), device);
        Ok(Box::new(Self { gradient, spectrum, latent_dim }))
    }
}

impl Trainer for LinearTrainer {
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses {
        if batch.epoch < 1.0 && self.spectrum.count() <= batch.epoch * COMPARED {
            self.spectrum.add(batch.examples.images.clone().inner());
            self.spectrum.iterate(ITERATIONS);
            // On the device of derivatives, as all weights in training are.
            let mean = Tensor::from_inner(self.spectrum.mean());
            self.gradient.change(|model| model.around(mean));
        }
        let (plane, _) = orthonormalize(&self.gradient.model().directions().inner());
        let cosine = smallest_cosine(self.spectrum.leading(self.latent_dim).0, plane);
        let losses = self.gradient.step(batch, learning_rate);
        // The total is the error: a linear autoencoder has no price of sparsity.
        let mse = losses.terms.into_iter().next().map(|(_, mse)| mse);
        Losses::new(mse.map(|mse| ("mse", mse)).into_iter().chain([("cosine", cosine)]).collect())
    }

    fn examine(&self, batch: Batch) -> Option<Examined> {
        let mut examined = self.gradient.examine(batch)?;
        examined.losses.terms.truncate(1);
        if let Some((name, _)) = examined.losses.terms.first_mut() {
            *name = "mse";
        }
        Some(examined)
    }

    fn snapshot(&self) -> Box<dyn LatentModel> {
        self.gradient.snapshot()
    }

    fn fork(&self) -> Box<dyn Trainer> {
        Box::new(self.clone())
    }

    fn adjust(&mut self, settings: &Settings) -> Result<(), CoreError> {
        self.gradient.adjust(settings)
    }

    fn state(&self) -> Host<'_> {
        Box::pin(async {
            let mut tensors = self.gradient.state().await?;
            fill(&mut tensors, self.spectrum.state().await?);
            Ok(tensors)
        })
    }

    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError> {
        self.gradient.restore(file)?;
        Ok(self.spectrum.restore(file)?)
    }
}
