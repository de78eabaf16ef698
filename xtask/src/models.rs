//! `cargo xtask models`: the shipped models, from data to `www/models/`.

use std::path::PathBuf;
use std::time::Instant;

use crate::shell::{command, root, run, stage};
use crate::{data, setup};

/// A shipped model: family, seed and settings that differ from the card's defaults.
struct Recipe {
    family: &'static str,
    seed: u64,
    settings: &'static [&'static str],
}

/// A decoder of 176,000 weights takes 353 kB at two bytes each; the encoder may be larger, nothing waits for it. The
/// first one is what a visitor sees first, so it is trained longest and has a poster.
const RECIPES: &[Recipe] = &[
    Recipe {
        family: "vae",
        seed: 1,
        settings: &["encoder_hidden=512-256", SMALL_DECODER, "latent_dim=2", "epochs=40", "schedule=cosine"],
    },
    Recipe { family: "pca", seed: 1, settings: &["components=16", "images=60000"] },
    Recipe { family: "ppca", seed: 1, settings: &["images=60000"] },
    Recipe { family: "linear-autoencoder", seed: 1, settings: &[] },
    Recipe {
        family: "autoencoder",
        seed: 1,
        settings: &[SMALL_ENCODER, SMALL_DECODER, "epochs=30", "schedule=cosine"],
    },
    Recipe { family: "linear-vae", seed: 1, settings: &[] },
    Recipe {
        family: "gaussian-vae",
        seed: 1,
        settings: &[SMALL_ENCODER, SMALL_DECODER, "epochs=30", "schedule=cosine"],
    },
    Recipe {
        family: "beta-vae",
        seed: 1,
        settings: &[SMALL_ENCODER, SMALL_DECODER, "epochs=20", "schedule=cosine"],
    },
    Recipe {
        family: "conditional-vae",
        seed: 1,
        settings: &[SMALL_ENCODER, SMALL_DECODER, "epochs=20", "schedule=cosine"],
    },
    Recipe {
        family: "wake-sleep-vae",
        seed: 1,
        settings: &[SMALL_ENCODER, SMALL_DECODER, "epochs=30", "schedule=cosine"],
    },
    // A chain finds its way only if it is seen often: few images, many times.
    Recipe {
        family: "mcem-vae",
        seed: 1,
        settings: &[SMALL_DECODER, "images=1000", "epochs=600", "schedule=cosine"],
    },
];

const SMALL_ENCODER: &str = "encoder_hidden=256-128";
const SMALL_DECODER: &str = "decoder_hidden=128-192";

/// Train and export all of them, or those of one family; `judge` names the judge.
pub fn train(only: Option<&str>) -> anyhow::Result<()> {
    let program = program()?;
    if only.is_none_or(|only| only == "judge") {
        stage("training the judge", || run(command(&program).args(["judge", "--epochs", "12"])))?;
    }
    let wanted = RECIPES.iter().filter(|recipe| only.is_none_or(|only| only == recipe.family));
    for Recipe { family, seed, settings } in wanted {
        stage(&format!("training {family}"), || {
            let checkpoint = format!("runs/models/{family}.safetensors");
            let start = Instant::now();
            let mut train = command(&program);
            train.args(["train", family, "--seed", &seed.to_string(), "--out", &checkpoint]);
            for setting in *settings {
                train.args(["--set", setting]);
            }
            run(&mut train)?;
            let seconds = start.elapsed().as_secs_f64().to_string();
            let out = format!("www/models/{family}");
            let mut export = command(&program);
            export.args(["export", &checkpoint, "--out", &out, "--seconds", &seconds]);
            if *family == RECIPES[0].family {
                export.arg("--poster");
            }
            run(&mut export)
        })?;
    }
    Ok(())
}

/// Train every family with the settings of its gates and write `docs/results.md`.
pub fn gates() -> anyhow::Result<()> {
    run(command(program()?).arg("gates"))
}

/// The optimised command line, with its data.
fn program() -> anyhow::Result<PathBuf> {
    setup::fetch()?;
    data::pack()?;
    run(command("cargo").args(["build", "--release", "--package", "latent-cli"]))?;
    Ok(root().join("target/release/latent"))
}
