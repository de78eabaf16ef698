//! Decimal numbers from text, by what is there already: in a browser that is the browser, since the standard
//! library's tables for it take 11 kB of a page.

#[cfg_attr(target_arch = "wasm32", path = "number/wasm.rs")]
#[cfg_attr(not(target_arch = "wasm32"), path = "number/native.rs")]
mod parser;

/// A finite decimal number such as `-0.5` or `1e-3`, if the text is one and nothing else.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    parser::parse(text).filter(|number| is_decimal && !text.is_empty() && number.is_finite())
}

/// The same, as near as an `f32` comes.
#[must_use]
pub fn number_f32(text: &str) -> Option<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "points and codes are kept as f32")]
    let number = number(text)? as f32;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decimal_numbers_are_read() {
        assert_eq!(
            ["0.001", "-1e-3", "+5", ".5", "2."].map(number),
            [0.001, -0.001, 5.0, 0.5, 2.0].map(Some)
        );
        assert_eq!(["", " 1", "inf", "NaN", "0x10", "1,5", "1e999", "e", "-"].map(number), [None; 9]);
    }
}
