//! The images that are trained on: those of the page, or the visitor's.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// The images that are trained on: those of the page, or the visitor's.
#[component]
pub fn Images(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="images" title="Images">
            <p>"Images"</p>
        </Panel>
    }
}
