//! `cargo xtask models`: the shipped models, from data to `www/models/`.

use std::time::Instant;

use crate::data;
use crate::shell::{command, root, run, stage};

/// A shipped model: family, seed and settings that differ from the card's defaults.
struct Recipe {
    family: &'static str,
    seed: u64,
    settings: &'static [&'static str],
}

/// A decoder of 176,000 weights takes 353 kB at two bytes each; the encoder may be larger, the first drag
/// does not wait for it.
const RECIPES: &[Recipe] = &[Recipe {
    family: "vae",
    seed: 1,
    settings: &[
        "encoder_hidden=512-256",
        "decoder_hidden=128-192",
        "latent_dim=2",
        "epochs=40",
        "schedule=cosine",
    ],
}];

/// Train and export all of them.
pub fn train() -> anyhow::Result<()> {
    data::pack()?;
    run(command("cargo").args(["build", "--release", "--package", "latent-cli"]))?;
    let program = root().join("target/release/latent");
    for Recipe { family, seed, settings } in RECIPES {
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
            run(command(&program).args(["export", &checkpoint, "--out", &out, "--seconds", &seconds]))
        })?;
    }
    Ok(())
}
