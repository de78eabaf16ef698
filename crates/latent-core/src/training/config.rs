//! Settings of training that families put on their cards.

use std::borrow::Cow::{self, Borrowed};

use latent_protocol::{Choice, Control, Hyperparameter, Settings};

/// How many images a step sees.
pub const BATCH_SIZE: Hyperparameter = Hyperparameter {
    key: Borrowed("batch_size"),
    label: Borrowed("Batch size"),
    help: Borrowed(
        "Images per training step. Larger batches give smoother gradients and fewer steps per second.",
    ),
    control: Control::Whole { default: 128, min: 1, max: 1024 },
    live: true,
};

/// Step size of Adam.
pub const LEARNING_RATE: Hyperparameter = Hyperparameter {
    key: Borrowed("learning_rate"),
    label: Borrowed("Learning rate"),
    help: Borrowed("How far each step moves the weights (Adam). Too large diverges, too small crawls."),
    control: Control::Real { default: 0.001, min: 0.000_01, max: 1.0, logarithmic: true },
    live: true,
};

/// What happens to the learning rate over a run.
pub const SCHEDULE: Hyperparameter = Hyperparameter {
    key: Borrowed("schedule"),
    label: Borrowed("Learning-rate schedule"),
    help: Borrowed(
        "Constant keeps the rate. Cosine lowers it to zero over the epochs, which ends in a better model.",
    ),
    control: Control::Pick { default: Borrowed("constant"), options: SCHEDULES },
    live: false,
};

/// Options of [`SCHEDULE`].
pub const SCHEDULES: Cow<'static, [Choice]> = Borrowed(&[
    Choice { id: Borrowed("constant"), label: Borrowed("Constant") },
    Choice { id: Borrowed("cosine"), label: Borrowed("Cosine") },
]);

/// Passes over the images.
pub const EPOCHS: Hyperparameter = Hyperparameter {
    key: Borrowed("epochs"),
    label: Borrowed("Epochs"),
    help: Borrowed("Passes over the training images; training ends after them."),
    control: Control::Whole { default: 20, min: 1, max: 1000 },
    live: false,
};

/// How many training images are used.
pub const IMAGES: Hyperparameter = Hyperparameter {
    key: Borrowed("images"),
    label: Borrowed("Training images"),
    help: Borrowed(
        "At most this many images of the data set are trained on; fewer make epochs quicker and the model worse.",
    ),
    control: Control::Whole { default: 60_000, min: 1, max: 200_000 },
    live: false,
};

/// What the decoder must explain.
pub const TARGETS: Hyperparameter = Hyperparameter {
    key: Borrowed("targets"),
    label: Borrowed("Pixels"),
    help: Borrowed(
        "Dynamic: each pixel is drawn black or white anew in every step, with its grey as probability; the bound \
         is then a true likelihood bound. Grey: the greys themselves are the targets; the loss is no likelihood.",
    ),
    control: Control::Pick {
        default: Borrowed("dynamic"),
        options: Borrowed(&[
            Choice { id: Borrowed("dynamic"), label: Borrowed("Dynamic binarisation") },
            Choice { id: Borrowed("grey"), label: Borrowed("Grey values") },
        ]),
    },
    live: false,
};

/// What the pixels of a batch are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// Bits drawn with the grey as probability.
    Dynamic,
    /// Grey values in [0, 1].
    Grey,
}

/// How the learning rate changes over a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Half a cosine, from the full rate to zero.
    Cosine,
}

impl Schedule {
    /// Factor of the learning rate when `done` (0 to 1) of the run is done.
    #[must_use]
    pub fn factor(self, done: f64) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine => 0.5 * (1.0 + libm::cos(std::f64::consts::PI * done.clamp(0.0, 1.0))),
        }
    }
}

/// The shared settings in their own types.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingConfig {
    /// See [`BATCH_SIZE`].
    pub batch_size: usize,
    /// See [`LEARNING_RATE`].
    pub learning_rate: f64,
    /// See [`SCHEDULE`].
    pub schedule: Schedule,
    /// See [`EPOCHS`].
    pub epochs: usize,
    /// See [`IMAGES`].
    pub images: usize,
    /// See [`TARGETS`].
    pub targets: Targets,
}

impl From<&Settings> for TrainingConfig {
    /// From checked settings. A card without a learning rate learns without one; one without targets, from greys.
    fn from(settings: &Settings) -> Self {
        Self {
            batch_size: settings.whole(&BATCH_SIZE.key),
            learning_rate: if settings.has(&LEARNING_RATE.key) {
                settings.real(&LEARNING_RATE.key)
            } else {
                0.0
            },
            schedule: if settings.pick(&SCHEDULE.key) == "cosine" {
                Schedule::Cosine
            } else {
                Schedule::Constant
            },
            epochs: settings.whole(&EPOCHS.key),
            images: settings.whole(&IMAGES.key),
            targets: if settings.pick(&TARGETS.key) == "dynamic" { Targets::Dynamic } else { Targets::Grey },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn the_cosine_falls_from_one_to_zero() {
        let at = |done| Schedule::Cosine.factor(done);
        assert!((at(0.0) - 1.0).abs() < 1e-12 && (at(0.5) - 0.5).abs() < 1e-12 && at(1.0).abs() < 1e-12);
        assert!(at(2.0).abs() < 1e-12, "past the end it stays at zero");
        assert!((Schedule::Constant.factor(0.9) - 1.0).abs() < 1e-12);
    }
}
