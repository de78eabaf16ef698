//! What can go wrong in the core.

use std::borrow::Cow;

use latent_protocol::SettingsError;
use thiserror::Error;

use crate::data::IdxError;
use crate::weights::WeightsError;

/// Any error of the core; each says what to do in plain words.
#[derive(Debug, Error)]
pub enum CoreError {
    /// A setting does not fit.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A data file is broken.
    #[error(transparent)]
    Idx(#[from] IdxError),
    /// A file of weights is broken or belongs to another model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// There is no such family.
    #[error("there is no model family `{0}`")]
    UnknownFamily(String),
    /// A model was asked for something its card does not declare.
    #[error("this model cannot {0}")]
    Unable(&'static str),
    /// A model cannot be the subject of an experiment.
    #[error("{model} cannot be the subject: {reason}")]
    Unsuited {
        /// Name of its family.
        model: Cow<'static, str>,
        /// What it lacks.
        reason: &'static str,
    },
    /// A run was trained on other images than those that are there.
    #[error(
        "this run was trained on {found}, but the images that are loaded are {loaded}; load those images first"
    )]
    OtherData {
        /// Data set of the run.
        found: String,
        /// Data set that is there.
        loaded: String,
    },
    /// A family with classes was given images of more.
    #[error("this model knows {known} classes; the images have {found}")]
    TooManyClasses {
        /// Classes of the model.
        known: usize,
        /// Classes of the images.
        found: usize,
    },
    /// A data set is too small.
    #[error("there must be at least one image to train on and one to test on")]
    TooFewImages,
    /// The device did not hand a result back.
    #[error("the device did not return a result ({0}); it may have been lost or run out of memory")]
    Read(String),
    /// The device could not draw what it computed.
    #[error("the device could not draw ({0}); it may have been lost")]
    Draw(String),
}

impl CoreError {
    /// What went wrong, with a capital letter and a full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut reason = self.to_string();
        if let Some(first) = reason.get(..1) {
            // The capitals of all letters are a table that everybody would fetch.
            reason = first.to_ascii_uppercase() + &reason[1..];
        }
        if !reason.ends_with('.') {
            reason.push('.');
        }
        reason
    }
}
