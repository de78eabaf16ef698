//! The decoder of the variational autoencoder, trained by Monte-Carlo expectation maximisation: the comparison without an
//! encoder of "Auto-Encoding Variational Bayes" (Kingma and Welling 2014, section 5, figure 3 and appendix E).

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Control, DecodeCost, Hyperparameter, Likelihood, ModelCard, Paper, Preset, Settings,
};

use super::parts::networks::{LATENT_DIM, widths};
use super::parts::variational::monte_carlo::{ACCEPTED, JOINT, LEAPFROG, MonteCarloEm, PRIOR};
use super::parts::variational::{RECONSTRUCTION, Rule, Variational, VariationalConfig};
use crate::family::Family;
use crate::gates::GateRun;
use crate::training::{BATCH_SIZE, EPOCHS, IMAGES, LEARNING_RATE, SCHEDULE, TARGETS};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: |device, settings, seed| {
        let settings = settings.checked(&CARD)?;
        Ok(MonteCarloEm::create(device, &config(&settings), settings.whole(&IMAGES.key), seed))
    },
    load: |device, file| Variational::load(device, file, &CARD, config),
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("mcem-vae"),
    name: Borrowed("VAE by Monte-Carlo EM"),
    summary: Borrowed(
        "The decoder of the variational autoencoder, taught without an encoder. Each training image has a Markov chain \
         that wanders among the codes that could have made it, by Hamiltonian Monte Carlo; the decoder learns from \
         where the chains are. Nothing is approximated but by chance, and every image costs many passes.",
    ),
    paper: Paper {
        citation: Borrowed("Wei and Tanner, 1990; as in Kingma and Welling, 2014"),
        title: Borrowed(
            "A Monte Carlo Implementation of the EM Algorithm and the Poor Man's Data Augmentation Algorithms",
        ),
        url: Borrowed("https://doi.org/10.1080/01621459.1990.10474930"),
    },
    abilities: Abilities {
        encode: false,
        likelihood: Some(Likelihood::Bernoulli),
        exact: false,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        widths(
            "decoder_hidden",
            "Decoder layers",
            "Widths of the decoder's hidden layers, from the code to the image.",
            &[100],
        ),
        Hyperparameter {
            help: Borrowed(
                "Numbers in a code. At most four: beyond that the likelihood cannot be estimated from codes of the prior.",
            ),
            control: Control::Whole { default: 2, min: 1, max: 4 },
            ..LATENT_DIM
        },
        LEARNING_RATE,
        SCHEDULE,
        Hyperparameter { control: Control::Whole { default: 100, min: 1, max: 1024 }, ..BATCH_SIZE },
        Hyperparameter { control: Control::Whole { default: 200, min: 1, max: 1000 }, ..EPOCHS },
        Hyperparameter {
            help: Borrowed(
                "At most this many images of the data set are trained on. Each has a chain of its own that must find its \
                 way, so this way of training is for few.",
            ),
            control: Control::Whole { default: 1000, min: 1, max: 10_000 },
            ..IMAGES
        },
        TARGETS,
    ]),
    losses: Borrowed(&[JOINT, RECONSTRUCTION, PRIOR, ACCEPTED, LEAPFROG]),
    shipped: false,
    presets: Borrowed(&[Preset {
        title: Borrowed("Press Train: digits find their places on the plane, and nobody has told them where"),
        query: Borrowed("images=500"),
    }]),
};

const GATES: &[GateRun] = &[];

fn config(settings: &Settings) -> VariationalConfig {
    VariationalConfig { rule: Rule::MonteCarlo, ..VariationalConfig::read(settings) }
}
