//! Runs that are kept: their curves, and a way to go on with them.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// Runs that are kept: their curves, and a way to go on with them.
#[component]
pub fn Runs(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="runs" title="Runs">
            <p>"Runs"</p>
        </Panel>
    }
}
