//! A tool of the page: folded away until it is wanted.

use leptos::prelude::*;

use crate::store::Store;
use crate::text::text;

/// A panel that is opened by its title. What is in it is made when it is opened for the first time.
#[component]
pub fn Panel(
    store: Store,
    /// Name in the link.
    id: &'static str,
    /// A key.
    title: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let is_open = Memo::new(move |_| store.is_open(id));
    let was_open = Memo::new(move |before: Option<&bool>| is_open.get() || before == Some(&true));
    view! {
        <details
            class="panel"
            id=format!("panel-{id}")
            prop:open=is_open
            on:toggle:target=move |event| {
                let open = event.target().open();
                if open != is_open.get_untracked() {
                    store.set_open(id, open);
                }
            }
        >
            <summary><h2>{text(title)}</h2></summary>
            <Show when=move || was_open.get()>
                <div class="panel-body">{children()}</div>
            </Show>
        </details>
    }
}
