//! The strip: what is drawn beside the digit under the handle.

use latent_protocol::{Abilities, Strip};
use leptos::html::Div;
use leptos::prelude::*;

use crate::format;
use crate::order::sorted;
use crate::store::Store;
use crate::text::{filled, text};

/// What may be drawn of a model with these abilities and so many latents.
pub fn choices(abilities: Abilities, latent_dim: usize) -> Vec<Strip> {
    let mut choices = vec![Strip::None];
    if abilities.likelihood.is_some() {
        choices.push(Strip::Samples);
    }
    if abilities.classes {
        choices.push(Strip::Classes);
    }
    // With fewer, the plane shows them all.
    if latent_dim > 2 {
        choices.push(Strip::Traversals);
    }
    choices
}

/// Key of its name in the menu.
pub fn name(strip: Strip) -> &'static str {
    match strip {
        Strip::None => "strip.nothing",
        Strip::Samples => "strip.samples",
        Strip::Classes => "strip.classes",
        Strip::Traversals => "strip.traversals",
    }
}

fn caption(strip: Strip) -> String {
    text(match strip {
        Strip::None => return String::new(),
        Strip::Samples => "strip.samples-help",
        Strip::Classes => "strip.classes-help",
        Strip::Traversals => "strip.traversals-help",
    })
    .into()
}

/// The strip's canvas, with the names of its rows where they differ.
#[component]
pub fn StripPlace(store: Store, surface: NodeRef<Div>) -> impl IntoView {
    let strip = move || store.strip.get();
    let rows = move || {
        let labels = if strip() == Strip::Traversals { row_labels(store) } else { Vec::new() };
        labels.into_iter().map(|label| view! { <li>{label}</li> }).collect_view()
    };
    view! {
        <figure class="strip" data-label="strip.title" tabindex="0" hidden=move || strip() == Strip::None>
            <figcaption class="hint">{move || caption(strip())}</figcaption>
            <div class="strip-body">
                <ol class="strip-rows" hidden=move || strip() != Strip::Traversals>{rows}</ol>
                <div class="strip-surface" role="img" aria-label=move || text(name(strip())) node_ref=surface></div>
            </div>
        </figure>
    }
}

/// Names of the rows of traversals, in the order in which the engine draws them.
fn row_labels(store: Store) -> Vec<String> {
    let latent_dim = store.model.read().as_ref().map_or(0, |model| model.latent_dim);
    let kl = store.latent_kl.read();
    // What was measured of another model says nothing here.
    let nats = |index: usize| kl.get(index).copied().filter(|_| kl.len() == latent_dim);
    let mut order = sorted(0..latent_dim, |a, b| nats(*a).unwrap_or(0.0) > nats(*b).unwrap_or(0.0));
    order.truncate(Strip::MOST_ROWS);
    let label = |index: usize| match nats(index) {
        Some(nats) => {
            filled("strip.row", &[("latent", &format::latent(index)), ("kl", &format::decimal(nats, 1))])
        }
        None => format::latent(index),
    };
    order.into_iter().map(label).collect()
}
