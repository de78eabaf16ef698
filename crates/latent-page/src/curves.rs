//! Values over steps as a picture: axes with a grid, and lines.

use crate::text::marks;

/// A colour.
pub type Rgb = (u8, u8, u8);

/// Height of the picture, as in `www/style.css`: CSS pixels where text has 16 of them.
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

/// Lengths of dashes and gaps, as SVG has them, and the style of CSS's borders that is most like it.
pub const DASHES: [(&str, &str); 4] =
    [("", "solid"), ("8 3", "dashed"), ("2 3", "dotted"), ("9 3 2 3", "double")];

/// A line of the picture.
pub struct Curve {
    /// Its colour.
    pub color: Rgb,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Which of [`DASHES`] it has, so that colour is not all that tells it from others.
    pub dash: usize,
    /// Steps and values. A line is broken where a value is NaN.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Half of a bar's width.
    fn half(&self) -> f64 {
        match self.points.as_slice() {
            [(first, _), (second, _), ..] => 0.5 * (second - first),
            _ => 0.0,
        }
    }

    /// Where bars begin and end.
    fn ends(&self) -> [f64; 2] {
        let half = self.half();
        [
            self.points.first().map_or(f64::NAN, |(step, _)| step - half),
            self.points.last().map_or(f64::NAN, |(step, _)| step + half),
        ]
    }
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
    /// As bars of equal width, from the axis of steps.
    Bars,
    /// As a line from end to end at the step of each point.
    Place,
}

/// What the axes show.
#[derive(Clone, Copy)]
pub struct Axes {
    /// Whether the axis of values holds the zero.
    pub from_zero: bool,
    /// Whether steps are placed by their logarithms.
    pub logarithmic: bool,
}

impl Default for Axes {
    fn default() -> Self {
        Self { from_zero: true, logarithmic: false }
    }
}

/// Lines as an SVG of this width, which `width::text_px_from_css_px` gives.
pub fn svg(curves: &[Curve], width: f64, axes: Axes) -> String {
    let scale = |step: f64| if axes.logarithmic { step.log10() } else { step };
    let points = || curves.iter().flat_map(|curve| &curve.points).filter(|(_, value)| !value.is_nan());
    let ends = curves.iter().filter(|curve| curve.stroke == Stroke::Bars).flat_map(Curve::ends);
    let steps = points().map(|(step, _)| *step).chain(ends).map(scale);
    let steps = range(steps.filter(|step| step.is_finite()));
    let zero = axes.from_zero.then_some(0.0);
    let values = range(points().map(|(_, value)| *value).chain(zero));
    let (Some(steps), Some(values)) = (steps, values) else { return String::new() };

    let rows = ticks(values, |_| FOOT / ROW);
    let longest = rows.iter().map(|(_, label)| label.len()).max().unwrap_or_default();
    let left = CHARACTER * length(longest) + GAP;
    let fit = |label| (width - left) / (CHARACTER * length(label) + 2.0 * GAP);
    let columns = if axes.logarithmic { powers(steps, fit) } else { ticks(steps, fit) };
    let place = |step: f64| left + share(steps, step) * (width - left);
    let x = |step: f64| place(scale(step));
    let y = |value: f64| FOOT - share(values, value) * FOOT;

    let horizontal = rows.iter().map(|(value, _)| format!("M{left:.1} {:.1}H{width}", y(*value)));
    let vertical = columns.iter().map(|(step, _)| format!("M{:.1} 0V{FOOT}", place(*step)));
    let grid: String = horizontal.chain(vertical).collect();
    let text = |anchor: &str, x: f64, y: f64, label: &str| {
        format!("<text text-anchor='{anchor}' x='{x:.1}' y='{y:.1}'>{label}</text>")
    };
    // The highest and the last label stay within the picture.
    let beside = rows.iter().map(|(value, label)| text("end", left - GAP, (y(*value) + 4.0).max(CAP), label));
    let below = columns.iter().map(|(step, label)| {
        let half = CHARACTER * length(label.len()) / 2.0;
        text("middle", (place(*step) - GAP / 2.0).min(width - half), 170.0, label)
    });
    let labels: String = beside.chain(below).collect();
    let lines: String = curves.iter().map(|curve| line(curve, x, y)).collect();
    format!(
        "<svg viewBox='0 0 {width} {HEIGHT}'>\
         <g fill='none' stroke='#888c99'><path d='M{left:.1} 0V{FOOT}H{width}'/><path class='grid' d='{grid}'/></g>\
         {labels}{lines}</svg>"
    )
}

/// A line, and its marks.
fn line(curve: &Curve, x: impl Fn(f64) -> f64, y: impl Fn(f64) -> f64) -> String {
    let color = rgb(curve.color);
    let (dashes, _) = DASHES[curve.dash % DASHES.len()];
    if let Stroke::Bars | Stroke::Place = curve.stroke {
        let half = curve.half();
        let bar = |(step, value): &(f64, f64)| match curve.stroke {
            Stroke::Place => format!("M{:.1} {FOOT}V0", x(*step)),
            _ => format!("M{:.1} {FOOT}V{:.1}H{:.1}V{FOOT}", x(step - half), y(*value), x(step + half)),
        };
        let path: String = curve.points.iter().map(bar).collect();
        let kind = if curve.stroke == Stroke::Bars { "bars" } else { "line" };
        return format!(
            "<g class='{kind}' stroke='{color}' fill='{color}' stroke-dasharray='{dashes}'><path d='{path}'/></g>"
        );
    }
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
    format!(
        "<g class='{kind}' stroke='{color}' stroke-dasharray='{dashes}'>\
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

/// Round numbers in a range of logarithms, with their logarithms before them: 1, 2, 5, 10 and so on where there is room, or
/// else powers of ten.
fn powers((least, largest): (f64, f64), fit: impl Fn(usize) -> f64) -> Vec<(f64, String)> {
    #[expect(clippy::cast_possible_truncation, reason = "an exponent")]
    let exponents = least.floor() as i32..=largest.ceil() as i32;
    let numbers = |digits: &[f64]| -> Vec<(f64, String)> {
        let all = exponents.clone().flat_map(|exponent| {
            digits.iter().map(move |digit| {
                let number = digit * 10_f64.powi(exponent);
                (number.log10(), label(number, exponent))
            })
        });
        all.filter(|(place, _)| (least..=largest).contains(place)).collect()
    };
    // Equal factors have equal room, which the widest label needs twice over where there are three in a power.
    let fine = numbers(&[1.0, 2.0, 5.0]);
    let longest = fine.iter().map(|(_, label)| label.len()).max().unwrap_or_default();
    let room = fit(longest) / (largest - least).max(f64::MIN_POSITIVE);
    if room >= 4.0 { fine } else { numbers(&[1.0]) }
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
    text.replace('.', marks().point) + &"0".repeat(zeros)
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
        let drawn = svg(
            &[Curve { color: (1, 2, 3), stroke: Stroke::Plain, dash: 0, points }],
            139.6,
            Axes::default(),
        );
        // Labels of three characters take 39.6 pixels.
        assert!(drawn.contains("d='M39.60 156.00M89.60 0.00L139.60 78.00'"), "{drawn}");
    }

    #[test]
    fn no_label_is_cut_at_the_edge() {
        let points = vec![(0.0, 0.0), (12_000.0, 300.0)];
        let drawn = svg(
            &[Curve { color: (1, 2, 3), stroke: Stroke::Plain, dash: 0, points }],
            300.0,
            Axes::default(),
        );
        // The last step's five characters take 36 pixels.
        assert!(drawn.contains("x='282.0' y='170.0'>12000<"), "{drawn}");
        assert!(drawn.contains("y='6.0'>300<"), "{drawn}");
    }

    #[test]
    fn without_values_there_is_no_picture() {
        let none = [Curve { color: (1, 2, 3), stroke: Stroke::Past, dash: 0, points: Vec::new() }];
        assert_eq!(svg(&none, 100.0, Axes::default()), "");
    }

    #[test]
    fn logarithms_have_round_labels() {
        let labels = |range, room: f64| -> Vec<String> {
            powers(range, |_| room).into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels((0.0, 3.0), 20.0), ["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"]);
        assert_eq!(labels((0.0, 3.1), 6.0), ["1", "10", "100", "1000"]);
        assert_eq!(labels((1.5, 2.5), 9.0), ["50", "100", "200"]);
    }

    #[test]
    fn bars_stand_on_the_axis_and_places_cross_the_picture() {
        let points = vec![(1.0, 4.0), (3.0, 2.0)];
        let bars = Curve { color: (1, 2, 3), stroke: Stroke::Bars, dash: 0, points };
        let place = Curve { color: (1, 2, 3), stroke: Stroke::Place, dash: 0, points: vec![(2.0, 0.0)] };
        let drawn = svg(&[bars, place], 139.6, Axes::default());
        // Labels of three characters take 39.6 pixels.
        assert!(drawn.contains("M39.6 156V0.0H89.6V156M89.6 156V78.0H139.6V156"), "{drawn}");
        assert!(drawn.contains("M89.6 156V0'"), "{drawn}");
    }
}
