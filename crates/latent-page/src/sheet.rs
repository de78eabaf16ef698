//! A picture that is a sheet of images of 28 x 28 pixels, side by side.

use std::fmt::Display;

use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, ImageBitmap};

use crate::keepsake::surface;
use crate::picture::{PIXELS, SIDE};
use crate::text::filled;

/// Ink below this is no image: a compressed picture is not quite blank where nothing is.
const BLANK: u8 = 32;

/// How ink stands out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// Whichever covers less than half.
    #[default]
    Guess,
    /// Dark on light.
    Dark,
    /// Light on dark.
    Light,
}

/// The images of a sheet, row by row, 784 grey bytes each; ink is 255.
///
/// # Errors
/// A sentence: it is no picture, or its sides are not made of whole images.
pub async fn read(file: &File, ink: Ink) -> Result<Vec<u8>, String> {
    let name = file.name();
    let (rgba, width, height) =
        decode(file).await.map_err(|_| filled("sheet.unreadable", &[("file", &name)]))?;
    if width % SIDE > 0 || height % SIDE > 0 {
        let values: [(&str, &dyn Display); 4] =
            [("file", &name), ("width", &width), ("height", &height), ("side", &SIDE)];
        return Err(filled("sheet.other-size", &values));
    }
    let images = cut(&rgba, width, ink);
    if images.is_empty() { Err(filled("sheet.blank", &[("file", &name)])) } else { Ok(images) }
}

async fn decode(file: &File) -> Result<(Vec<u8>, usize, usize), JsValue> {
    let bitmap = JsFuture::from(window().create_image_bitmap_with_blob(file)?).await?;
    let bitmap: ImageBitmap = bitmap.unchecked_into();
    let (width, height) = (bitmap.width(), bitmap.height());
    let (_, context) = surface(width, height)?;
    // What can be seen through is paper.
    context.set_fill_style_str("#fff");
    context.fill_rect(0.0, 0.0, f64::from(width), f64::from(height));
    context.draw_image_with_image_bitmap(&bitmap, 0.0, 0.0)?;
    bitmap.close();
    let image = context.get_image_data(0.0, 0.0, f64::from(width), f64::from(height))?;
    Ok((image.data().0, width as usize, height as usize))
}

/// Images from RGBA bytes; blank ones are left out.
fn cut(rgba: &[u8], width: usize, ink: Ink) -> Vec<u8> {
    let mut greys: Vec<u8> = rgba.as_chunks::<4>().0.iter().map(|color| grey(*color)).collect();
    let mean = greys.iter().map(|grey| u64::from(*grey)).sum::<u64>() / (greys.len() as u64).max(1);
    if ink == Ink::Dark || ink == Ink::Guess && mean > 127 {
        for grey in &mut greys {
            *grey = u8::MAX - *grey;
        }
    }
    let mut images = Vec::with_capacity(greys.len());
    for band in greys.chunks_exact((width * SIDE).max(1)) {
        for left in (0..width).step_by(SIDE) {
            let rows = band.chunks_exact(width);
            let image: Vec<u8> = rows.flat_map(|row| &row[left..left + SIDE]).copied().collect();
            if image.len() == PIXELS && image.iter().any(|grey| *grey >= BLANK) {
                images.extend(image);
            }
        }
    }
    images
}

/// Brightness as it is seen, by the weights of ITU-R BT.601.
fn grey([r, g, b, _]: [u8; 4]) -> u8 {
    let sum = 299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b);
    u8::try_from((sum + 500) / 1000).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_cut_into_images_without_blank_ones() {
        let width = 3 * SIDE;
        let mut rgba = [255, 255, 255, 255].repeat(width * SIDE);
        // A black pixel in the first image and one in the third.
        for at in [0, width - 1] {
            rgba[4 * at..4 * at + 3].fill(0);
        }
        let images = cut(&rgba, width, Ink::Guess);
        assert_eq!(images.len(), 2 * PIXELS);
        assert_eq!((images[0], images[1], images[PIXELS + SIDE - 1]), (255, 0, 255));
        assert_eq!(cut(&rgba, width, Ink::Light).len(), 3 * PIXELS);
    }

    #[test]
    fn greys_stay_as_they_are() {
        for value in [0, 1, 127, 255] {
            assert_eq!(grey([value, value, value, 255]), value);
        }
    }
}
