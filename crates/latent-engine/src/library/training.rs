//! A run of the library: steps are done as they are asked for, one at a time.

use latent_core::data::Dataset;
use latent_core::evaluation::TestLossEvaluation;
use latent_core::training::{Advance, Run};
use latent_core::{CoreError, Family, LatentModel, Losses};
use latent_protocol::library::{ErrorCode, Failure, Reply, RunProgress};
use latent_protocol::{Settings, TermValue};
use litemap::LiteMap;

use super::{Port, busy, failure, gone};

/// Most steps between two readings of the losses: on the web nothing else keeps a GPU's queue short.
const READ_STEPS: u32 = 8;

/// Milliseconds between two copies of weights known to be good.
const GOOD_MS: f64 = 1000.0;

/// What a run is asked to do.
enum Task {
    Steps { left: u32 },
    Evaluation(TestLossEvaluation),
}

/// What became of a task after a unit of work.
enum Outcome {
    Done(Reply),
    Left(Task),
}

/// A run with its images.
pub struct Training {
    run: Run,
    dataset: Dataset,
    /// The request that is being met.
    task: Option<(u32, Task)>,
    losses: Vec<TermValue>,
    /// Losses of the last step, while they are still on the device.
    unread: Option<Losses>,
    /// Steps since losses were read, and the time they took.
    steps: u32,
    spent_ms: f64,
    /// The run as it was before a step whose losses were finite, and when that was.
    good: Run,
    good_ms: f64,
}

impl Training {
    /// A run that stands still.
    pub fn new(run: Run, dataset: Dataset) -> Self {
        Self {
            good: run.fork(),
            good_ms: f64::NEG_INFINITY,
            run,
            dataset,
            task: None,
            losses: Vec::new(),
            unread: None,
            steps: 0,
            spent_ms: 0.0,
        }
    }

    pub fn family(&self) -> &'static Family {
        self.run.family()
    }

    pub fn settings(&self) -> &Settings {
        self.run.settings()
    }

    /// Where it stands, with the losses that were read last.
    pub fn progress(&self) -> RunProgress {
        RunProgress {
            step: self.run.step(),
            epoch: self.run.epoch(),
            finished: self.run.is_finished(),
            losses: self.losses.clone(),
        }
    }

    /// The weights as they are now, their family, and what they are.
    pub fn snapshot(&self) -> (Box<dyn LatentModel>, &'static Family, LiteMap<String, String>) {
        (self.run.snapshot(), self.family(), self.run.metadata())
    }

    /// Everything that is needed to go on, as a file.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, CoreError> {
        self.run.checkpoint().await
    }

    /// Change settings that may change while training.
    pub fn adjust(&mut self, settings: &Settings) -> Result<(), Failure> {
        for run in [&mut self.run, &mut self.good] {
            run.adjust(settings).map_err(failure)?;
        }
        Ok(())
    }

    /// Ask for steps.
    pub fn ask_steps(&mut self, id: u32, count: u32) -> Result<(), Failure> {
        self.ask(id, Task::Steps { left: count })
    }

    /// Ask for the loss on the test images.
    pub fn ask_evaluation(&mut self, id: u32) -> Result<(), Failure> {
        let card = &self.family().card;
        if !TestLossEvaluation::is_possible(card) {
            return Err(failure(CoreError::Unable("be measured on test images")));
        }
        self.ask(id, Task::Evaluation(TestLossEvaluation::new(self.run.snapshot(), card)))
    }

    fn ask(&mut self, id: u32, task: Task) -> Result<(), Failure> {
        if self.task.is_some() {
            return Err(busy("this run is still meeting another request; wait for it, or pause the run"));
        }
        self.task = Some((id, task));
        Ok(())
    }

    /// Whether there is something to do.
    pub fn is_due(&self) -> bool {
        self.task.is_some()
    }

    /// Do a step or a chunk of an evaluation, and answer when it was the last; `step_ms` is what a step takes.
    pub async fn work(&mut self, port: &impl Port, step_ms: &mut f64) {
        let Some((id, task)) = self.task.take() else { return };
        let result = match task {
            Task::Steps { left } => self.step(left, port, step_ms).await,
            Task::Evaluation(evaluation) => self.evaluate(evaluation).await,
        };
        match result {
            Ok(Outcome::Done(reply)) => port.answer(id, Ok((reply, Vec::new()))),
            Ok(Outcome::Left(task)) => self.task = Some((id, task)),
            Err(failure) => port.answer(id, Err(failure)),
        }
    }

    /// Stop: what was asked for is answered as it stands.
    pub async fn pause(&mut self, port: &impl Port) {
        match self.task.take() {
            Some((id, Task::Steps { .. })) => {
                let read = self.read().await;
                port.answer(id, read.map(|()| (Reply::Progress(self.progress()), Vec::new())));
            }
            // An evaluation is no training.
            other => self.task = other,
        }
    }

    /// Tell whoever waits that nothing will come.
    pub fn end(self, port: &impl Port) {
        if let Some((id, _)) = self.task {
            port.answer(id, Err(gone("run")));
        }
    }

    async fn step(&mut self, left: u32, port: &impl Port, step_ms: &mut f64) -> Result<Outcome, Failure> {
        let start = port.now_ms();
        // The weights before a step are good if the losses of that step are finite.
        let candidate = (start - self.good_ms >= GOOD_MS).then(|| self.run.fork());
        let mut left = left.saturating_sub(1);
        match self.run.advance(&self.dataset) {
            Advance::Stepped(losses) => self.unread = Some(losses),
            // All images are there: a run that waits would wait for ever.
            Advance::Waiting | Advance::Finished => left = 0,
        }
        self.steps += 1;
        let is_last = left == 0 || self.run.is_finished();
        if is_last || candidate.is_some() || self.steps >= READ_STEPS {
            self.read().await?;
            let now = port.now_ms();
            *step_ms = (self.spent_ms + now - start) / f64::from(self.steps);
            (self.steps, self.spent_ms) = (0, 0.0);
            if let Some(candidate) = candidate {
                (self.good, self.good_ms) = (candidate, now);
            }
        } else {
            self.spent_ms += port.now_ms() - start;
        }
        let progress = || Reply::Progress(self.progress());
        Ok(if is_last { Outcome::Done(progress()) } else { Outcome::Left(Task::Steps { left }) })
    }

    /// Read the losses of the last step. Where they are not finite the run goes back to weights that were good.
    async fn read(&mut self) -> Result<(), Failure> {
        let Some(losses) = self.unread.take() else { return Ok(()) };
        let losses = losses.read().await.map_err(failure)?;
        if losses.iter().all(|(_, value)| value.is_finite()) {
            let term =
                |(key, value): &(&str, f32)| TermValue { key: (*key).into(), value: f64::from(*value) };
            self.losses = losses.iter().map(term).collect();
            return Ok(());
        }
        let (failed, rate) = (self.run.step(), self.run.config().learning_rate);
        self.run = self.good.fork();
        (self.steps, self.spent_ms) = (0, 0.0);
        let message = format!(
            "a loss was not a finite number in step {failed}, with a learning rate of {rate}; the run is back at step \
             {}: lower the learning rate with adjust and go on",
            self.run.step()
        );
        Err(Failure { code: ErrorCode::Diverged, message })
    }

    async fn evaluate(&mut self, mut evaluation: TestLossEvaluation) -> Result<Outcome, Failure> {
        let loss = evaluation.advance(&self.dataset).await.map_err(failure)?;
        Ok(loss.map_or(Outcome::Left(Task::Evaluation(evaluation)), |loss| Outcome::Done(Reply::Loss(loss))))
    }
}
