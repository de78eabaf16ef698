//! Numbers as people read them.

/// `1234567` as `1,234,567`.
pub fn thousands(value: u64) -> String {
    grouped(&value.to_string())
}

/// `-1234.5` as `−1,234.50`, with so many decimals and a true minus sign.
pub fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let sign = if value < 0.0 && text.contains(|digit| matches!(digit, '1'..='9')) { "\u{2212}" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// A loss: nats with one decimal, small errors with four. Not grouped, so that it is quick to compare.
pub fn loss(value: f64) -> String {
    let decimals = if value.abs() < 1.0 { 4 } else { 1 };
    format!("{value:.decimals$}").replace('-', "\u{2212}")
}

fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
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

/// A moment as `14:03`, or as `2026-03-05 14:03` if it was not today.
pub fn moment(ms: f64) -> String {
    let (moment, today) = (js_sys::Date::new(&ms.into()), js_sys::Date::new_0());
    let day = |date: &js_sys::Date| (date.get_full_year(), date.get_month() + 1, date.get_date());
    let time = format!("{}:{:02}", moment.get_hours(), moment.get_minutes());
    let (year, month, number) = day(&moment);
    if day(&today) == day(&moment) { time } else { format!("{year}-{month:02}-{number:02} {time}") }
}

/// Bytes as `12.3 MB`.
pub fn megabytes(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.1} MB")
}

/// A latent's name, counted from one as in `z1`.
pub fn latent(index: usize) -> String {
    format!("z{}", index + 1)
}

/// Coordinates as `0.31, −1.20`, with a true minus sign.
pub fn code(z: &[f32]) -> String {
    let mut parts: Vec<String> =
        z.iter().take(4).map(|v| format!("{v:.2}").replace('-', "\u{2212}")).collect();
    if z.len() > 4 {
        parts.push("\u{2026}".into());
    }
    parts.join(", ")
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
    }
}
