//! The engine in a Web Worker.

mod canvases;
#[cfg(all(feature = "cpu", feature = "gpu"))]
mod conformance;
#[cfg(feature = "gpu")]
mod constructors;
mod device;
mod fetch;
#[cfg(feature = "cpu")]
mod laboratory;
mod library;
mod worker;

#[cfg(all(feature = "cpu", feature = "gpu"))]
pub use conformance::conformance;
#[cfg(feature = "cpu")]
pub use laboratory::start_laboratory;
pub use worker::start;
