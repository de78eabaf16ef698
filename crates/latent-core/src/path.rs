//! Paths through latent space.

use burn::tensor::{Device, Tensor};
use latent_kernels::upload;
use latent_protocol::{Path, Route, Way};

use crate::CoreError;
use crate::data::PIXELS;
use crate::family::{LatentModel, decode};
use crate::observation::greys;
use crate::plane::{Plane, normal_from_unit, unit_from_normal};
use crate::weights::read;

/// The codes along a path, one after the other; those of a geodesic are where it begins: on the straight line.
///
/// # Errors
/// When the ends are no codes of this plane's model, or the path has no points.
pub fn codes_along(path: &Path, plane: &Plane) -> Result<Vec<f32>, CoreError> {
    match path {
        Path::Between { from, to, way, steps } => {
            let length = plane.code_length();
            if from.len() != length || to.len() != length || !from.iter().chain(to).all(|v| v.is_finite()) {
                return Err(CoreError::Unable("go there: the ends are no codes of it"));
            }
            let share = |index| share(index, count(*steps));
            let between = |index| between(from, to, *way, share(index), plane.latent_dim);
            Ok((0..count(*steps)).flat_map(between).collect())
        }
        Path::Through { points, steps } => {
            let points: Vec<[f32; 2]> =
                points.iter().copied().filter(|point| point.iter().all(|v| v.is_finite())).collect();
            if points.is_empty() {
                return Err(CoreError::Unable("go nowhere: the path has no points"));
            }
            Ok(plane.latent_from_unit(&evenly(&points, count(*steps))))
        }
    }
}

fn count(steps: usize) -> usize {
    steps.clamp(2, Path::MOST_STEPS)
}

#[expect(clippy::cast_precision_loss, reason = "at most 200 steps")]
fn share(index: usize, count: usize) -> f32 {
    index as f32 / (count - 1) as f32
}

/// A code between two others, without what only a geodesic can tell. What stands behind the latents, the class, goes
/// straight.
fn between(from: &[f32], to: &[f32], way: Way, t: f32, latent_dim: usize) -> Vec<f32> {
    let straight = |a: f32, b: f32| a + (b - a) * t;
    let mut code: Vec<f32> = from.iter().zip(to).map(|(a, b)| straight(*a, *b)).collect();
    let (a, b) = (&from[..latent_dim], &to[..latent_dim]);
    match way {
        Way::Straight | Way::Geodesic => {}
        Way::Spherical => {
            let length = |v: &[f32]| v.iter().map(|v| v * v).sum::<f32>().sqrt();
            let (long_a, long_b) = (length(a), length(b));
            let dot: f32 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            let cosine = dot / (long_a * long_b);
            let angle = libm::acosf(cosine.clamp(-1.0, 1.0));
            let sine = libm::sinf(angle);
            // Ends in one direction, in opposite ones, or at the centre have no great circle of their own.
            if sine > 1e-4 {
                let (left, right) = (libm::sinf((1.0 - t) * angle) / sine, libm::sinf(t * angle) / sine);
                let long = straight(long_a, long_b);
                for (code, (a, b)) in code.iter_mut().zip(a.iter().zip(b)) {
                    *code = long * (left * a / long_a + right * b / long_b);
                }
            }
        }
        Way::Quantile => {
            // The ends stay what they are, also where the inverse is cut off.
            if t > 0.0 && t < 1.0 {
                for (code, (a, b)) in code.iter_mut().zip(a.iter().zip(b)) {
                    *code = normal_from_unit(straight(unit_from_normal(*a), unit_from_normal(*b)));
                }
            }
        }
    }
    code
}

/// Points along a line through points, at even distances, both ends among them.
fn evenly(points: &[[f32; 2]], count: usize) -> Vec<[f32; 2]> {
    let apart = |a: [f32; 2], b: [f32; 2]| libm::hypotf(b[0] - a[0], b[1] - a[1]);
    let legs: Vec<f32> = points.windows(2).map(|pair| apart(pair[0], pair[1])).collect();
    let whole: f32 = legs.iter().sum();
    let mut even = Vec::with_capacity(count);
    let (mut leg, mut before) = (0, 0.0);
    for index in 0..count {
        let along = whole * share(index, count);
        while leg + 1 < legs.len() && before + legs[leg] < along {
            before += legs[leg];
            leg += 1;
        }
        let (from, to) = (points[leg], points[(leg + 1).min(points.len() - 1)]);
        let t = legs.get(leg).map_or(0.0, |leg| ((along - before) / leg.max(1e-9)).clamp(0.0, 1.0));
        even.push([from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t]);
    }
    even
}

/// Decode the codes of a path. With the route come its images, 784 grey bytes each.
///
/// # Errors
/// When the device fails.
pub async fn travel(
    model: &dyn LatentModel,
    plane: &Plane,
    codes: &[f32],
) -> Result<(Route, Vec<u8>), CoreError> {
    let length = plane.code_length();
    let count = codes.len() / length;
    let pixels = read(decode(model, codes.to_vec())).await?;
    let (from, to) = (&codes[..length], &codes[codes.len() - length..]);
    let line = |index| between(from, to, Way::Straight, share(index, count), plane.latent_dim);
    let straight = read(decode(model, (0..count).flat_map(line).collect())).await?;
    let codes: Vec<Vec<f32>> = codes.chunks_exact(length).map(<[f32]>::to_vec).collect();
    let route = Route {
        points: codes.iter().map(|code| plane.unit_from_latent(code).0).collect(),
        codes,
        length: length_of(&pixels),
        straight: length_of(&straight),
    };
    Ok((route, greys(&pixels)))
}

/// The sum of the distances between neighbouring images.
fn length_of(pixels: &[f32]) -> f64 {
    let images: Vec<&[f32]> = pixels.chunks_exact(PIXELS).collect();
    let apart = |pair: &[&[f32]]| {
        pair[0].iter().zip(pair[1]).map(|(a, b)| f64::from(b - a).powi(2)).sum::<f64>().sqrt()
    };
    images.windows(2).map(apart).sum()
}

/// Steps of descent towards a geodesic.
const DESCENTS: usize = 120;

/// How far a number of a code moves in the first of them.
const PACE: f32 = 0.06;

/// A search for the way between two codes on which the decoded image changes least: the curve of least energy
/// `sum |g(z_(i+1)) - g(z_i)|^2` in the metric that the decoder `g` pulls back from pixels (Arvanitidis, Hansen and
/// Hauberg 2018), found by Adam from the straight line. Curves of least energy are also evenly paced.
pub struct Geodesic {
    /// On a device with derivatives.
    model: Box<dyn LatentModel>,
    codes: Vec<f32>,
    best: Option<(f32, Vec<f32>)>,
    first: Vec<f32>,
    second: Vec<f32>,
    done: usize,
}

impl Geodesic {
    /// A search that begins with these codes, in the latents of a model whose weights lie on
    /// [`Self::device`].
    #[must_use]
    pub fn new(model: Box<dyn LatentModel>, codes: Vec<f32>) -> Self {
        let zeros = vec![0.0; codes.len()];
        Self { model, codes, best: None, first: zeros.clone(), second: zeros, done: 0 }
    }

    /// Where the weights of the model must lie.
    #[must_use]
    pub fn device(device: &Device) -> Device {
        device.clone().autodiff()
    }

    /// One step of the search; the codes of the best way when it was the last.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn advance(&mut self) -> Result<Option<Vec<f32>>, CoreError> {
        let plane = self.model.plane();
        let length = plane.code_length();
        let count = self.codes.len() / length;
        let z = upload(self.codes.clone(), [count, length], &self.model.device()).require_grad();
        let images: Tensor<2> = self.model.decode(z.clone()).flatten(1, 3);
        let ahead = images.clone().slice([1..count, 0..PIXELS]);
        let energy = (ahead - images.slice([0..count - 1, 0..PIXELS])).powi_scalar(2).sum();
        let gradients = energy.backward();
        let Some(slope) = z.grad(&gradients) else {
            return Err(CoreError::Unable("be derived: its decoder has no gradient"));
        };
        let energy = read(energy.inner()).await?.into_iter().next().unwrap_or(f32::NAN);
        if self.best.as_ref().is_none_or(|(least, _)| energy < *least) {
            self.best = Some((energy, self.codes.clone()));
        }
        self.done += 1;
        if self.done > DESCENTS {
            return Ok(self.best.take().map(|(_, codes)| codes));
        }
        self.descend(&read(slope).await?, length, plane.latent_dim);
        Ok(None)
    }

    /// Adam on all codes but the ends, and on all numbers but the class.
    fn descend(&mut self, slope: &[f32], length: usize, latent_dim: usize) {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_wrap, clippy::cast_possible_truncation)]
        let (t, left) = (self.done as i32, 1.0 - self.done as f32 / (DESCENTS + 1) as f32);
        let inner = length..self.codes.len() - length;
        for index in inner.filter(|index| index % length < latent_dim) {
            let g = slope[index];
            self.first[index] = 0.9 * self.first[index] + 0.1 * g;
            self.second[index] = 0.99 * self.second[index] + 0.01 * g * g;
            let first = self.first[index] / (1.0 - 0.9f32.powi(t));
            let second = self.second[index] / (1.0 - 0.99f32.powi(t));
            self.codes[index] -= PACE * left * first / (second.sqrt() + 1e-8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::toy_settings;
    use crate::models::{FAMILIES, family};
    use crate::weights::WeightFile;
    use pollster::block_on;

    fn codes(way: Way, from: &[f32], to: &[f32]) -> Vec<f32> {
        let path = Path::Between { from: from.to_vec(), to: to.to_vec(), way, steps: 5 };
        codes_along(&path, &Plane::gaussian(from.len())).expect("two codes")
    }

    fn near(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-4, "{found:?} instead of {expected:?}");
        }
    }

    #[test]
    fn each_way_has_its_middle() {
        let (from, to) = ([2.0, 0.0], [0.0, 2.0]);
        near(&codes(Way::Straight, &from, &to)[4..6], &[1.0, 1.0]);
        near(&codes(Way::Spherical, &from, &to)[4..6], &[2f32.sqrt(), 2f32.sqrt()]);
        // The middle of two shares is the share of the middle only for the median.
        near(&codes(Way::Quantile, &[-1.0, 0.0], &[1.0, 3.0])[4..6], &[0.0, 0.6724]);
        for way in [Way::Straight, Way::Spherical, Way::Quantile, Way::Geodesic] {
            let all = codes(way, &[-3.5, 1.0], &[2.0, 3.6]);
            near(&all[..2], &[-3.5, 1.0]);
            near(&all[8..], &[2.0, 3.6]);
        }
        near(&codes(Way::Spherical, &[1.0, 1.0], &[2.0, 2.0])[4..6], &[1.5, 1.5]);
    }

    #[test]
    fn a_drawn_path_is_travelled_evenly() {
        near(
            evenly(&[[0.0, 0.0], [0.4, 0.0], [0.4, 0.0], [0.4, 0.6]], 6).as_flattened(),
            &[0.0, 0.0, 0.2, 0.0, 0.4, 0.0, 0.4, 0.2, 0.4, 0.4, 0.4, 0.6],
        );
        near(evenly(&[[0.3, 0.4]], 2).as_flattened(), &[0.3, 0.4, 0.3, 0.4]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let plane = Plane::gaussian(2);
        let between = |from: &[f32]| Path::Between {
            from: from.to_vec(),
            to: vec![0.0; 2],
            way: Way::Straight,
            steps: 9,
        };
        for path in
            [between(&[0.0; 3]), between(&[f32::NAN, 0.0]), Path::Through { points: vec![], steps: 5 }]
        {
            assert!(codes_along(&path, &plane).is_err(), "{path:?}");
        }
        let steps = codes_along(&Path::Through { points: vec![[0.5; 2]], steps: 9999 }, &plane);
        assert_eq!(steps.map(|codes| codes.len()).ok(), Some(2 * Path::MOST_STEPS));
    }

    /// Where a linear decoder's metric is the same everywhere, the straight line is the geodesic; where it is not, the
    /// geodesic is shorter.
    #[test]
    fn a_geodesic_is_no_longer_than_the_straight_line() {
        let device = Device::flex();
        for (id, is_linear) in [("pca", true), ("vae", false)] {
            let family = family(id).expect("it is there");
            let fresh =
                (family.trainer)(&device, &toy_settings(&family.card), 3).expect("settings fit").snapshot();
            let mut weights = block_on(fresh.weights()).expect("the CPU answers");
            if !is_linear {
                // Fresh weights decode to nearly the same grey everywhere.
                for (_, tensor) in weights.iter_mut() {
                    tensor.values.iter_mut().for_each(|v| *v *= 4.0);
                }
            }
            let settings = serde_json::to_string(&toy_settings(&family.card)).expect("numbers and words");
            let metadata = [("family".to_string(), id.to_string()), ("settings".to_string(), settings)]
                .into_iter()
                .collect();
            let file = WeightFile { metadata, tensors: weights };
            let model = (family.load)(&device, &file).expect("the same family");
            let plane = model.plane();
            let path =
                Path::Between { from: vec![-2.0, 0.3], to: vec![1.5, 1.8], way: Way::Geodesic, steps: 12 };
            let straight = codes_along(&path, &plane).expect("two codes");
            let derivable = (family.load)(&Geodesic::device(&device), &file).expect("the same family");
            let mut search = Geodesic::new(derivable, straight.clone());
            let found = loop {
                if let Some(found) = block_on(search.advance()).expect("the CPU answers") {
                    break found;
                }
            };
            let (route, pictures) =
                block_on(travel(model.as_ref(), &plane, &found)).expect("the CPU answers");
            assert_eq!((route.points.len(), pictures.len()), (12, 12 * PIXELS));
            near(&found[..2], &straight[..2]);
            near(&found[found.len() - 2..], &straight[straight.len() - 2..]);
            let gain = route.straight / route.length;
            if is_linear {
                // But for pixels that are cut off at black.
                assert!((gain - 1.0).abs() < 5e-3, "{id}: {gain}");
            } else {
                assert!(gain > 1.01, "{id}: {gain}");
            }
        }
    }

    #[test]
    fn every_decoder_has_geodesics() {
        let device = Device::flex();
        for family in FAMILIES {
            let fresh =
                (family.trainer)(&device, &toy_settings(&family.card), 3).expect("settings fit").snapshot();
            let tensors = block_on(fresh.weights()).expect("the CPU answers");
            let settings = serde_json::to_string(&toy_settings(&family.card)).expect("numbers and words");
            let id = family.card.id.to_string();
            let metadata =
                [("family".to_string(), id), ("settings".to_string(), settings)].into_iter().collect();
            let model = (family.load)(&Geodesic::device(&device), &WeightFile { metadata, tensors });
            let plane = fresh.plane();
            let points = vec![[0.1, 0.2], [0.8, 0.9]];
            let codes = codes_along(&Path::Through { points, steps: 4 }, &plane).expect("two points");
            let mut search = Geodesic::new(model.expect("the same family"), codes);
            assert!(block_on(search.advance()).is_ok(), "{}", family.card.id);
        }
    }
}
