//! From the strokes of a pen to an image like those of MNIST.
//!
//! As there (LeCun, Bottou, Bengio and Haffner 1998), the ink is scaled until the longer side of its box is 20 pixels,
//! with grey along its edges, and placed so that its centre of mass is the middle of the 28 x 28 pixels.

use crate::picture::{PIXELS, SIDE};

/// The points of a stroke: across and down, in any unit.
pub type Stroke = Vec<[f32; 2]>;

/// Samples along one side of a pixel: their share under the ink is the grey.
const FINE: usize = 8;

/// Samples along the longer side of the ink's box.
const INK: usize = 20 * FINE;

/// Samples along one side of the image.
const WHOLE: usize = SIDE * FINE;

/// The image of some strokes of a round pen, ink being 255; none where there is no ink.
pub fn normalise(strokes: &[Stroke], pen_width: f32) -> Option<Vec<u8>> {
    let radius = 0.5 * pen_width;
    let (mut low, mut high) = ([f32::INFINITY; 2], [f32::NEG_INFINITY; 2]);
    for point in strokes.iter().flatten() {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis] - radius);
            high[axis] = high[axis].max(point[axis] + radius);
        }
    }
    let longer = (high[0] - low[0]).max(high[1] - low[1]);
    if !(longer.is_finite() && longer > 0.0) {
        return None;
    }
    let scale = float(INK) / longer;
    let place = |point: &[f32; 2]| [(point[0] - low[0]) * scale, (point[1] - low[1]) * scale];
    let mut ink = vec![false; INK * INK];
    for stroke in strokes {
        let mut from = stroke.first().map_or([0.0; 2], place);
        for point in stroke {
            let to = place(point);
            fill(&mut ink, from, to, radius * scale);
            from = to;
        }
    }
    // The pen may be so thin that it passes between the samples.
    let [left, top] = corner(&ink, [high[0] - low[0], high[1] - low[1]].map(|side| side * scale))?;
    let mut counts = [0_usize; PIXELS];
    for (at, _) in ink.iter().enumerate().filter(|(_, is_ink)| **is_ink) {
        counts[(at / INK + top) / FINE * SIDE + (at % INK + left) / FINE] += 1;
    }
    let grey = |count: usize| u8::try_from(count * 255 / (FINE * FINE)).unwrap_or(u8::MAX);
    Some(counts.into_iter().map(grey).collect())
}

/// Mark the samples that a round pen covers on its way.
fn fill(ink: &mut [bool], from: [f32; 2], to: [f32; 2], radius: f32) {
    let way = [to[0] - from[0], to[1] - from[1]];
    let length = way[0] * way[0] + way[1] * way[1];
    let span = |axis: usize| {
        let (low, high) = (from[axis].min(to[axis]) - radius, from[axis].max(to[axis]) + radius);
        sample(low)..(sample(high) + 1).min(INK)
    };
    for row in span(1) {
        for column in span(0) {
            let offset = [float(column) + 0.5 - from[0], float(row) + 0.5 - from[1]];
            let along = offset[0] * way[0] + offset[1] * way[1];
            let share = if length > 0.0 { (along / length).clamp(0.0, 1.0) } else { 0.0 };
            let [x, y] = [offset[0] - share * way[0], offset[1] - share * way[1]];
            if x * x + y * y <= radius * radius {
                ink[row * INK + column] = true;
            }
        }
    }
}

/// Where the left upper corner of the ink's box belongs, in samples: the centre of mass is in the middle, as far as no
/// ink is lost.
fn corner(ink: &[bool], size: [f32; 2]) -> Option<[usize; 2]> {
    let (mut mass, mut sum) = (0, [0; 2]);
    for (at, _) in ink.iter().enumerate().filter(|(_, is_ink)| **is_ink) {
        mass += 1;
        sum[0] += at % INK;
        sum[1] += at / INK;
    }
    let middle = |axis: usize| float(sum[axis]) / float(mass) + 0.5;
    let free = |axis: usize| WHOLE - sample(size[axis].ceil()).min(INK);
    let start = |axis: usize| sample((0.5 * float(WHOLE) - middle(axis)).round()).min(free(axis));
    (mass > 0).then(|| [start(0), start(1)])
}

#[expect(clippy::cast_precision_loss, reason = "counts of samples are far below 2^24")]
fn float(count: usize) -> f32 {
    count as f32
}

/// The sample at a place, the first one for places before it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a conversion that saturates")]
fn sample(place: f32) -> usize {
    place as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seven, somewhere and of some size.
    fn seven(left: f32, top: f32, size: f32) -> Vec<u8> {
        let at = |x: f32, y: f32| [left + x * size, top + y * size];
        let strokes =
            [vec![at(0.0, 0.0), at(0.3, 0.02), at(0.6, 0.0), at(0.2, 1.0)], vec![at(0.2, 0.5), at(0.5, 0.5)]];
        normalise(&strokes, 0.1 * size).expect("there is ink")
    }

    fn middle(image: &[u8]) -> [f32; 2] {
        let (mut mass, mut sum) = (0.0, [0.0; 2]);
        for (at, grey) in image.iter().enumerate() {
            mass += f32::from(*grey);
            sum[0] += f32::from(*grey) * (float(at % SIDE) + 0.5);
            sum[1] += f32::from(*grey) * (float(at / SIDE) + 0.5);
        }
        sum.map(|sum| sum / mass)
    }

    #[test]
    fn place_and_size_do_not_matter() {
        let image = seven(100.0, 50.0, 600.0);
        for other in [seven(0.0, 0.0, 600.0), seven(-3.0, 700.0, 61.0), seven(0.25, 0.5, 0.1)] {
            let difference = image.iter().zip(&other).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(difference <= Some(24), "{difference:?}");
        }
    }

    #[test]
    fn ink_is_twenty_pixels_long_and_centred() {
        let image = seven(10.0, 20.0, 300.0);
        let rows = image.chunks_exact(SIDE).filter(|row| row.iter().any(|grey| *grey > 0)).count();
        assert!((20..=21).contains(&rows), "{rows} rows");
        assert!(image.contains(&255) && image.iter().any(|grey| (1..255).contains(grey)), "grey edges");
        for middle in middle(&image) {
            assert!((middle - 14.0).abs() < 0.1, "{middle}");
        }
    }

    #[test]
    fn a_dot_is_a_disc_and_a_line_stays_whole() {
        let dot = normalise(&[vec![[5.0, 5.0]]], 2.0).expect("there is ink");
        let area: f32 = dot.iter().map(|grey| f32::from(*grey) / 255.0).sum();
        assert!((area - 100.0 * std::f32::consts::PI).abs() < 3.0, "{area}");
        let line = normalise(&[vec![[0.0, 0.0], [90.0, 0.0]]], 10.0).expect("there is ink");
        let area: f32 = line.iter().map(|grey| f32::from(*grey) / 255.0).sum();
        assert!((area - 36.0 - std::f32::consts::PI).abs() < 1.0, "{area}");
    }

    #[test]
    fn no_ink_is_lost_at_the_edge() {
        // A blot with a long tail: its centre of mass is far from the middle of its box.
        let strokes =
            [vec![[0.0, 0.0], [0.0, 90.0], [3.0, 90.0], [3.0, 0.0]], vec![[0.0, 0.0], [100.0, 0.0]]];
        let image = normalise(&strokes, 4.0).expect("there is ink");
        let columns = (0..SIDE).filter(|column| (0..SIDE).any(|row| image[row * SIDE + column] > 0)).count();
        assert!(columns >= 20, "{columns} columns");
    }

    #[test]
    fn without_ink_there_is_nothing() {
        assert_eq!(normalise(&[], 10.0), None);
        assert_eq!(normalise(&[Vec::new()], 10.0), None);
        assert_eq!(normalise(&[vec![[1.0, 1.0]]], 0.0), None);
    }
}
