//! What a training step computes, told number by number.

use burn::tensor::Tensor;
use latent_protocol::{Dissection, TensorChange, TermValue};
use litemap::LiteMap;

use crate::CoreError;
use crate::data::CLASSES;
use crate::family::{Batch, Examples, Trainer, decode};
use crate::observation::greys;
use crate::weights::{HostTensor, read};

/// Most images of a batch that are told of.
const IMAGES: usize = 8;

/// What was known of a step before its update.
pub struct Before {
    /// Without what only the update tells.
    dissection: Dissection,
    /// Codes with the classes of the images.
    codes: Vec<f32>,
    /// Grey bytes of the targets, then of what was decoded from the codes.
    pictures: Vec<u8>,
    weights: LiteMap<String, HostTensor>,
    gradients: LiteMap<String, f64>,
}

impl Before {
    /// Follow the first images of a batch through the model: with the very noise of the step, whose first numbers are
    /// those of the codes.
    pub async fn of(trainer: &dyn Trainer, batch: &Batch) -> Result<Self, CoreError> {
        let model = trainer.snapshot();
        let [size, channels, height, width] = batch.examples.images.dims();
        let images = size.min(IMAGES);
        let part = Examples {
            images: batch.examples.images.clone().inner().slice([
                0..images,
                0..channels,
                0..height,
                0..width,
            ]),
            labels: batch.examples.labels.clone().inner().slice([0..images, 0..CLASSES]),
        };
        let plane = model.plane();
        let latent_dim = plane.latent_dim;
        let mut told = Dissection { batch: size, images, latent_dim, ..Dissection::default() };
        let mut codes = Vec::new();
        let mut pictures = greys(&read(part.images.clone()).await?);
        if let Some(posterior) = model.encode(&part) {
            told.mu = read(posterior.mu).await?;
            told.z.clone_from(&told.mu);
            if let Some(log_var) = posterior.log_var {
                let eps: Tensor<3> = batch.noise.clone().normal([1, images, latent_dim], &model.device());
                told.sigma = read((log_var * 0.5).exp()).await?;
                told.eps = read(eps).await?;
                for ((z, sigma), eps) in told.z.iter_mut().zip(&told.sigma).zip(&told.eps) {
                    *z += sigma * eps;
                }
            }
            let labels = read(part.labels).await?;
            for (z, label) in told.z.chunks_exact(latent_dim).zip(labels.chunks_exact(CLASSES)) {
                codes.extend_from_slice(z);
                codes.extend_from_slice(&label[..plane.classes]);
            }
            pictures.extend(greys(&read(decode(model.as_ref(), codes.clone())).await?));
        }
        let mut gradients = LiteMap::new();
        for (name, size) in trainer.examine(batch.clone()).map(|seen| seen.gradients).unwrap_or_default() {
            let size = read(size).await?.into_iter().next().unwrap_or(0.0);
            gradients.insert(name, f64::from(size).sqrt());
        }
        let weights = model.weights().await?;
        Ok(Self { dissection: told, codes, pictures, weights, gradients })
    }

    /// What became of it by the update.
    pub async fn compare(
        self,
        trainer: &dyn Trainer,
        batch: Batch,
    ) -> Result<(Dissection, Vec<u8>), CoreError> {
        let Self { mut dissection, codes, mut pictures, weights, gradients } = self;
        let model = trainer.snapshot();
        if !codes.is_empty() {
            pictures.extend(greys(&read(decode(model.as_ref(), codes)).await?));
        }
        if let Some(examined) = trainer.examine(batch) {
            dissection.losses_after = terms(examined.losses.read().await?);
        }
        dissection.tensors = changes(&weights, &model.weights().await?, &gradients);
        Ok((dissection, pictures))
    }
}

/// What became of each tensor of weights.
fn changes(
    before: &LiteMap<String, HostTensor>,
    after: &LiteMap<String, HostTensor>,
    gradients: &LiteMap<String, f64>,
) -> Vec<TensorChange> {
    let change = |(name, old): (&String, &HostTensor)| {
        let new = after.get(name)?;
        let apart = old.values.iter().zip(&new.values).map(|(old, new)| f64::from(new - old));
        Some(TensorChange {
            name: name.clone(),
            shape: old.shape.clone(),
            gradient: gradients.get(name).copied(),
            weight: size(old.values.iter().map(|v| f64::from(*v)), old.values.len()),
            change: size(apart, old.values.len()),
        })
    };
    before.iter().filter_map(change).collect()
}

/// Losses for the page.
pub fn terms(losses: Vec<(&'static str, f32)>) -> Vec<TermValue> {
    losses.into_iter().map(|(key, value)| TermValue { key: key.into(), value: f64::from(value) }).collect()
}

/// Root of the mean square.
#[expect(clippy::cast_precision_loss, reason = "tensors are small")]
fn size(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    (values.map(|v| v * v).sum::<f64>() / count.max(1) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use crate::conformance::{toy_dataset, toy_settings};
    use crate::data::PIXELS;
    use crate::models::FAMILIES;
    use crate::training::{Advance, Run};
    use burn::tensor::Device;
    use pollster::block_on;

    #[test]
    fn a_slow_step_is_a_step_of_every_family() {
        let (device, dataset) = (Device::flex(), toy_dataset());
        for family in FAMILIES {
            let card = &family.card;
            let run = || Run::new(&device, &card.id, &toy_settings(card), 5, &dataset).expect("settings fit");
            let (mut slow, mut quick) = (run(), run());
            for step in 1..=3 {
                let told = block_on(slow.dissect(&dataset)).expect("the CPU answers");
                let (Advance::Stepped(losses), Some((dissection, pictures))) = told else {
                    panic!("{}: no step", card.id)
                };
                let losses = block_on(losses.read()).expect("the CPU answers");
                let Advance::Stepped(expected) = quick.advance(&dataset) else { panic!("no step") };
                let expected = block_on(expected.read()).expect("the CPU answers");
                assert_eq!(losses, expected, "{}", card.id);
                assert_eq!((dissection.step, slow.step()), (step, step));
                assert_eq!((dissection.batch, dissection.images), (8, 8));
                let codes = 8 * dissection.latent_dim;
                for (z, mu) in dissection.z.iter().zip(&dissection.mu) {
                    assert!(z.is_finite() && mu.is_finite());
                }
                if card.abilities.encode {
                    assert_eq!((dissection.mu.len(), dissection.z.len()), (codes, codes), "{}", card.id);
                    assert_eq!(pictures.len(), 3 * 8 * PIXELS, "{}", card.id);
                }
                if !dissection.sigma.is_empty() {
                    for index in 0..codes {
                        let z = dissection.mu[index] + dissection.sigma[index] * dissection.eps[index];
                        assert!((z - dissection.z[index]).abs() < 1e-6);
                    }
                }
                // Who learns by gradients has one for each tensor that changes, and all numbers are finite.
                let learns = !dissection.losses_after.is_empty();
                for tensor in &dissection.tensors {
                    assert!(tensor.weight.is_finite() && tensor.change.is_finite(), "{tensor:?}");
                    assert!(tensor.gradient.is_none_or(|size| size.is_finite() && size > 0.0), "{tensor:?}");
                    assert!(!learns || tensor.gradient.is_none() || tensor.change > 0.0, "{tensor:?}");
                }
                assert_eq!(learns, dissection.tensors.iter().any(|tensor| tensor.gradient.is_some()));
            }
            let weights = |run: &Run| block_on(run.weights()).expect("the CPU answers");
            assert_eq!(weights(&slow), weights(&quick), "{}", card.id);
        }
    }

    /// The noise that is told is the noise that was used: the same codes give the reconstruction that was trained on.
    #[test]
    fn the_update_lowers_the_loss_of_its_own_batch() {
        let (device, dataset) = (Device::flex(), toy_dataset());
        let card = &FAMILIES[0].card;
        let mut run = Run::new(&device, &card.id, &toy_settings(card), 5, &dataset).expect("settings fit");
        let (_, told) = block_on(run.dissect(&dataset)).expect("the CPU answers");
        let (dissection, _) = told.expect("a step");
        assert!(dissection.losses_after[0].value < dissection.losses[0].value);
    }
}
