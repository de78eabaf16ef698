//! Workers: code of its own, in the version of this page.

use js_sys::Reflect;
use leptos::prelude::document;
use wasm_bindgen::JsValue;
use web_sys::{ErrorEvent, Worker, WorkerOptions, WorkerType};

/// Start a worker with the wasm module of this name.
///
/// # Errors
/// What the browser says.
pub fn start(name: &str) -> Result<Worker, JsValue> {
    let version =
        document().query_selector("meta[name=engines]")?.and_then(|meta| meta.get_attribute("content"));
    let url = absolute(&format!("engine.js?engine={name}&v={}", version.unwrap_or_default()));
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    Worker::new_with_options(&url, &options)
}

/// Why a worker broke, for a sentence.
pub fn fault(error: &ErrorEvent) -> String {
    let said = Reflect::get(error, &"message".into()).ok().and_then(|text| text.as_string());
    let reason = said.filter(|text| !text.is_empty()).unwrap_or_else(|| "it could not be loaded".into());
    if reason.contains("memory") || reason.contains("allocation") {
        return "it ran out of memory; smaller layers or batches need less".into();
    }
    reason.trim_start_matches("Uncaught ").trim_end_matches('.').to_string()
}

/// A URL beside the page, whatever path it is served from.
pub fn absolute(path: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    web_sys::Url::new_with_base(path, &base).map_or_else(|_| path.to_string(), |url| url.href())
}
