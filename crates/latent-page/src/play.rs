//! What goes on by itself while it is played.

use std::time::Duration;

use leptos::prelude::*;

/// Call `tick` again and again while something is playing. Begins anew when what the period is made of changes.
pub fn while_playing(
    is_playing: RwSignal<bool>,
    period: impl Fn() -> Duration + 'static,
    tick: impl Fn() + Clone + 'static,
) {
    Effect::new(move |_| {
        if is_playing.get()
            && let Ok(interval) = set_interval_with_handle(tick.clone(), period())
        {
            on_cleanup(move || interval.clear());
        }
    });
}

/// A button that plays something or stops it.
#[component]
pub fn PlayButton(
    is_playing: RwSignal<bool>,
    /// What is played, as in `Play the stages`.
    what: &'static str,
    on_press: impl Fn() + 'static,
) -> impl IntoView {
    let verb = move || if is_playing.get() { "Stop" } else { "Play" };
    view! {
        <button type="button" aria-label=move || [verb(), what].join(" ") on:click=move |_| on_press()>
            {verb}
        </button>
    }
}
