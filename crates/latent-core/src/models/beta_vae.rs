//! The beta-VAE of Higgins and others, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational
//! Framework" (2017): a VAE whose KL term weighs more.

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, Likelihood, ModelCard, Paper, Preset, Settings,
};

use super::parts::networks::{DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM};
use super::parts::variational::{BETA, KL, RECONSTRUCTION, TOTAL, Variational, VariationalConfig, WARMUP};
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
    id: Borrowed("beta-vae"),
    name: Borrowed("Beta-VAE"),
    summary: Borrowed(
        "A variational autoencoder that pays beta times for each nat in its code. Latents that are not worth their \
         price fall silent. Move beta while it learns and watch latents go out.",
    ),
    paper: Paper {
        citation: Borrowed("Higgins et al., 2017"),
        title: Borrowed("beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework"),
        url: Borrowed("https://openreview.net/forum?id=Sy2fzU9gl"),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Bernoulli),
        exact: false,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        Hyperparameter {
            help: Borrowed("Price of a nat in the code; 1 is the VAE. It may be moved while training."),
            control: Control::Real { default: 4.0, min: 0.0, max: 20.0, logarithmic: false },
            ..BETA
        },
        ENCODER_HIDDEN,
        DECODER_HIDDEN,
        Hyperparameter { control: Control::Whole { default: 10, min: 1, max: 20 }, ..LATENT_DIM },
        WARMUP,
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        EPOCHS,
        IMAGES,
        TARGETS,
    ]),
    losses: Borrowed(&[TOTAL, RECONSTRUCTION, KL]),
    shipped: true,
    presets: Borrowed(&[
        Preset {
            title: Borrowed("Change one latent at a time: the rows that do nothing have been switched off"),
            query: Borrowed("beside=latents"),
        },
        Preset {
            title: Borrowed("Train at ten times the price of a nat and watch latents go out"),
            query: Borrowed("beside=latents&beta=10"),
        },
    ]),
};

const GATES: &[GateRun] = &[
    GateRun {
        name: "beta 0.25",
        settings: &[("beta", "0.25"), HIDDEN[0], HIDDEN[1], ("epochs", "10")],
        gates: &[Gate { epochs: 10, measure: "kl", limit: Limit::AtLeast(18.5), reference: "not piloted" }],
    },
    GateRun {
        name: "beta 1",
        settings: &[("beta", "1"), HIDDEN[0], HIDDEN[1], ("epochs", "10")],
        gates: &[
            Gate {
                epochs: 10,
                measure: "kl",
                limit: Limit::Below("beta-vae/beta 0.25/kl"),
                reference: "18.5 (pilot, 8 epochs)",
            },
            Gate {
                epochs: 10,
                measure: "reconstruction",
                limit: Limit::Above("beta-vae/beta 0.25/reconstruction"),
                reference: "92.6 (pilot, 8 epochs)",
            },
        ],
    },
    GateRun {
        name: "beta 4",
        settings: &[("beta", "4"), HIDDEN[0], HIDDEN[1], ("epochs", "10")],
        gates: &[
            Gate {
                epochs: 10,
                measure: "kl",
                limit: Limit::Below("beta-vae/beta 1/kl"),
                reference: "9.3 (pilot, 8 epochs)",
            },
            Gate {
                epochs: 10,
                measure: "reconstruction",
                limit: Limit::Above("beta-vae/beta 1/reconstruction"),
                reference: "113.5 (pilot, 8 epochs)",
            },
        ],
    },
    GateRun {
        name: "beta 10",
        settings: &[("beta", "10"), HIDDEN[0], HIDDEN[1], ("epochs", "10")],
        gates: &[
            Gate {
                epochs: 10,
                measure: "kl",
                limit: Limit::Below("beta-vae/beta 4/kl"),
                reference: "3.4 (pilot, 8 epochs)",
            },
            Gate {
                epochs: 10,
                measure: "reconstruction",
                limit: Limit::Above("beta-vae/beta 4/reconstruction"),
                reference: "152.1 (pilot, 8 epochs)",
            },
            Gate {
                epochs: 10,
                measure: "active_units",
                limit: Limit::AtMost(7.0),
                reference: "6 of 10 (pilot, 8 epochs)",
            },
        ],
    },
];

/// The networks of the pilot.
const HIDDEN: [(&str, &str); 2] = [("encoder_hidden", "400"), ("decoder_hidden", "400")];

fn config(settings: &Settings) -> VariationalConfig {
    VariationalConfig::read(settings)
}
