//! The visitor's own digit, or a test digit, seen through the model.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// The visitor's own digit, or a test digit, seen through the model.
#[component]
pub fn Draw(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="draw" title="Draw a digit">
            <p>"Draw a digit"</p>
        </Panel>
    }
}
