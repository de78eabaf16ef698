//! `latent lab`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use indicatif::ProgressBar;
use latent_core::Device;
use latent_core::data::Dataset;
use latent_core::judge::Judge;
use latent_core::lab::{self, EXPERIMENTS, Entry, Image, Progress, Surroundings};
use latent_core::weights::WeightFile;
use latent_protocol::lab::Finding;
use pollster::block_on;

use crate::{data, evaluate};

#[derive(clap::Args)]
pub struct Arguments {
    /// The experiment; without one, all are listed.
    experiment: Option<String>,
    /// Files of weights: a checkpoint, or the parts of a shipped model.
    weights: Vec<PathBuf>,
    /// The test image that is looked at.
    #[arg(long, default_value_t = 0)]
    image: usize,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Weights of the judge, which reads completed digits.
    #[arg(long, default_value = "www/models/judge.safetensors")]
    judge: PathBuf,
    /// Print all that was found, charts and pictures too, as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(id) = &arguments.experiment else {
        for Entry { card, .. } in EXPERIMENTS {
            println!("{} - {}\n  {}", card.id, card.name, card.summary);
        }
        return Ok(());
    };
    let known = || EXPERIMENTS.iter().map(|entry| entry.card.id.as_ref()).collect::<Vec<_>>().join(", ");
    let entry = lab::experiment(id).with_context(|| format!("no experiment {id}; there are {}", known()))?;
    anyhow::ensure!(!arguments.weights.is_empty(), "name the files of a model's weights");
    let dataset = data::load(&arguments.data)?;
    let file = evaluate::read(&arguments.weights)?;
    let image = Image::of_test(&dataset, arguments.image);
    let image = image.with_context(|| format!("there is no test image {}", arguments.image))?;
    let judge = evaluate::judge(&arguments.judge)?;
    let start = Instant::now();
    let finding = find(entry, &file, &dataset, judge.as_ref(), &image)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&finding)?);
        return Ok(());
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{}\ntest image {}, CPU, {seconds:.1} s\n", entry.card.name, arguments.image);
    for fact in &finding.facts {
        let decimals = if fact.value.abs() < 1.0 { 4 } else { 2 };
        println!("  {:<52} {:>10.decimals$} {}", fact.label, fact.value, fact.unit);
    }
    for note in &finding.notes {
        println!("\n{note}");
    }
    Ok(())
}

/// What an experiment finds with a model.
pub fn find(
    entry: &Entry,
    file: &WeightFile,
    dataset: &Dataset,
    judge: Option<&Judge>,
    image: &Image,
) -> anyhow::Result<Finding> {
    let rival = match entry.rival_of(file)? {
        Some(id) => {
            let part = |part: &str| format!("www/models/{id}/{part}.safetensors").into();
            Some(evaluate::read(&["decoder", "encoder"].map(part))?)
        }
        None => None,
    };
    let surroundings = Surroundings { dataset, judge, image };
    let mut trial = entry.trial(&Device::flex(), file, rival.as_ref(), surroundings)?;
    let bar = ProgressBar::new(1000);
    loop {
        match block_on(trial.advance())? {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
            Progress::To(done) => bar.set_position((done * 1000.0) as u64),
            Progress::Done(finding) => {
                bar.finish_and_clear();
                return Ok(*finding);
            }
        }
    }
}
