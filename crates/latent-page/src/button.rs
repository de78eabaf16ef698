//! Buttons that cannot be pressed for a while.

use leptos::prelude::window;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::Closure;
use web_sys::{Element, Event};

/// Have nothing pressed that says by `aria-disabled` that it cannot be. A button that is `disabled` by its own press, or while
/// it has the focus, loses the focus to the page: whoever has no pointer would begin anew at the top. Such buttons say it this
/// way instead.
pub fn guard() {
    let hear = Closure::<dyn FnMut(Event)>::new(|event: Event| {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| matches!(target.closest("[aria-disabled=true]"), Ok(Some(_)))) {
            event.stop_immediate_propagation();
            event.prevent_default();
        }
    });
    // On the way down to the button, so before all that hear it there. Listening does not fail.
    let _ = window().add_event_listener_with_callback_and_bool("click", hear.as_ref().unchecked_ref(), true);
    hear.forget();
}
