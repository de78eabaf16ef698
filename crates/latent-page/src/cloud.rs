//! Test images on the plane, where they are encoded.

use leptos::prelude::*;

use crate::client::Client;
use crate::store::Store;

/// What lies over the plane: test images as points or small pictures.
#[component]
pub fn Cloud(store: Store, client: Client) -> impl IntoView {
    let _ = (store, client);
}

/// What is drawn on the plane, and of which classes.
#[component]
pub fn CloudControls(store: Store, client: Client) -> impl IntoView {
    let _ = (store, client);
}
