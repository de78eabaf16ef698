//! `log p(x)` of a model with one or two latents, by summing `p(z) p(x|z) dz` over the middles of the cells of a grid on
//! [-4, 4] per latent. As exact as the grid is fine, where the prior carries the mass that the grid leaves out.

use latent_kernels::upload;
use latent_protocol::{Likelihood, MeasureTable};

use super::{Subject, likelihood_group, mean, measure};
use crate::CoreError;
use crate::weights::read;

/// Codes in a chunk.
const CODES: usize = 1000;
/// Half the side of the square that is summed over.
const HALF_SIDE: f64 = 4.0;
const LN_2_PI: f64 = 1.837_877_066_409_345_3;

pub struct Stage {
    images: usize,
    grid: usize,
    latent_dim: usize,
    next: usize,
    /// Logarithms of the sums so far, one per image.
    log_sums: Vec<f64>,
}

impl Stage {
    pub fn new(images: usize, grid: usize, latent_dim: usize) -> Self {
        Self { images, grid, latent_dim, next: 0, log_sums: vec![f64::NEG_INFINITY; images] }
    }

    fn cells(&self) -> usize {
        if self.latent_dim == 1 { self.grid } else { self.grid * self.grid }
    }

    pub fn chunks(&self) -> usize {
        self.cells().div_ceil(CODES)
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let range = self.next..(self.next + CODES).min(self.cells());
        self.next = range.end;
        #[expect(clippy::cast_precision_loss, reason = "grids are small")]
        let (cell, at) = {
            let cell = 2.0 * HALF_SIDE / self.grid as f64;
            (cell, move |index: usize| -HALF_SIDE + (index as f64 + 0.5) * cell)
        };
        let (mut codes, mut log_masses) = (Vec::new(), Vec::with_capacity(range.len()));
        for index in range {
            let places = [index % self.grid, index / self.grid];
            let z = places[..self.latent_dim].iter().map(|place| at(*place));
            let log_mass: f64 = z.clone().map(|z| -0.5 * (z * z + LN_2_PI) + libm::log(cell)).sum();
            log_masses.push(log_mass);
            #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
            codes.extend(z.map(|z| z as f32));
        }
        let count = log_masses.len();
        let z = upload(codes, [count, self.latent_dim], &subject.model.device());
        let images = subject.test(0..self.images).images;
        let pairs = subject.model.log_likelihood(images, z);
        let pairs = read(pairs.ok_or(CoreError::Unable("tell the likelihood of images"))?).await?;
        for (image, log_sum) in self.log_sums.iter_mut().enumerate() {
            let terms = log_masses.iter().enumerate();
            let terms = terms.map(|(code, mass)| mass + f64::from(pairs[code * self.images + image]));
            let max = terms.clone().fold(*log_sum, f64::max);
            let sum = libm::exp(*log_sum - max) + terms.map(|term| libm::exp(term - max)).sum::<f64>();
            *log_sum = max + libm::log(sum);
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let Some(likelihood) = subject.card.abilities.likelihood else { return };
        let log_p = mean(self.log_sums.iter().sum(), self.images);
        let group = likelihood_group(table, likelihood);
        let grid = format!("by quadrature, {} per latent", self.grid);
        group.measures.push(match likelihood {
            Likelihood::Bernoulli => measure(
                "neg_log_p_quadrature",
                &format!("\u{2212}log p(x) {grid}"),
                "nats",
                -log_p,
                self.images,
            ),
            Likelihood::Gaussian => {
                measure("log_p_quadrature", &format!("log p(x) {grid}"), "nats", log_p, self.images)
            }
        });
    }
}
