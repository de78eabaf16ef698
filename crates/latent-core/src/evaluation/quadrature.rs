//! `log p(x)` of a model with one or two latents, by summing `p(z) p(x|z) dz` over the middles of the cells of a grid on
//! [-4, 4] per latent. As exact as the grid is fine, where the prior carries the mass that the grid leaves out.

use latent_kernels::upload;
use latent_protocol::{Likelihood, MeasureTable};

use super::{Subject, likelihood_group, log_sum_exp, mean, measure};
use crate::CoreError;
use crate::grid::Grid;
use crate::weights::read;

/// Codes in a chunk.
const CODES: usize = 1000;

pub struct Stage {
    images: usize,
    grid: Grid,
    next: usize,
    /// Logarithms of the sums so far, one per image.
    log_sums: Vec<f64>,
}

impl Stage {
    pub fn new(images: usize, grid: usize, latent_dim: usize) -> Self {
        let grid = Grid::whole(grid, latent_dim);
        Self { images, grid, next: 0, log_sums: vec![f64::NEG_INFINITY; images] }
    }

    pub fn chunks(&self) -> usize {
        self.grid.cells().div_ceil(CODES)
    }

    pub async fn advance(&mut self, subject: &Subject<'_>) -> Result<(), CoreError> {
        let range = self.next..(self.next + CODES).min(self.grid.cells());
        self.next = range.end;
        let (codes, log_masses) = self.grid.part(range);
        let count = log_masses.len();
        let z = upload(codes, [count, self.grid.latent_dim], &subject.model.device());
        let images = subject.test(0..self.images).images;
        let pairs = subject.model.log_likelihood(images, z);
        let pairs = read(pairs.ok_or(CoreError::Unable("tell the likelihood of images"))?).await?;
        for (image, log_sum) in self.log_sums.iter_mut().enumerate() {
            let terms = log_masses.iter().enumerate();
            let terms = terms.map(|(code, mass)| mass + f64::from(pairs[code * self.images + image]));
            *log_sum = log_sum_exp(std::iter::once(*log_sum).chain(terms));
        }
        Ok(())
    }

    pub fn finish(self, subject: &Subject<'_>, table: &mut MeasureTable) {
        let Some(likelihood) = subject.card.abilities.likelihood else { return };
        let log_p = mean(self.log_sums.iter().sum(), self.images);
        let group = likelihood_group(table, likelihood);
        let grid = format!("by quadrature, {} per latent", self.grid.side);
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
