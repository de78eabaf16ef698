//! The decoded digit, large, with its code.

use leptos::html::Div;
use leptos::prelude::*;

use crate::format;
use crate::store::Store;
use crate::text::{filled, text};

/// The picture under the handle.
#[component]
pub fn Digit(store: Store, surface: NodeRef<Div>) -> impl IntoView {
    let z = move || format::code(&store.latents());
    let label = move || {
        if store.z.read().is_empty() {
            text("digit.digit").into()
        } else {
            filled("digit.digit-at", &[("z", &z())])
        }
    };
    view! {
        <div class="digit">
            <div class="surface digit-surface" role="img" aria-label=label node_ref=surface></div>
            <p class="code"><span aria-hidden="true">"z = "</span><output data-label="digit.z" aria-live="off">{z}</output></p>
        </div>
    }
}
