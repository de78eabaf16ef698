//! From pixel intensities to coloured pictures.

use burn::tensor::Tensor;
use latent_protocol::Theme;

use crate::data::SIDE;

/// Square images side by side, on the device that computed them.
pub struct Tiles {
    /// `[n, 1, 28, 28]`, intensities in [0, 1].
    pub images: Tensor<4>,
    /// Images in a row.
    pub columns: usize,
    /// The colours they are drawn in.
    pub theme: Theme,
}

impl Tiles {
    /// Width and height in pixels.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let rows = self.images.dims()[0].div_ceil(self.columns);
        (self.columns * SIDE, rows * SIDE)
    }
}

/// The colours of the 256 levels of an intensity, with opaque alpha.
#[must_use]
pub fn palette(theme: Theme) -> [[u8; 4]; 256] {
    let mut palette = [[255; 4]; 256];
    for (level, color) in (0..=255u8).zip(&mut palette) {
        color[..3].copy_from_slice(&theme.color(f32::from(level) / 255.0));
    }
    palette
}

/// A picture of sRGB bytes with opaque alpha, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Four bytes a pixel.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// Square images side by side, `columns` in a row, drawn in a theme's colours.
    ///
    /// # Shapes
    /// `pixels`: n images of 28 x 28 intensities in [0, 1]; missing tiles at the end are paper.
    #[must_use]
    pub fn mosaic(pixels: &[f32], columns: usize, theme: Theme) -> Self {
        let count = pixels.len() / (SIDE * SIDE);
        let columns = columns.max(1);
        let (width, height) = (columns * SIDE, count.div_ceil(columns).max(1) * SIDE);
        let palette = palette(theme);
        let mut rgba: Vec<u8> = palette[0].repeat(width * height);
        for (row_index, row) in pixels.chunks_exact(SIDE).enumerate() {
            let (tile, y) = (row_index / SIDE, row_index % SIDE);
            let start = ((tile / columns * SIDE + y) * width + tile % columns * SIDE) * 4;
            for (to, intensity) in rgba[start..start + SIDE * 4].chunks_exact_mut(4).zip(row) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a float is cast to the nearest byte; NaN becomes 0"
                )]
                let level = (intensity * 255.0 + 0.5) as u8;
                to.copy_from_slice(&palette[usize::from(level)]);
            }
        }
        Self { width, height, rgba }
    }

    /// The picture at half its size, each pixel the mean of four.
    #[must_use]
    pub fn halved(&self) -> Self {
        let (width, height) = (self.width / 2, self.height / 2);
        let byte =
            |x: usize, y: usize, channel: usize| u16::from(self.rgba[(y * self.width + x) * 4 + channel]);
        let mut rgba = Vec::with_capacity(width * height * 4);
        for index in 0..width * height * 4 {
            let (x, y, channel) = (index / 4 % width * 2, index / 4 / width * 2, index % 4);
            let sum = byte(x, y, channel)
                + byte(x + 1, y, channel)
                + byte(x, y + 1, channel)
                + byte(x + 1, y + 1, channel);
            rgba.push(u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX));
        }
        Self { width, height, rgba }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_size_keeps_the_mean() {
        let mut pixels = vec![0.0; SIDE * SIDE];
        pixels[..2].fill(1.0);
        let half = Picture::mosaic(&pixels, 1, Theme::PLAIN).halved();
        assert_eq!((half.width, half.height, half.rgba.len()), (14, 14, 14 * 14 * 4));
        assert_eq!(half.rgba[..8], [128, 128, 128, 255, 0, 0, 0, 255]);
    }

    #[test]
    fn tiles_stand_where_they_belong() {
        let mut pixels = vec![0.0; 3 * SIDE * SIDE];
        pixels[SIDE * SIDE] = 1.0; // top left of the second tile
        pixels[2 * SIDE * SIDE + SIDE] = f32::NAN; // second row of the third
        let picture = Picture::mosaic(&pixels, 2, Theme::PLAIN);
        assert_eq!((picture.width, picture.height), (56, 56));
        let lit: Vec<usize> = (0..56 * 56).filter(|i| picture.rgba[i * 4] == 255).collect();
        assert_eq!(lit, [SIDE]);
        assert!(picture.rgba.chunks(4).all(|p| p[3] == 255));
    }
}
