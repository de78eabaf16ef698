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

/// Weights of a shipped decoder are whole multiples of a step: the largest power of two that is at most this part of
/// their root mean square. They compress to two fifths of their f16, and nobody sees a weight that is two percent off.
const STEP: f32 = 1.0 / 16.0;

/// The test loss is measured on the weights as shipped, rounded.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let trained = evaluate::read(std::slice::from_ref(&arguments.checkpoint))?;
    let mut shipped = WeightFile::parse(&trained.to_bytes(Precision::F16)?)?;
    for (_, tensor) in shipped.tensors.iter_mut().filter(|(name, _)| name.starts_with("decoder.")) {
        round(&mut tensor.values);
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

/// Round numbers to multiples of their step. Equal steps cost the fewest bits for a given squared error (Gish and
/// Pierce 1968).
fn round(values: &mut [f32]) {
    #[expect(clippy::cast_precision_loss, reason = "a mean of at most millions")]
    let mean_square = values.iter().map(|value| value * value).sum::<f32>() / values.len().max(1) as f32;
    if mean_square == 0.0 {
        return;
    }
    let step = (mean_square.sqrt() * STEP).log2().floor().exp2();
    for value in values {
        *value = (*value / step).round() * step;
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    #[expect(clippy::float_cmp, reason = "powers of two are exact")]
    fn numbers_become_multiples_of_a_step_in_proportion_to_them() {
        // Their root mean square is 1.7, so the step is 1 / 16.
        let mut values = [0.0, 1.0, -0.75, 1.03, 1.04, 0.01, -3.3];
        round(&mut values);
        assert_eq!(values, [0.0, 1.0, -0.75, 1.0, 1.0625, 0.0, -3.3125]);
        let mut small = values.map(|value| value / 1024.0);
        round(&mut small);
        assert_eq!(small, values.map(|value| value / 1024.0));
        let mut zeros = [0.0; 3];
        round(&mut zeros);
        assert_eq!(zeros, [0.0; 3]);
    }
}
