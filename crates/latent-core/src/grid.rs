//! A grid over one or two latents, for sums in the place of integrals.

use std::ops::Range;

/// Half the side of the square in which nearly all of the prior's mass lies.
const HALF_SIDE: f64 = 4.0;
const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// The cells of a grid over one or two latents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    /// Cells along a latent.
    pub side: usize,
    /// Latents: 1 or 2.
    pub latent_dim: usize,
    /// The least and the largest value of each latent.
    pub bounds: [[f64; 2]; 2],
}

impl Grid {
    /// Over nearly all of the prior's mass.
    pub fn whole(side: usize, latent_dim: usize) -> Self {
        Self { side, latent_dim, bounds: [[-HALF_SIDE, HALF_SIDE]; 2] }
    }

    /// Cells in all.
    pub fn cells(&self) -> usize {
        if self.latent_dim == 1 { self.side } else { self.side * self.side }
    }

    /// The middle of a cell, latent by latent; the first latent runs fastest.
    pub fn middle(&self, cell: usize) -> impl Iterator<Item = f64> + Clone {
        let (places, bounds, side) = ([cell % self.side, cell / self.side], self.bounds, self.side);
        #[expect(clippy::cast_precision_loss, reason = "grids are small")]
        let at =
            move |place: usize, [from, to]: [f64; 2]| from + (place as f64 + 0.5) * (to - from) / side as f64;
        places.into_iter().zip(bounds).take(self.latent_dim).map(move |(place, bounds)| at(place, bounds))
    }

    /// Codes of cells, and the logarithms of the prior's mass in each.
    pub fn part(&self, cells: Range<usize>) -> (Vec<f32>, Vec<f64>) {
        #[expect(clippy::cast_precision_loss, reason = "grids are small")]
        let log_size: f64 = self
            .bounds
            .iter()
            .take(self.latent_dim)
            .map(|[from, to]| libm::log((to - from) / self.side as f64))
            .sum();
        let (mut codes, mut log_masses) = (Vec::new(), Vec::with_capacity(cells.len()));
        for cell in cells {
            let z = self.middle(cell);
            log_masses.push(z.clone().map(|z| -0.5 * (z * z + LN_2_PI)).sum::<f64>() + log_size);
            #[expect(clippy::cast_possible_truncation, reason = "codes are f32")]
            codes.extend(z.map(|z| z as f32));
        }
        (codes, log_masses)
    }
}
