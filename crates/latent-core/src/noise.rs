//! Seeded randomness that is the same on every device.
//!
//! Numbers are drawn on the host, from a generator that is seeded by (seed, stream, index) with index being the
//! step. So a run can be taken up at any step without a generator's state, and WebGPU sees the CPU's noise.

use burn::tensor::{Device, Tensor};
use latent_kernels::upload;
use rand::Rng;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

/// What the numbers are for. Streams of one seed are independent of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Initial weights.
    Weights = 1,
    /// Order of the images in an epoch.
    Order = 2,
    /// Binarisation of a training batch.
    Bits = 3,
    /// Noise of a training step.
    Step = 4,
    /// Binarisation of the test images.
    TestBits = 5,
    /// Noise of an evaluation.
    Test = 6,
    /// Codes of samples that are judged.
    Samples = 7,
    /// What is drawn on the page.
    View = 8,
}

/// A generator of random numbers.
#[derive(Clone, Debug)]
pub struct Noise(Xoshiro256PlusPlus);

impl Noise {
    /// The generator for (`seed`, `stream`, `index`).
    #[must_use]
    pub fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let key = scramble(scramble(scramble(seed) ^ stream as u64) ^ index);
        Self(Xoshiro256PlusPlus::seed_from_u64(key))
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`, which is not 0. The bias is below 2^-32 for bounds below 2^32.
    pub fn below(&mut self, bound: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "the high half of the product is below `bound`")]
        let index = ((u128::from(self.bits()) * bound as u128) >> 64) as usize;
        index
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f32 {
        #[expect(clippy::cast_precision_loss, reason = "24 bits are exact in an f32")]
        let unit = (self.bits() >> 40) as f32 / 16_777_216.0;
        unit
    }

    /// A standard normal number.
    pub fn gauss(&mut self) -> f32 {
        StandardNormal.sample(&mut self.0)
    }

    /// Independent standard normal numbers.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], device: &Device) -> Tensor<D> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| self.gauss()).collect();
        upload(values, shape, device)
    }

    /// Independent numbers, uniform in [-`bound`, `bound`).
    pub fn uniform<const D: usize>(&mut self, bound: f32, shape: [usize; D], device: &Device) -> Tensor<D> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| (self.unit() * 2.0 - 1.0) * bound).collect();
        upload(values, shape, device)
    }

    /// Ones, but for this share of zeros.
    pub fn kept<const D: usize>(&mut self, zeros: f64, shape: [usize; D], device: &Device) -> Tensor<D> {
        let count = shape.iter().product();
        let keep = |noise: &mut Self| f32::from(u8::from(f64::from(noise.unit()) >= zeros));
        let values: Vec<f32> = (0..count).map(|_| keep(self)).collect();
        upload(values, shape, device)
    }

    /// A permutation of `0..count` (Fisher and Yates).
    pub fn permutation(&mut self, count: usize) -> Vec<u32> {
        // A data set has at most 200,000 images.
        let mut order: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// One Bernoulli draw per grey byte: 1 with probability byte / 255 (to 2^-16).
    pub fn binarize(&mut self, grey: &[u8], bits: &mut Vec<f32>) {
        for chunk in grey.chunks(4) {
            let mut random = self.bits();
            for byte in chunk {
                let threshold = (random & 0xffff) * 255;
                bits.push(if threshold < u64::from(*byte) << 16 { 1.0 } else { 0.0 });
                random >>= 16;
            }
        }
    }
}

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): neighbouring keys give unrelated seeds.
fn scramble(key: u64) -> u64 {
    let mut x = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the CPU reads at once")]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_numbers_and_another_gives_others() {
        let draw = |seed, stream, index| Noise::new(seed, stream, index).bits();
        assert_eq!(draw(1, Stream::Bits, 7), draw(1, Stream::Bits, 7));
        for other in [draw(2, Stream::Bits, 7), draw(1, Stream::Step, 7), draw(1, Stream::Bits, 8)] {
            assert_ne!(draw(1, Stream::Bits, 7), other);
        }
    }

    #[test]
    fn a_permutation_holds_each_index_once() {
        let mut order = Noise::new(3, Stream::Order, 0).permutation(1000);
        assert_ne!(order[..10], (0..10).collect::<Vec<u32>>());
        order.sort_unstable();
        assert!(order.iter().copied().eq(0..1000));
    }

    #[test]
    fn binarisation_has_the_greys_mean_and_keeps_black_and_white() {
        let mut noise = Noise::new(5, Stream::Bits, 0);
        for grey in [0u8, 1, 64, 128, 254, 255] {
            let mut bits = Vec::new();
            noise.binarize(&vec![grey; 200_000], &mut bits);
            let mean = bits.iter().map(|b| f64::from(*b)).sum::<f64>() / 200_000.0;
            let expected = f64::from(grey) / 255.0;
            let tolerance = 5.0 * (expected * (1.0 - expected) / 200_000.0).sqrt();
            assert!((mean - expected).abs() <= tolerance, "{grey}: {mean} instead of {expected}");
        }
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let values = Noise::new(9, Stream::Step, 0).normal([100_000], &Device::flex()).into_data();
        let values = values.try_to_vec::<f32>().expect("floats");
        let mean = values.iter().sum::<f32>() / 1e5;
        let variance = values.iter().map(|v| v * v).sum::<f32>() / 1e5 - mean * mean;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}
