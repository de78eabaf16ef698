//! What the unit square means for a model.

use crate::noise::Noise;

/// The plane that is explored: two directions in a latent space in which codes are spread like a standard normal,
/// be it that training asks for it or that the model counts in the spread of its codes.
///
/// The unit square is mapped to the plane's two coordinates by the inverse normal CDF, so equal areas of the square
/// carry equal prior mass (Kingma and Welling 2014, appendix A).
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Numbers in a code, without those for the class.
    pub latent_dim: usize,
    /// Numbers for the class that follow; 0 for a model without classes.
    pub classes: usize,
    /// The code in the middle: a whole code, with its class.
    pub center: Vec<f32>,
    /// Where the square's sides lead, per unit of the plane's coordinates: two codes without class. With one latent
    /// dimension the second is 0 and height has no effect.
    pub directions: [Vec<f32>; 2],
}

impl Plane {
    /// The first two axes, the others at the prior's mean.
    #[must_use]
    pub fn gaussian(latent_dim: usize) -> Self {
        Self { latent_dim, classes: 0, center: vec![0.0; latent_dim], directions: Default::default() }
            .with_axes([0, 1])
    }

    /// For a model with this many classes; the first one is chosen.
    #[must_use]
    pub fn with_classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self.center.resize(self.latent_dim + classes, 0.0);
        self.with_class(0)
    }

    /// With this class.
    #[must_use]
    pub fn with_class(mut self, class: usize) -> Self {
        for (index, number) in self.center[self.latent_dim..].iter_mut().enumerate() {
            *number = f32::from(u8::from(index == class));
        }
        self
    }

    /// Along these two axes; an axis that is not there leads nowhere.
    #[must_use]
    pub fn with_axes(mut self, axes: [usize; 2]) -> Self {
        self.directions =
            axes.map(|axis| (0..self.latent_dim).map(|index| f32::from(u8::from(index == axis))).collect());
        if axes[0] == axes[1] {
            self.directions[1] = vec![0.0; self.latent_dim];
        }
        for axis in axes.into_iter().filter(|axis| *axis < self.latent_dim) {
            self.center[axis] = 0.0;
        }
        self
    }

    /// With these values of all latents; those along an axis of the plane do not count.
    #[must_use]
    pub fn with_held(mut self, held: &[f32]) -> Self {
        let is_axis = |index: usize| self.directions.iter().any(|direction| direction[index] != 0.0);
        for (index, value) in held.iter().take(self.latent_dim).enumerate() {
            if !is_axis(index) && value.is_finite() {
                self.center[index] = *value;
            }
        }
        self
    }

    /// Through three codes (without class), which lie at a quarter of the square's sides: the first at the lower
    /// left, the second at the lower right, the third at the upper left.
    #[must_use]
    pub fn with_anchors(mut self, anchors: &[Vec<f32>; 3]) -> Self {
        let [origin, right, up] = anchors;
        // The distance between a quarter and three quarters in the plane's coordinates.
        let span = normal_from_unit(0.75) - normal_from_unit(0.25);
        let toward = |to: &Vec<f32>| to.iter().zip(origin).map(|(t, o)| (t - o) / span).collect();
        self.directions = [toward(right), toward(up)];
        for index in 0..self.latent_dim {
            self.center[index] = f32::midpoint(right[index], up[index]);
        }
        self
    }

    /// Numbers in a code with its class.
    #[must_use]
    pub fn code_length(&self) -> usize {
        self.latent_dim + self.classes
    }

    /// Codes of points of the unit square.
    ///
    /// # Shapes
    /// `points`: n pairs; returns n codes, one after the other.
    #[must_use]
    pub fn latent_from_unit(&self, points: &[[f32; 2]]) -> Vec<f32> {
        let mut codes = Vec::with_capacity(points.len() * self.code_length());
        for point in points {
            let start = codes.len();
            codes.extend_from_slice(&self.center);
            for (direction, unit) in self.directions.iter().zip(point) {
                let along = normal_from_unit(*unit);
                for (number, d) in codes[start..].iter_mut().zip(direction) {
                    *number += along * d;
                }
            }
        }
        codes
    }

    /// Where codes lie on the plane: the point of the unit square under their nearest point of the plane, and how far
    /// they are from it, in latent units.
    #[must_use]
    pub fn unit_from_latent(&self, z: &[f32]) -> ([f32; 2], f32) {
        let apart: Vec<f32> = z.iter().zip(&self.center).map(|(z, c)| z - c).take(self.latent_dim).collect();
        let along = self.coordinates(&apart);
        let [u, v] = &self.directions;
        let off = apart.iter().zip(u.iter().zip(v)).map(|(a, (u, v))| {
            let left = a - along[0] * u - along[1] * v;
            left * left
        });
        (along.map(unit_from_normal), off.sum::<f32>().sqrt())
    }

    /// Outline of an axis-parallel Gaussian's shadow on the plane, at so many standard deviations.
    ///
    /// # Shapes
    /// `mu`, `sigma`: `latent_dim` numbers; returns `count` points of the unit square.
    #[must_use]
    pub fn ring(&self, mu: &[f32], sigma: &[f32], deviations: f32, count: usize) -> Vec<[f32; 2]> {
        let apart: Vec<f32> = mu.iter().zip(&self.center).map(|(z, c)| z - c).collect();
        let middle = self.coordinates(&apart);
        // The shadow's covariance is the sum over latents of what each adds; `root` is its Cholesky factor.
        let mut covariance = [0.0f32; 3];
        for (latent, sigma) in sigma.iter().enumerate().take(self.latent_dim) {
            let mut axis = vec![0.0; self.latent_dim];
            axis[latent] = *sigma;
            let [x, y] = self.coordinates(&axis);
            covariance[0] += x * x;
            covariance[1] += x * y;
            covariance[2] += y * y;
        }
        let first = covariance[0].max(0.0).sqrt();
        let lean = if first > 0.0 { covariance[1] / first } else { 0.0 };
        let root = [first, lean, (covariance[2] - lean * lean).max(0.0).sqrt()];
        let point = |index: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a small number of points")]
            let turn = std::f32::consts::TAU * index as f32 / count as f32;
            let (sin, cos) = (deviations * libm::sinf(turn), deviations * libm::cosf(turn));
            [middle[0] + root[0] * cos, middle[1] + root[1] * cos + root[2] * sin].map(unit_from_normal)
        };
        (0..count).map(point).collect()
    }

    /// Coordinates on the plane of the nearest point to its center plus `apart`: least squares over two directions.
    fn coordinates(&self, apart: &[f32]) -> [f32; 2] {
        let dot = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
        let [u, v] = &self.directions;
        let (uu, uv, vv) = (dot(u, u), dot(u, v), dot(v, v));
        let (ua, va) = (dot(u, apart), dot(v, apart));
        let determinant = uu * vv - uv * uv;
        if determinant > 1e-12 * uu * vv {
            return [(ua * vv - va * uv) / determinant, (va * uu - ua * uv) / determinant];
        }
        // One of them leads nowhere, or both the same way.
        if uu > 0.0 { [ua / uu, 0.0] } else { [0.0, if vv > 0.0 { va / vv } else { 0.0 }] }
    }

    /// Codes drawn from the prior: standard normal latents, classes in turn.
    ///
    /// # Shapes
    /// Returns `count` codes, one after the other.
    #[must_use]
    pub fn sample(&self, count: usize, noise: &mut Noise) -> Vec<f32> {
        let mut codes = Vec::with_capacity(count * self.code_length());
        for index in 0..count {
            codes.extend((0..self.latent_dim).map(|_| noise.gauss()));
            codes.extend((0..self.classes).map(|class| f32::from(u8::from(class == index % self.classes))));
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

/// The standard normal CDF.
#[must_use]
pub fn unit_from_normal(z: f32) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
    let unit = (0.5 * libm::erfc(-f64::from(z) * std::f64::consts::FRAC_1_SQRT_2)) as f32;
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Stream;

    #[test]
    fn a_code_of_the_plane_is_found_where_it_came_from() {
        let anchors = [vec![1.0, 2.0, 3.0], vec![2.0, 2.0, 1.0], vec![0.0, 5.0, 3.0]];
        let oblique = Plane::gaussian(3).with_anchors(&anchors);
        for plane in [Plane::gaussian(2), Plane::gaussian(4).with_axes([2, 1]).with_held(&[0.5; 4]), oblique]
        {
            for point in [[0.2, 0.7], [0.5, 0.5], [0.9, 0.1]] {
                let (found, off) = plane.unit_from_latent(&plane.latent_from_unit(&[point]));
                assert!((found[0] - point[0]).abs() + (found[1] - point[1]).abs() < 1e-4, "{found:?}");
                assert!(off < 1e-4, "{off}");
            }
        }
        let (_, off) = Plane::gaussian(3).unit_from_latent(&[0.0, 0.0, 2.0]);
        assert!((off - 2.0).abs() < 1e-6);
        assert_eq!(Plane::gaussian(1).unit_from_latent(&[0.0]), ([0.5, 0.5], 0.0));
    }

    #[test]
    fn a_ring_holds_the_standard_deviations() {
        let ring = Plane::gaussian(3).with_axes([2, 0]).ring(&[0.1, 0.2, 0.3], &[0.4, 9.0, 0.5], 2.0, 4);
        let expected =
            [[1.3, 0.1], [0.3, 0.9], [-0.7, 0.1], [0.3, -0.7]].map(|z: [f32; 2]| z.map(unit_from_normal));
        for (found, expected) in ring.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-5, "{ring:?}");
        }
    }

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
        let plane = Plane::gaussian(4).with_axes([1, 3]).with_held(&[9.0, 8.0, 7.0, f32::NAN]);
        assert_eq!(plane.latent_from_unit(&[[0.5, 0.5]]), [9.0, 0.0, 7.0, 0.0]);
        assert_eq!(Plane::gaussian(1).latent_from_unit(&[[0.5, 0.9]]), [0.0]);
        assert_eq!(plane.with_axes([0, 0]).latent_from_unit(&[[0.5, 0.9]]), [0.0, 0.0, 7.0, 0.0]);
    }

    #[test]
    fn a_class_stands_behind_the_code() {
        let plane = Plane::gaussian(2).with_classes(3).with_class(2);
        assert_eq!(plane.latent_from_unit(&[[0.5, 0.5]]), [0.0, 0.0, 0.0, 0.0, 1.0]);
        let codes = plane.sample(4, &mut Noise::new(1, Stream::Test, 0));
        let classes: Vec<&[f32]> = codes.chunks(5).map(|code| &code[2..]).collect();
        assert_eq!(classes, [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]);
    }

    #[test]
    fn a_plane_goes_through_three_codes() {
        let anchors = [vec![1.0, 2.0, 3.0], vec![2.0, 2.0, 1.0], vec![0.0, 5.0, 3.0]];
        let plane = Plane::gaussian(3).with_anchors(&anchors);
        let codes = plane.latent_from_unit(&[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]]);
        for (found, expected) in codes.iter().zip(anchors.iter().flatten()) {
            assert!((found - expected).abs() < 1e-5, "{codes:?}");
        }
    }
}
