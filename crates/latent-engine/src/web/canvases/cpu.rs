//! A canvas that gets bytes from memory.

use js_sys::Reflect;
use latent_core::picture::{Picture, Tiles};
use latent_core::{CoreError, weights};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

/// A canvas with a 2-D context.
pub struct Canvas {
    target: OffscreenCanvas,
    context: OffscreenCanvasRenderingContext2d,
    /// Canvas at the picture's own size and the factor by which it is enlarged; none where pictures are drawn directly.
    small: Option<(usize, Box<Self>)>,
}

impl Canvas {
    /// Images decoded and drawn at once: in some 20 ms.
    pub const TILES_AT_ONCE: usize = 400;

    /// To draw on a canvas that nobody else draws on.
    pub fn new(canvas: OffscreenCanvas) -> Result<Self, JsValue> {
        let context = canvas.get_context("2d")?.ok_or("a canvas has no 2-D context")?;
        Ok(Self { target: canvas, context: context.unchecked_into(), small: None })
    }

    /// Draws each pixel as a square of `factor` pixels in `WebKit`, which ignores `image-rendering` of a canvas that is
    /// drawn on from a worker.
    pub fn enlarged(self, factor: usize) -> Self {
        // Without a second canvas it is drawn as elsewhere, and smoothed.
        let small = if is_webkit() { OffscreenCanvas::new(1, 1).and_then(Self::new).ok() } else { None };
        Self { small: small.map(|small| (factor, Box::new(small))), ..self }
    }

    /// Draw images at the row `top`, on a canvas of this size.
    ///
    /// # Errors
    /// When they cannot be computed.
    pub async fn paint(&self, tiles: Tiles, top: usize, size: (usize, usize)) -> Result<(), CoreError> {
        let Tiles { images, columns, theme } = tiles;
        let picture = Picture::mosaic(&weights::read(images).await?, columns, theme);
        let factor = self.small.as_ref().map_or(1, |(factor, _)| *factor);
        super::resize(&self.target, (size.0 * factor, size.1 * factor));
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
        let Some((factor, small)) = &self.small else {
            return self.context.put_image_data(&image, 0.0, f64::from(pixels(top)));
        };
        super::resize(&small.target, (picture.width, picture.height));
        small.context.put_image_data(&image, 0.0, 0.0)?;
        // Resizing resets it.
        self.context.set_image_smoothing_enabled(false);
        let large = |size: usize| f64::from(pixels(size * factor));
        let (top, width, height) = (large(top), large(picture.width), large(picture.height));
        self.context.draw_image_with_offscreen_canvas_and_dw_and_dh(&small.target, 0.0, top, width, height)
    }
}

/// Returns true in `WebKit`, by its user agent: no feature shows how it scales.
fn is_webkit() -> bool {
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into());
    let agent = get(&js_sys::global(), "navigator").and_then(|navigator| get(&navigator, "userAgent"));
    let agent = agent.ok().and_then(|agent| agent.as_string()).unwrap_or_default();
    agent.contains("AppleWebKit/") && !agent.contains("Chrome/")
}
