//! A canvas that gets bytes from memory.

use latent_core::picture::{Picture, Tiles};
use latent_core::{CoreError, weights};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

/// A canvas with a 2-D context.
pub struct Canvas {
    canvas: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
}

impl Canvas {
    /// Images decoded and drawn at once: in some 20 ms.
    pub const TILES_AT_ONCE: usize = 400;

    /// To draw on a canvas that nobody else draws on.
    pub fn new(canvas: OffscreenCanvas) -> Result<Self, JsValue> {
        let context = canvas.get_context("2d")?.ok_or("a canvas has no 2-D context")?;
        Ok(Self { canvas, context: context.unchecked_into() })
    }

    /// Draw images at the row `top`, on a canvas of this size.
    ///
    /// # Errors
    /// When they cannot be computed.
    pub async fn paint(&self, tiles: Tiles, top: usize, size: (usize, usize)) -> Result<(), CoreError> {
        let Tiles { images, columns, theme } = tiles;
        let picture = Picture::mosaic(&weights::read(images).await?, columns, theme);
        super::resize(&self.canvas, size);
        if let Err(err) = self.put(&picture, top) {
            web_sys::console::error_2(&"cannot draw".into(), &err);
        }
        Ok(())
    }

    fn put(&self, picture: &Picture, top: usize) -> Result<(), JsValue> {
        let pixels = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let bytes = Clamped(picture.rgba.as_slice());
        let image = ImageData::new_with_u8_clamped_array_and_sh(
            bytes,
            pixels(picture.width),
            pixels(picture.height),
        )?;
        self.context.put_image_data(&image, 0.0, f64::from(pixels(top)))
    }
}
