//! The variational autoencoder's networks, trained by the wake-sleep algorithm of Hinton, Dayan, Frey and Neal (1995): the
//! comparison of "Auto-Encoding Variational Bayes" (Kingma and Welling 2014, figure 2).

use std::borrow::Cow::Borrowed;

use latent_protocol::{Abilities, DecodeCost, Likelihood, ModelCard, Paper, Preset, Settings};

use super::parts::networks::{ARCHITECTURE, DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM};
use super::parts::variational::wake_sleep::{SLEEP, SUM, WAKE};
use super::parts::variational::{Rule, Variational, VariationalConfig};
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
    id: Borrowed("wake-sleep-vae"),
    name: Borrowed("VAE by wake-sleep"),
    summary: Borrowed(
        "The networks of the variational autoencoder, taught by an older rule. Awake, the decoder learns to draw what \
         it sees from the encoder's codes; asleep, the encoder learns to read the decoder's dreams. Each follows an \
         objective of its own, no bound on the likelihood, and the model stays some nats behind.",
    ),
    paper: Paper {
        citation: Borrowed("Hinton, Dayan, Frey and Neal, 1995"),
        title: Borrowed("The \u{201c}wake-sleep\u{201d} algorithm for unsupervised neural networks"),
        url: Borrowed("https://doi.org/10.1126/science.7761831"),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Bernoulli),
        exact: false,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        ARCHITECTURE,
        ENCODER_HIDDEN,
        DECODER_HIDDEN,
        LATENT_DIM,
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        EPOCHS,
        IMAGES,
        TARGETS,
    ]),
    losses: Borrowed(&[SUM, WAKE, SLEEP]),
    shipped: true,
    presets: Borrowed(&[Preset {
        title: Borrowed("Look where the encoder puts the test digits, over the digits that the plane draws"),
        query: Borrowed("view=both"),
    }]),
};

/// Networks, batches and checkpoints of the pilot; those of the VAE's run that these are compared with.
const GATES: &[GateRun] = &[GateRun {
    name: "three latents",
    settings: &[
        ("latent_dim", "3"),
        ("encoder_hidden", "300"),
        ("decoder_hidden", "300"),
        ("batch_size", "100"),
        ("epochs", "4"),
    ],
    gates: &[
        Gate {
            epochs: 1,
            measure: "neg_elbo",
            limit: Limit::AboveBy(2.0, "vae/three latents/neg_elbo after 1"),
            reference: "169.7 (pilot, tanh)",
        },
        Gate {
            epochs: 2,
            measure: "neg_elbo",
            limit: Limit::AboveBy(2.0, "vae/three latents/neg_elbo after 2"),
            reference: "161.2 (pilot, tanh)",
        },
        Gate {
            epochs: 4,
            measure: "neg_elbo",
            limit: Limit::AboveBy(2.0, "vae/three latents/neg_elbo after 4"),
            reference: "155.6 (pilot, tanh)",
        },
    ],
}];

fn config(settings: &Settings) -> VariationalConfig {
    VariationalConfig { rule: Rule::WakeSleep, ..VariationalConfig::read(settings) }
}
