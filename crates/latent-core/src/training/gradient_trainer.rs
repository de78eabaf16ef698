//! The trainer of every family whose training is "minimise one scalar".

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use latent_protocol::Settings;

use super::adam::{Adam, Moments};
use crate::CoreError;
use crate::family::{Batch, Examined, LatentModel, Losses, Objective, Trainer};
use crate::noise::{Noise, Stream};
use crate::weights::{self, Host, WeightFile};

/// How a family reads its settings.
pub type ReadConfig<M> = fn(&Settings) -> Result<<M as Objective>::Config, CoreError>;

/// Minimises the first loss of an [`Objective`] with Adam.
pub struct GradientTrainer<M: Objective> {
    read: ReadConfig<M>,
    config: M::Config,
    model: M,
    adam: Adam,
    device: Device,
}

impl<M: Objective> GradientTrainer<M> {
    /// A trainer with fresh weights.
    ///
    /// # Errors
    /// When the settings do not fit.
    pub fn new(
        device: &Device,
        settings: &Settings,
        seed: u64,
        read: ReadConfig<M>,
    ) -> Result<Self, CoreError> {
        let config = read(settings)?;
        let mut noise = Noise::new(seed, Stream::Weights, 0);
        let model = M::init(&config, &mut noise, &device.clone().autodiff());
        Ok(Self { read, config, model, adam: Adam::default(), device: device.clone() })
    }

    /// As [`new`](Self::new), for a [`Family`](crate::Family).
    ///
    /// # Errors
    /// When the settings do not fit.
    pub fn create(
        device: &Device,
        settings: &Settings,
        seed: u64,
        read: ReadConfig<M>,
    ) -> Result<Box<dyn Trainer>, CoreError> {
        Ok(Box::new(Self::new(device, settings, seed, read)?))
    }

    /// The model, with its graph of derivatives.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Change what is not learned by gradients.
    pub fn change(&mut self, change: impl FnOnce(M) -> M) {
        self.model = change(self.model.clone());
    }
}

impl<M: Objective> Clone for GradientTrainer<M> {
    fn clone(&self) -> Self {
        Self {
            read: self.read,
            config: self.config.clone(),
            model: self.model.clone(),
            adam: self.adam.clone(),
            device: self.device.clone(),
        }
    }
}

impl<M: Objective> Trainer for GradientTrainer<M> {
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses {
        let Losses { terms, codes } = self.model.losses(&self.config, batch);
        let gradients = GradientsParams::from_grads(terms[0].1.backward(), &self.model);
        let mut model = self.adam.step(learning_rate, self.model.clone(), gradients);
        if let Some(codes) = codes {
            model = model.observe(codes.inner());
        }
        self.model = model;
        Losses::new(terms.into_iter().map(|(name, value)| (name, value.inner())).collect())
    }

    fn examine(&self, batch: Batch) -> Option<Examined> {
        let Losses { terms, .. } = self.model.losses(&self.config, batch);
        let gradients = GradientsParams::from_grads(terms[0].1.backward(), &self.model);
        let terms = terms.into_iter().map(|(name, value)| (name, value.inner())).collect();
        Some(Examined { losses: Losses::new(terms), gradients: gradient_sizes(&self.model, gradients) })
    }

    fn snapshot(&self) -> Box<dyn LatentModel> {
        Box::new(self.model.valid())
    }

    fn fork(&self) -> Box<dyn Trainer> {
        Box::new(self.clone())
    }

    fn adjust(&mut self, settings: &Settings) -> Result<(), CoreError> {
        self.config = (self.read)(settings)?;
        Ok(())
    }

    fn state(&self) -> Host<'_> {
        Box::pin(self.adam.moments().read())
    }

    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError> {
        let moments = Moments::load(file, &self.device)?;
        self.model = weights::fill(self.model.clone(), file)?;
        self.adam.set_moments(moments);
        Ok(())
    }
}

/// Mean square of the gradient of each tensor of weights, by its name.
pub(crate) fn gradient_sizes<M: Module>(model: &M, gradients: GradientsParams) -> Vec<(String, Tensor<1>)> {
    let mut sizes = Sizes { gradients, path: Vec::new(), found: Vec::new() };
    model.visit(&mut sizes);
    sizes.found
}

/// Measures the gradient of each parameter.
struct Sizes {
    gradients: GradientsParams,
    path: Vec<String>,
    found: Vec<(String, Tensor<1>)>,
}

impl ModuleVisitor for Sizes {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.found.push((self.path.join("."), gradient.powi_scalar(2).mean()));
        }
    }
}
