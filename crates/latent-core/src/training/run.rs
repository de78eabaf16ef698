//! A run: one training of one model, from its settings and seed to its last step.

use burn::tensor::Device;
use latent_protocol::{Dissection, Settings, fill, map_of};
use litemap::LiteMap;

use super::config::{Targets, TrainingConfig};
use super::dissection::{self, Before};
use crate::CoreError;
use crate::data::{CLASSES, Dataset, Place, Sampler};
use crate::family::{Batch, Examples, Family, LatentModel, Losses, Trainer};
use crate::models;
use crate::noise::{Noise, Stream};
use crate::weights::{Precision, WeightFile, WeightsError, key};

/// What [`Run::advance`] did.
pub enum Advance {
    /// One step; these are its losses.
    Stepped(Losses),
    /// Nothing: images are missing that this step needs.
    Waiting,
    /// Nothing: all epochs are done.
    Finished,
}

/// What comes next.
enum Next {
    Batch(Box<Batch>, Place),
    Waiting,
    Finished,
}

/// One training of one model. Everything it does is a function of the family, the settings, the seed, the data
/// and the step.
pub struct Run {
    family: &'static Family,
    settings: Settings,
    config: TrainingConfig,
    seed: u64,
    step: u64,
    place: Place,
    sampler: Sampler,
    data: String,
    trainer: Box<dyn Trainer>,
    device: Device,
}

impl Run {
    /// A run at its beginning.
    ///
    /// # Errors
    /// When there is no such family or the settings do not fit its card.
    pub fn new(
        device: &Device,
        family: &str,
        settings: &Settings,
        seed: u64,
        dataset: &Dataset,
    ) -> Result<Self, CoreError> {
        let family = models::family(family)?;
        let settings = settings.checked(&family.card)?;
        let config = TrainingConfig::from(&settings);
        let files: Vec<usize> = dataset.manifest().train.iter().map(|s| s.count).collect();
        let sampler = Sampler::new(seed, &files, config.images);
        let classes = dataset.train().labels.iter().max().map_or(0, |label| usize::from(*label) + 1);
        if family.card.abilities.classes && classes > CLASSES {
            return Err(CoreError::TooManyClasses { known: CLASSES, found: classes });
        }
        let trainer = (family.trainer)(device, &settings, seed)?;
        let (data, device) = (dataset.manifest().label(), device.clone());
        let place = Place::default();
        Ok(Self { family, settings, config, seed, step: 0, place, sampler, data, trainer, device })
    }

    /// A run at the step at which it was saved by [`checkpoint`](Self::checkpoint).
    ///
    /// # Errors
    /// When the bytes are no such checkpoint, or it was trained on other images.
    pub fn restore(device: &Device, bytes: &[u8], dataset: &Dataset) -> Result<Self, CoreError> {
        let file = WeightFile::parse(bytes)?;
        let family = models::family(file.entry(key::FAMILY)?)?;
        let number = |name| -> Result<u64, WeightsError> {
            file.entry(name)?.parse().map_err(|_| WeightsError::Metadata(name))
        };
        let settings = file.settings(&family.card)?;
        let (found, loaded) = (file.entry(key::DATA)?, dataset.manifest().label());
        if found != loaded {
            return Err(CoreError::OtherData { found: found.into(), loaded });
        }
        let place = file.entry(key::PLACE)?.split_once(':');
        let place = place
            .and_then(|(epoch, seen)| Some(Place { epoch: epoch.parse().ok()?, seen: seen.parse().ok()? }));
        let mut run = Self::new(device, &family.card.id, &settings, number(key::SEED)?, dataset)?;
        run.trainer.restore(&file)?;
        run.step = number(key::STEP)?;
        run.place = place.ok_or(WeightsError::Metadata(key::PLACE))?;
        Ok(run)
    }

    /// Do one step, if its images are there.
    pub fn advance(&mut self, dataset: &Dataset) -> Advance {
        match self.next(dataset) {
            Next::Batch(batch, place) => Advance::Stepped(self.learn(*batch, place)),
            Next::Waiting => Advance::Waiting,
            Next::Finished => Advance::Finished,
        }
    }

    /// The batch of the next step, and the place after it.
    fn next(&mut self, dataset: &Dataset) -> Next {
        if self.is_finished() {
            return Next::Finished;
        }
        let visit = self.sampler.visit(self.place, self.config.batch_size);
        if dataset.train().labels.len() < visit.needs {
            return Next::Waiting;
        }
        let grey = dataset.gather(&visit.indices);
        let mut values = Vec::with_capacity(grey.len());
        match self.config.targets {
            Targets::Grey => values.extend(grey.iter().map(|g| f32::from(*g) / 255.0)),
            Targets::Dynamic => {
                Noise::new(self.seed, Stream::Bits, self.step).binarize(&grey, &mut values);
            }
        }
        let classes: Vec<u8> = visit.indices.iter().map(|i| dataset.train().labels[*i as usize]).collect();
        let examples = Examples::new(values, &classes, &self.device.clone().autodiff());
        let noise = Noise::new(self.seed, Stream::Step, self.step);
        Next::Batch(
            Box::new(Batch { examples, indices: visit.indices, noise, epoch: self.epoch() }),
            visit.next,
        )
    }

    fn learn(&mut self, batch: Batch, next: Place) -> Losses {
        let losses = self.trainer.step(batch, self.learning_rate());
        self.step += 1;
        self.place = next;
        losses
    }

    /// Do one step slowly: the same as [`advance`](Self::advance), and tell what was computed, with the pictures of
    /// [`Event::Dissected`](latent_protocol::Event::Dissected).
    ///
    /// # Errors
    /// When the device fails.
    pub async fn dissect(
        &mut self,
        dataset: &Dataset,
    ) -> Result<(Advance, Option<(Dissection, Vec<u8>)>), CoreError> {
        let (batch, next) = match self.next(dataset) {
            Next::Batch(batch, next) => (*batch, next),
            Next::Waiting => return Ok((Advance::Waiting, None)),
            Next::Finished => return Ok((Advance::Finished, None)),
        };
        let before = Before::of(self.trainer.as_ref(), &batch).await?;
        let learning_rate = self.learning_rate();
        let losses = self.learn(batch.clone(), next);
        let mut told = before.compare(self.trainer.as_ref(), batch).await?;
        told.0.step = self.step;
        told.0.learning_rate = learning_rate;
        told.0.losses = dissection::terms(losses.clone().read().await?);
        Ok((Advance::Stepped(losses), Some(told)))
    }

    /// Learning rate of the next step.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "epochs are few")]
    pub fn learning_rate(&self) -> f64 {
        let done = self.epoch() / self.config.epochs as f64;
        self.config.learning_rate * self.config.schedule.factor(done)
    }

    /// Change settings of the steps to come; only those that the card calls live are taken over.
    ///
    /// # Errors
    /// When one is outside the bounds of the card.
    pub fn adjust(&mut self, settings: &Settings) -> Result<(), CoreError> {
        let card = &self.family.card;
        let settings = self.settings.with_live(card, &settings.checked(card)?);
        self.trainer.adjust(&settings)?;
        self.config = TrainingConfig::from(&settings);
        self.settings = settings;
        Ok(())
    }

    /// The family.
    #[must_use]
    pub fn family(&self) -> &'static Family {
        self.family
    }

    /// The settings, checked.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The shared settings in their own types.
    #[must_use]
    pub fn config(&self) -> &TrainingConfig {
        &self.config
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Steps of the whole run, if nothing changes any more.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        let epochs = self.config.epochs as u64;
        self.step + self.sampler.steps_left(self.place, epochs, self.config.batch_size)
    }

    /// Whether all epochs are done.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.place.epoch >= self.config.epochs as u64
    }

    /// Steps in an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.sampler.steps_per_epoch(self.config.batch_size)
    }

    /// Images in an epoch.
    #[must_use]
    pub fn images(&self) -> usize {
        self.sampler.images()
    }

    /// Epochs done, with the fraction of the current one.
    #[must_use]
    pub fn epoch(&self) -> f64 {
        self.sampler.epochs_before(self.place, self.config.batch_size)
    }

    /// The current weights as a model.
    #[must_use]
    pub fn snapshot(&self) -> Box<dyn LatentModel> {
        self.trainer.snapshot()
    }

    /// A copy that goes on independently.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            family: self.family,
            settings: self.settings.clone(),
            config: self.config,
            seed: self.seed,
            step: self.step,
            place: self.place,
            sampler: self.sampler.clone(),
            data: self.data.clone(),
            trainer: self.trainer.fork(),
            device: self.device.clone(),
        }
    }

    /// What the weights are, for their file: see [`key`].
    #[must_use]
    pub fn metadata(&self) -> LiteMap<String, String> {
        // Settings are numbers and words by key: they can always be written.
        let settings = serde_json::to_string(&self.settings).unwrap_or_default();
        let entries = [
            (key::FAMILY, self.family.card.id.to_string()),
            (key::SETTINGS, settings),
            (key::SEED, self.seed.to_string()),
            (key::STEP, self.step.to_string()),
            (key::PLACE, format!("{}:{}", self.place.epoch, self.place.seen)),
            (key::DATA, self.data.clone()),
        ];
        map_of(entries.into_iter().map(|(name, value)| (name.to_string(), value)))
    }

    /// The weights, with what they are.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn weights(&self) -> Result<WeightFile, CoreError> {
        let snapshot = self.trainer.snapshot();
        let tensors = snapshot.weights().await?;
        Ok(WeightFile { metadata: self.metadata(), tensors })
    }

    /// Everything needed to go on exactly here, as bytes of a safetensors file.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn checkpoint(&self) -> Result<Vec<u8>, CoreError> {
        let mut file = self.weights().await?;
        fill(&mut file.tensors, self.trainer.state().await?);
        Ok(file.to_bytes(Precision::F32)?)
    }
}
