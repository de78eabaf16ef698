//! How wide something on the page is.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// CSS pixels of a page whose text has the usual 16, for so many of this one: pictures with labels grow with the text.
pub fn in_text(pixels: f64) -> f64 {
    let root = document().document_element();
    let style = root.and_then(|root| window().get_computed_style(&root).ok().flatten());
    let size = style.and_then(|style| style.get_property_value("font-size").ok());
    let size = size.and_then(|size| size.trim_end_matches("px").parse().ok());
    pixels * 16.0 / size.unwrap_or(16.0)
}

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
