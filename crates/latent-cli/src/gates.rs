//! `latent gates`: every family is trained with the settings of its gates and compared with them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use latent_core::Family;
use latent_core::data::Dataset;
use latent_core::gates::{Gate, GateRun, Limit};
use latent_core::judge::Judge;
use latent_core::lab::{EXPERIMENTS, Image};
use latent_core::models::FAMILIES;
use latent_core::training::{Advance, Run};
use latent_core::weights::{Precision, WeightFile};
use latent_protocol::Effort;
use pollster::block_on;

use crate::{data, evaluate, lab, train};

#[derive(clap::Args)]
pub struct Arguments {
    /// Families to train, or `lab` for the laboratory; all if none is named.
    families: Vec<String>,
    /// Report to write.
    #[arg(long, default_value = "docs/results.md")]
    out: PathBuf,
    /// Folder of the data set.
    #[arg(long, default_value = "www/data/mnist")]
    data: PathBuf,
    /// Weights of the judge.
    #[arg(long, default_value = "www/models/judge.safetensors")]
    judge: PathBuf,
    /// Seed of everything random.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Results by `family/run/measure`.
type Results = BTreeMap<String, f64>;

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let dataset = data::load(&arguments.data)?;
    let judge = evaluate::judge(&arguments.judge)?;
    let judge =
        judge.with_context(|| format!("{} is missing: run `latent judge`", arguments.judge.display()))?;
    let accuracy = 100.0 * block_on(judge.accuracy(&dataset))?;
    let mut bench = Bench {
        arguments,
        dataset,
        results: Results::new(),
        rows: String::new(),
        findings: String::new(),
        failed: 0,
    };
    let wanted =
        |id: &str| arguments.families.is_empty() || arguments.families.iter().any(|named| named == id);
    for family in FAMILIES.iter().filter(|family| wanted(&family.card.id)) {
        for run in family.gates {
            bench.train(family, run)?;
        }
    }
    if wanted("lab") {
        bench.laboratory(&judge)?;
    }
    let report = bench.report(accuracy);
    fs::write(&arguments.out, &report)
        .with_context(|| format!("cannot write {}", arguments.out.display()))?;
    print!("{report}");
    anyhow::ensure!(bench.failed == 0, "{} gates failed", bench.failed);
    Ok(())
}

struct Bench<'a> {
    arguments: &'a Arguments,
    dataset: Dataset,
    results: Results,
    rows: String,
    /// Rows of the laboratory.
    findings: String,
    failed: usize,
}

/// Test images over which what an experiment finds is averaged.
const LAB_IMAGES: usize = 5;

impl Bench<'_> {
    /// Train a run, stopping to measure where a gate asks for it.
    fn train(&mut self, family: &'static Family, of: &GateRun) -> anyhow::Result<()> {
        let name = format!("{}/{}", family.card.id, of.name);
        eprintln!("{name}");
        let seed = self.arguments.seed;
        let mut run = train::fresh(&family.card, of.settings.iter().copied(), seed, &self.dataset)?;
        let mut epochs: Vec<u32> = of.gates.iter().map(|gate| gate.epochs).collect();
        epochs.sort_unstable();
        epochs.dedup();
        let (mut seconds, mut step) = (0.0, 0);
        for epoch in epochs {
            let start = Instant::now();
            let mut last = None;
            while run.step() < u64::from(epoch) * run.steps_per_epoch() {
                match run.advance(&self.dataset) {
                    Advance::Stepped(losses) => last = Some(losses),
                    Advance::Waiting | Advance::Finished => break,
                }
            }
            let took = start.elapsed().as_secs_f64();
            seconds += took;
            #[expect(clippy::cast_precision_loss, reason = "images are few")]
            let images = ((run.step() - step) * run.config().batch_size as u64) as f64;
            step = run.step();
            self.results.insert(format!("{name}/us_per_image"), 1e6 * took / images.max(1.0));
            // What a training step reports is a result too.
            for (key, value) in last.map(|losses| block_on(losses.read())).transpose()?.unwrap_or_default() {
                self.results.insert(format!("{name}/{key}"), f64::from(value));
            }
            self.measure(&name, epoch, &run)?;
            for gate in of.gates.iter().filter(|gate| gate.epochs == epoch) {
                self.check(&name, of, gate, seconds);
            }
        }
        Ok(())
    }

    fn measure(&mut self, name: &str, epoch: u32, run: &Run) -> anyhow::Result<()> {
        // Through a file, as everything that is shipped.
        let bytes = block_on(run.weights())?.to_bytes(Precision::F32)?;
        let judge = evaluate::judge(&self.arguments.judge)?;
        let table = evaluate::measure(&WeightFile::parse(&bytes)?, &self.dataset, judge, Effort::FULL)?;
        for measure in table.groups.iter().flat_map(|group| &group.measures) {
            let key = format!("{name}/{}", measure.key);
            self.results.insert(format!("{key} after {epoch}"), measure.value);
            self.results.insert(key, measure.value);
        }
        Ok(())
    }

    /// Every experiment on the shipped model that a visitor sees first.
    fn laboratory(&mut self, judge: &Judge) -> anyhow::Result<()> {
        let shipped = format!("www/models/{}", FAMILIES[0].card.id);
        let parts = ["decoder", "encoder"].map(|part| PathBuf::from(format!("{shipped}/{part}.safetensors")));
        let file = evaluate::read(&parts)?;
        for entry in EXPERIMENTS {
            let start = Instant::now();
            for number in 0..LAB_IMAGES {
                let image =
                    Image::of_test(&self.dataset, number).context("the data set has too few test images")?;
                for fact in lab::find(entry, &file, &self.dataset, Some(judge), &image)?.facts {
                    let sum = self.results.entry(format!("lab/{}/{}", entry.card.id, fact.key)).or_default();
                    #[expect(clippy::cast_precision_loss, reason = "images are few")]
                    let part = fact.value / LAB_IMAGES as f64;
                    *sum += part;
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "images are few")]
            let seconds = start.elapsed().as_secs_f64() / LAB_IMAGES as f64;
            for gate in entry.gates {
                let name = format!("lab/{}/{}", entry.card.id, gate.fact);
                let (value, verdict) = self.verdict(&name, gate.limit);
                // Writing to a string cannot fail.
                let _ = writeln!(
                    self.findings,
                    "| {} | {} | {} | {} | {value} | {verdict} | {seconds:.1} |",
                    entry.card.id, gate.fact, gate.reference, gate.limit,
                );
                eprintln!("  {name}: {value}, {}: {verdict}", gate.limit);
            }
        }
        Ok(())
    }

    /// A result as it is printed, and whether it is within the limit.
    fn verdict(&mut self, name: &str, limit: Limit) -> (String, &'static str) {
        let value = self.results.get(name).copied();
        let holds = value.and_then(|value| limit.holds(value, |name| self.results.get(name).copied()));
        self.failed += usize::from(holds != Some(true));
        let verdict = match holds {
            Some(true) => "pass",
            Some(false) => "**FAIL**",
            None => "**not measured**",
        };
        let decimals = value.map_or(0, |value| if value.abs() < 1.0 { 4 } else { 2 });
        (value.map_or("none".into(), |value| format!("{value:.decimals$}")), verdict)
    }

    fn check(&mut self, name: &str, of: &GateRun, gate: &Gate, seconds: f64) {
        let (value, verdict) = self.verdict(&format!("{name}/{}", gate.measure), gate.limit);
        let settings: Vec<String> = of.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.rows,
            "| {name} | {} | {} | {} | {} | {} | {value} | {verdict} | {} | {seconds:.0} |",
            settings.join(" "),
            gate.epochs,
            gate.measure,
            gate.reference,
            gate.limit,
            self.arguments.seed,
        );
        eprintln!("  {} after {} epochs: {value}, {}: {verdict}", gate.measure, gate.epochs, gate.limit);
    }

    fn report(&self, accuracy: f64) -> String {
        format!(
            "# Results\n\nMade by `cargo xtask gates`. Every family is trained with the settings of its gates and \
             measured as `latent evaluate` does, on {}. Gates and references are those of the families' sources \
             (`crates/latent-core/src/models/`); \"pilot\" is an independent JAX implementation, one seed. Bernoulli \
             likelihoods are of digits binarised dynamically, with test bits drawn once; densities are of grey digits: \
             the two cannot be compared. Samples are scored by a judge that is right on {accuracy:.2} % of the test \
             digits; Fr\u{e9}chet distances (10,000 samples) depend on that judge. Time is training alone, in seconds \
             on the CPU.\n\n\
             | run | settings | epochs | measure | reference | gate | reached | | seed | s |\n\
             | --- | --- | ---: | --- | --- | --- | ---: | --- | ---: | ---: |\n{}\n\
             ## The laboratory\n\nThe experiments of `latent lab` on the shipped model of the first family, averaged \
             over the first {LAB_IMAGES} test digits.\n\n\
             | experiment | found | reference | gate | reached | | s each |\n\
             | --- | --- | --- | --- | ---: | --- | ---: |\n{}",
            self.dataset.manifest().label(),
            self.rows,
            self.findings
        )
    }
}
