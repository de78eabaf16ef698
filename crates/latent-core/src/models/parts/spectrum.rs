//! The covariance of images and its leading eigenvectors, on the device, and the trainer of models that are made of
//! them rather than learned by gradients.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use latent_kernels::{Form, product, upload};
use latent_protocol::Settings;
use litemap::LiteMap;

use crate::data::PIXELS;
use crate::family::{Batch, LatentModel, Losses, Trainer};
use crate::linalg::{identity, orthonormalize, plain};
use crate::noise::Noise;
use crate::weights::{self, Host, HostTensor, STATE, WeightFile, WeightsError, read};
use crate::{CoreError, Stream};

/// Columns iterated beside those that are wanted: the last ones wanted converge sooner.
const SPARE: usize = 4;

/// Sums over the images seen, and an orthonormal basis on its way to the leading eigenvectors of their covariance.
#[derive(Clone, Debug)]
pub struct Spectrum {
    count: f64,
    /// `[1, 784]`
    sum: Tensor<2>,
    /// `[784, 784]`
    products: Tensor<2>,
    /// `[784, columns]`
    basis: Tensor<2>,
}

impl Spectrum {
    /// No images, and a random basis for this many eigenvectors.
    pub fn new(wanted: usize, noise: &mut Noise, device: &Device) -> Self {
        let columns = (wanted + SPARE).min(PIXELS);
        Self {
            count: 0.0,
            sum: Tensor::zeros([1, PIXELS], device),
            products: Tensor::zeros([PIXELS, PIXELS], device),
            basis: orthonormalize(&noise.normal([PIXELS, columns], device)).0,
        }
    }

    /// Take images in.
    ///
    /// # Shapes
    /// `[batch, 1, 28, 28]`.
    pub fn add(&mut self, images: Tensor<4>) {
        let x: Tensor<2> = images.flatten(1, 3);
        #[expect(clippy::cast_precision_loss, reason = "batches are small")]
        let batch = x.dims()[0] as f64;
        self.count += batch;
        self.sum = self.sum.clone() + x.clone().sum_dim(0);
        self.products = self.products.clone() + product(x.clone(), x, Form::LeftTransposed);
    }

    /// Images seen.
    pub fn count(&self) -> f64 {
        self.count
    }

    /// Their mean, `[1, 784]`.
    pub fn mean(&self) -> Tensor<2> {
        self.sum.clone() / self.count.max(1.0)
    }

    /// Their covariance, `[784, 784]`.
    pub fn covariance(&self) -> Tensor<2> {
        let mean = self.mean();
        self.products.clone() / self.count.max(1.0) - product(mean.clone(), mean, Form::LeftTransposed)
    }

    /// The sum of all eigenvalues, `[1]`.
    pub fn trace(&self) -> Tensor<1> {
        let diagonal = self.covariance() * identity(PIXELS, &self.products.device());
        diagonal.sum().reshape([1])
    }

    /// Steps of orthogonal iteration: the basis is multiplied by the covariance, twice, since that costs less than what
    /// follows, and made orthonormal again. Its columns become the eigenvectors in falling order.
    pub fn iterate(&mut self, steps: usize) {
        let covariance = self.covariance();
        for _ in 0..steps {
            let once = plain(covariance.clone(), self.basis.clone());
            self.basis = orthonormalize(&plain(covariance.clone(), once)).0;
        }
    }

    /// The leading eigenvectors, `[784, count]`, and eigenvalues, `[count]`.
    pub fn leading(&self, count: usize) -> (Tensor<2>, Tensor<1>) {
        let basis = self.basis.clone().slice([0..PIXELS, 0..count]);
        let values = (plain(self.covariance(), basis.clone()) * basis.clone()).sum_dim(0);
        (basis, values.reshape([count]))
    }

    /// Read everything back, to go on from here.
    pub async fn state(&self) -> Result<LiteMap<String, HostTensor>, CoreError> {
        let mut tensors = LiteMap::new();
        for (name, tensor) in [("sum", &self.sum), ("products", &self.products), ("basis", &self.basis)] {
            let (shape, values) = (tensor.dims().to_vec(), read(tensor.clone()).await?);
            tensors.insert(format!("{STATE}{name}"), HostTensor { shape, values });
        }
        #[expect(clippy::cast_possible_truncation, reason = "a count of at most 200,000")]
        let count = HostTensor { shape: vec![1], values: vec![self.count as f32] };
        tensors.insert(format!("{STATE}count"), count);
        Ok(tensors)
    }

    /// Put the state back.
    pub fn restore(&mut self, file: &WeightFile) -> Result<(), WeightsError> {
        let find = |name: &str, expected: &[usize]| file.values(&format!("{STATE}{name}"), expected);
        let device = self.sum.device();
        for (name, tensor) in
            [("sum", &mut self.sum), ("products", &mut self.products), ("basis", &mut self.basis)]
        {
            let shape = tensor.dims();
            *tensor = upload(find(name, &shape)?, shape, &device);
        }
        self.count = f64::from(find("count", &[1])?[0]);
        Ok(())
    }
}

/// A model made of the mean and the covariance of the images.
pub trait Spectral: Module + LatentModel + Sync + 'static {
    /// Settings in the model's own types.
    type Config: Clone + Send + Sync + 'static;

    /// A model before any image was seen.
    fn init(config: &Self::Config, noise: &mut Noise, device: &Device) -> Self;

    /// Eigenvectors needed.
    fn components(config: &Self::Config) -> usize;

    /// The losses, in the card's order, of a batch that the spectrum has taken in but the model has not.
    fn losses(&self, spectrum: &Spectrum, images: Tensor<4>) -> Losses;

    /// The model moved towards the spectrum, which may be iterated.
    #[must_use]
    fn follow(self, config: &Self::Config, spectrum: &mut Spectrum) -> Self;
}

/// How a family reads its settings.
pub type ReadConfig<M> = fn(&Settings) -> Result<<M as Spectral>::Config, CoreError>;

/// Gathers the images of the first epoch and follows their covariance.
pub struct SpectralTrainer<M: Spectral> {
    config: M::Config,
    model: M,
    spectrum: Spectrum,
}

impl<M: Spectral> SpectralTrainer<M> {
    /// A trainer that has seen nothing.
    ///
    /// # Errors
    /// When the settings do not fit.
    pub fn create(
        device: &Device,
        settings: &Settings,
        seed: u64,
        read: ReadConfig<M>,
    ) -> Result<Box<dyn Trainer>, CoreError> {
        let config = read(settings)?;
        let mut noise = Noise::new(seed, Stream::Weights, 0);
        let spectrum = Spectrum::new(M::components(&config), &mut noise, device);
        let model = M::init(&config, &mut noise, device);
        Ok(Box::new(Self { config, model, spectrum }))
    }
}

impl<M: Spectral> Trainer for SpectralTrainer<M> {
    fn step(&mut self, batch: Batch, _learning_rate: f64) -> Losses {
        let images = batch.examples.images.inner();
        if batch.epoch < 1.0 {
            self.spectrum.add(images.clone());
        }
        let losses = self.model.losses(&self.spectrum, images);
        self.model = self.model.clone().follow(&self.config, &mut self.spectrum);
        losses
    }

    fn snapshot(&self) -> Box<dyn LatentModel> {
        Box::new(self.model.clone())
    }

    fn fork(&self) -> Box<dyn Trainer> {
        Box::new(Self {
            config: self.config.clone(),
            model: self.model.clone(),
            spectrum: self.spectrum.clone(),
        })
    }

    fn adjust(&mut self, _settings: &Settings) -> Result<(), CoreError> {
        // No setting that such a model reads itself is live.
        Ok(())
    }

    fn state(&self) -> Host<'_> {
        Box::pin(self.spectrum.state())
    }

    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError> {
        self.model = weights::fill(self.model.clone(), file)?;
        Ok(self.spectrum.restore(file)?)
    }
}
