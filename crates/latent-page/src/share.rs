//! The link to what is on screen, and what was done, said for a few seconds.

use std::time::Duration;

use latent_protocol::ModelCard;
use leptos::html::Input;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::client::Client;
use crate::store::Store;
use crate::text::text;

/// How long something that was done is said, in seconds; longer where it can be undone.
const SHORT: u64 = 6;
const LONG: u64 = 12;

/// Copies the link to what is on screen.
#[component]
pub fn CopyLink(store: Store) -> impl IntoView {
    // Shown to be copied by hand where the clipboard is refused.
    let shown = RwSignal::new(None::<String>);
    let field = NodeRef::<Input>::new();
    let copy = move |_| {
        let Some(url) = url(store) else { return };
        spawn_local(async move {
            if write(&url).await {
                shown.set(None);
                store.toast(text("share.copied"));
            } else {
                shown.set(Some(url));
                store.toast(text("share.refused"));
            }
        });
    };
    Effect::new(move |_| {
        if shown.read().is_some()
            && let Some(field) = field.get()
        {
            // Not before it is on the page and has its text.
            request_animation_frame(move || {
                // A field that cannot be focused can still be read.
                let _ = field.focus();
                field.select();
            });
        }
    });
    view! {
        <div class="copy-link">
            <button type="button" disabled=move || store.card.read().is_none() on:click=copy data-text="share.copy"></button>
            <Show when=move || shown.read().is_some()>
                <input
                    type="text"
                    readonly
                    data-label="share.link"
                    node_ref=field
                    prop:value=move || shown.get()
                />
            </Show>
        </div>
    }
}

/// The whole address of what is on screen, which the address bar only follows after a while.
fn url(store: Store) -> Option<String> {
    let href = window().location().href().ok()?;
    let page = href.split(['?', '#']).next()?;
    Some(page.to_string() + &untrack(|| store.query())?)
}

/// Write to the clipboard; whether the browser let us.
async fn write(text: &str) -> bool {
    let navigator = window().navigator();
    // Pages that come neither encrypted nor from this machine have none.
    let has_clipboard = js_sys::Reflect::get(&navigator, &"clipboard".into())
        .is_ok_and(|clipboard| !clipboard.is_undefined());
    has_clipboard && JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok()
}

/// What was done, said for a few seconds.
#[component]
pub fn Toasts(store: Store, client: Client) -> impl IntoView {
    let timer = StoredValue::new(None::<TimeoutHandle>);
    let hold = move || {
        if let Some(handle) = timer.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    let count_down = move |undo: bool| {
        hold();
        let seconds = if undo { LONG } else { SHORT };
        let end = move || store.toast.set(None);
        timer.set_value(set_timeout_with_handle(end, Duration::from_secs(seconds)).ok());
    };
    Effect::new(move |_| match store.toast.get() {
        Some(toast) => count_down(toast.undo),
        None => hold(),
    });
    // While it is pointed at or in focus, it stays.
    let go_on = move || {
        if let Some(toast) = store.toast.get_untracked() {
            count_down(toast.undo);
        }
    };
    let undo = move |_| {
        store.toast.set(None);
        client.undo_reset();
    };
    view! {
        <div
            class="toasts"
            role="status"
            data-label="share.done"
            on:pointerenter=move |_| hold()
            on:pointerleave:target=move |event| {
                if !matches!(event.target().query_selector(":focus"), Ok(Some(_))) {
                    go_on();
                }
            }
            on:focusin=move |_| hold()
            on:focusout=move |_| go_on()
        >
            {move || store.toast.get().map(|toast| view! {
                <p class="toast">
                    <span>{toast.text}</span>
                    {toast.undo.then(|| view! { <button type="button" on:click=undo data-text="share.undo"></button> })}
                </p>
            })}
        </div>
    }
}

/// Links to what is worth trying: first those of the family on show, then all others.
#[component]
pub fn Presets(store: Store) -> impl IntoView {
    let chosen = Memo::new(move |_| store.card.read().as_ref().map(|card| card.id.to_string()));
    let list = |card: &ModelCard| {
        let link = |preset: &latent_protocol::Preset| {
            let href = format!("?family={}&{}", card.id, preset.query);
            view! { <li><a href=href>{preset.title.to_string()}</a></li> }
        };
        let links = card.presets.iter().map(link).collect_view();
        (!card.presets.is_empty()).then(|| view! { <h3>{card.name.to_string()}</h3> <ul>{links}</ul> })
    };
    let lists = move || {
        let id = chosen.get();
        store.families.with(|families| {
            let is_chosen = |card: &&ModelCard| id.as_deref() == Some(card.id.as_ref());
            let (first, others): (Vec<_>, Vec<_>) = families.iter().partition(is_chosen);
            first.into_iter().chain(others).map(list).collect_view()
        })
    };
    view! {
        <nav class="presets" aria-labelledby="presets-title">
            <h2 id="presets-title" data-text="share.presets"></h2>
            <div class="preset-lists">{lists}</div>
        </nav>
    }
}
