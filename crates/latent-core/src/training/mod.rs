//! Training: settings that all families share, the optimiser, the trainer of "minimise one scalar", and a run.

mod adam;
mod config;
mod dissection;
#[cfg(test)]
pub(crate) mod gradient_check;
mod gradient_trainer;
mod run;

pub use adam::{Adam, Moments};
pub use config::{
    BATCH_SIZE, EPOCHS, IMAGES, LEARNING_RATE, SCHEDULE, SCHEDULES, Schedule, TARGETS, Targets,
    TrainingConfig,
};
pub(crate) use gradient_trainer::gradient_sizes;
pub use gradient_trainer::{GradientTrainer, ReadConfig};
pub use run::{Advance, Run};
