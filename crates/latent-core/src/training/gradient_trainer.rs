//! The trainer of every family whose training is "minimise one scalar".

use burn::optim::GradientsParams;
use burn::tensor::Device;
use latent_protocol::Settings;

use super::adam::{Adam, Moments};
use crate::CoreError;
use crate::family::{Batch, LatentModel, Losses, Objective, Trainer};
use crate::noise::{Noise, Stream};
use crate::weights::{self, WeightFile};

/// Minimises the first loss of an [`Objective`] with Adam.
pub struct GradientTrainer<M: Objective> {
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
    pub fn create(device: &Device, settings: &Settings, seed: u64) -> Result<Box<dyn Trainer>, CoreError> {
        let config = M::config(settings)?;
        let mut noise = Noise::new(seed, Stream::Weights, 0);
        let model = M::init(&config, &mut noise, &device.clone().autodiff());
        Ok(Box::new(Self { config, model, adam: Adam::new(), device: device.clone() }))
    }
}

impl<M: Objective> Trainer for GradientTrainer<M> {
    fn step(&mut self, batch: Batch, learning_rate: f64) -> Losses {
        let losses = self.model.losses(&self.config, batch);
        let gradients = GradientsParams::from_grads(losses.0[0].1.backward(), &self.model);
        self.model = self.adam.step(learning_rate, self.model.clone(), gradients);
        Losses(losses.0.into_iter().map(|(name, value)| (name, value.inner())).collect())
    }

    fn snapshot(&self) -> Box<dyn LatentModel> {
        Box::new(self.model.valid())
    }

    fn fork(&self) -> Box<dyn Trainer> {
        Box::new(Self {
            config: self.config.clone(),
            model: self.model.clone(),
            adam: self.adam.clone(),
            device: self.device.clone(),
        })
    }

    fn moments(&self) -> &Moments {
        self.adam.moments()
    }

    fn restore(&mut self, file: &WeightFile) -> Result<(), CoreError> {
        let moments = Moments::load(file, &self.device)?;
        self.model = weights::fill(self.model.clone(), file, &[Moments::PREFIX])?;
        self.adam.set_moments(moments);
        Ok(())
    }
}
