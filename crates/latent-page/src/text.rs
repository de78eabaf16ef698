//! The words of the page in the visitor's language. They stand in `www/text/<language>.json`, by keys; `www/start.js` chooses
//! the language and fetches them while this code is still on its way. What engines say comes in English and is translated
//! here, by the sentences of `www/text/<language>.engine.json`.

use std::cell::RefCell;
use std::fmt::Display;

use js_sys::{Array, Intl, Object, Promise, Reflect};
use latent_protocol::LiteMap;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Where a value goes in a sentence of an engine.
const HOLE: &str = "{}";

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
#[derive(Default)]
struct Words {
    /// Its code, as in `de`.
    language: String,
    marks: Marks,
    texts: LiteMap<String, &'static str>,
    /// English sentences of engines, and what they are in this language; empty in English.
    engine: LiteMap<String, String>,
}

/// Take over the words that `start.js` fetches.
///
/// # Errors
/// When they could not be fetched.
pub async fn load() -> Result<(), JsValue> {
    let promise: Promise = Reflect::get(&js_sys::global(), &"words".into())?.dyn_into()?;
    let parts: Array = JsFuture::from(promise).await?.unchecked_into();
    // There is one language in the life of a page: its texts stay.
    let texts = entries::<&'static str>(&parts.get(1), |text| text.leak());
    let mark = |key: &str| texts.get(key).copied().unwrap_or_default();
    WORDS.set(Words {
        language: parts.get(0).as_string().unwrap_or_default(),
        marks: Marks { point: mark("number.point"), group: mark("number.group"), list: mark("number.list") },
        engine: entries(&parts.get(2), |text| text),
        texts,
    });
    Ok(())
}

/// Keys with their texts. They come in order.
fn entries<T>(of: &JsValue, keep: fn(String) -> T) -> LiteMap<String, T> {
    let mut map = LiteMap::new();
    if let Some(object) = of.dyn_ref::<Object>() {
        for entry in Object::entries(object) {
            let entry: Array = entry.unchecked_into();
            if let (Some(key), Some(text)) = (entry.get(0).as_string(), entry.get(1).as_string()) {
                map.insert(key, keep(text));
            }
        }
    }
    map
}

/// The code of the language, as in `de`.
pub fn language() -> String {
    WORDS.with_borrow(|words| words.language.clone())
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
    WORDS.with_borrow(|words| translated(&words.engine, said)).unwrap_or_else(|| said.into())
}

/// The translation of a sentence, whose values stand where its pattern has holes. Values are translated too: they may be
/// sentences of their own.
fn translated(sentences: &LiteMap<String, String>, said: &str) -> Option<String> {
    if let Some(text) = sentences.get(said) {
        return Some(text.clone());
    }
    sentences.iter().filter(|(pattern, _)| pattern.contains(HOLE)).find_map(|(pattern, text)| {
        let mut values = held(pattern, said)?.into_iter();
        let mut parts = text.split(HOLE);
        let mut whole = parts.next()?.to_string();
        for part in parts {
            let value = values.next()?;
            whole += &translated(sentences, value).unwrap_or_else(|| value.into());
            whole += part;
        }
        Some(whole)
    })
}

/// What stands in a sentence where its pattern has holes; none where the sentence is another.
fn held<'a>(pattern: &str, said: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split(HOLE);
    let mut rest = said.strip_prefix(parts.next()?)?;
    let mut values = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_some() { rest.find(part)? } else { rest.strip_suffix(part)?.len() };
        if end == 0 {
            return None;
        }
        values.push(&rest[..end]);
        rest = &rest[end + part.len()..];
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_holes_is_found() {
        assert_eq!(held("step {} of {}", "step 3 of 12"), Some(vec!["3", "12"]));
        assert_eq!(held("step {} of {}", "stop 3 of 12"), None);
        assert_eq!(held("{} is broken", "a.gz is broken"), Some(vec!["a.gz"]));
        assert_eq!(held("{} is broken", " is broken"), None, "nothing stands in the hole");
        assert_eq!(held("as it is", "as it is"), Some(Vec::new()));
    }

    #[test]
    fn a_sentence_is_translated_with_what_is_in_it() {
        let pairs = [("in {}: {}", "bei {}: {}"), ("out of order", "kaputt")];
        let mut sentences = LiteMap::new();
        for (english, german) in pairs {
            sentences.insert(english.to_string(), german.to_string());
        }
        assert_eq!(translated(&sentences, "out of order").as_deref(), Some("kaputt"));
        assert_eq!(translated(&sentences, "in a.gz: out of order").as_deref(), Some("bei a.gz: kaputt"));
        assert_eq!(translated(&sentences, "in order"), None);
    }

    #[test]
    fn values_go_where_their_names_are() {
        assert_eq!(filled("{of} of {all}", &[("of", &3), ("all", &"12")]), "3 of 12");
    }
}
