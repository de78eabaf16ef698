//! `latent export`: the files of a shipped model.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use latent_core::weights::{Precision, WeightFile, key};
use latent_protocol::Theme;
use serde_json::json;

use crate::{data, evaluate, render};

#[derive(clap::Args)]
pub struct Arguments {
    /// Checkpoint of the finished run.
    checkpoint: PathBuf,
    /// Folder to write: decoder.safetensors, encoder.safetensors, poster.png.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Seconds that the training took, for the record.
    #[arg(long)]
    seconds: Option<f64>,
}

/// The bound is measured on the weights as shipped, rounded to f16.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let trained = evaluate::read(std::slice::from_ref(&arguments.checkpoint))?;
    let mut shipped = WeightFile::parse(&trained.to_bytes(Precision::F16)?)?;
    let measures = evaluate::measure(&shipped, &dataset, 100, 2000)?;
    let mut metrics = measures.json(&dataset);
    metrics["epochs"] = json!(evaluate::epochs(&shipped, &dataset));
    metrics["device"] = json!("CPU");
    metrics["training_seconds"] = json!(arguments.seconds.map(f64::round));
    shipped.metadata.insert(key::METRICS.into(), metrics.to_string());

    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    for part in ["decoder", "encoder"] {
        let path = arguments.out.join(format!("{part}.safetensors"));
        let bytes = shipped.part(&format!("{part}.")).to_bytes(Precision::F16)?;
        println!("{:>8} bytes in {}", bytes.len(), path.display());
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let model = evaluate::model(&shipped)?;
    let poster = render::manifold(model.as_ref(), 20, Theme::PLAIN)?;
    // Half the size: it is only looked at until the first decode.
    render::write(&poster.halved(), &arguments.out.join("poster.png"))?;
    println!("{metrics:#}");
    Ok(())
}
