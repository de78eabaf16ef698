//! `latent evaluate`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use indicatif::ProgressBar;
use latent_core::data::Dataset;
use latent_core::evaluation::{BoundEvaluation, importance_weighted};
use latent_core::training::Moments;
use latent_core::weights::{WeightFile, key};
use latent_core::{Device, LatentModel, models};
use latent_protocol::BoundParts;
use pollster::block_on;
use serde_json::json;

use crate::data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Files of weights: a checkpoint, or the parts of a shipped model.
    #[arg(required = true)]
    weights: Vec<PathBuf>,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Importance samples per image; 0 to leave the importance-weighted bound out.
    #[arg(long, default_value_t = 100)]
    samples: usize,
    /// Test images for the importance-weighted bound.
    #[arg(long, default_value_t = 2000)]
    iwae_images: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Read and merge files of weights.
pub fn read(paths: &[PathBuf]) -> anyhow::Result<WeightFile> {
    let mut whole = WeightFile::default();
    for path in paths {
        let file = parse(path)?;
        whole.metadata.extend(file.metadata);
        whole.tensors.extend(file.tensors);
    }
    // A checkpoint also holds the optimiser.
    whole.tensors.retain(|name, _| !name.starts_with(Moments::PREFIX));
    Ok(whole)
}

fn parse(path: &Path) -> anyhow::Result<WeightFile> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    WeightFile::parse(&bytes).with_context(|| format!("in {}", path.display()))
}

/// The model in a file.
pub fn model(file: &WeightFile) -> anyhow::Result<Box<dyn LatentModel>> {
    let family = models::family(file.entry(key::FAMILY)?)?;
    Ok((family.load)(&Device::flex(), file)?)
}

/// What was measured, and how.
pub struct Measures {
    pub bound: BoundParts,
    pub bound_images: usize,
    pub iwae: Option<(f64, usize, usize)>,
    pub seconds: f64,
}

pub fn measure(
    file: &WeightFile,
    dataset: &Dataset,
    samples: usize,
    images: usize,
) -> anyhow::Result<Measures> {
    let start = Instant::now();
    let mut evaluation = BoundEvaluation::new(model(file)?);
    let bound = loop {
        if let Some(bound) = block_on(evaluation.advance(dataset.test()))? {
            break bound;
        }
    };
    let mut iwae = None;
    if samples > 0 {
        let count = images.min(dataset.test().labels.len());
        let bar = ProgressBar::new(count as u64);
        let progress = |done| bar.set_position(done as u64);
        let model = model(file)?;
        let nats = block_on(importance_weighted(model.as_ref(), dataset.test(), count, samples, progress))?;
        bar.finish_and_clear();
        iwae = Some((nats, samples, count));
    }
    Ok(Measures {
        bound,
        bound_images: dataset.test().labels.len(),
        iwae,
        seconds: start.elapsed().as_secs_f64(),
    })
}

impl Measures {
    pub fn json(&self, dataset: &Dataset) -> serde_json::Value {
        json!({
            "neg_elbo": round(self.bound.total),
            "reconstruction": round(self.bound.reconstruction),
            "kl": round(self.bound.kl),
            "test_images": self.bound_images,
            "test_bits": "dynamic binarisation, fixed for all measurements",
            "neg_iwae": self.iwae.map(|(nats, _, _)| round(nats)),
            "iwae_samples": self.iwae.map(|(_, samples, _)| samples),
            "iwae_images": self.iwae.map(|(_, _, images)| images),
            "data": dataset.manifest().label(),
        })
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let file = read(&arguments.weights)?;
    let measures = measure(&file, &dataset, arguments.samples, arguments.iwae_images)?;
    let epochs = epochs(&file, &dataset);
    if arguments.json {
        let mut value = measures.json(&dataset);
        value["epochs"] = json!(epochs);
        value["seed"] = json!(file.metadata.get(key::SEED));
        value["trained_on"] = json!(file.metadata.get(key::DATA));
        value["device"] = json!("CPU");
        value["seconds"] = json!(round(measures.seconds));
        println!("{value:#}");
        return Ok(());
    }
    let said = |name| file.metadata.get(name).map_or("unknown", String::as_str);
    let Measures { bound, bound_images, .. } = measures;
    println!(
        "test data      {}, {bound_images} images, dynamic binarisation, fixed bits",
        dataset.manifest().label()
    );
    println!(
        "model          {}, trained on {}, {epochs} epochs, seed {}",
        said(key::FAMILY),
        said(key::DATA),
        said(key::SEED)
    );
    println!("-ELBO          {:.2} nats", bound.total);
    println!("  reconstruction {:.2} nats", bound.reconstruction);
    println!("  KL             {:.2} nats", bound.kl);
    if let Some((nats, samples, images)) = measures.iwae {
        println!("-IWAE-{samples}      {nats:.2} nats (first {images} images)");
    }
    println!("device         CPU, {:.1} s", measures.seconds);
    Ok(())
}

/// Epochs of the run, from its steps and settings.
pub fn epochs(file: &WeightFile, dataset: &Dataset) -> String {
    let read = || {
        let card = &models::family(file.entry(key::FAMILY).ok()?).ok()?.card;
        let settings = file.settings(card).ok()?;
        let step: usize = file.entry(key::STEP).ok()?.parse().ok()?;
        let images = settings.whole("images").min(dataset.manifest().train_count());
        let per_epoch = (images / settings.whole("batch_size").max(1)).max(1);
        #[expect(clippy::cast_precision_loss, reason = "steps are small")]
        let epochs = step as f64 / per_epoch as f64;
        Some(round(epochs).to_string())
    };
    read().unwrap_or_else(|| "unknown".into())
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
