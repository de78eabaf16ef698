//! What can go wrong in the core.

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
    /// The device did not hand a result back.
    #[error("the device did not return a result ({0}); it may have been lost or run out of memory")]
    Read(String),
}
