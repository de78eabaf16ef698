//! Which browser this is, where nothing but its name shows how it will behave.

use js_sys::Reflect;
use wasm_bindgen::JsValue;

/// Whether the browser names itself so in its user agent.
pub fn names_itself(name: &str) -> bool {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let agent = get(&js_sys::global(), "navigator").and_then(|navigator| get(&navigator, "userAgent"));
    agent.is_ok_and(|agent| agent.as_string().is_some_and(|agent| agent.contains(name)))
}
