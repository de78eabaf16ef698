//! What is drawn beside the digit under the handle.

use burn::tensor::Tensor;
use latent_core::{LatentModel, Noise, Plane, Stream, codes, decode, normal_from_unit};
use latent_protocol::Strip;

/// Tiles in a row of samples and of traversals.
const COLUMNS: usize = 10;

/// The strip for the code under the handle: images row by row, and how many are in a row.
pub fn images(
    strip: Strip,
    model: &dyn LatentModel,
    code: &[f32],
    latent_kl: &[f64],
) -> Option<(Tensor<4>, usize)> {
    let Plane { latent_dim, classes, .. } = model.plane();
    match strip {
        Strip::Samples => {
            let mean = decode(model, code.to_vec());
            let z = codes(model, code.repeat(COLUMNS - 1));
            // The same noise for every code, so that only the handle changes what is seen.
            let drawn = model.sample(z, &mut Noise::new(0, Stream::View, 0))?;
            Some((Tensor::cat(vec![mean, drawn], 0), COLUMNS))
        }
        Strip::Classes if classes > 0 => {
            let each = (0..classes).flat_map(|class| {
                let one_hot = (0..classes).map(move |other| f32::from(u8::from(other == class)));
                code[..latent_dim].iter().copied().chain(one_hot)
            });
            Some((decode(model, each.collect()), classes))
        }
        Strip::Traversals => {
            let mut z = Vec::new();
            for latent in order(latent_dim, latent_kl) {
                for column in 0..COLUMNS {
                    let start = z.len();
                    z.extend_from_slice(code);
                    #[expect(clippy::cast_precision_loss, reason = "ten columns")]
                    let unit = (column as f32 + 0.5) / COLUMNS as f32;
                    z[start + latent] = normal_from_unit(unit);
                }
            }
            Some((decode(model, z), COLUMNS))
        }
        Strip::Classes | Strip::None => None,
    }
}

/// The latents with the largest KL first; in their own order where it is not known.
fn order(latent_dim: usize, kl: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(latent_dim);
    for latent in 0..latent_dim {
        let is_known = kl.len() == latent_dim;
        let at = order.iter().position(|other| is_known && kl[*other] < kl[latent]).unwrap_or(order.len());
        order.insert(at, latent);
    }
    order.truncate(Strip::MOST_ROWS);
    order
}

#[cfg(test)]
mod tests {
    #[test]
    fn latents_are_sorted_by_what_they_carry() {
        assert_eq!(super::order(3, &[0.1, 2.0, 1.0]), [1, 2, 0]);
        assert_eq!(super::order(3, &[]), [0, 1, 2]);
    }
}
