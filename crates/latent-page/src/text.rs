//! The words of the page in the visitor's language. They stand in `www/text/<language>.json`, by keys; `www/words.js` chooses
//! the language and fetches them while this code is still on its way, and translates what engines say, which comes in English,
//! by the sentences of `www/text/<language>.engine.json`.

use std::cell::RefCell;
use std::fmt::Display;

use js_sys::{Array, Function, Intl, Object, Promise, Reflect};
use latent_protocol::LiteMap;
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

thread_local! {
    static WORDS: RefCell<Words> = RefCell::default();
}

/// What a language writes in and between numbers.
#[derive(Clone, Copy)]
pub struct Marks {
    /// Before the decimals.
    pub point: &'static str,
    /// Between groups of three digits.
    pub group: &'static str,
    /// Between the numbers of a list.
    pub list: &'static str,
}

impl Default for Marks {
    fn default() -> Self {
        Self { point: ".", group: ",", list: ", " }
    }
}

/// All that a language needs.
struct Words {
    /// Its code, as in `de`.
    language: String,
    marks: Marks,
    texts: LiteMap<String, &'static str>,
    /// What gives an engine's English sentence in this language; none in English.
    translate: Option<Function>,
}

impl Default for Words {
    fn default() -> Self {
        Self { language: "en".into(), marks: Marks::default(), texts: LiteMap::new(), translate: None }
    }
}

/// Take over the words that `words.js` fetches.
///
/// # Errors
/// When they could not be fetched.
pub async fn load() -> Result<(), JsValue> {
    let promise: Promise = Reflect::get(&js_sys::global(), &"words".into())?.dyn_into()?;
    let parts: Array = JsFuture::from(promise).await?.unchecked_into();
    // There is one language in the life of a page: its texts stay.
    let texts = entries(&parts.get(1));
    let mark = |key: &str| texts.get(key).copied().unwrap_or_default();
    WORDS.set(Words {
        language: parts.get(0).as_string().unwrap_or_default(),
        marks: Marks { point: mark("number.point"), group: mark("number.group"), list: mark("number.list") },
        translate: parts.get(2).dyn_into().ok(),
        texts,
    });
    Ok(())
}

/// Keys with their texts. They come in order.
fn entries(of: &JsValue) -> LiteMap<String, &'static str> {
    let mut map = LiteMap::new();
    if let Some(object) = of.dyn_ref::<Object>() {
        for entry in Object::entries(object) {
            let entry: Array = entry.unchecked_into();
            if let (Some(key), Some(text)) = (entry.get(0).as_string(), entry.get(1).as_string()) {
                map.insert(key, &*text.leak());
            }
        }
    }
    map
}

/// The code of the language, as in `de`.
pub fn language() -> String {
    WORDS.with_borrow(|words| words.language.clone())
}

/// Returns true if the page is read from right to left.
pub fn is_mirrored() -> bool {
    document().document_element().and_then(|root| root.get_attribute("dir")).as_deref() == Some("rtl")
}

/// What stands in and between numbers.
pub fn marks() -> Marks {
    WORDS.with_borrow(|words| words.marks)
}

/// The text of a key; the key itself where there are no words, as in tests outside a browser.
pub fn text(key: &'static str) -> &'static str {
    known(key).unwrap_or(key)
}

fn known(key: &str) -> Option<&'static str> {
    WORDS.with_borrow(|words| words.texts.get(key).copied())
}

/// The text of a key with values in place of their names in braces: `{count}`.
pub fn filled(key: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut text = known(key).unwrap_or(key).to_string();
    for (name, value) in values {
        text = text.replace(&["{", name, "}"].concat(), &value.to_string());
    }
    text
}

/// The text of a key for so many things: of `key.one`, `key.other` or what the language has, with `{count}` and other values
/// in it.
pub fn counted(key: &str, count: u64, values: &[(&str, &dyn Display)]) -> String {
    let category = if WORDS.with_borrow(|words| words.texts.is_empty()) {
        "other".into()
    } else {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^52")]
        let number = count as f64;
        let rules = Intl::PluralRules::new(&Array::of1(&language().into()), &Object::new());
        rules.select(number).as_string().unwrap_or_default()
    };
    let count = crate::format::thousands(count);
    let all = [&[("count", &count as &dyn Display)], values].concat();
    filled(&[key, ".", &category].concat(), &all)
}

/// What an engine said, in the visitor's language; as it is, where there is no translation.
pub fn told(said: &str) -> String {
    let translate = WORDS.with_borrow(|words| words.translate.clone());
    let translated = translate.and_then(|translate| translate.call1(&JsValue::NULL, &said.into()).ok());
    translated.and_then(|text| text.as_string()).unwrap_or_else(|| said.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_their_names_are() {
        assert_eq!(filled("{of} of {all}", &[("of", &3), ("all", &"12")]), "3 of 12");
    }
}
