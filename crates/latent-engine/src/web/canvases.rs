//! The page's canvases, drawn on from the worker.

use latent_core::picture::Picture;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

use crate::host::Surface;

/// The canvases that came with the first message.
pub struct Canvases {
    plane: Canvas,
    digit: Canvas,
    strip: Canvas,
}

struct Canvas {
    canvas: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
}

impl Canvases {
    /// From the array `[plane, digit, strip]`.
    pub fn new(transferred: &JsValue) -> Result<Self, JsValue> {
        let array: &js_sys::Array = transferred.dyn_ref().ok_or("no canvases came with the first message")?;
        let canvas = |index| Canvas::new(array.get(index));
        Ok(Self { plane: canvas(0)?, digit: canvas(1)?, strip: canvas(2)? })
    }

    /// Draw a picture at a row of a surface.
    pub fn paint(&self, surface: Surface, picture: &Picture, top: usize, size: (usize, usize)) {
        let canvas = match surface {
            Surface::Plane => &self.plane,
            Surface::Digit => &self.digit,
            Surface::Strip => &self.strip,
        };
        if let Err(err) = canvas.paint(picture, top, size) {
            web_sys::console::error_2(&"cannot draw".into(), &err);
        }
    }
}

impl Canvas {
    fn new(canvas: JsValue) -> Result<Self, JsValue> {
        let canvas: OffscreenCanvas = canvas.dyn_into().map_err(|_| "not a canvas")?;
        let context = canvas.get_context("2d")?.ok_or("a canvas has no 2-D context")?;
        Ok(Self { canvas, context: context.unchecked_into() })
    }

    fn paint(&self, picture: &Picture, top: usize, (width, height): (usize, usize)) -> Result<(), JsValue> {
        let pixels = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        // Setting a size clears the canvas.
        if (self.canvas.width(), self.canvas.height()) != (pixels(width), pixels(height)) {
            self.canvas.set_width(pixels(width));
            self.canvas.set_height(pixels(height));
        }
        let bytes = Clamped(picture.rgba.as_slice());
        let image = ImageData::new_with_u8_clamped_array_and_sh(
            bytes,
            pixels(picture.width),
            pixels(picture.height),
        )?;
        self.context.put_image_data(&image, 0.0, f64::from(pixels(top)))
    }
}
