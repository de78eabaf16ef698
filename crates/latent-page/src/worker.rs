//! Workers: code of its own, in the version of this page.

use js_sys::Reflect;
use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{ErrorEvent, Response, Worker, WorkerOptions, WorkerType};

use crate::text::text;

/// Start a worker with the wasm module of this name.
///
/// # Errors
/// What the browser says.
pub fn start(name: &str) -> Result<Worker, JsValue> {
    let url = absolute(&["engine.js?engine=", name, "&v=", &version()].concat());
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    Worker::new_with_options(&url, &options)
}

/// The version of the page and its files.
fn version() -> String {
    let meta = document().query_selector("meta[name=version]").ok().flatten();
    meta.and_then(|meta| meta.get_attribute("content")).unwrap_or_default()
}

/// Why a worker broke, for a sentence.
pub fn fault(error: &ErrorEvent) -> String {
    let said = Reflect::get(error, &"message".into()).ok().and_then(|said| said.as_string());
    let reason = said.filter(|said| !said.is_empty()).unwrap_or_else(|| text("worker.not-loaded").into());
    if reason.contains("memory") || reason.contains("allocation") {
        return text("worker.out-of-memory").into();
    }
    reason.trim_start_matches("Uncaught ").trim_end_matches('.').to_string()
}

/// A URL beside the page, whatever path it is served from.
pub fn absolute(path: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    web_sys::Url::new_with_base(path, &base).map_or_else(|_| path.to_string(), |url| url.href())
}

/// The text of a file beside the page, in the version of this page.
///
/// # Errors
/// When it cannot be fetched.
pub async fn fetch_text(path: &str) -> Result<String, JsValue> {
    let url = absolute(&[path, "?v=", &version()].concat());
    let response: Response = JsFuture::from(window().fetch_with_str(&url)).await?.unchecked_into();
    if !response.ok() {
        return Err(response.status().into());
    }
    JsFuture::from(response.text()?).await?.as_string().ok_or(JsValue::NULL)
}
