//! Colours and marks of classes.

use latent_protocol::Theme;

/// Paul Tol's scheme "muted", which colour-blind readers can tell apart (<https://personal.sron.nl/~pault/>).
const MUTED: [[u8; 3]; 10] = [
    [0xcc, 0x66, 0x77],
    [0x33, 0x22, 0x88],
    [0xdd, 0xcc, 0x77],
    [0x11, 0x77, 0x33],
    [0x88, 0xcc, 0xee],
    [0x88, 0x22, 0x55],
    [0x44, 0xaa, 0x99],
    [0x99, 0x99, 0x33],
    [0xaa, 0x44, 0x99],
    [0xdd, 0xdd, 0xdd],
];

/// What a mark needs to be seen, by guideline 1.4.11 of WCAG 2.2.
const CONTRAST: f64 = 3.0;

/// The colour of a class, mixed with ink until it can be seen on the paper.
pub fn color(class: u8, theme: Theme) -> [u8; 3] {
    let pure = MUTED[usize::from(class) % MUTED.len()];
    let towards_ink = Theme { paper: pure, ink: theme.ink };
    let mixed = (0..10_u8).map(|tenths| towards_ink.color(f32::from(tenths) / 10.0));
    let mut seen = mixed.filter(|color| contrast(*color, theme.paper) >= CONTRAST);
    seen.next().unwrap_or(theme.ink)
}

/// A colour as style sheets and canvases read it.
pub fn css([r, g, b]: [u8; 3]) -> String {
    format!("rgb({r} {g} {b})")
}

/// The character that stands for a class, so that it is told apart without its colour.
pub fn mark(class: u8) -> char {
    char::from_digit(u32::from(class), 32).unwrap_or('\u{2022}')
}

/// Ratio of two colours' luminances, by WCAG 2.2.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
    a.max(b) / a.min(b)
}

fn luminance(color: [u8; 3]) -> f64 {
    let [r, g, b] = color.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_seen_on_both_papers_and_differ() {
        let light = Theme { paper: [0xff; 3], ink: [0x17, 0x1a, 0x2b] };
        let dark = Theme { paper: [0x10, 0x13, 0x20], ink: [0xf2, 0xf4, 0xff] };
        for theme in [light, dark] {
            for class in 0..10 {
                assert!(contrast(color(class, theme), theme.paper) >= CONTRAST, "{class}");
                assert!((0..class).all(|other| color(other, theme) != color(class, theme)), "{class}");
            }
        }
        assert_eq!((mark(7), mark(31), mark(200)), ('7', 'v', '\u{2022}'));
    }
}
