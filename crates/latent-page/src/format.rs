//! Numbers as people read them, with the marks of their language.

use js_sys::{Date, Object, Reflect};

use crate::text::{filled, language, marks};

/// Returns milliseconds with their unit, with one decimal below ten.
pub fn milliseconds(value: f64) -> String {
    filled("device.milliseconds", &[("value", &decimal(value, usize::from(value < 10.0)))])
}

/// `1234567` as `1,234,567`.
pub fn thousands(value: u64) -> String {
    grouped(&value.to_string())
}

/// `-1234.5` as `−1,234.50`, with so many decimals and a true minus sign.
pub fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if value < 0.0 && text.contains(|digit| matches!(digit, '1'..='9')) { "\u{2212}" } else { "" };
    let point = if fraction.is_empty() { "" } else { marks().point };
    [sign, &grouped(whole), point, fraction].concat()
}

/// A loss: nats with one decimal, small errors with four. Not grouped, so that it is quick to compare.
pub fn loss(value: f64) -> String {
    let decimals = if value.abs() < 1.0 { 4 } else { 1 };
    plain(&format!("{value:.decimals$}"))
}

/// A number as programs write it, with a true minus sign and the language's point.
pub fn plain(number: &str) -> String {
    number.replace('-', "\u{2212}").replace('.', marks().point)
}

/// A number of any size with at most four digits, as in `−0.312`, `21.50` or `1,204`.
pub fn number(value: f64) -> String {
    let places = [9.9995, 99.995, 999.95].iter().position(|limit| value.abs() < *limit);
    decimal(value, places.map_or(0, |place| 3 - place))
}

/// A number that may be very small, as in `3.2 × 10⁻⁵`.
pub fn scientific(value: f64) -> String {
    let size = value.abs();
    if size >= 0.01 || value == 0.0 || !value.is_finite() {
        return number(value);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the exponent of a number")]
    let mut exponent = size.log10().floor() as i32;
    // What would be rounded to ten of the unit is one of the next.
    if size / 10_f64.powi(exponent) >= 9.95 {
        exponent += 1;
    }
    format!("{} \u{d7} {}", decimal(value / 10_f64.powi(exponent), 1), power(exponent))
}

/// A power of ten, as in `10⁻⁵`.
pub fn power(exponent: i32) -> String {
    const RAISED: [char; 10] = [
        '\u{2070}', '\u{b9}', '\u{b2}', '\u{b3}', '\u{2074}', '\u{2075}', '\u{2076}', '\u{2077}', '\u{2078}',
        '\u{2079}',
    ];
    let digits = exponent.unsigned_abs().to_string();
    let raised = digits.bytes().map(|digit| RAISED[usize::from(digit - b'0')]);
    let sign = (exponent < 0).then_some('\u{207b}');
    "10".chars().chain(sign).chain(raised).collect()
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push_str(marks().group);
        }
        text.push(digit);
    }
    text
}

/// Milliseconds as `0:42` or `1:02:03`.
pub fn clock(ms: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a duration")]
    let seconds = (ms / 1000.0) as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A sentence: with a capital and a full stop.
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        // The capitals of all letters are a table that everybody would fetch: a text begins with a plain letter.
        Some(first) => [first.to_ascii_uppercase()].into_iter().chain(rest).chain(['.']).collect(),
        None => String::new(),
    }
}

/// A moment as `14:03`, or as `Mar 5, 2026, 14:03` if it was not today, as the language writes it.
pub fn moment(ms: f64) -> String {
    let (moment, today) = (Date::new(&ms.into()), Date::new_0());
    let options = Object::new();
    let set = |option: &str, value: &str| {
        // An object that is new takes what it is given.
        let _ = Reflect::set(&options, &option.into(), &value.into());
    };
    set("hourCycle", "h23");
    set("timeStyle", "short");
    if moment.to_date_string() != today.to_date_string() {
        set("dateStyle", "medium");
    }
    moment.to_locale_string(&language(), &options).into()
}

/// Bytes as `12.3 MB`.
pub fn megabytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    let megabytes = bytes as f64 / 1e6;
    decimal(megabytes, 1) + " MB"
}

/// A latent's name, counted from one as in `z1`.
pub fn latent(index: usize) -> String {
    format!("z{}", index + 1)
}

/// Coordinates as `0.31, −1.20`, with a true minus sign.
pub fn code(z: &[f32]) -> String {
    let mut parts: Vec<String> = z.iter().take(4).map(|v| plain(&format!("{v:.2}"))).collect();
    if z.len() > 4 {
        parts.push("\u{2026}".into());
    }
    parts.join(marks().list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_signed() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(decimal(-1234.56, 1), "\u{2212}1,234.6");
        assert_eq!(decimal(-0.001, 2), "0.00");
        assert_eq!(decimal(999.9, 0), "1,000");
        assert_eq!(loss(0.041_23), "0.0412");
        assert_eq!(loss(-1149.24), "\u{2212}1149.2");
        assert_eq!(["test 1", "\u{2212}ELBO", ""].map(sentence), ["Test 1.", "\u{2212}ELBO.", ""]);
    }

    #[test]
    fn numbers_of_any_size_are_short() {
        assert_eq!([-0.3119, 9.9996, 21.5, 999.96].map(number), ["\u{2212}0.312", "10.00", "21.50", "1,000"]);
        assert_eq!([0.0, 0.25].map(scientific), ["0.000", "0.250"]);
        assert_eq!(scientific(3.21e-5), "3.2 \u{d7} 10\u{207b}\u{2075}");
        assert_eq!(scientific(-9.97e-13), "\u{2212}1.0 \u{d7} 10\u{207b}\u{b9}\u{b2}");
        assert_eq!(power(0), "10\u{2070}");
    }
}
