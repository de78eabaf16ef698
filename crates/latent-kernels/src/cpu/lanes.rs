//! Four floats at once: a wasm vector in a browser, an array that the compiler vectorises elsewhere.

#![expect(
    clippy::inline_always,
    reason = "a vector that is not kept in a register is slower than four floats"
)]

#[cfg_attr(target_family = "wasm", path = "lanes/wasm.rs")]
#[cfg_attr(not(target_family = "wasm"), path = "lanes/array.rs")]
mod vector;

pub use vector::Lanes;

/// Floats in a [`Lanes`].
pub const WIDTH: usize = 4;

impl Lanes {
    /// `exp(x)` to 2 units in the last place, for `x` in [-87, 0]; below, about 1e-38.
    ///
    /// `x = n ln 2 + r`, `|r| <= ln 2 / 2`, and a polynomial of degree 6 for `exp(r)`.
    #[inline(always)]
    pub fn exp_of_negative(self) -> Self {
        let number = Self::splat;
        let x = self.max(number(-87.0));
        let n = (x * number(std::f32::consts::LOG2_E)).round();
        // ln 2 in two parts, so that n times the first is exact.
        let r = x - n * number(0.693_359_4) - n * number(-2.121_944_4e-4);
        let p = number(1.0 / 720.0) * r + number(1.0 / 120.0);
        let p = p * r + number(1.0 / 24.0);
        let p = p * r + number(1.0 / 6.0);
        let p = p * r + number(0.5);
        (p * r * r + r + number(1.0)) * n.power_of_two()
    }

    /// `log(1 + t)` for `t` in [0, 1]: `2 atanh(t / (2 + t))` by its series.
    #[inline(always)]
    pub fn log1p_of_share(self) -> Self {
        let number = Self::splat;
        let q = self / (self + number(2.0));
        let square = q * q;
        let p = number(1.0 / 13.0) * square + number(1.0 / 11.0);
        let p = p * square + number(1.0 / 9.0);
        let p = p * square + number(1.0 / 7.0);
        let p = p * square + number(1.0 / 5.0);
        let p = p * square + number(1.0 / 3.0);
        let p = p * square + number(1.0);
        number(2.0) * q * p
    }

    /// `1 / (1 + exp(-x))`.
    #[inline(always)]
    pub fn sigmoid(self) -> Self {
        let e = (Self::splat(0.0) - self.abs()).exp_of_negative();
        let small = e / (e + Self::splat(1.0));
        // The mirrored value where x is positive.
        self.positive_or(Self::splat(1.0) - small, small)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(values: [f32; 4], function: impl Fn(Lanes) -> Lanes) -> [f32; 4] {
        let mut found = [0.0; 4];
        function(Lanes::load(&values)).store(&mut found);
        found
    }

    #[test]
    fn functions_agree_with_those_of_the_library() {
        for step in 0..2000u16 {
            let x = -f32::from(step) * 0.04;
            let values = [x, x - 0.011, x * 0.01, 0.0];
            for (x, found) in values.into_iter().zip(each(values, Lanes::exp_of_negative)) {
                let exact = f64::from(x).exp();
                assert!((f64::from(found) / exact - 1.0).abs() < 5e-7, "exp({x}) is {exact}, not {found}");
            }
            let shares = values.map(f32::exp);
            for (t, found) in shares.into_iter().zip(each(shares, Lanes::log1p_of_share)) {
                let exact = f64::from(t).ln_1p();
                assert!((f64::from(found) / exact - 1.0).abs() < 5e-7, "log1p({t}) is {exact}, not {found}");
            }
            for signed in [values, values.map(|x| -x)] {
                for (x, found) in signed.into_iter().zip(each(signed, Lanes::sigmoid)) {
                    let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
                    assert!((f64::from(found) - exact).abs() < 2e-7, "sigmoid({x}) is {exact}, not {found}");
                }
            }
        }
    }
}
