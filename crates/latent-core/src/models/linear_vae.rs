//! The linear-Gaussian variational autoencoder: its best bound is the likelihood of probabilistic PCA (Lucas, Tucker,
//! Grosse and Norouzi, "Don't Blame the ELBO!", 2019).

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, Likelihood, ModelCard, Paper, Preset, Settings,
};

use super::gaussian_vae::{DENSITY_RECONSTRUCTION, DENSITY_TOTAL};
use super::parts::networks::LATENT_DIM;
use super::parts::variational::{KL, Pixels, Variational, VariationalConfig};
use crate::family::Family;
use crate::gates::{Gate, GateRun, Limit};
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE, SCHEDULES};

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
    id: Borrowed("linear-vae"),
    name: Borrowed("Linear VAE"),
    summary: Borrowed(
        "A variational autoencoder without hidden layers. Its exact likelihood is known, that of probabilistic PCA, \
         so it shows what the bound is worth: training climbs towards that number and never past it.",
    ),
    paper: Paper {
        citation: Borrowed("Lucas et al., 2019"),
        title: Borrowed("Don't Blame the ELBO! A Linear VAE Perspective on Posterior Collapse"),
        url: Borrowed("https://arxiv.org/abs/1911.02469"),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Gaussian),
        exact: false,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        LATENT_DIM,
        Hyperparameter {
            control: Control::Real { default: 0.01, min: 0.000_01, max: 1.0, logarithmic: true },
            ..LEARNING_RATE
        },
        Hyperparameter {
            control: Control::Pick { default: Borrowed("cosine"), options: SCHEDULES },
            ..SCHEDULE
        },
        BATCH_SIZE,
        Hyperparameter { control: Control::Whole { default: 10, min: 1, max: 1000 }, ..EPOCHS },
        IMAGES,
    ]),
    losses: Borrowed(&[DENSITY_TOTAL, DENSITY_RECONSTRUCTION, KL]),
    shipped: true,
    presets: Borrowed(&[Preset {
        title: Borrowed(
            "Compare with probabilistic PCA, whose exact likelihood is as far as this one can climb",
        ),
        query: Borrowed("open=compare&second=ppca"),
    }]),
};

const GATES: &[GateRun] = &[GateRun {
    name: "two latents",
    settings: &[("latent_dim", "2")],
    gates: &[Gate {
        epochs: 10,
        measure: "elbo_density",
        limit: Limit::Within(2.0, "ppca/closed form/log_p_density"),
        reference: "14.4 is the exact log p of PPCA",
    }],
}];

fn config(settings: &Settings) -> VariationalConfig {
    VariationalConfig { pixels: Pixels::Learned, squashed: false, ..VariationalConfig::read(settings) }
}
