//! The engine in a Web Worker.

mod canvases;
#[cfg(feature = "gpu")]
mod conformance;
#[cfg(feature = "gpu")]
mod constructors;
mod device;
mod fetch;
mod library;
mod worker;

#[cfg(feature = "gpu")]
pub use conformance::conformance;
pub use worker::start;
