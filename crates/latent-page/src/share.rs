//! The link to what is on screen, and what was done, said for a few seconds.

use leptos::prelude::*;

use crate::client::Client;
use crate::store::Store;

/// Copies the link to what is on screen.
#[component]
pub fn CopyLink(store: Store) -> impl IntoView {
    let _ = store;
}

/// What was done, said for a few seconds.
#[component]
pub fn Toasts(store: Store, client: Client) -> impl IntoView {
    let _ = (store, client);
}

/// Links to what is worth trying.
#[component]
pub fn Presets(store: Store) -> impl IntoView {
    let _ = store;
}
