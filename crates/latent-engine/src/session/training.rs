//! The run of a session: asked for, begun when its data is there, stepped, watched, saved.

use latent_core::data::Dataset;
use latent_core::evaluation::TestLossEvaluation;
use latent_core::training::{Advance, LEARNING_RATE, Run};
use latent_core::{CoreError, Device, LatentModel, Losses, models};
use latent_protocol::{Event, Phase, Progress, Settings, TermValue};

use crate::host::Host;

/// Fewest milliseconds between two reports: one displayed frame.
const REPORT_MS: f64 = 16.0;

/// Most steps between two reports: on the web nothing else keeps a GPU's queue short.
const REPORT_STEPS: u32 = 8;

/// Milliseconds between two copies of weights known to be good.
const GOOD_MS: f64 = 1000.0;

/// Milliseconds between two backups handed to the page.
const BACKUP_MS: f64 = 5000.0;

/// Fewest steps between two evaluations, which else come once per epoch.
const EVALUATION_STEPS: u64 = 100;

/// A run that was asked for and has not begun.
enum Asked {
    Start { family: String, settings: Settings, seed: u64, steps: Option<u32> },
    Restore { bytes: Vec<u8>, running: bool, steps: Option<u32> },
}

/// The run of a session.
#[derive(Default)]
pub struct Training {
    phase: Phase,
    asked: Option<Asked>,
    run: Option<Run>,
    /// Steps to do before pausing, if it is not to go on.
    steps_left: Option<u32>,
    good: Option<Run>,
    /// Losses of the last step, if they were not reported.
    unread: Option<Losses>,
    evaluation: Option<(u64, TestLossEvaluation)>,
    evaluated_step: Option<u64>,
    save_asked: bool,
    /// Whether the next step is told of, number by number.
    dissection_asked: bool,
    watch: Watch,
}

/// Times and counts of the steps.
#[derive(Default)]
struct Watch {
    elapsed_ms: f64,
    reported_ms: f64,
    good_ms: f64,
    backup_ms: f64,
    unreported: u32,
    images_per_s: f64,
    window: Option<(f64, u64)>,
}

impl Training {
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// The run.
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// The weights as they are now.
    pub fn snapshot(&self) -> Option<Box<dyn LatentModel>> {
        self.run.as_ref().map(Run::snapshot)
    }

    /// Ask for a run, or for the paused one to go on if it is this one.
    pub fn ask_start(
        &mut self,
        family: &str,
        settings: &Settings,
        seed: u64,
        steps: Option<u32>,
    ) -> Result<(), CoreError> {
        if let Some(Asked::Restore { running, steps: left, .. }) = &mut self.asked {
            // The run that is being taken up goes on.
            (*running, *left) = (true, steps);
            return Ok(());
        }
        let settings = settings.checked(&models::family(family)?.card)?;
        let family = family.to_string();
        self.asked = Some(Asked::Start { family, settings, seed, steps });
        Ok(())
    }

    /// Let the next step be told of, number by number.
    pub fn ask_dissection(&mut self) {
        self.dissection_asked = true;
    }

    /// Ask for a saved run.
    pub fn ask_restore(&mut self, bytes: Vec<u8>, running: bool) {
        self.asked = Some(Asked::Restore { bytes, running, steps: None });
    }

    /// Begin what was asked for. Whether another model is there to be drawn.
    pub fn begin(&mut self, host: &impl Host, device: &Device, dataset: &Dataset) -> Result<bool, CoreError> {
        let Some(asked) = self.asked.take() else { return Ok(false) };
        let (run, running, steps) = match asked {
            Asked::Start { family, settings, seed, steps } => {
                let same = |run: &Run| {
                    run.family().card.id == family && *run.settings() == settings && run.seed() == seed
                };
                let goes_on = self.run.as_ref().is_some_and(same) && self.phase != Phase::Finished;
                let run =
                    if goes_on { None } else { Some(Run::new(device, &family, &settings, seed, dataset)?) };
                (run, true, steps)
            }
            Asked::Restore { bytes, running, steps } => {
                (Some(Run::restore(device, &bytes, dataset)?), running, steps)
            }
        };
        let fresh = run.is_some();
        if let Some(run) = run {
            *self = Self {
                good: Some(run.fork()),
                run: Some(run),
                phase: Phase::Paused,
                save_asked: self.save_asked,
                dissection_asked: self.dissection_asked,
                ..Self::default()
            };
        }
        self.steps_left = steps;
        self.watch.window = None;
        self.watch.backup_ms = host.now_ms();
        self.set_phase(host, if running { Phase::Running } else { Phase::Paused });
        Ok(fresh)
    }

    /// Name of the command by which a run was asked for that has not begun.
    pub fn asked(&self) -> Option<&'static str> {
        self.asked.as_ref().map(|asked| match asked {
            Asked::Start { .. } => "train",
            Asked::Restore { .. } => "restore",
        })
    }

    /// Drop the run.
    pub fn forget(&mut self) {
        *self = Self { save_asked: self.save_asked, ..Self::default() };
    }

    /// Images or the list of files are missing.
    pub fn wait(&mut self, host: &impl Host) {
        self.set_phase(host, Phase::Waiting);
    }

    /// More images have arrived.
    pub fn wake(&mut self, host: &impl Host) {
        if self.phase == Phase::Waiting && self.asked.is_none() && self.run.is_some() {
            self.watch.window = None;
            self.set_phase(host, Phase::Running);
        }
    }

    /// The images will not come.
    pub fn give_up(&mut self, host: &impl Host) {
        self.asked = None;
        self.steps_left = None;
        if matches!(self.phase, Phase::Waiting | Phase::Running) {
            let phase = if self.run.is_some() { Phase::Paused } else { Phase::Idle };
            self.set_phase(host, phase);
        }
    }

    /// Stand still, having said how the run stands.
    pub async fn pause(&mut self, host: &impl Host) -> Result<(), CoreError> {
        if let Some(losses) = self.unread.take() {
            let losses = losses.read().await?;
            self.report(host, host.now_ms(), &losses);
        }
        if let Some(Asked::Restore { running, .. }) = &mut self.asked {
            *running = false;
        } else {
            self.asked = None;
        }
        self.steps_left = None;
        self.dissection_asked = false;
        if matches!(self.phase, Phase::Running | Phase::Waiting) {
            let kept = self.run.is_some() || self.asked.is_some();
            self.set_phase(host, if kept { Phase::Paused } else { Phase::Idle });
        }
        Ok(())
    }

    /// Stand still without a word: the device is gone.
    pub fn stop(&mut self) {
        self.phase = Phase::Paused;
        self.evaluation = None;
    }

    /// Change settings of the run that may change while training.
    pub fn adjust(&mut self, settings: &Settings) -> Result<(), CoreError> {
        if let Some(run) = &mut self.run {
            run.adjust(settings)?;
        }
        if let Some(good) = &mut self.good {
            good.adjust(settings)?;
        }
        Ok(())
    }

    /// Go on after a divergence.
    pub fn recover(&mut self, host: &impl Host, learning_rate: f64) -> Result<(), CoreError> {
        if let Some(run) = &mut self.run {
            let mut settings = run.settings().clone();
            settings.set(&run.family().card, &LEARNING_RATE.key, &learning_rate.to_string())?;
            run.adjust(&settings)?;
            self.good = Some(run.fork());
            self.watch.window = None;
            self.set_phase(host, Phase::Running);
        }
        Ok(())
    }

    /// Do one step. `Some(true)` when the weights went back to the last good ones.
    pub async fn step(&mut self, host: &impl Host, dataset: &Dataset) -> Result<Option<bool>, CoreError> {
        let Some(run) = &mut self.run else { return Ok(None) };
        let start = host.now_ms();
        // The weights before a step are good if the losses of that step are finite.
        let candidate = (start - self.watch.good_ms >= GOOD_MS).then(|| run.fork());
        let (advance, told) =
            if self.dissection_asked { run.dissect(dataset).await? } else { (run.advance(dataset), None) };
        if let Some((dissection, pictures)) = told {
            self.dissection_asked = false;
            host.hand_over(Event::Dissected { dissection }, pictures);
        }
        let losses = match advance {
            Advance::Stepped(losses) => losses,
            Advance::Waiting => {
                self.set_phase(host, Phase::Waiting);
                return Ok(None);
            }
            Advance::Finished => {
                self.finish(host).await?;
                return Ok(None);
            }
        };
        self.watch.unreported += 1;
        let single = self.steps_left.is_some();
        let due = start - self.watch.reported_ms >= REPORT_MS || self.watch.unreported >= REPORT_STEPS;
        let mut rolled_back = false;
        if due || single || candidate.is_some() {
            self.unread = None;
            let losses = losses.read().await?;
            if losses.iter().all(|(_, value)| value.is_finite()) {
                if let Some(candidate) = candidate {
                    self.good = Some(candidate);
                    self.watch.good_ms = start;
                }
                self.report(host, start, &losses);
            } else {
                self.roll_back(host);
                rolled_back = true;
            }
        } else {
            self.watch.elapsed_ms += host.now_ms() - start;
            self.unread = Some(losses);
        }
        if let Some(left) = &mut self.steps_left {
            *left = left.saturating_sub(1);
            if *left == 0 && !rolled_back {
                self.steps_left = None;
                self.set_phase(host, Phase::Paused);
            }
        }
        if self.is_running() && host.now_ms() - self.watch.backup_ms >= BACKUP_MS {
            self.save(host).await?;
        }
        self.begin_evaluation(dataset);
        Ok(Some(rolled_back))
    }

    fn report(&mut self, host: &impl Host, start: f64, losses: &[(&'static str, f32)]) {
        let Some(run) = &self.run else { return };
        let now = host.now_ms();
        let watch = &mut self.watch;
        watch.elapsed_ms += now - start;
        watch.reported_ms = now;
        watch.unreported = 0;
        // Images per second of wall time, drawing included, over windows of a second.
        match watch.window {
            None => watch.window = Some((start, run.step() - 1)),
            Some((since, step)) if now - since >= 1000.0 => {
                watch.images_per_s = rate(run, step, now - since);
                watch.window = Some((now, run.step()));
            }
            Some((since, step)) if watch.images_per_s <= 0.0 => {
                watch.images_per_s = rate(run, step, now - since);
            }
            Some(_) => {}
        }
        let losses = losses
            .iter()
            .map(|(key, value)| TermValue { key: (*key).into(), value: f64::from(*value) })
            .collect();
        host.emit(Event::Progress(Progress {
            step: run.step(),
            epoch: run.epoch(),
            epochs: u32::try_from(run.config().epochs).unwrap_or(u32::MAX),
            images: run.images(),
            images_per_s: watch.images_per_s,
            elapsed_ms: watch.elapsed_ms,
            losses,
            memory_bytes: host.memory_bytes(),
        }));
    }

    /// A loss was not finite: back to the last good weights.
    fn roll_back(&mut self, host: &impl Host) {
        let Some(run) = &mut self.run else { return };
        let (step, learning_rate) = (run.step(), run.config().learning_rate);
        if let Some(good) = &self.good {
            *run = good.fork();
        }
        self.steps_left = None;
        self.evaluation = None;
        self.set_phase(host, Phase::Paused);
        host.emit(Event::Diverged { step, learning_rate, suggestion: (learning_rate / 10.0).max(1e-5) });
    }

    async fn finish(&mut self, host: &impl Host) -> Result<(), CoreError> {
        self.steps_left = None;
        self.set_phase(host, Phase::Finished);
        self.save(host).await?;
        if let Some(run) = &self.run
            && self.evaluated_step != Some(run.step())
        {
            self.evaluation = evaluation(run);
        }
        Ok(())
    }

    /// Once per epoch, and early in a run.
    fn begin_evaluation(&mut self, dataset: &Dataset) {
        let Some(run) = &self.run else { return };
        let since = run.step() - self.evaluated_step.unwrap_or(0).min(run.step());
        let pause = match self.evaluated_step {
            None => EVALUATION_STEPS,
            Some(_) => EVALUATION_STEPS.max(run.steps_per_epoch()),
        };
        if dataset.has_test() && self.evaluation.is_none() && since >= pause {
            self.evaluated_step = Some(run.step());
            self.evaluation = evaluation(run);
        }
    }

    /// One chunk of the evaluation, if there is one.
    pub async fn evaluate(&mut self, host: &impl Host, dataset: &Dataset) -> Result<bool, CoreError> {
        let Some((step, evaluation)) = &mut self.evaluation else { return Ok(false) };
        if !dataset.has_test() {
            self.evaluation = None;
            return Ok(false);
        }
        if let Some(loss) = evaluation.advance(dataset).await? {
            host.emit(Event::Evaluated { step: *step, loss });
            self.evaluated_step = Some(*step);
            self.evaluation = None;
        }
        Ok(true)
    }

    /// Ask for the run as bytes: they are handed over as soon as no request is half done, since whoever takes
    /// the run up knows of it only what is in the bytes.
    pub fn ask_save(&mut self) {
        self.save_asked = true;
    }

    /// Whether the bytes that were asked for can be handed over now.
    pub fn owes_save(&self) -> bool {
        let half_done = self.steps_left.is_some() || matches!(self.asked, Some(Asked::Start { .. }));
        self.save_asked && !half_done
    }

    /// Hand the run over as bytes.
    pub async fn save(&mut self, host: &impl Host) -> Result<(), CoreError> {
        let running = self.is_running() || self.phase == Phase::Waiting;
        let (step, is_run, bytes) = match &self.run {
            Some(run) => (run.step(), true, run.checkpoint().await?),
            None => (0, false, Vec::new()),
        };
        self.watch.backup_ms = host.now_ms();
        self.save_asked = false;
        host.hand_over(Event::Saved { step, running, is_run }, bytes);
        Ok(())
    }

    fn set_phase(&mut self, host: &impl Host, phase: Phase) {
        self.phase = phase;
        host.emit(Event::PhaseChanged { phase });
    }
}

fn evaluation(run: &Run) -> Option<(u64, TestLossEvaluation)> {
    let card = &run.family().card;
    TestLossEvaluation::is_possible(card).then(|| (run.step(), TestLossEvaluation::new(run.snapshot(), card)))
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn rate(run: &Run, since_step: u64, ms: f64) -> f64 {
    let images = (run.step() - since_step.min(run.step())) as f64 * run.config().batch_size as f64;
    images / ms.max(1e-3) * 1000.0
}
