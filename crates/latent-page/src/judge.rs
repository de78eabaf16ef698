//! What a classifier sees in the digit under the handle, in words: for everybody, and for those who do not see the digit.

use latent_protocol::Phase;
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::store::{Judged, Store};
use crate::text::filled;
use crate::timing::now_ms;

/// The handle rests when it has not moved for so long, in milliseconds.
const REST_MS: f64 = 400.0;

/// Fewest milliseconds between two looks at a model that learns.
const LOOK_MS: f64 = 1000.0;

/// A line that says where the handle is and what the judge sees there. The judge is fetched when the handle was first moved.
#[component]
pub fn JudgeLine(store: Store, client: Client) -> impl IntoView {
    let start = store.point.get_untracked();
    let was_moved =
        Memo::new(move |before: Option<&bool>| before == Some(&true) || store.point.get() != start);
    let decoded = Signal::derive(move || (store.z.get(), store.drawn.get()));
    let rested: Signal<(Vec<f32>, Option<u64>)> = leptos_use::signal_debounced(decoded, REST_MS);
    let is_running = Memo::new(move |_| store.phase.get() == Phase::Running);
    Effect::new(move |looked_ms: Option<f64>| {
        let (now, looked_ms) = (now_ms(), looked_ms.unwrap_or(f64::NEG_INFINITY));
        if is_running.get() {
            decoded.track();
            if now - looked_ms < LOOK_MS {
                return looked_ms;
            }
        } else {
            rested.track();
        }
        // It knows the digits of the page's images only.
        if was_moved.get() && !store.has_own_data.get() {
            client.judge();
        } else {
            store.judged.set(None);
        }
        now
    });
    let place = move || {
        let z = format::code(&store.latents());
        filled("judge.place", &[("z", &z)])
    };
    let line = move || {
        // Of another place than this it says nothing.
        let Judged { class, share, .. } = store.judged.get().filter(|seen| seen.z == *store.z.read())?;
        let percent = format::decimal(f64::from(share) * 100.0, 0);
        Some(view! {
            <span class="unseen">{place.clone()} " "</span>
            {filled("judge.sees", &[("class", &class), ("percent", &percent)])}
        })
    };
    // While a model learns it changes by itself: nobody should have to listen to that.
    let live = move || if is_running.get() { "off" } else { "polite" };
    view! { <p class="judge" role="status" aria-live=live aria-atomic="true">{line}</p> }
}
