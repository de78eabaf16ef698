//! What a model's file says of where it comes from.

use js_sys::{Array, Object, Reflect};
use latent_protocol::{ModelCard, ModelSummary, Settings};
use wasm_bindgen::{JsCast, JsValue};

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
