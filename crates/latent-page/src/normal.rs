//! Between a latent's value and its place on the plane's side: the standard normal distribution.

use std::f64::consts::SQRT_2;

/// Share of a standard normal that lies below `z`.
///
/// The error function by formula 7.1.26 of Abramowitz and Stegun (1964), whose absolute error is below 1.5e-7.
pub fn unit_from_normal(z: f32) -> f32 {
    const P: f64 = 0.327_591_1;
    const A: [f64; 5] = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let x = f64::from(z.abs()) / SQRT_2;
    let t = 1.0 / (1.0 + P * x);
    let tail = 0.5 * A.iter().fold(0.0, |sum, a| (sum + a) * t) * (-x * x).exp();
    #[expect(clippy::cast_possible_truncation, reason = "a share")]
    let tail = tail as f32;
    if z < 0.0 { tail } else { 1.0 - tail }
}

/// The value below which this share of a standard normal lies, between -4 and 4.
pub fn normal_from_unit(unit: f32) -> f32 {
    let (mut low, mut high) = (-4.0, 4.0);
    // Halved until nothing that is shown changes.
    for _ in 0..20 {
        let middle = 0.5 * (low + high);
        if unit_from_normal(middle) < unit { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_tables() {
        for (z, share) in [(0.0, 0.5), (0.6745, 0.75), (1.0, 0.841_345), (-1.96, 0.024_998), (3.0, 0.998_650)]
        {
            assert!((unit_from_normal(z) - share).abs() < 1e-5, "{z}");
        }
    }

    #[test]
    fn one_undoes_the_other() {
        for z in [-3.0, -1.25, -0.05, 0.0, 0.4, 2.95] {
            assert!((normal_from_unit(unit_from_normal(z)) - z).abs() < 1e-3, "{z}");
        }
    }
}
