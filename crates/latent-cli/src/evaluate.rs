//! `latent evaluate`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use indicatif::ProgressBar;
use latent_core::data::Dataset;
use latent_core::evaluation::{Advanced, Evaluation};
use latent_core::judge::Judge;
use latent_core::weights::{WeightFile, key};
use latent_core::{Device, LatentModel, models};
use latent_protocol::{Effort, Measure, MeasureTable};
use pollster::block_on;
use serde_json::{Value, json};

use crate::data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Files of weights: a checkpoint, or the parts of a shipped model.
    #[arg(required = true)]
    weights: Vec<PathBuf>,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Weights of the judge, which sees the samples; `latent judge` trains it.
    #[arg(long, default_value = "www/models/judge.safetensors")]
    judge: PathBuf,
    /// Measure as the page does: fewer images and samples.
    #[arg(long)]
    quick: bool,
    /// Only bounds, reconstructions and active latents.
    #[arg(long)]
    brief: bool,
    /// Importance samples per image; 0 to leave the importance-weighted bound out.
    #[arg(long)]
    samples: Option<usize>,
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
    Ok(whole.without_state())
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

/// The judge in a file; none where there is no file.
pub fn judge(path: &Path) -> anyhow::Result<Option<Judge>> {
    if !path.exists() {
        return Ok(None);
    }
    let judge = Judge::load(&Device::flex(), &parse(path)?);
    Ok(Some(judge.with_context(|| format!("in {}", path.display()))?))
}

/// Measure the model in a file.
pub fn measure(
    file: &WeightFile,
    dataset: &Dataset,
    judge: Option<Judge>,
    effort: Effort,
) -> anyhow::Result<MeasureTable> {
    let card = &models::family(file.entry(key::FAMILY)?)?.card;
    let mut evaluation = Evaluation::new(model(file)?, card, judge, effort, dataset);
    let bar = ProgressBar::new(1000);
    loop {
        match block_on(evaluation.advance(dataset))? {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
            Advanced::To(done) => bar.set_position((done * 1000.0) as u64),
            Advanced::Done(table) => {
                bar.finish_and_clear();
                return Ok(table);
            }
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let file = read(&arguments.weights)?;
    let judge = judge(&arguments.judge)?;
    if judge.is_none() {
        eprintln!(
            "{} is missing: no samples are judged (`latent judge` trains it)",
            arguments.judge.display()
        );
    }
    let mut effort = if arguments.quick { Effort::TAB } else { Effort::FULL };
    if arguments.brief {
        effort = Effort { importance_samples: 0, quadrature_grid: 0, neighbours: 0, samples: 0, ..effort };
    }
    if let Some(samples) = arguments.samples {
        effort.importance_samples = samples;
    }
    let start = Instant::now();
    let table = measure(&file, &dataset, judge, effort)?;
    let seconds = start.elapsed().as_secs_f64();
    let said = |name| file.metadata.get(name).map_or("unknown", String::as_str);
    let epochs = epochs(&file, &dataset);
    if arguments.json {
        let mut value = json(&table);
        value["family"] = json!(said(key::FAMILY));
        value["epochs"] = json!(epochs);
        value["seed"] = json!(said(key::SEED));
        value["trained_on"] = json!(said(key::DATA));
        value["data"] = json!(dataset.manifest().label());
        value["device"] = json!("CPU");
        value["seconds"] = json!(seconds.round());
        println!("{value:#}");
        return Ok(());
    }
    println!(
        "{}, trained on {}, {epochs} epochs, seed {}",
        said(key::FAMILY),
        said(key::DATA),
        said(key::SEED)
    );
    println!("measured on {}, CPU, {seconds:.0} s", dataset.manifest().label());
    print(&table);
    Ok(())
}

fn print(table: &MeasureTable) {
    for group in &table.groups {
        println!("\n{}\n  {}", group.title, group.note);
        for measure in &group.measures {
            let (decimals, count) = (measure.decimals(), measure.count);
            let beside = |name: &str, value: Option<f64>| {
                value.map(|value| format!("   {name} {value:.decimals$}")).unwrap_or_default()
            };
            println!(
                "  {:<46} {:>9.decimals$} {:<10}{}{}   ({count})",
                measure.label,
                measure.value,
                measure.unit,
                beside("real", measure.real),
                beside("baseline", measure.baseline),
            );
        }
    }
}

/// A table as JSON: numbers by key, what they are beside them.
pub fn json(table: &MeasureTable) -> Value {
    let number = |measure: &Measure| {
        json!({
            "label": measure.label.trim(), "unit": measure.unit, "value": measure.value, "count": measure.count,
            "real": measure.real, "baseline": measure.baseline,
        })
    };
    let groups = table.groups.iter().map(|group| {
        let numbers: serde_json::Map<String, Value> =
            group.measures.iter().map(|measure| (measure.key.clone(), number(measure))).collect();
        json!({ "title": group.title, "note": group.note, "measures": numbers })
    });
    json!({ "groups": groups.collect::<Vec<_>>(), "latent_kl": table.latent_kl })
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
        Some(((epochs * 100.0).round() / 100.0).to_string())
    };
    read().unwrap_or_else(|| "unknown".into())
}
