//! The variational autoencoder with Gaussian pixels (Kingma and Welling 2014, appendix C.2): the standard deviation
//! is fixed, or one learned number, or learned for each pixel.

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Choice, Control, DecodeCost, Hyperparameter, Likelihood, LossTerm, ModelCard, Paper, Preset,
    Settings,
};

use super::parts::networks::{ARCHITECTURE, DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM};
use super::parts::variational::{
    BETA, KL, Pixels, RECONSTRUCTION, SAMPLES, TOTAL, Variational, VariationalConfig,
};
use crate::family::Family;
use crate::gates::{Gate, GateRun, Limit};
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE};

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
    id: Borrowed("gaussian-vae"),
    name: Borrowed("VAE with Gaussian pixels"),
    summary: Borrowed(
        "The same autoencoder, but a pixel is a grey value with a spread, sigma. Choosing sigma chooses how much the \
         code may cost: it is beta in disguise. Learned, it settles at the error of the reconstructions. A sample \
         of x is the mean with that much noise on it.",
    ),
    paper: Paper {
        citation: Borrowed("Kingma and Welling, 2014"),
        title: Borrowed("Auto-Encoding Variational Bayes"),
        url: Borrowed("https://arxiv.org/abs/1312.6114"),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Gaussian),
        exact: false,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        Hyperparameter {
            key: Borrowed("sigma"),
            label: Borrowed("Sigma"),
            help: Borrowed(
                "The standard deviation of a pixel: fixed, one learned number, or one per pixel from the decoder, \
                 at least 0.05 (without that floor, pixels that are always black drive it to zero).",
            ),
            control: Control::Pick {
                default: Borrowed("learned"),
                options: Borrowed(&[
                    Choice { id: Borrowed("fixed"), label: Borrowed("Fixed") },
                    Choice { id: Borrowed("learned"), label: Borrowed("Learned, one for all") },
                    Choice { id: Borrowed("per-pixel"), label: Borrowed("Learned, per pixel") },
                ]),
            },
            live: false,
        },
        Hyperparameter {
            key: Borrowed("fixed_sigma"),
            label: Borrowed("Fixed sigma"),
            help: Borrowed("The standard deviation, where it is fixed. It may be moved while training."),
            control: Control::Real { default: 1.0, min: 0.05, max: 2.0, logarithmic: true },
            live: true,
        },
        ARCHITECTURE,
        ENCODER_HIDDEN,
        DECODER_HIDDEN,
        LATENT_DIM,
        BETA,
        SAMPLES,
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        EPOCHS,
        IMAGES,
    ]),
    losses: Borrowed(&[DENSITY_TOTAL, DENSITY_RECONSTRUCTION, KL]),
    shipped: true,
    presets: Borrowed(&[
        Preset {
            title: Borrowed(
                "Draw samples of x: the mean, and the same mean under the noise the model believes in",
            ),
            query: Borrowed("beside=samples"),
        },
        Preset {
            title: Borrowed("Train with sigma fixed at 1: the code hardly pays, and the digits blur"),
            query: Borrowed("sigma=fixed"),
        },
    ]),
};

/// The sum that training minimises, of a density.
pub const DENSITY_TOTAL: LossTerm = LossTerm { unit: Borrowed("nats (density)"), ..TOTAL };

/// The negative expected log-density.
pub const DENSITY_RECONSTRUCTION: LossTerm = LossTerm { unit: Borrowed("nats (density)"), ..RECONSTRUCTION };

const GATES: &[GateRun] = &[
    GateRun {
        name: "learned sigma",
        settings: &[HIDDEN[0], HIDDEN[1], ("epochs", "8")],
        gates: &[
            Gate {
                epochs: 5,
                measure: "elbo_density",
                limit: Limit::AtLeast(140.0),
                reference: "154.1 (pilot)",
            },
            Gate {
                epochs: 8,
                measure: "sigma_squared",
                limit: Limit::Share(0.05, "gaussian-vae/learned sigma/mse"),
                reference: "0.0374 against 0.0373 (pilot)",
            },
        ],
    },
    GateRun {
        name: "sigma 1",
        settings: &[("sigma", "fixed"), ("fixed_sigma", "1"), HIDDEN[0], HIDDEN[1], ("epochs", "4")],
        gates: &[
            Gate {
                epochs: 4,
                measure: "kl",
                limit: Limit::Below("gaussian-vae/learned sigma/kl"),
                reference: "3.6 against 8.7 (pilot)",
            },
            Gate {
                epochs: 4,
                measure: "mse",
                limit: Limit::Above("gaussian-vae/learned sigma/mse"),
                reference: "0.0419 against 0.0373 (pilot)",
            },
        ],
    },
    GateRun {
        name: "sigma per pixel",
        settings: &[("sigma", "per-pixel"), HIDDEN[0], HIDDEN[1], ("epochs", "5")],
        gates: &[Gate {
            epochs: 5,
            measure: "elbo_density",
            limit: Limit::Above("gaussian-vae/learned sigma/elbo_density"),
            reference: "not piloted",
        }],
    },
];

/// The networks of the pilot.
const HIDDEN: [(&str, &str); 2] = [("encoder_hidden", "512-256"), ("decoder_hidden", "256-512")];

fn config(settings: &Settings) -> VariationalConfig {
    let pixels = match settings.pick("sigma") {
        "fixed" => Pixels::Fixed(settings.real("fixed_sigma")),
        "per-pixel" => Pixels::PerPixel,
        _ => Pixels::Learned,
    };
    VariationalConfig { pixels, ..VariationalConfig::read(settings) }
}
