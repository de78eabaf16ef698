//! Generative models with a latent plane: data, models, losses, training, evaluation.
//!
//! The same code runs natively, in a browser tab on the CPU and in a tab on WebGPU. It has no DOM, no files,
//! no clock and no threads; what takes time is a step or a chunk at a time, called from outside.

pub mod conformance;
pub mod data;
mod error;
pub mod evaluation;
mod family;
pub mod gates;
mod grid;
mod hmc;
mod init;
pub mod judge;
pub mod lab;
mod layers;
mod linalg;
pub mod models;
mod noise;
pub mod observation;
pub mod path;
pub mod picture;
mod plane;
pub mod trace;
pub mod training;
pub mod weights;

pub use burn::tensor::Device;
pub use error::CoreError;
pub use family::{
    Batch, BoundTerms, Examined, Examples, Family, LatentModel, Losses, Objective, Posterior, Trainer, codes,
    decode,
};
pub use noise::{Noise, Stream};
pub use plane::{Plane, normal_from_unit, unit_from_normal};
