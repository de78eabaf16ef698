//! The variational autoencoder of Kingma and Welling, "Auto-Encoding Variational Bayes" (2014): Gaussian
//! posterior, Bernoulli pixels.

use std::borrow::Cow::Borrowed;

use latent_protocol::{Abilities, DecodeCost, Likelihood, ModelCard, Paper, Preset, Settings};

use super::parts::networks::{ARCHITECTURE, DECODER_HIDDEN, ENCODER_HIDDEN, LATENT_DIM};
use super::parts::variational::{
    BETA, KL, RECONSTRUCTION, SAMPLES, TOTAL, Variational, VariationalConfig, WARMUP,
};
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
    id: Borrowed("vae"),
    name: Borrowed("Variational autoencoder"),
    summary: Borrowed(
        "An encoder turns each digit into a small cloud of codes, a decoder turns codes into digits. Training asks \
         for good reconstructions and for clouds that together fill a standard normal. So every point of the plane \
         decodes to something, and neighbours decode alike.",
    ),
    paper: Paper {
        citation: Borrowed("Kingma and Welling, 2014"),
        title: Borrowed("Auto-Encoding Variational Bayes"),
        url: Borrowed("https://arxiv.org/abs/1312.6114"),
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
        BETA,
        SAMPLES,
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
            title: Borrowed("Look where the test digits lie, over the digits that the plane draws"),
            query: Borrowed("view=both"),
        },
        Preset {
            title: Borrowed(
                "Train with beta at 0: nothing holds the codes together, and holes open between the points",
            ),
            query: Borrowed("view=both&beta=0"),
        },
    ]),
};

const GATES: &[GateRun] = &[
    GateRun {
        name: "dense",
        settings: &[("encoder_hidden", "512-256"), ("decoder_hidden", "256-512"), ("epochs", "20")],
        gates: &[
            Gate { epochs: 5, measure: "neg_elbo", limit: Limit::AtMost(155.0), reference: "151.2 (pilot)" },
            Gate { epochs: 10, measure: "neg_elbo", limit: Limit::AtMost(149.0), reference: "145.6 (pilot)" },
            Gate { epochs: 20, measure: "neg_elbo", limit: Limit::AtMost(146.0), reference: "142.0 (pilot)" },
            Gate { epochs: 20, measure: "neg_iwae", limit: Limit::AtMost(143.0), reference: "139.0 (pilot)" },
            Gate {
                epochs: 20,
                measure: "neg_log_p_quadrature",
                limit: Limit::AtMost(140.0),
                reference: "133.3 (pilot, 500 digits)",
            },
            Gate { epochs: 20, measure: "kl", limit: Limit::AtLeast(4.5), reference: "6.7 (pilot)" },
            Gate { epochs: 20, measure: "kl", limit: Limit::AtMost(8.0), reference: "6.7 (pilot)" },
            Gate { epochs: 20, measure: "knn", limit: Limit::AtLeast(75.0), reference: "81.6 (pilot)" },
            Gate {
                epochs: 20,
                measure: "samples_fd",
                limit: Limit::AtMost(330.0),
                reference: "285.5 (pilot, another judge)",
            },
            Gate {
                epochs: 20,
                measure: "samples_entropy",
                limit: Limit::AtLeast(2.1),
                reference: "2.22 (pilot)",
            },
        ],
    },
    GateRun {
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
                limit: Limit::AtMost(168.0),
                reference: "163.5 (pilot, tanh)",
            },
            Gate {
                epochs: 2,
                measure: "neg_elbo",
                limit: Limit::AtMost(160.0),
                reference: "156.8 (pilot, tanh)",
            },
            Gate {
                epochs: 4,
                measure: "neg_elbo",
                limit: Limit::AtMost(153.0),
                reference: "149.9 (pilot, tanh)",
            },
        ],
    },
    GateRun {
        name: "a thousand images",
        settings: &[
            ("latent_dim", "3"),
            ("encoder_hidden", "100"),
            ("decoder_hidden", "100"),
            ("batch_size", "100"),
            ("images", "1000"),
            ("epochs", "400"),
        ],
        gates: &[Gate {
            epochs: 400,
            measure: "neg_iwae",
            limit: Limit::AtMost(160.0),
            reference: "no figures in print: axes from 100 to 160 (Kingma and Welling 2014, figure 3)",
        }],
    },
    GateRun {
        name: "convolutional",
        settings: &[
            ("architecture", "convolutional"),
            ("encoder_hidden", "128"),
            ("decoder_hidden", "128"),
            ("epochs", "5"),
        ],
        gates: &[Gate {
            epochs: 5,
            measure: "neg_elbo",
            limit: Limit::AtMost(160.0),
            reference: "157.8 (Keras example, grey pixels, training loss)",
        }],
    },
    GateRun {
        name: "tiny, grey pixels",
        settings: &[
            ("encoder_hidden", "128"),
            ("decoder_hidden", "128"),
            ("targets", "grey"),
            ("epochs", "10"),
        ],
        gates: &[Gate {
            epochs: 10,
            measure: "grey_cost",
            limit: Limit::AtMost(162.0),
            reference: "158.9 (pilot)",
        }],
    },
];

fn config(settings: &Settings) -> VariationalConfig {
    VariationalConfig::read(settings)
}
