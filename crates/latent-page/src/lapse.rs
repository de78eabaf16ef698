//! The manifold's history while a model learned.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// The manifold's history while a model learned.
#[component]
pub fn TimeLapse(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="lapse" title="Time-lapse">
            <p>"Time-lapse"</p>
        </Panel>
    }
}
