//! How wide something on the page is.

use latent_protocol::number;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, ResizeObserver};

/// What so many CSS pixels are where text has the usual 16 of them: pictures with labels grow with the text.
pub fn text_px_from_css_px(css_px: f64) -> f64 {
    let root = document().document_element();
    let style = root.and_then(|root| window().get_computed_style(&root).ok().flatten());
    let size = style.and_then(|style| style.get_property_value("font-size").ok());
    let size = size.and_then(|size| number(size.trim_end_matches("px")));
    css_px * 16.0 / size.unwrap_or(16.0)
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
