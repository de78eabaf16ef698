//! The menu of languages.

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::text::{language, text};

/// The languages that `start.js` knows; another is taken by loading the page again.
#[component]
pub fn Languages() -> impl IntoView {
    let all = RwSignal::new(Vec::new());
    spawn_local(async move { all.set(languages().await.unwrap_or_default()) });
    let options = move || {
        let option = |(code, name): (String, String)| {
            let selected = code == language();
            view! { <option value=code.clone() lang=code selected=selected>{name}</option> }
        };
        all.get().into_iter().map(option).collect_view()
    };
    view! {
        <select
            class="language"
            aria-label=text("language.label")
            on:change:target=move |event| choose(&event.target().value())
        >
            {options}
        </select>
    }
}

/// Codes and names of all languages.
async fn languages() -> Result<Vec<(String, String)>, JsValue> {
    let words: Promise = Reflect::get(&js_sys::global(), &"words".into())?.unchecked_into();
    let words: Array = JsFuture::from(words).await?.unchecked_into();
    let pair = |entry: JsValue| {
        let entry: Array = entry.unchecked_into();
        Some((entry.get(0).as_string()?, entry.get(1).as_string()?))
    };
    Ok(Object::entries(&words.get(3).unchecked_into()).into_iter().filter_map(pair).collect())
}

/// Take another language. A run that is under way is kept, and taken up again.
fn choose(code: &str) {
    if let Ok(choose) = Reflect::get(&js_sys::global(), &"chooseLanguage".into())
        && let Some(choose) = choose.dyn_ref::<Function>()
    {
        // It leaves the page: nobody is left to hear of a failure.
        let _ = choose.call1(&JsValue::NULL, &code.into());
    }
}
