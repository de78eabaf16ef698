//! Single images, seen through a model.

use latent_protocol::{ModelCard, Observation, Subject};

use crate::CoreError;
use crate::data::{PIXELS, Shard};
use crate::evaluation::image_loss;
use crate::family::{Examples, LatentModel, decode};
use crate::models::parts::likelihood::kl_of_latents;
use crate::noise::{Noise, Stream};
use crate::plane::Plane;
use crate::weights::read;

/// Points of the outline of a posterior.
const RING: usize = 48;

/// An image that is looked at.
pub struct Look<'a> {
    /// Which image.
    pub subject: Subject,
    /// Its 784 grey bytes.
    pub grey: &'a [u8],
    /// Its class, where it has one.
    pub label: Option<u8>,
    /// The class to take it for where it has none and the model wants one.
    pub class: usize,
    /// Which draw of a code from its posterior.
    pub draw: u64,
}

/// Look at an image through a model. With what was seen come three images of 784 grey bytes: itself, the reconstruction
/// from the posterior's mean, and the one from the drawn code. None where the model cannot encode.
///
/// # Errors
/// When the device fails.
pub async fn observe(
    model: &dyn LatentModel,
    card: &ModelCard,
    plane: &Plane,
    look: &Look<'_>,
) -> Result<Option<(Observation, Vec<u8>)>, CoreError> {
    let label = look.label.unwrap_or(u8::try_from(look.class).unwrap_or(0));
    let pixels = look.grey.iter().map(|grey| f32::from(*grey) / 255.0).collect();
    let examples = Examples::new(pixels, &[label], &model.device());
    let Some(posterior) = model.encode(&examples) else { return Ok(None) };
    let mu = read(posterior.mu.clone()).await?;
    let (mut sigma, mut kl) = (Vec::new(), Vec::new());
    let mut z = mu.clone();
    if let Some(log_var) = posterior.log_var {
        sigma = read((log_var.clone() * 0.5).exp()).await?;
        kl = read(kl_of_latents(posterior.mu, log_var)).await?;
        let mut noise = Noise::new(look.draw, Stream::View, 1);
        for (z, sigma) in z.iter_mut().zip(&sigma) {
            *z += sigma * noise.gauss();
        }
    }
    let class: Vec<f32> =
        (0..plane.classes).map(|class| f32::from(u8::from(class == usize::from(label)))).collect();
    let both = [&mu[..], &class[..], &z[..], &class[..]].concat();
    let decoded = read(decode(model, both)).await?;
    let (point, distance) = plane.unit_from_latent(&mu);
    let rings = match sigma.as_slice() {
        [] => [Vec::new(), Vec::new()],
        sigma => [1.0, 2.0].map(|deviations| plane.ring(&mu, sigma, deviations, RING)),
    };
    let loss = image_loss(model, card, look.grey, label).await?;
    let (z_point, _) = plane.unit_from_latent(&z);
    let observation = Observation {
        subject: look.subject,
        label: look.label,
        mu,
        sigma,
        point,
        distance,
        rings,
        z,
        z_point,
        kl,
        loss,
    };
    Ok(Some((observation, [look.grey, &greys(&decoded)].concat())))
}

/// Where images lie on a plane: the points under the means of their posteriors. None where the model cannot encode.
///
/// # Errors
/// When the device fails.
pub async fn points(
    model: &dyn LatentModel,
    plane: &Plane,
    shard: &Shard,
    range: std::ops::Range<usize>,
) -> Result<Option<Vec<[f32; 2]>>, CoreError> {
    let pixels = shard.pixels[range.start * PIXELS..range.end * PIXELS].iter();
    let pixels = pixels.map(|grey| f32::from(*grey) / 255.0).collect();
    let examples = Examples::new(pixels, &shard.labels[range], &model.device());
    let Some(posterior) = model.encode(&examples) else { return Ok(None) };
    let mu = read(posterior.mu).await?;
    Ok(Some(mu.chunks_exact(plane.latent_dim).map(|mu| plane.unit_from_latent(mu).0).collect()))
}

/// Intensities as bytes.
#[must_use]
pub fn greys(intensities: &[f32]) -> Vec<u8> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=255 by construction")]
    let byte = |intensity: &f32| (intensity.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    intensities.iter().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{toy_dataset, toy_settings};
    use crate::models::FAMILIES;
    use burn::tensor::Device;
    use pollster::block_on;

    #[test]
    fn every_family_that_encodes_shows_an_image_where_its_point_lies() {
        let (device, dataset) = (Device::flex(), toy_dataset());
        for family in FAMILIES {
            let card = &family.card;
            let model = (family.trainer)(&device, &toy_settings(card), 3).expect("settings fit").snapshot();
            let plane = model.plane();
            let look = |draw| {
                let grey = &dataset.test().pixels[..PIXELS];
                let look = Look { subject: Subject::Image(0), grey, label: Some(0), class: 0, draw };
                block_on(observe(model.as_ref(), card, &plane, &look)).expect("the CPU answers")
            };
            let all =
                block_on(points(model.as_ref(), &plane, dataset.test(), 0..8)).expect("the CPU answers");
            assert_eq!(all.is_some(), card.abilities.encode, "{}", card.id);
            let (Some(all), Some((seen, pictures))) = (all, look(0)) else { continue };
            assert_eq!(all.len(), 8);
            let near = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).abs() + (a[1] - b[1]).abs() < 1e-4;
            assert!(near(all[0], seen.point), "{}", card.id);
            assert_eq!(pictures.len(), 3 * PIXELS);
            assert_eq!(pictures[..PIXELS], dataset.test().pixels[..PIXELS]);
            let loss = seen.loss.expect("a model that encodes has a loss");
            assert!(loss.total.is_finite() && loss.images == 1, "{}", card.id);
            let (other, _) = look(1).expect("it encodes");
            if seen.sigma.is_empty() {
                assert_eq!((seen.z, other.z), (seen.mu.clone(), seen.mu));
            } else {
                assert_ne!(seen.z, other.z, "another draw gives another code");
                assert!(seen.rings.iter().all(|ring| ring.len() == RING));
            }
        }
    }
}
