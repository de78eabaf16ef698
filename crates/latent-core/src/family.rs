//! The seam at which a model family plugs in: see ARCHITECTURE.md and "Adding a model family" in CONTRIBUTING.md.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use latent_kernels::upload;
use latent_protocol::{ModelCard, Settings};

use crate::CoreError;
use crate::data::{CLASSES, SIDE};
use crate::gates::GateRun;
use crate::noise::Noise;
use crate::plane::Plane;
use crate::weights::{Host, WeightFile};

/// A model family: its card, how its models come to be, and what they must reach.
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
    /// Runs whose results are compared with published or piloted ones by `latent gates`.
    pub gates: &'static [GateRun],
}

/// Makes a trainer from settings and a seed.
pub type MakeTrainer = fn(&Device, &Settings, u64) -> Result<Box<dyn Trainer>, CoreError>;

/// Makes a model from a file.
pub type LoadModel = fn(&Device, &WeightFile) -> Result<Box<dyn LatentModel>, CoreError>;

/// Images with their classes.
#[derive(Clone, Debug)]
pub struct Examples {
    /// In [0, 1], `[batch, 1, 28, 28]`.
    pub images: Tensor<4>,
    /// One-hot, `[batch, 10]`. Only a model with classes may look at them.
    pub labels: Tensor<2>,
}

impl Examples {
    /// From pixels in [0, 1], image by image, and one class per image.
    #[must_use]
    pub fn new(pixels: Vec<f32>, classes: &[u8], device: &Device) -> Self {
        let batch = classes.len();
        let mut one_hot = vec![0.0f32; batch * CLASSES];
        for (row, class) in one_hot.chunks_exact_mut(CLASSES).zip(classes) {
            row[usize::from(*class) % CLASSES] = 1.0;
        }
        Self {
            images: upload(pixels, [batch, 1, SIDE, SIDE], device),
            labels: upload(one_hot, [batch, CLASSES], device),
        }
    }
}

/// A trained model: what the explorer can ask of it. What the card does not declare gives `None`.
///
/// A code is `latent_dim` numbers, followed by one per class where the model has classes.
pub trait LatentModel: Send {
    /// What the unit square means.
    fn plane(&self) -> Plane;

    /// Pixels of codes: their mean where the model has a distribution.
    ///
    /// # Shapes
    /// `[batch, code]` -> `[batch, 1, 28, 28]`, in [0, 1].
    fn decode(&self, z: Tensor<2>) -> Tensor<4>;

    /// Posterior over the latents of images, where there is an encoder.
    ///
    /// # Shapes
    /// -> `[batch, latent_dim]`.
    fn encode(&self, examples: &Examples) -> Option<Posterior>;

    /// Codes as the networks have them, counted as this model counts codes: the same, where the model has a prior.
    ///
    /// # Shapes
    /// `[batch, code]` -> the same.
    fn counted(&self, raw: Tensor<2>) -> Tensor<2> {
        raw
    }

    /// Images sent through the encoder's mean and the decoder, not clamped to [0, 1].
    ///
    /// # Shapes
    /// -> `[batch, 784]`.
    fn reconstruct(&self, examples: &Examples) -> Option<Tensor<2>>;

    /// Terms of the evidence lower bound, where the card declares a likelihood and an encoder: of binary images where it
    /// is Bernoulli's, of grey ones where it is Gaussian.
    ///
    /// # Shapes
    /// `eps`, standard normal: `[samples, batch, latent_dim]`.
    fn bound(&self, examples: &Examples, eps: Tensor<3>) -> Option<BoundTerms> {
        let _ = (examples, eps);
        None
    }

    /// `log p(x|z)` for each pair of a code and an image, where the card declares a likelihood.
    ///
    /// # Shapes
    /// `images`: `[batch, 1, 28, 28]`; `z`: `[codes, code]`; returns `[codes, batch]`.
    fn log_likelihood(&self, images: Tensor<4>, z: Tensor<2>) -> Option<Tensor<2>> {
        let _ = (images, z);
        None
    }

    /// `log p(x)`, where the card declares it exact.
    ///
    /// # Shapes
    /// `[batch, 1, 28, 28]` -> `[batch]`.
    fn log_density(&self, images: Tensor<4>) -> Option<Tensor<1>> {
        let _ = images;
        None
    }

    /// Images drawn from `p(x|z)`, where the card declares a likelihood.
    ///
    /// # Shapes
    /// `[batch, code]` -> `[batch, 1, 28, 28]`, clamped to [0, 1].
    fn sample(&self, z: Tensor<2>, noise: &mut Noise) -> Option<Tensor<4>> {
        let _ = (z, noise);
        None
    }

    /// The derivative of a number by each tensor of the encoder's weights, flat, where those learn by gradients and lie
    /// on a device with derivatives.
    fn encoder_gradients(&self, of: Tensor<1>) -> Option<Vec<Tensor<1>>> {
        let _ = of;
        None
    }

    /// The one standard deviation of all pixels, where it is learned.
    fn sigma(&self) -> Option<Tensor<1>> {
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
/// `z`: n codes; returns `[n, 1, 28, 28]`.
pub fn decode(model: &dyn LatentModel, z: Vec<f32>) -> Tensor<4> {
    model.decode(codes(model, z))
}

/// Codes that lie on the host, on the model's device.
///
/// # Shapes
/// n codes -> `[n, code]`.
pub fn codes(model: &dyn LatentModel, z: Vec<f32>) -> Tensor<2> {
    let length = model.plane().code_length();
    let count = z.len() / length;
    upload(z, [count, length], &model.device())
}

/// A diagonal Gaussian over latents, or a point.
#[derive(Clone, Debug)]
pub struct Posterior {
    /// Means, `[batch, latent_dim]`.
    pub mu: Tensor<2>,
    /// Logarithms of the variances, `[batch, latent_dim]`; none where the code is a point.
    pub log_var: Option<Tensor<2>>,
}

/// Terms of the evidence lower bound, in nats.
#[derive(Clone, Debug)]
pub struct BoundTerms {
    /// `-log p(x|z)`, `[samples, batch]`.
    pub reconstruction: Tensor<2>,
    /// `KL(q(z|x) || p(z))` of each latent in closed form, `[batch, latent_dim]`.
    pub kl: Tensor<2>,
    /// `log p(x, z) - log q(z|x)`, `[samples, batch]`: the log-weights of importance sampling.
    pub log_weight: Tensor<2>,
}

/// What one training step sees.
#[derive(Clone)]
pub struct Batch {
    /// Targets in [0, 1], grey or binary, with their classes.
    pub examples: Examples,
    /// Numbers of the images among those of the training set, each at most once: for a trainer that keeps something of
    /// each image.
    pub indices: Vec<u32>,
    /// Randomness of this step.
    pub noise: Noise,
    /// Where the run stands, in epochs.
    pub epoch: f64,
}

/// Named scalars of a training step, still on the device.
#[derive(Clone, Debug)]
pub struct Losses {
    /// In the card's order.
    pub terms: Vec<(&'static str, Tensor<1>)>,
    /// The codes of the batch, for a model that follows their range: see [`Objective::observe`].
    pub codes: Option<Box<Tensor<2>>>,
}

impl Losses {
    /// Without codes.
    #[must_use]
    pub fn new(terms: Vec<(&'static str, Tensor<1>)>) -> Self {
        Self { terms, codes: None }
    }

    /// Read all of them back at once, in order.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(self) -> Result<Vec<(&'static str, f32)>, CoreError> {
        let (names, values): (Vec<_>, Vec<_>) = self.terms.into_iter().unzip();
        let values = crate::weights::read(Tensor::cat(values, 0)).await?;
        Ok(names.into_iter().zip(values).collect())
    }
}

/// What a batch says of the weights, without changing them.
pub struct Examined {
    /// As of a step.
    pub losses: Losses,
    /// Mean square of the gradient of each tensor of weights, by the tensor's name, `[1]`.
    pub gradients: Vec<(String, Tensor<1>)>,
}

/// A model being trained. One `step` is one batch: no loop, no printing, no clock inside. Pause = stop calling.
pub trait Trainer: Send {
    /// Update the weights once and return the losses from before the update.
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses;

    /// What a batch says of the weights, without changing them; none for a model that does not learn by gradients.
    fn examine(&self, batch: Batch) -> Option<Examined> {
        let _ = batch;
        None
    }

    /// The current weights, without the graph of derivatives.
    fn snapshot(&self) -> Box<dyn LatentModel>;

    /// A copy that goes on independently (tensors are shared until changed).
    fn fork(&self) -> Box<dyn Trainer>;

    /// Take over settings that changed while training; only those that the card calls live may differ.
    ///
    /// # Errors
    /// When they do not fit.
    fn adjust(&mut self, settings: &Settings) -> Result<(), CoreError>;

    /// What training needs beside the weights to go on exactly, by names that begin with
    /// [`STATE`](crate::weights::STATE).
    fn state(&self) -> Host<'_>;

    /// Put weights and state back.
    ///
    /// # Errors
    /// When tensors are missing or do not fit.
    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError>;
}

/// A model whose training is "minimise one scalar" writes only this and gets its [`Trainer`] from
/// [`GradientTrainer`](crate::training::GradientTrainer).
pub trait Objective: Module + LatentModel + Sync + 'static {
    /// Settings in the model's own types.
    type Config: Clone + Send + Sync + 'static;

    /// A model with fresh weights.
    fn init(config: &Self::Config, noise: &mut Noise, device: &Device) -> Self;

    /// The losses of a batch, in the card's order; the first is minimised.
    fn losses(&self, config: &Self::Config, batch: Batch) -> Losses;

    /// Follow the codes of the last batch, `[batch, latent_dim]`, with what is not learned by gradients.
    #[must_use]
    fn observe(self, codes: Tensor<2>) -> Self {
        let _ = codes;
        self
    }
}
