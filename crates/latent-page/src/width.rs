//! How wide something on the page is.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// Keep a signal at the width of an element in CSS pixels, until what asked for it is gone.
pub fn follow(element: &Element, width: RwSignal<f64>) {
    let node = element.clone();
    let changed = Closure::<dyn FnMut()>::new(move || width.set(f64::from(node.client_width())));
    let Ok(observer) = ResizeObserver::new(changed.as_ref().unchecked_ref()) else { return };
    observer.observe(element);
    let watch = StoredValue::new_local(Some((observer, changed)));
    on_cleanup(move || {
        if let Some((observer, _)) = watch.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
}
