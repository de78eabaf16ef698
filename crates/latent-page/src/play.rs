//! What goes on by itself while it is played.

use std::time::Duration;

use leptos::prelude::*;

use crate::text::text;

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
    /// Key of what it does, as in `Play the stages`.
    play: &'static str,
    /// Key of what it does while that is played, as in `Stop the stages`.
    stop: &'static str,
    on_press: impl Fn() + 'static,
) -> impl IntoView {
    let verb = move || text(if is_playing.get() { "play.stop" } else { "play.play" });
    let label = move || text(if is_playing.get() { stop } else { play });
    view! {
        <button type="button" aria-label=label on:click=move |_| on_press()>
            {verb}
        </button>
    }
}
