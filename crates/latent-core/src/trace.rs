//! What the networks of a model compute for a code, layer by layer.

use burn::tensor::Tensor;
use latent_kernels::upload;
use latent_protocol::{Layer, Trace};

use crate::CoreError;
use crate::data::{CLASSES, SIDE};
use crate::family::{Examples, LatentModel, codes};
use crate::layers::watched;
use crate::weights::read;

/// Follow a code to its image, and that image back to a code. With the layers comes a byte per unit: 0 is the smaller of zero
/// and the layer's smallest number, 255 its largest.
///
/// # Shapes
/// `z`: one code, with its class where the model has classes.
///
/// # Errors
/// When the device fails.
pub async fn trace(
    model: &dyn LatentModel,
    z: Vec<f32>,
    class: usize,
) -> Result<(Trace, Vec<u8>), CoreError> {
    let length = z.len();
    let code = codes(model, z);
    let (image, mut layers) = watched(|| model.decode(code.clone()));
    // The last layer is the image before it is squashed, or more than the image.
    layers.pop();
    let picture = image.clone().reshape([1, SIDE, SIDE, 1]);
    let decoder = [vec![code.reshape([1, 1, 1, length])], layers, vec![picture.clone()]].concat();

    let labels = (0..CLASSES).map(|label| f32::from(u8::from(label == class))).collect();
    let examples = Examples { images: image, labels: upload(labels, [1, CLASSES], &model.device()) };
    let (posterior, mut layers) = watched(|| model.encode(&examples));
    let mut encoder = Vec::new();
    if let Some(posterior) = posterior {
        // The last layers are mean and variance.
        layers.truncate(layers.len().saturating_sub(1 + usize::from(posterior.log_var.is_some())));
        let [_, latents] = posterior.mu.dims();
        encoder = [vec![picture], layers, vec![posterior.mu.reshape([1, 1, 1, latents])]].concat();
    }
    tell(&decoder, &encoder).await
}

/// What layers computed, read from the device in one go.
async fn tell(decoder: &[Tensor<4>], encoder: &[Tensor<4>]) -> Result<(Trace, Vec<u8>), CoreError> {
    let layers = || decoder.iter().chain(encoder);
    let flat = layers().map(|layer| layer.clone().reshape([-1])).collect();
    let units = read(Tensor::<1>::cat(flat, 0)).await?;
    let mut rest = units.as_slice();
    let (mut told, mut bytes) = (Vec::new(), Vec::with_capacity(units.len()));
    for layer in layers() {
        let [_, height, width, channels] = layer.dims();
        let (units, others) = rest.split_at(height * width * channels);
        rest = others;
        told.push(tell_layer(units, [height, width, channels], &mut bytes));
    }
    let encoder = told.split_off(decoder.len());
    Ok((Trace { decoder: told, encoder }, bytes))
}

/// A layer of so many rows, columns and channels, with its units as bytes.
fn tell_layer(units: &[f32], shape: [usize; 3], bytes: &mut Vec<u8>) -> Layer {
    let range = (f32::INFINITY, f32::NEG_INFINITY);
    let (least, most) = units.iter().fold(range, |(least, most), unit| (least.min(*unit), most.max(*unit)));
    let zero = least.min(0.0);
    let scale = 255.0 / (most - zero).max(f32::MIN_POSITIVE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0..=255 by the scale")]
    bytes.extend(units.iter().map(|unit| ((unit - zero) * scale + 0.5) as u8));
    let active = units.iter().filter(|unit| **unit > 0.0).count();
    Layer { shape, least, most, active }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::toy_settings;
    use crate::data::PIXELS;
    use crate::models::FAMILIES;
    use burn::tensor::Device;
    use pollster::block_on;

    #[test]
    fn every_family_is_followed_from_code_to_image_and_back() {
        for family in FAMILIES {
            let card = &family.card;
            let settings = toy_settings(card);
            let model = (family.trainer)(&Device::flex(), &settings, 3).expect("settings fit").snapshot();
            let plane = model.plane();
            let z = plane.latent_from_unit(&[[0.3, 0.6]]);
            let image =
                block_on(read(crate::family::decode(model.as_ref(), z.clone()))).expect("the CPU answers");
            let (trace, bytes) = block_on(trace(model.as_ref(), z.clone(), 0)).expect("the CPU answers");
            let units = |layers: &[Layer]| {
                layers.iter().map(|layer| layer.shape.iter().product::<usize>()).collect::<Vec<_>>()
            };
            let (down, up) = (units(&trace.decoder), units(&trace.encoder));
            let hidden = |key| if settings.has(key) { settings.widths(key) } else { Vec::new() };
            assert_eq!(down, [&[z.len()], &hidden("decoder_hidden")[..], &[PIXELS]].concat(), "{}", card.id);
            if card.abilities.encode {
                let latents = plane.latent_dim;
                assert_eq!(
                    up,
                    [&[PIXELS], &hidden("encoder_hidden")[..], &[latents]].concat(),
                    "{}",
                    card.id
                );
            }
            assert_eq!(up.is_empty(), !card.abilities.encode, "{}", card.id);
            assert_eq!(bytes.len(), down.iter().chain(&up).sum::<usize>());
            let picture = &trace.decoder[trace.decoder.len() - 1];
            let most = image.iter().copied().fold(0.0, f32::max);
            assert!((picture.most - most).abs() < 1e-6, "{}: the image of the code", card.id);
            // What was computed is not the same for another code.
            let other = plane.latent_from_unit(&[[0.7, 0.2]]);
            let (_, others) = block_on(super::trace(model.as_ref(), other, 0)).expect("the CPU answers");
            assert_ne!(bytes, others, "{}", card.id);
        }
    }

    #[test]
    fn hidden_units_are_those_of_their_layer() {
        let family = &FAMILIES[0];
        let model = (family.trainer)(&Device::flex(), &toy_settings(&family.card), 3)
            .expect("settings fit")
            .snapshot();
        let z = model.plane().latent_from_unit(&[[0.3, 0.6]]);
        let (trace, bytes) = block_on(trace(model.as_ref(), z, 0)).expect("the CPU answers");
        let layer = &trace.decoder[1];
        let units = &bytes[trace.decoder[0].shape[2]..][..layer.shape[2]];
        assert!(layer.least >= 0.0, "after ReLU");
        assert!(layer.active > 0 && layer.active < units.len(), "some are silent");
        assert_eq!(units.iter().filter(|unit| u32::from(**unit) == 255).count(), 1, "the largest");
        assert!(units.iter().filter(|unit| **unit > 0).count() <= layer.active);
    }
}
