//! Ways through latent space, as strips and animations.

use leptos::prelude::*;

use crate::client::Client;
use crate::panel::Panel;
use crate::store::Store;

/// Ways through latent space, as strips and animations.
#[component]
pub fn Paths(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    view! {
        <Panel store=store id="path" title="Paths">
            <p>"Paths"</p>
        </Panel>
    }
}
