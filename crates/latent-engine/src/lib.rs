//! The engine: a Web Worker that holds the models, trains them and draws on the page's canvases.
//!
//! [`Session`] is what it does for the page, told by an [`Inbox`] and seen by a [`Host`]; [`Library`] is what it does
//! for the npm package, told by numbered requests and heard by a [`Port`]. Both run natively in tests; the web part
//! connects them to a worker, whose first message decides between the two.

mod host;
mod inbox;
mod library;
mod session;
#[cfg(target_family = "wasm")]
mod web;

pub use host::{Host, Surface};
pub use inbox::{DataInput, Inbox, Input, Item};
pub use library::{Answer, Call, Library, Part, Port};
pub use session::Session;
#[cfg(all(target_family = "wasm", feature = "cpu", feature = "gpu"))]
pub use web::conformance;
#[cfg(target_family = "wasm")]
pub use web::start;
#[cfg(all(target_family = "wasm", feature = "cpu"))]
pub use web::start_laboratory;
