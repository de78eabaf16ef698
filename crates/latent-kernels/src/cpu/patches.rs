//! Images as patches, and back. Channels come last, so that a row of a patch lies together in its image.

use std::ops::Range;

use crate::Grid;

/// The patches of images.
pub fn unfold(images: &[f32], grid: Grid) -> Vec<f32> {
    let [rows, columns] = grid.patches_shape();
    let mut patches = vec![0.0; rows * columns];
    each_run(grid, |patch, image| patches[patch].copy_from_slice(&images[image]));
    patches
}

/// Images as sums of patches.
pub fn fold(patches: &[f32], grid: Grid) -> Vec<f32> {
    let mut images = vec![0.0; grid.images_shape().iter().product()];
    each_run(grid, |patch, image| {
        for (sum, value) in images[image].iter_mut().zip(&patches[patch]) {
            *sum += value;
        }
    });
    images
}

/// Each row of each patch that lies in its image: where it is among the patches, and where among the images.
fn each_run(grid: Grid, mut run: impl FnMut(Range<usize>, Range<usize>)) {
    let Grid { batch, height, width, channels, side } = grid;
    let (fine_height, fine_width) = (2 * height, 2 * width);
    for patch in 0..batch * height * width {
        let (image, y, x) = (patch / (height * width), patch / width % height, patch % width);
        // A patch begins one pixel above and left of the two by two pixels that are its own.
        let inside = |at: usize, fine: usize| usize::from(at == 0)..side.min(fine + 1 - 2 * at);
        let columns = inside(x, fine_width);
        for row in inside(y, fine_height) {
            let place = (patch * side + row) * side + columns.start;
            let pixel = (image * fine_height + 2 * y + row - 1) * fine_width + 2 * x + columns.start - 1;
            let length = columns.len() * channels;
            run(place * channels..place * channels + length, pixel * channels..pixel * channels + length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: usize) -> Vec<f32> {
        (0..count).map(|index| f32::from(u16::try_from(index % 97).expect("small")) - 40.0).collect()
    }

    #[test]
    fn patches_are_what_filters_see() {
        for side in [3, 4] {
            check(Grid { batch: 2, height: 3, width: 2, channels: 3, side });
        }
    }

    fn check(grid: Grid) {
        let side = grid.side;
        let images = numbered(grid.images_shape().iter().product());
        let patches = unfold(&images, grid);
        let at = |image: usize, y: Option<usize>, x: Option<usize>, channel: usize| {
            let (y, x) = (y.filter(|&y| y < 6), x.filter(|&x| x < 4));
            y.zip(x).map_or(0.0, |(y, x)| images[((image * 6 + y) * 4 + x) * 3 + channel])
        };
        for (index, found) in patches.into_iter().enumerate() {
            let (channel, place) = (index % 3, index / 3);
            let (column, row, patch) = (place % side, place / side % side, place / (side * side));
            let (x, y, image) = (patch % 2, patch / 2 % 3, patch / 6);
            let expected = at(image, (2 * y + row).checked_sub(1), (2 * x + column).checked_sub(1), channel);
            assert!((found - expected).abs() < 1e-6, "patch {patch}, row {row}, column {column}");
        }
    }

    #[test]
    fn folding_is_the_transpose_of_unfolding() {
        let grid = Grid { batch: 2, height: 2, width: 3, channels: 2, side: 4 };
        let images = numbered(grid.images_shape().iter().product());
        let patches = numbered(grid.patches_shape().iter().product());
        let dot =
            |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        assert!((dot(&unfold(&images, grid), &patches) - dot(&images, &fold(&patches, grid))).abs() < 1e-6);
    }
}
