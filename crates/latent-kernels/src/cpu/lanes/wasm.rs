//! Four floats in a vector register.

#![expect(
    unsafe_code,
    reason = "one load and one store instruction, which four of single floats become only by luck"
)]

use core::arch::wasm32 as simd;
use std::ops::{Add, Div, Mul, Sub};

/// Four floats.
#[derive(Clone, Copy)]
pub struct Lanes(simd::v128);

impl Lanes {
    /// The same number four times.
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self(simd::f32x4_splat(value))
    }

    /// Four floats from memory.
    #[inline(always)]
    pub fn load(values: &[f32; 4]) -> Self {
        // SAFETY: these are sixteen bytes, and any place will do.
        Self(unsafe { simd::v128_load(values.as_ptr().cast()) })
    }

    /// Four floats to memory.
    #[inline(always)]
    pub fn store(self, values: &mut [f32; 4]) {
        // SAFETY: as above, and nobody else has them.
        unsafe { simd::v128_store(values.as_mut_ptr().cast(), self.0) }
    }

    /// `self + a b`.
    #[inline(always)]
    pub fn add_product(self, a: Self, b: Self) -> Self {
        self + a * b
    }

    /// The larger of each two; what is not a number stays so.
    #[inline(always)]
    pub fn max(self, other: Self) -> Self {
        Self(simd::f32x4_pmax(self.0, other.0))
    }

    /// Without signs.
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(simd::f32x4_abs(self.0))
    }

    /// The square roots.
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(simd::f32x4_sqrt(self.0))
    }

    /// The nearest whole numbers, even ones from the middle.
    #[inline(always)]
    pub fn round(self) -> Self {
        Self(simd::f32x4_nearest(self.0))
    }

    /// `2^n` of whole numbers from -126 to 127.
    #[inline(always)]
    pub fn power_of_two(self) -> Self {
        let biased = simd::i32x4_add(simd::i32x4_trunc_sat_f32x4(self.0), simd::i32x4_splat(127));
        Self(simd::i32x4_shl(biased, 23))
    }

    /// `a` where a lane is positive, else `b`.
    #[inline(always)]
    pub fn positive_or(self, a: Self, b: Self) -> Self {
        Self(simd::v128_bitselect(a.0, b.0, simd::f32x4_gt(self.0, simd::f32x4_splat(0.0))))
    }
}

impl Add for Lanes {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(simd::f32x4_add(self.0, other.0))
    }
}

impl Sub for Lanes {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(simd::f32x4_sub(self.0, other.0))
    }
}

impl Mul for Lanes {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(simd::f32x4_mul(self.0, other.0))
    }
}

impl Div for Lanes {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(simd::f32x4_div(self.0, other.0))
    }
}
