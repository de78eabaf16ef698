//! Marks over the plane: the posterior of what is looked at, and the path that is travelled.

use leptos::prelude::*;

use crate::store::Store;

/// Marks over the plane.
#[component]
pub fn Marks(store: Store) -> impl IntoView {
    let _ = store;
}
