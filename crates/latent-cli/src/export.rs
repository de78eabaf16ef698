//! `latent export`: the files of a shipped model.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use latent_core::models;
use latent_core::weights::{Precision, WeightFile, key};
use latent_protocol::Theme;
use serde_json::json;

use crate::{data, evaluate, render, train};

#[derive(clap::Args)]
pub struct Arguments {
    /// Checkpoint of the finished run.
    checkpoint: PathBuf,
    /// Folder to write: decoder.safetensors and, where there is one, encoder.safetensors.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Write poster.png too: the plane, to look at until the first decode.
    #[arg(long)]
    poster: bool,
    /// Seconds that the training took, for the record.
    #[arg(long)]
    seconds: Option<f64>,
}

/// Bits of fraction that a shipped decoder's weights keep, of the ten that f16 has. What is left compresses to two
/// thirds, and nobody sees a weight that is one percent off.
const FRACTION: u32 = 5;

/// The test loss is measured on the weights as shipped, rounded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let trained = evaluate::read(std::slice::from_ref(&arguments.checkpoint))?;
    let mut shipped = WeightFile::parse(&trained.to_bytes(Precision::F16)?)?;
    for (_, tensor) in shipped.tensors.iter_mut().filter(|(name, _)| name.starts_with("decoder.")) {
        tensor.values.iter_mut().for_each(|value| *value = rounded(*value));
    }
    let card = &models::family(shipped.entry(key::FAMILY)?)?.card;
    let loss = train::test_loss(evaluate::model(&shipped)?, card, &dataset)?;
    let metrics = json!({
        "test_label": loss.label,
        "test_unit": loss.unit,
        "test_loss": (loss.total * 10_000.0).round() / 10_000.0,
        "test_images": loss.images,
        "data": dataset.manifest().label(),
        "epochs": evaluate::epochs(&shipped, &dataset),
        "device": "CPU",
        "training_seconds": arguments.seconds.map(f64::round),
    });
    shipped.metadata.insert(key::METRICS.into(), metrics.to_string());

    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    // A model that needs no encoder apart is all in its decoder.
    let (encoder, decoder) = shipped.split("encoder.");
    for (name, part) in [("decoder", decoder), ("encoder", encoder)] {
        let path = arguments.out.join(format!("{name}.safetensors"));
        if part.tensors.is_empty() {
            continue;
        }
        let bytes = part.to_bytes(Precision::F16)?;
        println!("{:>8} bytes in {}", bytes.len(), path.display());
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.poster {
        let poster = render::manifold(evaluate::model(&shipped)?.as_ref(), 20, Theme::PLAIN)?;
        // Half the size and few greys: it is only looked at until the first decode.
        render::write(&poster.halved(), &arguments.out.join("poster.png"), png::BitDepth::Four)?;
    }
    println!("{metrics:#}");
    Ok(())
}

/// The nearest number with so few bits of fraction.
fn rounded(value: f32) -> f32 {
    let dropped = f32::MANTISSA_DIGITS - 1 - FRACTION;
    f32::from_bits((value.to_bits() + (1 << (dropped - 1))) >> dropped << dropped)
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn few_bits_are_kept_and_the_nearest_number_is_taken() {
        for (value, expected) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (-0.75, -0.75),
            (1.01, 1.0),
            (1.02, 1.03125),
            (1.999, 2.0),
            (-3.3, -3.3125),
        ] {
            let found: f32 = rounded(value);
            assert!((found - expected).abs() < 1e-9, "{value}: {found}");
        }
    }
}
