//! In a browser, by the browser. It also takes what is no decimal number, such as an empty text.

use wasm_bindgen::JsValue;

/// A number, if the text is one.
pub fn parse(text: &str) -> Option<f64> {
    f64::try_from(JsValue::from_str(text)).ok()
}
