//! Natively, by the standard library.

/// A number, if the text is one.
pub fn parse(text: &str) -> Option<f64> {
    text.parse().ok()
}
