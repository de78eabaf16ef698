//! What a model's file says of where it comes from.

use latent_protocol::{ModelSummary, Settings};
use wasm_bindgen::JsValue;

/// An entry of the file: `seed`, `data`.
pub fn entry(model: &ModelSummary, name: &str) -> Option<String> {
    model.metadata.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
}

/// A measured number: `test_loss`, `test_images`.
pub fn number(model: &ModelSummary, name: &str) -> Option<f64> {
    metric(model, name)?.as_f64()
}

/// A text beside the measured numbers: `test_label`, `test_unit`, `data`, `epochs`.
pub fn text(model: &ModelSummary, name: &str) -> Option<String> {
    metric(model, name)?.as_string()
}

/// How long it was trained, as in `1 epoch`.
pub fn epochs(model: &ModelSummary) -> Option<String> {
    let epochs = text(model, "epochs")?;
    Some(format!("{epochs} epoch{}", if epochs == "1" { "" } else { "s" }))
}

/// The settings of its run.
pub fn settings(model: &ModelSummary) -> Option<Settings> {
    let settings = js_sys::JSON::parse(&entry(model, "settings")?).ok()?;
    serde_wasm_bindgen::from_value(settings).ok()
}

fn metric(model: &ModelSummary, name: &str) -> Option<JsValue> {
    let metrics = js_sys::JSON::parse(&entry(model, "metrics")?).ok()?;
    js_sys::Reflect::get(&metrics, &name.into()).ok()
}
