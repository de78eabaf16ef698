//! What a visitor takes home: files made in the tab.

use std::time::Duration;

use js_sys::{Array, Promise, Uint8Array};
use latent_protocol::Theme;
use leptos::prelude::{document, set_timeout};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, HtmlAnchorElement, HtmlCanvasElement, MessageEvent, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d, Url, Worker, WorkerOptions, WorkerType,
};

/// Greys of a GIF: more would be hard to tell apart and make the file larger.
const GREYS: u8 = 64;

/// A browser may still be reading a file that it was told to save.
const KEPT: Duration = Duration::from_mins(1);

/// Grey frames of one size as an animated GIF that repeats, each pixel `scale` pixels large.
///
/// # Errors
/// A sentence, when the encoder could not be fetched or failed.
pub async fn gif(
    frames: Vec<Vec<u8>>,
    (width, height): (usize, usize),
    scale: usize,
    delay_ms: u32,
    theme: Theme,
) -> Result<Uint8Array, String> {
    let failed = |_: JsValue| {
        "The GIF could not be made: its encoder did not come, or there was too little memory. Try again, or make a \
         smaller one."
            .to_string()
    };
    let colors: Vec<u8> =
        (0..GREYS).flat_map(|level| theme.color(f32::from(level) / f32::from(GREYS - 1))).collect();
    let greys = Uint8Array::from(frames.concat().as_slice());
    let message = Array::of1(&greys);
    for number in [width, height, scale] {
        message.push(&JsValue::from_f64(f64::from(u32::try_from(number).unwrap_or(0))));
    }
    message.push(&delay_ms.into());
    message.push(&Uint8Array::from(colors.as_slice()));
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options("gif-worker.js", &options).map_err(failed)?;
    let answer = Promise::new(&mut |resolve, reject| {
        worker.set_onmessage(Some(&resolve));
        worker.set_onerror(Some(&reject));
    });
    worker.post_message_with_transfer(&message, &Array::of1(&greys.buffer())).map_err(failed)?;
    let answer = JsFuture::from(answer).await;
    worker.terminate();
    Ok(answer.map_err(failed)?.unchecked_into::<MessageEvent>().data().unchecked_into())
}

/// What a canvas shows as a PNG, each pixel `scale` pixels large.
///
/// # Errors
/// A sentence, when there is nothing to see or too little memory.
pub async fn png(canvas: &HtmlCanvasElement, scale: u32) -> Result<Uint8Array, String> {
    let failed = |_: JsValue| "The picture could not be made; try a smaller size.".to_string();
    let (width, height) = (canvas.width() * scale, canvas.height() * scale);
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
