//! Commands (page to engine) and events (engine to page).
//!
//! Bytes and canvases do not go through serde: they travel beside the message as transferables.

use serde::{Deserialize, Serialize};

use crate::{ModelCard, Settings, Theme};

/// What the page asks of the engine. Each is answered by an [`Event`], also when it fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// First message, with two canvases beside it: the plane's and the digit's. Answer: [`Event::Ready`].
    Attach {
        /// Which device to compute on.
        device: DevicePreference,
        /// Colours to draw with.
        theme: Theme,
        /// Tiles along one side of the plane.
        grid: u32,
        /// The point under the handle, in the unit square.
        point: [f32; 2],
        /// Folder of the data set, with `index.json` in it.
        data_url: String,
    },
    /// Show the model in the weights that travel beside this message. Answer: [`Event::Loaded`].
    Load,
    /// Take up the run in the checkpoint that travels beside this message. Answer: [`Event::Loaded`].
    Restore {
        /// Whether to go on training at once.
        running: bool,
    },
    /// Decode the point under the handle. Only the newest counts. Answer: [`Event::Decoded`].
    Move {
        /// In the unit square; the second coordinate grows upwards.
        point: [f32; 2],
    },
    /// Number of tiles along one side of the plane. Answer: [`Event::PlaneDrawn`].
    Grid {
        /// Tiles along one side.
        grid: u32,
    },
    /// Colours to draw with. Answer: [`Event::PlaneDrawn`].
    Recolor {
        /// The colours.
        theme: Theme,
    },
    /// Start a run, or go on with the one that is paused. Answer: [`Event::PhaseChanged`].
    Train {
        /// Id of the family.
        family: String,
        /// Its settings.
        settings: Settings,
        /// Seed of everything random in the run.
        seed: u64,
    },
    /// Stop after the step in flight. Answer: [`Event::PhaseChanged`].
    Pause,
    /// Do one training step, starting a run if there is none. Answer: [`Event::Progress`].
    Step {
        /// Id of the family.
        family: String,
        /// Its settings.
        settings: Settings,
        /// Seed of everything random in the run.
        seed: u64,
    },
    /// Drop the run and show the model that was loaded before it. Answer: [`Event::PhaseChanged`].
    Reset,
    /// Go on after a divergence, from the last good weights. Answer: [`Event::PhaseChanged`].
    Recover {
        /// The new learning rate.
        learning_rate: f64,
    },
    /// Hand over the run as bytes, once no other command is half done. Answer: [`Event::Saved`].
    Save,
}

impl Command {
    /// Name for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Attach { .. } => "attach",
            Self::Load => "load",
            Self::Restore { .. } => "restore",
            Self::Move { .. } => "move",
            Self::Grid { .. } => "grid",
            Self::Recolor { .. } => "recolor",
            Self::Train { .. } => "train",
            Self::Pause => "pause",
            Self::Step { .. } => "step",
            Self::Reset => "reset",
            Self::Recover { .. } => "recover",
            Self::Save => "save",
        }
    }
}

/// What the engine tells the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The engine computes on this device and knows these families.
    Ready {
        /// Where it computes.
        device: DeviceReport,
        /// Cards of all families, in menu order.
        families: Vec<ModelCard>,
    },
    /// The browser's GPU was looked at.
    GpuProbed {
        /// Whether the WebGPU engine should take over.
        usable: bool,
        /// What was found, in a sentence.
        reason: String,
    },
    /// Another model is shown now.
    Loaded(ModelSummary),
    /// The digit under the handle was drawn.
    Decoded {
        /// The point, in the unit square.
        point: [f32; 2],
        /// The code that was decoded.
        z: Vec<f32>,
        /// From code to drawn pixels.
        decode_ms: f64,
    },
    /// The plane was drawn.
    PlaneDrawn {
        /// Tiles along one side.
        grid: u32,
        /// From codes to drawn pixels.
        draw_ms: f64,
    },
    /// Files of the data set are coming in.
    DataProgress {
        /// Bytes so far.
        received: u64,
        /// Bytes of all files.
        total: u64,
        /// Training images that can be used.
        images: usize,
        /// Training images in all files.
        images_total: usize,
    },
    /// Training began, paused, waits or ended.
    PhaseChanged {
        /// What it does now.
        phase: Phase,
    },
    /// Training went on. At most one per displayed frame.
    Progress(Progress),
    /// The bound was measured on all test images.
    Evaluated {
        /// Steps done when the weights were taken.
        step: u64,
        /// The bound, in nats per image.
        bound: BoundParts,
        /// Number of test images.
        images: usize,
    },
    /// A loss was not finite: the last good weights are back and training is paused.
    Diverged {
        /// Step in which it was seen.
        step: u64,
        /// Learning rate in that step.
        learning_rate: f64,
        /// Learning rate to try next.
        suggestion: f64,
    },
    /// The device failed: this engine is of no more use. What it saved last is still good.
    Fault {
        /// What happened, in a sentence.
        reason: String,
    },
    /// The bytes beside this message hold the run, if there is one.
    Saved {
        /// Steps done.
        step: u64,
        /// Whether it was training.
        running: bool,
        /// Whether there is a run.
        is_run: bool,
    },
    /// A command could not be carried out; nothing else changed.
    Failed {
        /// Name of the command.
        command: String,
        /// What went wrong and what to do, in a sentence.
        reason: String,
    },
}

/// Which device the page wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DevicePreference {
    /// A hardware GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// WebGPU, even on a software adapter.
    WebGpu,
}

/// Kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceKind {
    /// SIMD code on one thread.
    Cpu,
    /// Compute shaders.
    WebGpu,
}

/// Where the engine computes, and why there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Kind of device.
    pub kind: DeviceKind,
    /// Name to show: the adapter's, or "CPU (SIMD)".
    pub name: String,
    /// Why this one, in a sentence.
    pub reason: String,
}

/// The model that is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Id of its family.
    pub family: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Length of a code.
    pub latent_dim: usize,
    /// What its file says of itself: settings, seed, data, metrics.
    pub metadata: Vec<(String, String)>,
}

/// Where a model comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provenance {
    /// From a file of weights.
    File,
    /// Trained in this tab.
    Run,
}

/// What training does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// There is no run.
    #[default]
    Idle,
    /// A run waits for its next images.
    Waiting,
    /// Steps are being done.
    Running,
    /// A run stands still.
    Paused,
    /// All epochs are done.
    Finished,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Passes over the training images, with the fraction of the current one.
    pub epoch: f64,
    /// Passes to be done.
    pub epochs: u32,
    /// Images of the current data set in one pass.
    pub images: usize,
    /// Images per second, over the last steps.
    pub images_per_s: f64,
    /// Time spent in steps.
    pub elapsed_ms: f64,
    /// The latest losses, in the card's order.
    pub losses: Vec<TermValue>,
    /// Bytes of the engine's memory.
    pub memory_bytes: u64,
}

/// A named scalar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TermValue {
    /// Key of the loss term.
    pub key: String,
    /// Its value.
    pub value: f64,
}

/// The evidence lower bound, in nats per image; each part as a cost (lower is better).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BoundParts {
    /// Negative bound: `reconstruction + kl`.
    pub total: f64,
    /// Negative expected log-likelihood.
    pub reconstruction: f64,
    /// Divergence of the posterior from the prior.
    pub kl: f64,
}
