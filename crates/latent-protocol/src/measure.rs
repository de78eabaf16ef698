//! Measured numbers, grouped so that only what can be compared stands together.

use serde::{Deserialize, Serialize};

/// All numbers measured of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasureTable {
    /// In the order in which they are shown.
    pub groups: Vec<MeasureGroup>,
    /// KL of each latent in nats per image, in the latents' order; empty for a model without posterior.
    pub latent_kl: Vec<f64>,
}

/// Numbers of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureGroup {
    /// What they are about.
    pub title: String,
    /// What they were measured on, and what they must not be compared with.
    pub note: String,
    /// The numbers.
    pub measures: Vec<Measure>,
}

/// One measured number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// Short name in JSON and in gates, unique in a table.
    pub key: String,
    /// What it is.
    pub label: String,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// The number.
    pub value: f64,
    /// Images or samples it was measured on.
    pub count: u64,
    /// The same of real digits, where that makes sense.
    pub real: Option<f64>,
    /// The same of noise, or of the best that needs no model, where that makes sense.
    pub baseline: Option<f64>,
}

impl Measure {
    /// Decimals worth printing.
    #[must_use]
    pub fn decimals(&self) -> usize {
        match self.value.abs() {
            small if small < 0.1 => 4,
            small if small < 10.0 => 2,
            _ => 1,
        }
    }
}

impl MeasureTable {
    /// The number with this key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<f64> {
        let mut all = self.groups.iter().flat_map(|group| &group.measures);
        all.find(|measure| measure.key == key).map(|measure| measure.value)
    }
}

/// How much work a measurement may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Test images for bounds and reconstructions.
    pub images: usize,
    /// Importance samples per image; 0 for none.
    pub importance_samples: usize,
    /// Test images for importance sampling.
    pub importance_images: usize,
    /// Points along one side of the plane in quadrature; 0 for none.
    pub quadrature_grid: usize,
    /// Test images for quadrature.
    pub quadrature_images: usize,
    /// Training codes that test codes are compared with; 0 for none.
    pub neighbours: usize,
    /// Samples that the judge sees; 0 for none.
    pub samples: usize,
}

impl Effort {
    /// All there is: minutes on a desktop's CPU.
    pub const FULL: Self = Self {
        images: 10_000,
        importance_samples: 100,
        importance_images: 2000,
        quadrature_grid: 200,
        quadrature_images: 500,
        neighbours: 60_000,
        samples: 10_000,
    };

    /// Enough for a look, in a browser tab.
    pub const TAB: Self = Self {
        images: 10_000,
        importance_samples: 100,
        importance_images: 500,
        quadrature_grid: 100,
        quadrature_images: 200,
        neighbours: 10_000,
        samples: 5000,
    };
}

/// The loss on test images, as followed while training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestLoss {
    /// What it is.
    pub label: String,
    /// Its unit.
    pub unit: String,
    /// The number; lower is better.
    pub total: f64,
    /// The parts it is the sum of, if any: label and number.
    pub parts: Vec<(String, f64)>,
    /// Test images.
    pub images: usize,
}
