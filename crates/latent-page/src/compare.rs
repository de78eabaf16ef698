//! A second model beside the first, at the same code.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// A second model beside the first, at the same code.
#[component]
pub fn Compare(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="compare" title="Compare two models">
            <p>"Compare two models"</p>
        </Panel>
    }
}
