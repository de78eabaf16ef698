//! What a session needs of the place it runs in.

use std::future::Future;

use latent_core::CoreError;
use latent_core::picture::Tiles;
use latent_protocol::Event;

/// A canvas of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The manifold.
    Plane,
    /// The digit under the handle.
    Digit,
    /// What is drawn beside it.
    Strip,
    /// None of the page's: what is drawn to be timed, images narrower than the surface among them.
    Trial,
}

/// The place a session runs in: a worker, or a test.
pub trait Host {
    /// Tell the page something.
    fn emit(&self, event: Event);
    /// Tell the page something and hand it bytes.
    fn hand_over(&self, event: Event, bytes: Vec<u8>);
    /// Draw images at the row `top` of a surface that is `size` (width, height) pixels large. Done when they are
    /// computed and drawn; where the device can draw, they are not read back.
    fn paint(
        &self,
        surface: Surface,
        tiles: Tiles,
        top: usize,
        size: (usize, usize),
    ) -> impl Future<Output = Result<(), CoreError>>;
    /// Images that are decoded and drawn in one unit of work.
    fn tiles_at_once(&self) -> usize;
    /// A clock, in milliseconds from any beginning.
    fn now_ms(&self) -> f64;
    /// Bytes of memory taken.
    fn memory_bytes(&self) -> u64;
    /// Begin to fetch the data set; it comes as [`Input::Data`](crate::Input::Data).
    fn fetch_data(&self);
}
