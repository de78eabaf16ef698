//! A training step, stage by stage.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// A training step, stage by stage.
#[component]
pub fn SlowMotion(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="slow" title="One step in slow motion">
            <p>"One step in slow motion"</p>
        </Panel>
    }
}
