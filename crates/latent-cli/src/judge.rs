//! `latent judge`.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use indicatif::ProgressBar;
use latent_core::Device;
use latent_core::judge::{Judge, JudgeTrainer};
use latent_core::weights::{Precision, WeightFile, key};
use pollster::block_on;

use crate::data;

#[derive(clap::Args)]
pub struct Arguments {
    /// File to write.
    #[arg(long, default_value = "www/models/judge.safetensors")]
    out: PathBuf,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Passes over the training images.
    #[arg(long, default_value_t = 6)]
    epochs: u64,
}

/// Train, write, and measure what was written, rounded to f16.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let start = Instant::now();
    let mut trainer = JudgeTrainer::new(&Device::flex(), arguments.seed, arguments.epochs, &dataset);
    let bar = ProgressBar::new(trainer.total_steps());
    let judge = loop {
        bar.inc(1);
        if let Some(judge) = trainer.step(&dataset) {
            break judge;
        }
    };
    bar.finish_and_clear();
    let mut file = block_on(judge.weights())?;
    let rounded = WeightFile::parse(&file.to_bytes(Precision::F16)?)?;
    let accuracy = block_on(Judge::load(&Device::flex(), &rounded)?.accuracy(&dataset))?;
    file.metadata = [
        ("role", "judge".to_string()),
        (key::SEED, arguments.seed.to_string()),
        (key::DATA, dataset.manifest().label()),
        ("epochs", arguments.epochs.to_string()),
        ("test_accuracy", format!("{accuracy:.4}")),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value))
    .collect();
    let bytes = file.to_bytes(Precision::F16)?;
    if let Some(folder) = arguments.out.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(&arguments.out, &bytes).with_context(|| format!("cannot write {}", arguments.out.display()))?;
    println!(
        "judge: {:.2} % right on {} test images, {} bytes in {}, {:.0} s",
        100.0 * accuracy,
        dataset.test().labels.len(),
        bytes.len(),
        arguments.out.display(),
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
