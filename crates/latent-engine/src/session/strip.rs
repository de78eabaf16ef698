//! What is drawn beside the digit under the handle.

use latent_core::picture::Picture;
use latent_core::{CoreError, LatentModel, Noise, Plane, Stream, codes, decode, normal_from_unit, weights};
use latent_protocol::{Strip, Theme};

/// Tiles in a row of samples and of traversals.
const COLUMNS: usize = 10;

/// Draw the strip for the code under the handle: tiles row by row.
pub async fn picture(
    strip: Strip,
    model: &dyn LatentModel,
    code: &[f32],
    latent_kl: &[f64],
    theme: Theme,
) -> Result<Option<Picture>, CoreError> {
    let Plane { latent_dim, classes, .. } = model.plane();
    let (pixels, columns) = match strip {
        Strip::Samples => {
            let mut pixels = weights::read(decode(model, code.to_vec())).await?;
            let z = codes(model, code.repeat(COLUMNS - 1));
            // The same noise for every code, so that only the handle changes what is seen.
            let Some(drawn) = model.sample(z, &mut Noise::new(0, Stream::View, 0)) else { return Ok(None) };
            pixels.extend(weights::read(drawn).await?);
            (pixels, COLUMNS)
        }
        Strip::Classes if classes > 0 => {
            let each = (0..classes).flat_map(|class| {
                let one_hot = (0..classes).map(move |other| f32::from(u8::from(other == class)));
                code[..latent_dim].iter().copied().chain(one_hot)
            });
            (weights::read(decode(model, each.collect())).await?, classes)
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
            (weights::read(decode(model, z)).await?, COLUMNS)
        }
        Strip::Classes | Strip::None => return Ok(None),
    };
    Ok(Some(Picture::mosaic(&pixels, columns, theme)))
}

/// The latents with the largest KL first; in their own order where it is not known.
fn order(latent_dim: usize, kl: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..latent_dim).collect();
    if kl.len() == latent_dim {
        order.sort_by(|a, b| kl[*b].total_cmp(&kl[*a]));
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
