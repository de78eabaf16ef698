//! What a visitor takes home: files made in the tab.

use std::time::Duration;

use js_sys::{Array, Uint8Array};
use leptos::prelude::{document, set_timeout};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, HtmlAnchorElement, HtmlCanvasElement, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d, Url,
};

use crate::text::text;

/// A browser may still be reading a file that it was told to save.
const KEPT: Duration = Duration::from_mins(1);

/// Returns the picture on a canvas as a PNG of this width and height.
///
/// # Errors
/// A sentence, when there is nothing to see or too little memory.
pub async fn png(canvas: &HtmlCanvasElement, [width, height]: [u32; 2]) -> Result<Uint8Array, String> {
    let failed = |_: JsValue| text("keepsake.failed").to_string();
    let (copy, context) = surface(width, height).map_err(failed)?;
    context.set_image_smoothing_enabled(false);
    context
        .draw_image_with_html_canvas_element_and_dw_and_dh(
            canvas,
            0.0,
            0.0,
            f64::from(width),
            f64::from(height),
        )
        .map_err(failed)?;
    let blob = JsFuture::from(copy.convert_to_blob().map_err(failed)?).await.map_err(failed)?;
    read(&blob.unchecked_into()).await.map_err(failed)
}

/// A canvas that is not on the page, and what draws on it.
///
/// # Errors
/// What the browser says of the size.
pub fn surface(
    width: u32,
    height: u32,
) -> Result<(OffscreenCanvas, OffscreenCanvasRenderingContext2d), JsValue> {
    let canvas = OffscreenCanvas::new(width, height)?;
    let context = canvas.get_context("2d")?.ok_or(JsValue::NULL)?;
    Ok((canvas, context.unchecked_into()))
}

/// The bytes of a file or of something like it.
///
/// # Errors
/// What the browser says: the file may be gone.
pub async fn read(blob: &Blob) -> Result<Uint8Array, JsValue> {
    Ok(Uint8Array::new(&JsFuture::from(blob.array_buffer()).await?))
}

/// Let the browser save bytes as a file.
pub fn save(bytes: &Uint8Array, name: &str, kind: &str) {
    // Only a browser without memory refuses, and there is nothing else to do about it.
    let _ = try_save(bytes, name, kind);
}

fn try_save(bytes: &Uint8Array, name: &str, kind: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    let blob = Blob::new_with_u8_array_sequence_and_options(&Array::of1(bytes), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    set_timeout(move || drop(Url::revoke_object_url(&url)), KEPT);
    Ok(())
}
