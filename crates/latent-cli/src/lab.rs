//! `latent lab`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use indicatif::ProgressBar;
use latent_core::data::Dataset;
use latent_core::judge::Judge;
use latent_core::lab::{self, Bench, EXPERIMENTS, Entry, Image, Progress};
use latent_core::weights::{WeightFile, key};
use latent_core::{Device, models};
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
    let family = models::family(file.entry(key::FAMILY)?)?;
    let model = (family.load)(&lab::device(&Device::flex()), file)?;
    if let Some(reason) = entry.card.obstacle(&family.card, model.plane().latent_dim) {
        anyhow::bail!("{} cannot be the subject: {reason}", family.card.name);
    }
    let rival = match (entry.rival)(&family.card) {
        Some(id) => {
            let rival = models::family(id)?;
            let parts =
                ["decoder", "encoder"].map(|part| format!("www/models/{id}/{part}.safetensors").into());
            Some((&rival.card, (rival.load)(&lab::device(&Device::flex()), &evaluate::read(&parts)?)?))
        }
        None => None,
    };
    let rival = rival.as_ref().map(|(card, model)| (*card, model.as_ref()));
    let bench = Bench { model: model.as_ref(), card: &family.card, dataset, judge, image, rival };
    let (mut experiment, bar) = ((entry.begin)(), ProgressBar::new(1000));
    loop {
        match block_on(experiment.advance(&bench))? {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
            Progress::To(done) => bar.set_position((done * 1000.0) as u64),
            Progress::Done(finding) => {
                bar.finish_and_clear();
                return Ok(*finding);
            }
        }
    }
}
