//! Files that are dropped on the page, or pasted into it.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DataTransfer, DragEvent, File};

use crate::client::Client;
use crate::files;
use crate::images::{self, Wishes};
use crate::pick::listed;
use crate::store::Store;

/// Takes files that are dropped anywhere, and says so while they are over the page.
#[component]
pub fn Drops(store: Store, client: Client, wishes: Wishes) -> impl IntoView {
    let is_over = RwSignal::new(false);
    let take = move |files: Vec<File>| {
        let (weights, images): (Vec<File>, Vec<File>) =
            files.into_iter().partition(|file| file.name().to_ascii_lowercase().ends_with(".safetensors"));
        spawn_local(async move {
            for file in weights {
                files::open(store, client, &file).await;
            }
            if !images.is_empty() {
                // There is where it is told what became of them.
                store.set_open("images", true);
                images::open(store, client, wishes, &images).await;
            }
        });
    };
    // As long as the page: none of them is ever removed.
    window_event_listener(ev::dragover, move |event: DragEvent| {
        if has_files(event.data_transfer()) {
            // Without this the browser leaves the page to show the file.
            event.prevent_default();
            is_over.set(true);
        }
    });
    window_event_listener(ev::dragleave, move |event: DragEvent| {
        // Also said of every element that is left for another.
        if event.related_target().is_none() {
            is_over.set(false);
        }
    });
    window_event_listener(ev::drop, move |event: DragEvent| {
        is_over.set(false);
        // A panel may have taken them already.
        if !event.default_prevented() && has_files(event.data_transfer()) {
            event.prevent_default();
            take(listed(event.data_transfer().and_then(|data| data.files())));
        }
    });
    window_event_listener(ev::paste, move |event| {
        if !event.default_prevented() && has_files(event.clipboard_data()) {
            event.prevent_default();
            take(listed(event.clipboard_data().and_then(|data| data.files())));
        }
    });
    view! {
        <Show when=move || is_over.get()>
            <p class="drop-hint" data-text="drop.hint"></p>
        </Show>
    }
}

fn has_files(data: Option<DataTransfer>) -> bool {
    data.is_some_and(|data| data.types().includes(&"Files".into(), 0))
}
