//! The measurement of a session: asked for, begun when its images are there, done a chunk at a time.

use latent_core::data::Dataset;
use latent_core::evaluation::{Advanced, Evaluation};
use latent_core::judge::Judge;
use latent_core::{CoreError, LatentModel};
use latent_protocol::{Effort, Event, ModelCard};

use crate::host::Host;

/// Fewest milliseconds between two reports.
const REPORT_MS: f64 = 100.0;

/// At most one measurement.
#[derive(Default)]
pub struct Measuring {
    asked: Option<Asked>,
    /// Under way, with the step of its weights.
    evaluation: Option<(Evaluation, Option<u64>)>,
    reported_ms: f64,
}

struct Asked {
    model: Box<dyn LatentModel>,
    card: &'static ModelCard,
    step: Option<u64>,
    judge: Option<Judge>,
    effort: Effort,
}

impl Measuring {
    /// Measure a model; a measurement under way is dropped.
    pub fn ask(
        &mut self,
        model: Box<dyn LatentModel>,
        card: &'static ModelCard,
        step: Option<u64>,
        judge: Option<Judge>,
        effort: Effort,
    ) {
        *self = Self { asked: Some(Asked { model, card, step, judge, effort }), ..Self::default() };
    }

    /// Whether one was asked for or is under way.
    pub fn is_active(&self) -> bool {
        self.asked.is_some() || self.evaluation.is_some()
    }

    /// Stop, and say so.
    pub fn stop(&mut self, host: &impl Host) {
        *self = Self::default();
        host.emit(Event::Measured { table: None, step: None });
    }

    /// Measure the next chunk. Whether there was one.
    pub async fn advance(&mut self, host: &impl Host, dataset: &Dataset) -> Result<bool, CoreError> {
        if dataset.has_test()
            && !dataset.train().labels.is_empty()
            && let Some(Asked { model, card, step, judge, effort }) = self.asked.take()
        {
            self.evaluation = Some((Evaluation::new(model, card, judge, effort, dataset), step));
        }
        let Some((evaluation, step)) = &mut self.evaluation else { return Ok(false) };
        match evaluation.advance(dataset).await? {
            Advanced::To(done) => {
                let now = host.now_ms();
                if now - self.reported_ms >= REPORT_MS {
                    self.reported_ms = now;
                    host.emit(Event::Measuring { done });
                }
            }
            Advanced::Done(table) => {
                host.emit(Event::Measured { table: Some(table), step: *step });
                self.evaluation = None;
            }
        }
        Ok(true)
    }
}
