//! The engine in a Web Worker.

mod canvases;
#[cfg(all(feature = "cpu", feature = "gpu"))]
mod conformance;
#[cfg(feature = "gpu")]
mod constructors;
mod device;
mod fetch;
mod library;
mod worker;

#[cfg(all(feature = "cpu", feature = "gpu"))]
pub use conformance::conformance;
pub use worker::start;
