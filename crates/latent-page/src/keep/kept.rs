//! What is known of a run that is kept, and how it is written down.

use js_sys::{Date, Float64Array, JSON, Math, Reflect};
use latent_protocol::{ModelCard, ModelSummary, Phase, Progress, Settings};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue};

use crate::controls::written;
use crate::store::{Evaluated, Sample, Store};
use crate::text::filled;
use crate::{format, provenance, told};

/// Where the losses over the steps lie in a description.
const CURVE: &str = "curve";

/// What is known of a run that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Made when it begins.
    pub id: String,
    /// What the visitor calls it.
    pub name: String,
    /// Id of its family.
    pub family: String,
    /// Its settings.
    pub settings: Settings,
    /// Its seed.
    pub seed: u32,
    /// What it is trained on.
    pub data: String,
    /// When it began.
    pub begun_ms: f64,
    /// When its checkpoint was made; 0 before there is one.
    pub saved_ms: f64,
    /// Whether it should be offered.
    pub state: State,
    /// Where it stood.
    pub progress: Progress,
    /// Its latest loss on the test images.
    pub evaluated: Option<Evaluated>,
    /// Its losses so far. Kept as plain numbers: they are read whenever runs are listed.
    #[serde(skip)]
    pub history: Vec<Sample>,
    /// Which tab has it.
    #[serde(skip)]
    pub place: Place,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nobody has ended it: if no tab has it, its tab was lost.
    Open,
    /// The visitor left it.
    Left,
    /// All its epochs are done.
    Finished,
}

/// Which tab has a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// None.
    #[default]
    Shelf,
    /// This one.
    Here,
    /// Another one.
    Elsewhere,
}

impl Kept {
    /// A run that begins, or came from a file.
    pub fn new(store: Store, card: &ModelCard, summary: &ModelSummary) -> Self {
        let entry = |name| provenance::entry(summary, name);
        let settings = entry("settings").and_then(|text| JSON::parse(&text).ok());
        let settings = settings.and_then(|settings| serde_wasm_bindgen::from_value(settings).ok());
        let settings = settings.unwrap_or_else(|| store.settings.get_untracked());
        let seed = entry("seed").and_then(|seed| seed.parse().ok()).unwrap_or_default();
        Self {
            id: format!("{:.0}-{:.0}", Date::now(), Math::random() * 1e9),
            name: name(card, &settings, seed),
            family: summary.family.clone(),
            settings,
            seed,
            data: entry("data").unwrap_or_default(),
            begun_ms: Date::now(),
            saved_ms: 0.0,
            state: State::Open,
            progress: Progress::default(),
            evaluated: None,
            history: Vec::new(),
            place: Place::Here,
        }
    }

    /// What the page shows now is about this run.
    pub(super) fn follow(&mut self, store: Store) {
        if let Some(card) = store.card.read_untracked().as_ref() {
            self.settings = self.settings.with_live(card, &store.settings.read_untracked());
        }
        if let Some(progress) = store.progress.get_untracked() {
            self.progress = progress;
        }
        self.history = store.history.get_untracked();
        self.evaluated = store.evaluated.get_untracked();
        self.state =
            if store.phase.get_untracked() == Phase::Finished { State::Finished } else { State::Open };
    }

    /// The same, but the checkpoint is as old as it was.
    pub(super) fn follow_from_afar(&mut self, store: Store) {
        let step = self.progress.step;
        self.follow(store);
        self.progress.step = step;
    }

    pub(super) fn leave(&mut self) {
        if self.state == State::Open {
            self.state = State::Left;
        }
    }

    pub(super) fn is_saved(&self) -> bool {
        self.saved_ms > 0.0
    }

    pub(super) fn to_js(&self) -> Result<JsValue, JsValue> {
        let run = serde_wasm_bindgen::to_value(self)?;
        let curve = numbers(&self.history, self.progress.losses.len());
        Reflect::set(&run, &CURVE.into(), &Float64Array::from(curve.as_slice()))?;
        Ok(run)
    }

    /// A description that was written by another version may not be readable: it counts as none.
    pub(super) fn from_js(run: &JsValue) -> Option<Self> {
        let mut kept: Self = serde_wasm_bindgen::from_value(run.clone()).ok()?;
        let curve: Float64Array = Reflect::get(run, &CURVE.into()).ok()?.dyn_into().ok()?;
        kept.history = history(&curve.to_vec(), kept.progress.losses.len());
        if let Some(evaluated) = &mut kept.evaluated {
            // It may have been kept in English.
            evaluated.loss = told::test_loss(std::mem::take(&mut evaluated.loss));
        }
        Some(kept)
    }
}

/// What a run is called at first: its family, and what differs from the defaults.
fn name(card: &ModelCard, settings: &Settings, seed: u32) -> String {
    let mut name = card.name.to_string();
    for h in card.hyperparameters.iter() {
        if let Some(value) = settings.get(&h.key).filter(|value| **value != h.default_value()) {
            name.extend([", ", &h.label, " ", &written(&h.control, &value.to_string())]);
        }
    }
    name + ", " + &filled("provenance.seed", &[("seed", &seed)])
}

/// A curve as numbers: step, test loss and so many losses, again and again.
fn numbers(history: &[Sample], losses: usize) -> Vec<f64> {
    let of = |sample: &Sample| {
        let missing = losses.saturating_sub(sample.losses.len());
        let mut numbers = vec![sample.step, sample.test];
        numbers.extend(sample.losses.iter().take(losses));
        numbers.extend(std::iter::repeat_n(f64::NAN, missing));
        numbers
    };
    history.iter().flat_map(of).collect()
}

fn history(numbers: &[f64], losses: usize) -> Vec<Sample> {
    let sample =
        |numbers: &[f64]| Sample { step: numbers[0], test: numbers[1], losses: numbers[2..].to_vec() };
    numbers.chunks_exact(losses + 2).map(sample).collect()
}

/// The latest test loss of a run with its unit.
pub fn test_loss(kept: &Kept) -> Option<String> {
    let loss = &kept.evaluated.as_ref()?.loss;
    let total = format::loss(loss.total);
    Some(filled("runs.test", &[("label", &loss.label), ("loss", &total), ("unit", &loss.unit)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_comes_back_from_its_numbers() {
        let before = vec![
            Sample { step: 1.0, losses: vec![2.0, 3.0], test: f64::NAN },
            Sample { step: 2.0, losses: vec![], test: 4.0 },
        ];
        let after = history(&numbers(&before, 2), 2);
        assert_eq!(after[0].losses, [2.0, 3.0]);
        assert!(after[0].test.is_nan() && after[1].losses.iter().all(|loss| loss.is_nan()));
        assert_eq!((after.len(), after[1].step, after[1].test), (2, 2.0, 4.0));
    }
}
