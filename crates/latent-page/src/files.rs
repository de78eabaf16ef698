//! Weights in and out, pictures and curves out.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// Weights in and out, pictures and curves out.
#[component]
pub fn Files(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="files" title="Files">
            <p>"Files"</p>
        </Panel>
    }
}
