//! The conditional variational autoencoder (Sohn, Lee and Yan 2015; model M2 of Kingma and others 2014 with all labels
//! known): encoder and decoder are told the class, so the code is left with the style.

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, Likelihood, ModelCard, Paper, Preset, Settings,
};

use super::parts::networks::{DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM};
use super::parts::variational::{BETA, KL, RECONSTRUCTION, SAMPLES, TOTAL, Variational, VariationalConfig};
use crate::data::CLASSES;
use crate::family::Family;
use crate::gates::{Gate, GateRun, Limit};
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE, TARGETS};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: |device, settings, seed| {
        GradientTrainer::<Variational>::create(device, settings, seed, |s| Ok(config(&s.checked(&CARD)?)))
    },
    load: |device, file| Variational::load(device, file, &CARD, config),
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("conditional-vae"),
    name: Borrowed("Conditional VAE"),
    summary: Borrowed(
        "A variational autoencoder that is told which digit it sees and which it shall draw. The code need not say \
         the class, so the plane becomes style: slant, weight, roundness. Choose a class and the same point draws \
         that digit in the same hand.",
    ),
    paper: Paper {
        citation: Borrowed("Sohn, Lee and Yan, 2015"),
        title: Borrowed("Learning Structured Output Representation using Deep Conditional Generative Models"),
        url: Borrowed(
            "https://papers.nips.cc/paper/2015/hash/8d55a249e6baa5c06772297520da2051-Abstract.html",
        ),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Bernoulli),
        exact: false,
        classes: true,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        ENCODER_HIDDEN,
        DECODER_HIDDEN,
        LATENT_DIM,
        BETA,
        SAMPLES,
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        Hyperparameter { control: Control::Whole { default: 10, min: 1, max: 1000 }, ..EPOCHS },
        IMAGES,
        TARGETS,
    ]),
    losses: Borrowed(&[TOTAL, RECONSTRUCTION, KL]),
    shipped: true,
    presets: Borrowed(&[
        Preset {
            title: Borrowed("Draw all ten digits in one hand: the same code in each class"),
            query: Borrowed("at=0.2000,0.8000&beside=classes"),
        },
        Preset {
            title: Borrowed("Only threes: with the class given, the plane is all style"),
            query: Borrowed("grid=12&class=3"),
        },
    ]),
};

const GATES: &[GateRun] = &[GateRun {
    name: "two latents",
    settings: &[("encoder_hidden", "512-256"), ("decoder_hidden", "256-512"), ("epochs", "5")],
    gates: &[Gate {
        epochs: 5,
        measure: "asked_class",
        limit: Limit::AtLeast(90.0),
        reference: "not piloted",
    }],
}];

fn config(settings: &Settings) -> VariationalConfig {
    let mut config = VariationalConfig::read(settings);
    config.sizes.classes = CLASSES;
    config
}
