//! The browser's name, for behaviour that no feature test shows.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// Returns true if the user agent contains this name.
pub fn is_named(name: &str) -> bool {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let agent = get(&js_sys::global(), "navigator").and_then(|navigator| get(&navigator, "userAgent"));
    agent.is_ok_and(|agent| agent.as_string().is_some_and(|agent| agent.contains(name)))
}
