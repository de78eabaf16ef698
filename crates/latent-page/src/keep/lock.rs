//! Who owns a run: one tab at a time. The browser lets go of a tab's locks when the tab is gone, however it went.
//!
//! Web Locks are reached by name: their types are not stable in `web_sys` yet.

use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

const PREFIX: &str = "latent-run-";

/// A run is owned as long as this lives. In a browser without Web Locks nothing is behind it.
pub struct Lock(Option<Function>);

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = &self.0 {
            // It resolves a promise, which cannot fail.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Own a run, unless another tab does.
pub async fn take(id: &str) -> Option<Lock> {
    let Some((locks, request)) = method("request") else { return Some(Lock(None)) };
    let options = Object::new();
    let _ = Reflect::set(&options, &"ifAvailable".into(), &JsValue::TRUE);
    let name = format!("{PREFIX}{id}");
    // Resolved with what releases the lock, with null if another tab has it, with undefined if there are no locks.
    let granted = Promise::new(&mut |resolve: Function, _| {
        let tell = resolve.clone();
        let hold = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            if lock.is_null() {
                let _ = tell.call1(&JsValue::UNDEFINED, &JsValue::NULL);
                return JsValue::UNDEFINED;
            }
            // The lock is held until this promise is resolved.
            Promise::new(&mut |release: Function, _| {
                let _ = tell.call1(&JsValue::UNDEFINED, &release);
            })
            .into()
        });
        let asked = request.call3(&locks, &name.as_str().into(), &options, &hold);
        spawn_local(async move {
            if settled(asked).await.is_err() {
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        });
    });
    let release = JsFuture::from(granted).await.ok()?;
    if release.is_null() { None } else { Some(Lock(release.dyn_into().ok())) }
}

/// Ids of the runs that a tab owns, this one among them.
pub async fn held() -> Vec<String> {
    let Some((locks, query)) = method("query") else { return Vec::new() };
    let Ok(state) = settled(query.call0(&locks)).await else { return Vec::new() };
    let held: Array = Reflect::get(&state, &"held".into()).map(JsCast::unchecked_into).unwrap_or_default();
    let name = |lock: JsValue| Reflect::get(&lock, &"name".into()).ok()?.as_string();
    held.iter().filter_map(name).filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_string())).collect()
}

/// The lock manager and a function of it.
fn method(name: &str) -> Option<(JsValue, Function)> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok().filter(JsValue::is_object)?;
    let method = Reflect::get(&locks, &name.into()).ok()?.dyn_into().ok()?;
    Some((locks, method))
}

async fn settled(promise: Result<JsValue, JsValue>) -> Result<JsValue, JsValue> {
    JsFuture::from(promise?.unchecked_into::<Promise>()).await
}
