//! What a visitor takes home: files made in the tab.

use js_sys::Uint8Array;
use latent_protocol::Theme;

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
    let _ = (frames, width, height, scale, delay_ms, theme);
    Err("GIFs cannot be made yet".into())
}

/// Let the browser save bytes as a file.
pub fn save(bytes: &Uint8Array, name: &str, kind: &str) {
    let _ = (bytes, name, kind);
}
