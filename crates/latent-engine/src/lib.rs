//! The engine: a Web Worker that holds the models, trains them and draws on the page's canvases.
//!
//! [`Session`] is what it does, told by an [`Inbox`] and seen by a [`Host`]; it runs natively in tests. The web
//! part connects both to a worker.

mod host;
mod inbox;
mod session;
#[cfg(target_family = "wasm")]
mod web;

pub use host::{Host, Surface};
pub use inbox::{DataInput, Inbox, Input};
pub use session::Session;
#[cfg(all(target_family = "wasm", feature = "gpu"))]
pub use web::conformance;
#[cfg(target_family = "wasm")]
pub use web::start;
