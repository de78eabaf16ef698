//! What the unit square means for a model.

/// The plane that is explored: two axes of a latent space with a standard normal prior.
///
/// The unit square is mapped to codes by the inverse normal CDF per axis, so equal areas of the square carry
/// equal prior mass (Kingma and Welling 2014, appendix A).
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Length of a code.
    pub latent_dim: usize,
    /// Axes along the square's sides; with one latent dimension both are 0 and height has no effect.
    pub axes: [usize; 2],
    /// Values of the other coordinates: a whole code.
    pub held: Vec<f32>,
}

impl Plane {
    /// The first two axes, the others at the prior's mean.
    #[must_use]
    pub fn gaussian(latent_dim: usize) -> Self {
        Self { latent_dim, axes: [0, 1.min(latent_dim - 1)], held: vec![0.0; latent_dim] }
    }

    /// Codes of points of the unit square.
    ///
    /// # Shapes
    /// `points`: n pairs; returns n codes of `latent_dim` numbers, one after the other.
    #[must_use]
    pub fn latent_from_unit(&self, points: &[[f32; 2]]) -> Vec<f32> {
        let mut codes = Vec::with_capacity(points.len() * self.latent_dim);
        for point in points {
            let start = codes.len();
            codes.extend_from_slice(&self.held);
            // The first axis last: it wins where both are the same.
            for side in [1, 0] {
                codes[start + self.axes[side]] = normal_from_unit(point[side]);
            }
        }
        codes
    }

    /// Centres of `n` x `n` tiles in reading order: the first is at the top left, where the second
    /// coordinate is largest.
    #[must_use]
    pub fn tile_centers(n: usize) -> Vec<[f32; 2]> {
        #[expect(clippy::cast_precision_loss, reason = "n is at most 60")]
        let center = |i: usize| (i as f32 + 0.5) / n as f32;
        (0..n * n).map(|i| [center(i % n), 1.0 - center(i / n)]).collect()
    }
}

/// How near to the edge of the unit square a point may come: |z| stays below 3.1.
const EDGE: f32 = 1e-3;

/// Inverse of the standard normal CDF; the argument is clamped to [0.001, 0.999].
///
/// Rational approximation of P. J. Acklam (2003), relative error below 1.2e-9, which is beyond f32.
#[must_use]
pub fn normal_from_unit(u: f32) -> f32 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.024_25;
    let polynomial = |c: &[f64], x: f64| c.iter().fold(0.0, |sum, c| sum * x + c);

    let u = f64::from(if u.is_nan() { 0.5 } else { u.clamp(EDGE, 1.0 - EDGE) });
    let z = if (TAIL..=1.0 - TAIL).contains(&u) {
        let q = u - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    } else {
        let q = libm::sqrt(-2.0 * libm::log(u.min(1.0 - u)));
        let tail = polynomial(&C, q) / polynomial(&D, q);
        if u < 0.5 { tail } else { -tail }
    };
    #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
    let z = z as f32;
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against Phi itself, in the middle and in both tails.
    #[test]
    fn inverse_of_the_normal_cdf() {
        for i in 1..1000u16 {
            let u = f32::from(i) / 1000.0;
            let z = f64::from(normal_from_unit(u));
            let phi = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
            assert!((phi - f64::from(u)).abs() < 1e-6, "{u}: z {z}, Phi {phi}");
        }
    }

    #[test]
    fn edges_and_nonsense_stay_finite() {
        assert_eq!(normal_from_unit(-5.0).to_bits(), normal_from_unit(0.0).to_bits());
        assert!((normal_from_unit(1.0) - 3.090_23).abs() < 1e-3);
        assert!(normal_from_unit(f32::NAN).abs() < 1e-9);
    }

    #[test]
    fn tiles_start_at_the_top_left() {
        let centers = Plane::tile_centers(2);
        assert_eq!(centers, [[0.25, 0.75], [0.75, 0.75], [0.25, 0.25], [0.75, 0.25]]);
    }

    #[test]
    fn other_coordinates_are_held() {
        let plane = Plane { latent_dim: 4, axes: [1, 3], held: vec![9.0, 8.0, 7.0, 6.0] };
        let z = plane.latent_from_unit(&[[0.5, 0.5]]);
        assert_eq!(z, [9.0, 0.0, 7.0, 0.0]);
        assert_eq!(Plane::gaussian(1).latent_from_unit(&[[0.5, 0.9]]), [0.0]);
    }
}
