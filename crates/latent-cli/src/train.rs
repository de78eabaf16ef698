//! `latent train`.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use latent_core::data::Dataset;
use latent_core::evaluation::TestLossEvaluation;
use latent_core::training::{Advance, Run};
use latent_core::{Device, LatentModel, models};
use latent_protocol::{ModelCard, Settings, TestLoss};
use pollster::block_on;

use crate::data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Id of the family; `latent families` lists them.
    family: String,
    /// A setting, as key=value; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Checkpoint to write after each epoch and at the end.
    #[arg(long, default_value = "runs/latest.safetensors")]
    out: PathBuf,
    /// Go on from the checkpoint at --out; its settings and seed count.
    #[arg(long)]
    resume: bool,
    /// Stop after this many steps.
    #[arg(long, value_name = "STEPS")]
    stop_after: Option<u64>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let mut run = open(arguments, &dataset)?;
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    // The first Ctrl-C ends after the step in flight, the second at once.
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("cannot listen for Ctrl-C")?;

    println!(
        "{} on {}, {} images, batch {}, {} epochs, seed {}, CPU",
        run.family().card.name,
        dataset.manifest().label(),
        run.images(),
        run.config().batch_size,
        run.config().epochs,
        run.seed()
    );
    let bar = bar(&run);
    let last = arguments.stop_after.map_or(u64::MAX, |steps| run.step() + steps);
    let mut clock = Clock::start();
    while !stop.load(Ordering::SeqCst) && run.step() < last {
        match run.advance(&dataset) {
            Advance::Stepped(losses) => {
                let at_epoch_end = run.step() % run.steps_per_epoch() == 0;
                // Reading every loss would be slow only on a GPU; here it also catches a NaN at once.
                let losses = block_on(losses.read())?;
                if losses.iter().any(|(_, value)| !value.is_finite()) {
                    bar.abandon();
                    anyhow::bail!(
                        "the loss is not finite at step {}; the checkpoint at {} is the last good one. Try a lower \
                         learning rate, such as --set learning_rate={}",
                        run.step(),
                        arguments.out.display(),
                        run.learning_rate() / 10.0
                    );
                }
                let terms: Vec<String> =
                    losses.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
                bar.set_position(run.step());
                bar.set_message(format!(
                    "{:.0} images/s  {}",
                    clock.rate(run.config().batch_size),
                    terms.join("  ")
                ));
                if at_epoch_end {
                    let told = sentence(&test_loss(run.snapshot(), &run.family().card, &dataset)?);
                    bar.suspend(|| println!("epoch {:>3}: {told}", run.epoch().round()));
                    save(&run, &arguments.out)?;
                }
            }
            Advance::Waiting => anyhow::bail!("the data set has fewer images than its index says"),
            Advance::Finished => break,
        }
    }
    bar.finish();
    save(&run, &arguments.out)?;
    println!("step {} saved to {}", run.step(), arguments.out.display());
    Ok(())
}

/// The run to go on with, or a new one.
fn open(arguments: &Arguments, dataset: &Dataset) -> anyhow::Result<Run> {
    if arguments.resume {
        let device = Device::flex();
        let path = &arguments.out;
        let bytes =
            fs::read(path).with_context(|| format!("cannot read {} to resume from it", path.display()))?;
        return Run::restore(&device, &bytes, dataset).with_context(|| format!("in {}", path.display()));
    }
    let card = &models::family(&arguments.family)?.card;
    let pairs = arguments
        .settings
        .iter()
        .map(|pair| pair.split_once('=').with_context(|| format!("--set {pair}: write it as key=value")));
    fresh(card, pairs.collect::<anyhow::Result<Vec<_>>>()?, arguments.seed, dataset)
}

/// A new run of the family with this card, with these settings.
pub fn fresh<'a>(
    card: &ModelCard,
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    seed: u64,
    dataset: &Dataset,
) -> anyhow::Result<Run> {
    let mut settings = Settings::defaults(card);
    for (key, value) in pairs {
        settings.set(card, key, value)?;
    }
    Ok(Run::new(&Device::flex(), &card.id, &settings, seed, dataset)?)
}

/// Write the checkpoint beside its place, then move it there: an interruption leaves the old one.
fn save(run: &Run, path: &Path) -> anyhow::Result<()> {
    let bytes = block_on(run.checkpoint())?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let new = path.with_extension("new");
    fs::write(&new, bytes).with_context(|| format!("cannot write {}", new.display()))?;
    fs::rename(&new, path).with_context(|| format!("cannot write {}", path.display()))
}

/// The loss on all test images.
pub fn test_loss(
    model: Box<dyn LatentModel>,
    card: &'static ModelCard,
    dataset: &Dataset,
) -> anyhow::Result<TestLoss> {
    let mut evaluation = TestLossEvaluation::new(model, card);
    loop {
        if let Some(loss) = block_on(evaluation.advance(dataset))? {
            return Ok(loss);
        }
    }
}

fn sentence(loss: &TestLoss) -> String {
    let decimals = if loss.total.abs() < 1.0 { 4 } else { 2 };
    let parts: Vec<String> =
        loss.parts.iter().map(|(label, value)| format!("{label} {value:.decimals$}")).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" = {}", parts.join(" + ")) };
    format!("test {} {:.decimals$} {}{parts} ({} images)", loss.label, loss.total, loss.unit, loss.images)
}

fn bar(run: &Run) -> ProgressBar {
    let bar = ProgressBar::new(run.total_steps()).with_position(run.step());
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left\n{msg}");
    bar.set_style(style.expect("a fixed template"));
    bar.reset_eta();
    bar
}

/// Images per second, smoothed over about fifty steps.
struct Clock {
    last: Instant,
    seconds_per_step: Option<f64>,
}

impl Clock {
    fn start() -> Self {
        Self { last: Instant::now(), seconds_per_step: None }
    }

    fn rate(&mut self, batch_size: usize) -> f64 {
        let seconds = self.last.elapsed().as_secs_f64();
        self.last = Instant::now();
        let mean = self.seconds_per_step.map_or(seconds, |mean| mean + (seconds - mean) / 50.0);
        self.seconds_per_step = Some(mean);
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        let images = batch_size as f64;
        images / mean
    }
}
