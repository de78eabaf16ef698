//! The seam at which a model family plugs in: see ARCHITECTURE.md and "Adding a model family" in CONTRIBUTING.md.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use latent_protocol::{ModelCard, Settings};

use crate::CoreError;
use crate::noise::Noise;
use crate::plane::Plane;
use crate::training::Moments;
use crate::weights::{Host, WeightFile};

/// A model family: its card and how its models come to be.
pub struct Family {
    /// How it presents itself.
    pub card: ModelCard,
    /// A fresh model to train.
    ///
    /// # Errors
    /// When the settings do not fit.
    pub trainer: MakeTrainer,
    /// A trained model.
    ///
    /// # Errors
    /// When the file is of another family or its tensors do not fit its settings.
    pub load: LoadModel,
}

/// Makes a trainer from settings and a seed.
pub type MakeTrainer = fn(&Device, &Settings, u64) -> Result<Box<dyn Trainer>, CoreError>;

/// Makes a model from a file.
pub type LoadModel = fn(&Device, &WeightFile) -> Result<Box<dyn LatentModel>, CoreError>;

/// A trained model: what the explorer can ask of it.
pub trait LatentModel: Send {
    /// What the unit square means.
    fn plane(&self) -> Plane;

    /// Pixels of codes.
    ///
    /// # Shapes
    /// `[batch, latent_dim]` -> `[batch, 1, 28, 28]`, in [0, 1].
    fn decode(&self, z: Tensor<2>) -> Tensor<4>;

    /// Posterior over the codes of images, where there is an encoder.
    ///
    /// # Shapes
    /// `[batch, 1, 28, 28]` -> two times `[batch, latent_dim]`.
    fn encode(&self, images: Tensor<4>) -> Option<Posterior>;

    /// Terms of the evidence lower bound of binary images, where the card declares `bound`.
    ///
    /// # Shapes
    /// `images`: `[batch, 1, 28, 28]`; `eps`, standard normal: `[samples, batch, latent_dim]`.
    fn bound(&self, images: Tensor<4>, eps: Tensor<3>) -> Option<BoundTerms> {
        let _ = (images, eps);
        None
    }

    /// The device of the weights.
    fn device(&self) -> Device;

    /// The weights by name, read back from the device.
    fn weights(&self) -> Host<'_>;
}

/// Pixels of codes that lie on the host, on the model's device.
///
/// # Shapes
/// `z`: n codes of `latent_dim` numbers; returns `[n, 1, 28, 28]`.
pub fn decode(model: &dyn LatentModel, z: Vec<f32>) -> Tensor<4> {
    let latent_dim = model.plane().latent_dim;
    let count = z.len() / latent_dim;
    let z = TensorData::new(z, [count, latent_dim]);
    model.decode(Tensor::from_data(z, &model.device()))
}

/// A diagonal Gaussian over codes.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// Means, `[batch, latent_dim]`.
    pub mu: Tensor<2>,
    /// Logarithms of the variances, `[batch, latent_dim]`.
    pub log_var: Tensor<2>,
}

/// Terms of the evidence lower bound, in nats.
#[derive(Clone, Debug)]
pub struct BoundTerms {
    /// `-log p(x|z)`, `[samples, batch]`.
    pub reconstruction: Tensor<2>,
    /// `KL(q(z|x) || p(z))` in closed form, `[batch]`.
    pub kl: Tensor<1>,
    /// `log p(x, z) - log q(z|x)`, `[samples, batch]`: the log-weights of importance sampling.
    pub log_weight: Tensor<2>,
}

/// What one training step sees.
pub struct Batch {
    /// Targets in [0, 1], grey or binary, `[batch, 1, 28, 28]`.
    pub images: Tensor<4>,
    /// Randomness of this step.
    pub noise: Noise,
    /// Where the run stands, in epochs.
    pub epoch: f64,
}

/// Named scalars of a training step, still on the device.
#[derive(Clone, Debug)]
pub struct Losses(pub Vec<(&'static str, Tensor<1>)>);

impl Losses {
    /// Read all of them back at once, in order.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(self) -> Result<Vec<(&'static str, f32)>, CoreError> {
        let (names, values): (Vec<_>, Vec<_>) = self.0.into_iter().unzip();
        let values = crate::weights::read(Tensor::cat(values, 0)).await?;
        Ok(names.into_iter().zip(values).collect())
    }
}

/// A model being trained. One `step` is one batch: no loop, no printing, no clock inside. Pause = stop calling.
pub trait Trainer: Send {
    /// Update the weights once and return the losses from before the update.
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses;

    /// The current weights, without the graph of derivatives.
    fn snapshot(&self) -> Box<dyn LatentModel>;

    /// A copy that goes on independently (tensors are shared until changed).
    fn fork(&self) -> Box<dyn Trainer>;

    /// The optimiser's state.
    fn moments(&self) -> &Moments;

    /// Put weights and the optimiser's state back.
    ///
    /// # Errors
    /// When tensors are missing or do not fit.
    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError>;
}

/// A family whose training is "minimise one scalar" writes only this and gets its [`Trainer`] and its loader
/// from [`GradientTrainer`](crate::training::GradientTrainer).
pub trait Objective: Module + LatentModel + Sync + 'static {
    /// Settings in the family's own types.
    type Config: Clone + Send + Sync + 'static;

    /// Read the settings.
    ///
    /// # Errors
    /// When they do not fit.
    fn config(settings: &Settings) -> Result<Self::Config, CoreError>;

    /// A model with fresh weights.
    fn init(config: &Self::Config, noise: &mut Noise, device: &Device) -> Self;

    /// The losses of a batch, in the card's order; the first is minimised.
    fn losses(&self, config: &Self::Config, batch: Batch) -> Losses;
}
