//! Where a model comes from, and with it every score: data, images, epochs and seed.

use std::fmt::Display;

use js_sys::{Array, Object, Reflect};
use latent_protocol::{ModelCard, ModelSummary, Provenance, Settings};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

use crate::format;
use crate::store::{Evaluated, Store};
use crate::text::{counted, filled, told};

/// The loss on test images of the model on show, with all that it depends on.
pub fn score(store: Store) -> Option<String> {
    match store.evaluated.get() {
        Some(evaluated) => Some(score_of_run(store, &evaluated)),
        None => score_of_file(store),
    }
}

/// What is known of a model that came as a file.
pub fn score_of_file(store: Store) -> Option<String> {
    let model = store.model.get().filter(|model| model.provenance == Provenance::File)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let images = number(&model, "test_images")? as u64;
    let values: [(&str, &dyn Display); 7] = [
        ("label", &told(&said(&model, "test_label")?)),
        ("loss", &format::loss(number(&model, "test_loss")?)),
        ("unit", &told(&said(&model, "test_unit")?)),
        ("images", &format::thousands(images)),
        ("data", &told(&said(&model, "data")?)),
        ("epochs", &epochs(&model)?),
        ("seed", &entry(&model, "seed")?),
    ];
    Some(filled("provenance.file", &values))
}

/// Where a model comes from that was not measured yet.
pub fn origin(model: &ModelSummary) -> Option<String> {
    let [step, data, seed] = ["step", "data", "seed"].map(|name| entry(model, name));
    Some(filled("provenance.origin", &[("step", &step?), ("data", &told(&data?)), ("seed", &seed?)]))
}

/// A loss measured while training, with its parts.
pub fn score_of_run(store: Store, Evaluated { step, loss }: &Evaluated) -> String {
    let parts: Vec<String> =
        loss.parts.iter().map(|(label, value)| format!("{label} {}", format::loss(*value))).collect();
    let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(" + ")) };
    let run = store.model.get().filter(|model| model.provenance == Provenance::Run);
    let entry = |name| run.as_ref().and_then(|run| entry(run, name));
    // Of data, epochs and seed as much as is known.
    let data = entry("data");
    let key = if data.is_some() { "provenance.run-of-data" } else { "provenance.run" };
    let values: [(&str, &dyn Display); 7] = [
        ("label", &loss.label),
        ("loss", &format::loss(loss.total)),
        ("unit", &loss.unit),
        ("step", &format::thousands(*step)),
        ("parts", &parts),
        ("images", &format::thousands(loss.images as u64)),
        ("data", &told(&data.unwrap_or_default())),
    ];
    let mut said = filled(key, &values);
    if let Some(progress) = store.progress.get().filter(|progress| progress.step > 0) {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
        let done = *step as f64 / progress.step as f64;
        said.extend([", ", &part_of_epochs(done * progress.epoch)]);
    }
    if let Some(seed) = entry("seed") {
        said.extend([", ", &filled("provenance.seed", &[("seed", &seed)])]);
    }
    said
}

/// How much of an epoch, or of epochs, a run has done: `0.50 epochs`.
pub fn part_of_epochs(epochs: f64) -> String {
    filled("provenance.part-of-epochs", &[("epochs", &format::decimal(epochs, 2))])
}

/// An entry of the file: `seed`, `data`.
pub fn entry(model: &ModelSummary, name: &str) -> Option<String> {
    model.metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// A measured number: `test_loss`, `test_images`.
pub fn number(model: &ModelSummary, name: &str) -> Option<f64> {
    metric(model, name)?.as_f64()
}

/// A text beside the measured numbers: `test_label`, `test_unit`, `data`, `epochs`.
pub fn said(model: &ModelSummary, name: &str) -> Option<String> {
    metric(model, name)?.as_string()
}

/// How long it was trained, as in `1 epoch`.
pub fn epochs(model: &ModelSummary) -> Option<String> {
    let epochs = said(model, "epochs")?;
    Some(match epochs.parse() {
        Ok(count) => counted("provenance.epochs", count, &[]),
        // A part of one.
        Err(_) => filled("provenance.part-of-epochs", &[("epochs", &format::plain(&epochs))]),
    })
}

/// The settings that it was trained with; what the file does not say, or says wrongly, has its default.
pub fn settings(model: &ModelSummary, card: &ModelCard) -> Settings {
    let mut settings = Settings::defaults(card);
    let said = entry(model, "settings").and_then(|said| js_sys::JSON::parse(&said).ok());
    let said = said.and_then(|said| said.dyn_into::<Object>().ok()).unwrap_or_default();
    for h in card.hyperparameters.iter() {
        // As in `{"batch_size": {"Whole": 128}}`.
        let kind = Reflect::get(&said, &h.key.as_ref().into()).ok().and_then(|kind| kind.dyn_into().ok());
        let value = kind.map(|kind: Object| Object::values(&kind).get(0)).unwrap_or_default();
        let text = match value.dyn_ref::<Array>() {
            Some(widths) => widths.join("-").into(),
            None => value.as_string().or_else(|| value.as_f64().map(|n| n.to_string())).unwrap_or_default(),
        };
        // A value that does not fit is the engine's to refuse.
        let _ = settings.set(card, &h.key, &text);
    }
    settings
}

fn metric(model: &ModelSummary, name: &str) -> Option<JsValue> {
    let metrics = js_sys::JSON::parse(&entry(model, "metrics")?).ok()?;
    js_sys::Reflect::get(&metrics, &name.into()).ok()
}
