//! The deep autoencoder (Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006),
//! also denoising (Vincent and others 2008) and sparse.
//!
//! `loss = mean (x' - x)^2 + sparsity sum |code|`, the first per pixel, both averaged over images.

use std::borrow::Cow::Borrowed;

use latent_protocol::{
    Abilities, Choice, Control, DecodeCost, Hyperparameter, LossTerm, ModelCard, Paper, Preset, Settings,
};

use super::parts::autoencoder::{Autoencoder, AutoencoderConfig, Corruption};
use super::parts::networks::{ARCHITECTURE, DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM, Sizes};
use super::pca::MSE;
use crate::family::Family;
use crate::gates::{Gate, GateRun, Limit};
use crate::training::{BATCH_SIZE, EPOCHS, GradientTrainer, IMAGES, LEARNING_RATE, SCHEDULE};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: |device, settings, seed| {
        GradientTrainer::<Autoencoder>::create(device, settings, seed, |s| Ok(config(&s.checked(&CARD)?)))
    },
    load: |device, file| Autoencoder::load(device, file, &CARD, config),
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("autoencoder"),
    name: Borrowed("Autoencoder"),
    summary: Borrowed(
        "An encoder squeezes each digit through a few numbers, a decoder draws it again. Only the drawing counts: \
         nothing asks the codes to fill the plane, so there are gaps where no digit was and digits that lie far \
         apart. Squeeze to one number and all digits stand on a line.",
    ),
    paper: Paper {
        citation: Borrowed("Hinton and Salakhutdinov, 2006"),
        title: Borrowed("Reducing the Dimensionality of Data with Neural Networks"),
        url: Borrowed("https://doi.org/10.1126/science.1127647"),
    },
    abilities: Abilities { encode: true, likelihood: None, exact: false, classes: false },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        ARCHITECTURE,
        ENCODER_HIDDEN,
        DECODER_HIDDEN,
        LATENT_DIM,
        Hyperparameter {
            key: Borrowed("corruption"),
            label: Borrowed("Corruption"),
            help: Borrowed(
                "What is done to a digit before it is encoded, while the clean one must come out: a denoising \
                 autoencoder.",
            ),
            control: Control::Pick {
                default: Borrowed("none"),
                options: Borrowed(&[
                    Choice { id: Borrowed("none"), label: Borrowed("None") },
                    Choice { id: Borrowed("gaussian"), label: Borrowed("Normal noise") },
                    Choice { id: Borrowed("dropout"), label: Borrowed("Pixels left out") },
                ]),
            },
            live: false,
        },
        Hyperparameter {
            key: Borrowed("noise"),
            label: Borrowed("Amount of corruption"),
            help: Borrowed("Standard deviation of the noise, or share of the pixels left out."),
            control: Control::Real { default: 0.3, min: 0.0, max: 0.95, logarithmic: false },
            live: true,
        },
        Hyperparameter {
            key: Borrowed("sparsity"),
            label: Borrowed("Sparsity"),
            help: Borrowed(
                "Price of the absolute value of a code's numbers: a sparse autoencoder, which needs more latents than two.",
            ),
            control: Control::Real { default: 0.0, min: 0.0, max: 0.1, logarithmic: false },
            live: true,
        },
        LEARNING_RATE,
        SCHEDULE,
        BATCH_SIZE,
        EPOCHS,
        IMAGES,
    ]),
    losses: Borrowed(&[
        LossTerm {
            key: Borrowed("total"),
            label: Borrowed("Total"),
            unit: Borrowed("per pixel"),
            help: Borrowed("What training minimises: the squared error plus the price of sparsity."),
        },
        MSE,
        LossTerm {
            key: Borrowed("size"),
            label: Borrowed("Size of the code"),
            unit: Borrowed("of a code"),
            help: Borrowed("Sum of the absolute values of a code's numbers, before they are normalised."),
        },
    ]),
    shipped: true,
    presets: Borrowed(&[
        Preset {
            title: Borrowed("See the gaps: nothing asked the codes to fill the plane"),
            query: Borrowed("view=both"),
        },
        Preset {
            title: Borrowed("Train ten latents at a price: a sparse code leaves most of them at rest"),
            query: Borrowed("beside=latents&latent_dim=10&sparsity=0.01"),
        },
    ]),
};

const GATES: &[GateRun] = &[
    GateRun {
        name: "two latents",
        settings: &[("encoder_hidden", "512-256"), ("decoder_hidden", "256-512"), ("epochs", "20")],
        gates: &[
            Gate { epochs: 2, measure: "mse", limit: Limit::AtMost(0.045), reference: "0.0430 (pilot)" },
            Gate { epochs: 5, measure: "mse", limit: Limit::AtMost(0.041), reference: "0.0389 (pilot)" },
            Gate { epochs: 20, measure: "mse", limit: Limit::AtMost(0.037), reference: "0.0353 (pilot)" },
            Gate { epochs: 20, measure: "knn", limit: Limit::AtLeast(70.0), reference: "81.9 (pilot)" },
        ],
    },
    GateRun {
        name: "denoising",
        settings: &[
            ("encoder_hidden", "512-256"),
            ("decoder_hidden", "256-512"),
            ("corruption", "gaussian"),
            ("noise", "0.5"),
            ("epochs", "5"),
        ],
        gates: &[Gate {
            epochs: 5,
            measure: "mse",
            limit: Limit::AtMost(0.0504),
            reference: "0.0504 is k-means with ten codes",
        }],
    },
];

fn config(settings: &Settings) -> AutoencoderConfig {
    let noise = settings.real("noise");
    AutoencoderConfig {
        sizes: Sizes::read(settings),
        squashed: true,
        corruption: match settings.pick("corruption") {
            "gaussian" => Corruption::Gaussian(noise),
            "dropout" => Corruption::Dropout(noise),
            _ => Corruption::None,
        },
        sparsity: settings.real("sparsity"),
    }
}
