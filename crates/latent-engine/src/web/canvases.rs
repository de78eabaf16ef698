//! The page's canvases, drawn on from the worker.

use wasm_bindgen::{JsCast, JsValue};

use crate::host::Surface;

#[cfg_attr(feature = "gpu", path = "canvases/webgpu.rs")]
#[cfg_attr(not(feature = "gpu"), path = "canvases/cpu.rs")]
mod canvas;

pub use canvas::Canvas;

/// The canvases that came with the first message, and one off the page for trials.
pub struct Canvases {
    plane: Canvas,
    digit: Canvas,
    strip: Canvas,
    trial: Canvas,
}

impl Canvases {
    /// From the array `[plane, digit, strip]`.
    pub fn new(transferred: &JsValue) -> Result<Self, JsValue> {
        let array: &js_sys::Array = transferred.dyn_ref().ok_or("no canvases came with the first message")?;
        let canvas = |index| Canvas::new(array.get(index).dyn_into().map_err(|_| "not a canvas")?);
        let trial = Canvas::new(web_sys::OffscreenCanvas::new(1, 1)?)?;
        Ok(Self { plane: canvas(0)?, digit: canvas(1)?.enlarged(16), strip: canvas(2)?.enlarged(4), trial })
    }

    /// The canvas of a surface.
    pub fn of(&self, surface: Surface) -> &Canvas {
        match surface {
            Surface::Plane => &self.plane,
            Surface::Digit => &self.digit,
            Surface::Strip => &self.strip,
            Surface::Trial => &self.trial,
        }
    }
}

/// Give a canvas a size; whether it had another. Setting a size clears it.
fn resize(canvas: &web_sys::OffscreenCanvas, (width, height): (usize, usize)) -> bool {
    let pixels = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let (width, height) = (pixels(width), pixels(height));
    if (canvas.width(), canvas.height()) == (width, height) {
        return false;
    }
    canvas.set_width(width);
    canvas.set_height(height);
    true
}
