//! Values over steps as a picture: axes with a grid, and lines.

/// A colour.
pub type Rgb = (u8, u8, u8);

/// Height of the picture in CSS pixels, as in `www/style.css`.
const HEIGHT: f64 = 176.0;

/// Height of a label with the room above it.
const ROW: f64 = 20.0;

/// The lower end of what is drawn: under it are the labels of the steps.
const FOOT: f64 = HEIGHT - ROW;

/// Width of a character in a label, which is monospaced.
const CHARACTER: f64 = 7.2;

/// Half the height of a digit.
const CAP: f64 = 6.0;

/// Room on the right of a label.
const GAP: f64 = 18.0;

/// Half the diagonal of a mark.
const MARK: f64 = 9.6;

/// A line of the picture.
pub struct Curve {
    /// Its colour.
    pub color: Rgb,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Steps and values. A line is broken where a value is NaN.
    pub points: Vec<(f64, f64)>,
}

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq)]
pub enum Stroke {
    /// As a line.
    Plain,
    /// As a thin line, which `www/tools.css` dashes.
    Past,
    /// With a diamond at each point.
    Marked,
}

/// Lines as an SVG of this width, in CSS pixels. The axis of values holds the zero.
pub fn svg(curves: &[Curve], width: f64) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points).filter(|(_, value)| !value.is_nan());
    let steps = range(points().map(|(step, _)| *step));
    let values = range(points().map(|(_, value)| *value).chain([0.0]));
    let (Some(steps), Some(values)) = (steps, values) else { return String::new() };

    let rows = ticks(values, |_| FOOT / ROW);
    let longest = rows.iter().map(|(_, label)| label.len()).max().unwrap_or_default();
    let left = CHARACTER * length(longest) + GAP;
    let columns = ticks(steps, |label| (width - left) / (CHARACTER * length(label) + 2.0 * GAP));
    let x = |step: f64| left + share(steps, step) * (width - left);
    let y = |value: f64| FOOT - share(values, value) * FOOT;

    let horizontal = rows.iter().map(|(value, _)| format!("M{left:.1} {:.1}H{width}", y(*value)));
    let vertical = columns.iter().map(|(step, _)| format!("M{:.1} 0V{FOOT}", x(*step)));
    let grid: String = horizontal.chain(vertical).collect();
    let text = |anchor: &str, x: f64, y: f64, label: &str| {
        format!("<text text-anchor='{anchor}' x='{x:.1}' y='{y:.1}'>{label}</text>")
    };
    // The highest and the last label stay within the picture.
    let beside = rows.iter().map(|(value, label)| text("end", left - GAP, (y(*value) + 4.0).max(CAP), label));
    let below = columns.iter().map(|(step, label)| {
        let half = CHARACTER * length(label.len()) / 2.0;
        text("middle", (x(*step) - GAP / 2.0).min(width - half), 170.0, label)
    });
    let labels: String = beside.chain(below).collect();
    let lines: String = curves.iter().map(|curve| line(curve, x, y)).collect();
    format!(
        "<svg width='{width}' height='{HEIGHT}' viewBox='0 0 {width} {HEIGHT}'>\
         <g fill='none' stroke='#888c99'><path d='M{left:.1} 0V{FOOT}H{width}'/><path class='grid' d='{grid}'/></g>\
         {labels}{lines}</svg>"
    )
}

/// A line, and its marks.
fn line(curve: &Curve, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let is_known = |point: &&(f64, f64)| !point.1.is_nan();
    let path = |part: &[(f64, f64)]| {
        let points: Vec<String> =
            part.iter().map(|(step, value)| format!("{:.2} {:.2}", x(*step), y(*value))).collect();
        if points.is_empty() { String::new() } else { format!("M{}", points.join("L")) }
    };
    let path: String = curve.points.split(|(_, value)| value.is_nan()).map(path).collect();
    let mark = |(step, value): &(f64, f64)| {
        format!("M{:.2} {:.2}l{MARK} {MARK}l-{MARK} {MARK}l-{MARK} -{MARK}z", x(*step), y(*value) - MARK)
    };
    let marked = if curve.stroke == Stroke::Marked { curve.points.as_slice() } else { &[] };
    let marks: String = marked.iter().filter(is_known).map(mark).collect();
    let kind = if curve.stroke == Stroke::Past { "line past" } else { "line" };
    let color = rgb(curve.color);
    format!(
        "<g class='{kind}' stroke='{color}'>\
         <path d='{path}'/><path class='marks' fill='{color}' d='{marks}'/></g>"
    )
}

/// A colour as style sheets and pictures have it.
pub fn rgb((r, g, b): Rgb) -> String {
    format!("rgb({r} {g} {b})")
}

/// The least and the largest number, if there is one.
fn range(numbers: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    numbers.fold(None, |range, number| {
        let (least, largest) = range.unwrap_or((number, number));
        Some((number.min(least), number.max(largest)))
    })
}

/// Where a number lies in a range, from 0 to 1.
fn share((least, largest): (f64, f64), number: f64) -> f64 {
    if largest > least { (number - least) / (largest - least) } else { 0.0 }
}

/// Numbers at equal distances from end to end, and their labels. `fit` says how many have room whose labels are so
/// long.
fn ticks((least, largest): (f64, f64), fit: impl Fn(usize) -> f64) -> Vec<(f64, String)> {
    let count = |exponent: i32| {
        let longest = label(least, exponent).len().max(label(largest, exponent).len());
        fit(longest).floor()
    };
    // A digit more than the range has, and another where more than ten have room.
    let exponent = magnitude(largest - least) - 1;
    let exponent = exponent - magnitude(count(exponent) - 2.0);
    let gaps = count(exponent) - 1.0;
    if gaps < 1.0 || largest <= least {
        let middle = f64::midpoint(least, largest);
        return vec![(middle, label(middle, exponent))];
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a picture has few labels")]
    let numbers = 0..=gaps as u32;
    let tick = |number: u32| least + (largest - least) * f64::from(number) / gaps;
    numbers.map(tick).map(|tick| (tick, label(tick, exponent))).collect()
}

/// The power of ten that a number has; 0 of zero.
fn magnitude(number: f64) -> i32 {
    let exponent = number.abs().log10().floor();
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a number")]
    let exponent = if exponent.is_finite() { exponent as i32 } else { 0 };
    exponent
}

/// A number down to the digit of this power of ten; smaller digits before the point are zeros.
fn label(number: f64, exponent: i32) -> String {
    let places = usize::try_from(-exponent).unwrap_or(0);
    let mut text = format!("{number:.places$}");
    let digits = text.trim_start_matches('-').len();
    let zeros = usize::try_from(exponent).unwrap_or(0).min(digits - 1);
    text.truncate(text.len() - zeros);
    text + &"0".repeat(zeros)
}

#[expect(clippy::cast_precision_loss, reason = "labels are short")]
fn length(characters: usize) -> f64 {
    characters as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(range: (f64, f64), room: f64) -> Vec<String> {
        ticks(range, |_| room).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn labels_are_short_and_reach_from_end_to_end() {
        assert_eq!(labels((0.0, 540.3), 7.8), ["0", "90", "180", "270", "360", "450", "540"]);
        assert_eq!(labels((1.0, 1200.0), 4.0), ["1", "400", "800", "1200"]);
        assert_eq!(labels((-0.2, 0.3), 3.0), ["-0.20", "0.05", "0.30"]);
        assert_eq!(labels((0.0, 1.0), 12.0)[1], "0.09", "many need a digit more");
    }

    #[test]
    fn where_there_is_no_range_there_is_one_label() {
        assert_eq!(labels((3.0, 3.0), 7.0), ["3.0"]);
        assert_eq!(labels((0.0, 10.0), 1.0), ["5"]);
    }

    #[test]
    fn a_line_is_broken_where_it_has_no_value() {
        let points = vec![(0.0, 0.0), (1.0, f64::NAN), (2.0, 1.0), (4.0, 0.5)];
        let drawn = svg(&[Curve { color: (1, 2, 3), stroke: Stroke::Plain, points }], 139.6);
        // Labels of three characters take 39.6 pixels.
        assert!(drawn.contains("d='M39.60 156.00M89.60 0.00L139.60 78.00'"), "{drawn}");
    }

    #[test]
    fn no_label_is_cut_at_the_edge() {
        let points = vec![(0.0, 0.0), (12_000.0, 300.0)];
        let drawn = svg(&[Curve { color: (1, 2, 3), stroke: Stroke::Plain, points }], 300.0);
        // The last step's five characters take 36 pixels.
        assert!(drawn.contains("x='282.0' y='170.0'>12000<"), "{drawn}");
        assert!(drawn.contains("y='6.0'>300<"), "{drawn}");
    }

    #[test]
    fn without_values_there_is_no_picture() {
        assert_eq!(svg(&[Curve { color: (1, 2, 3), stroke: Stroke::Past, points: Vec::new() }], 100.0), "");
    }
}
