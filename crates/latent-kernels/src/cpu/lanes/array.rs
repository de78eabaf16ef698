//! Four floats in an array.

use std::ops::{Add, Div, Mul, Sub};

/// Four floats.
#[derive(Clone, Copy)]
pub struct Lanes([f32; 4]);

impl Lanes {
    /// The same number four times.
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    /// Four floats from memory.
    #[inline(always)]
    pub fn load(values: &[f32; 4]) -> Self {
        Self(*values)
    }

    /// Four floats to memory.
    #[inline(always)]
    pub fn store(self, values: &mut [f32; 4]) {
        *values = self.0;
    }

    /// `self + a b`.
    #[cfg(test)]
    #[inline(always)]
    pub fn add_product(self, a: Self, b: Self) -> Self {
        self + a * b
    }

    /// The larger of each two; what is not a number stays so.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        self.pairs(other, |a, b| if a < b { b } else { a })
    }

    /// Without signs.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    /// The square roots.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    /// The nearest whole numbers, even ones from the middle.
    #[inline(always)]
    pub fn round(self) -> Self {
        Self(self.0.map(f32::round_ties_even))
    }

    /// `2^n` of whole numbers from -126 to 127.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "n + 127 is from 1 to 254")]
    pub fn power_of_two(self) -> Self {
        Self(self.0.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23)))
    }

    /// `a` where a lane is positive, else `b`.
    #[inline(always)]
    pub fn positive_or(self, a: Self, b: Self) -> Self {
        let mut lanes = b;
        for (lane, (&x, a)) in lanes.0.iter_mut().zip(self.0.iter().zip(a.0)) {
            if x > 0.0 {
                *lane = a;
            }
        }
        lanes
    }

    #[inline(always)]
    fn pairs(self, other: Self, function: impl Fn(f32, f32) -> f32) -> Self {
        let mut lanes = self.0;
        for (lane, other) in lanes.iter_mut().zip(other.0) {
            *lane = function(*lane, other);
        }
        Self(lanes)
    }
}

impl Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.pairs(other, |a, b| a + b)
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.pairs(other, |a, b| a - b)
    }
}

impl Mul for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.pairs(other, |a, b| a * b)
    }
}

impl Div for Lanes {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        self.pairs(other, |a, b| a / b)
    }
}
