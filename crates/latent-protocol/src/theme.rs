//! The two colours between which grey values are drawn.

use serde::{Deserialize, Serialize};

/// Colours of an intensity of 0 (`paper`) and 1 (`ink`), as sRGB bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theme {
    /// Colour of background pixels.
    pub paper: [u8; 3],
    /// Colour of full strokes.
    pub ink: [u8; 3],
}

impl Theme {
    /// White strokes on black, as the data set is stored.
    pub const PLAIN: Self = Self { paper: [0; 3], ink: [255; 3] };

    /// The colour of an intensity, which is clamped to [0, 1].
    #[must_use]
    pub fn color(&self, intensity: f32) -> [u8; 3] {
        let t = intensity.clamp(0.0, 1.0);
        std::array::from_fn(|i| {
            let (from, to) = (f32::from(self.paper[i]), f32::from(self.ink[i]));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "0..=255 by construction"
            )]
            let byte = (from + (to - from) * t + 0.5) as u8;
            byte
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Theme;

    #[test]
    fn ends_and_middle() {
        assert_eq!(Theme::PLAIN.color(-1.0), [0; 3]);
        assert_eq!(Theme::PLAIN.color(0.5), [128; 3]);
        assert_eq!(Theme::PLAIN.color(2.0), [255; 3]);
        assert_eq!(Theme::PLAIN.color(f32::NAN), [0; 3], "a broken value is drawn as paper");
    }
}
