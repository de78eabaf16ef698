//! What a classifier sees in the digit under the handle, in words: for everybody, and for those who do not see the digit.

use std::time::Duration;

use latent_protocol::Phase;
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::store::Store;
use crate::text::filled;
use crate::timing::{at_rest, now_ms};

/// The handle rests when it has not moved for so long.
const REST: Duration = Duration::from_millis(400);

/// Fewest milliseconds between two looks at a model that learns.
const LOOK_MS: f64 = 1000.0;

/// A line that says where the handle is and what the judge sees there. The judge is fetched when the handle was first moved.
#[component]
pub fn JudgeLine(store: Store, client: Client) -> impl IntoView {
    let start = store.point.get_untracked().map(f32::to_bits);
    let (was_moved, looked_ms) = (StoredValue::new(false), StoredValue::new(0.0));
    let look = at_rest(REST, move || client.judge());
    let is_running = move || store.phase.get() == Phase::Running;
    Effect::new(move |_| {
        store.z.track();
        store.drawn.track();
        was_moved.update_value(|was_moved| *was_moved |= store.point.get().map(f32::to_bits) != start);
        // With other images there may be another answer.
        store.has_own_data.track();
        if !was_moved.get_value() {
            return;
        }
        if is_running() {
            if now_ms() - looked_ms.get_value() >= LOOK_MS {
                looked_ms.set_value(now_ms());
                client.judge();
            }
        } else {
            look();
        }
    });
    // Of another place than this it says nothing, nor of images that it does not know.
    let seen = move || store.judged.get().filter(|seen| !seen.z.is_empty() && seen.z == *store.z.read());
    let verdict = move || seen()?.verdict.filter(|_| !store.has_own_data.get());
    let place = move || {
        if seen().is_none() {
            return String::new();
        }
        let key = if verdict().is_some() { "judge.place" } else { "judge.place-alone" };
        filled(key, &[("z", &format::code(&store.latents()))]) + " "
    };
    let said = move || {
        let Some((class, share)) = verdict() else { return String::new() };
        let percent = format::decimal(f64::from(share) * 100.0, 0);
        filled("judge.sees", &[("class", &class), ("percent", &percent)])
    };
    view! {
        <p class="judge" role="status" aria-live=move || store.live() aria-atomic="true">
            <span class="unseen">{place}</span>
            {said}
        </p>
    }
}
