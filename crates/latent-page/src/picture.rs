//! Grey images of 28 x 28 pixels on a canvas of the page.

use latent_protocol::Theme;
use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::store::Store;

/// Pixels along one side of an image.
pub const SIDE: usize = 28;

/// Pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;

/// Images side by side, in so many columns, in the theme's colours. The canvas has a pixel per pixel of the images;
/// its size on the page is the style sheet's.
#[component]
pub fn Mosaic(
    store: Store,
    /// 784 grey bytes per image.
    #[prop(into)]
    pixels: Signal<Vec<u8>>,
    #[prop(into)] columns: Signal<usize>,
    #[prop(into)] label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    Effect::new(move |_| {
        let theme = store.theme.get();
        if let Some(canvas) = canvas.get() {
            pixels.with(|pixels| paint(&canvas, pixels, columns.get(), theme));
        }
    });
    view! { <canvas class="mosaic" role="img" aria-label=label node_ref=canvas></canvas> }
}

/// Draw images side by side, in so many columns.
pub fn paint(canvas: &HtmlCanvasElement, pixels: &[u8], columns: usize, theme: Theme) {
    let (rgba, width, height) = rgba(pixels, columns, theme);
    put(canvas, &rgba, width, height);
}

/// Make a canvas show RGBA bytes, a pixel per pixel.
pub fn put(canvas: &HtmlCanvasElement, rgba: &[u8], width: usize, height: usize) {
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    canvas.set_width(size(width));
    canvas.set_height(size(height));
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(rgba), size(width), size(height));
    if let (Some(context), Ok(image)) = (context(canvas), image) {
        // Only a canvas without a size refuses it, and then there is nothing to see.
        let _ = context.put_image_data(&image, 0.0, 0.0);
    }
}

/// What draws on a canvas.
pub fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

/// Images side by side as RGBA bytes, with width and height; what is missing in the last row is paper.
pub fn rgba(pixels: &[u8], columns: usize, theme: Theme) -> (Vec<u8>, usize, usize) {
    let count = pixels.len() / PIXELS;
    let columns = columns.clamp(1, count.max(1));
    let (width, height) = (columns * SIDE, count.div_ceil(columns).max(1) * SIDE);
    let [r, g, b] = theme.paper;
    let mut rgba = [r, g, b, u8::MAX].repeat(width * height);
    for (index, image) in pixels.chunks_exact(PIXELS).enumerate() {
        let (left, top) = (index % columns * SIDE, index / columns * SIDE);
        for (row, greys) in image.chunks_exact(SIDE).enumerate() {
            for (column, grey) in greys.iter().enumerate() {
                let at = 4 * ((top + row) * width + left + column);
                rgba[at..at + 3].copy_from_slice(&theme.color(f32::from(*grey) / 255.0));
            }
        }
    }
    (rgba, width, height)
}
