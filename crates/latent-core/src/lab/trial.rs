//! An experiment with all that it works on.

use burn::tensor::Device;
use latent_protocol::ModelCard;
use latent_protocol::lab::Finding;

use super::{Bench, Entry, Experiment, Image, Progress};
use crate::CoreError;
use crate::data::Dataset;
use crate::family::LatentModel;
use crate::judge::Judge;
use crate::models;
use crate::weights::{WeightFile, key};

/// An experiment under way, on a model from a file.
pub struct Trial<'a> {
    experiment: Box<dyn Experiment>,
    subject: Model,
    rival: Option<Model>,
    surroundings: Surroundings<'a>,
}

/// What an experiment sees beside models.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// For what other images say.
    pub dataset: &'a Dataset,
    /// Says what completed digits are, if there is one.
    pub judge: Option<&'a Judge>,
    /// The image that is looked at.
    pub image: &'a Image,
}

/// A model with the card of its family.
type Model = (&'static ModelCard, Box<dyn LatentModel>);

impl Entry {
    /// The family whose shipped model stands beside the model of this file, if one does.
    ///
    /// # Errors
    /// No family made the file.
    pub fn rival_of(&self, file: &WeightFile) -> Result<Option<&'static str>, CoreError> {
        Ok((self.rival)(&models::family(file.entry(key::FAMILY)?)?.card))
    }

    /// Begin, with the model of a file and [its rival's](Self::rival_of).
    ///
    /// # Errors
    /// A file is broken, or its model cannot be the subject.
    pub fn trial<'a>(
        &self,
        device: &Device,
        file: &WeightFile,
        rival: Option<&WeightFile>,
        surroundings: Surroundings<'a>,
    ) -> Result<Trial<'a>, CoreError> {
        let device = super::device(device);
        let open = |file: &WeightFile| {
            let family = models::family(file.entry(key::FAMILY)?)?;
            Ok::<Model, CoreError>((&family.card, (family.load)(&device, file)?))
        };
        let subject = open(file)?;
        if let Some(reason) = self.card.obstacle(subject.0, subject.1.plane().latent_dim) {
            return Err(CoreError::Unsuited { model: subject.0.name.clone(), reason });
        }
        Ok(Trial { experiment: (self.begin)(), subject, rival: rival.map(open).transpose()?, surroundings })
    }
}

impl Trial<'_> {
    /// Do the next piece of work.
    ///
    /// # Errors
    /// The device does not answer, or a part of the model is missing.
    pub async fn advance(&mut self) -> Result<Progress, CoreError> {
        let (card, model) = (self.subject.0, self.subject.1.as_ref());
        let Surroundings { dataset, judge, image } = self.surroundings;
        let rival = self.rival.as_ref().map(|(card, model)| (*card, model.as_ref()));
        self.experiment.advance(&Bench { model, card, dataset, judge, image, rival }).await
    }

    /// What is known before the end, if that can be shown.
    #[must_use]
    pub fn so_far(&self) -> Option<Finding> {
        self.experiment.so_far()
    }
}
