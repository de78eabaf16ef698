//! What the npm package and the engine say to each other: requests that are numbered, and one answer to each.
//!
//! Arrays do not go through serde: they travel beside the message, as typed arrays.

use serde::{Deserialize, Serialize};

use crate::{DevicePreference, DeviceReport, ModelCard, TermValue, TestLoss, Theme};

/// What the package asks of the engine. Models and runs are named by the number that they were handed out with.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// First message. Answer: [`Reply::Opened`].
    Open {
        /// Which device to compute on.
        device: DevicePreference,
    },
    /// Draw on the canvas beside this message from now on.
    Canvas,
    /// Make a model of the files beside this message, whose tensors belong together. Answer: [`Reply::Model`].
    Load,
    /// Decode the codes beside this message. Beside the answer: their pixels.
    Decode {
        /// With this model.
        model: u32,
    },
    /// Encode the images beside this message, numbers in [0, 1] or grey bytes, and their classes, if the model has any.
    /// Beside the answer: means, then logarithms of variances, if there are any.
    Encode {
        /// With this model.
        model: u32,
    },
    /// Codes of the points of the unit square beside this message, two numbers each. Beside the answer: the codes.
    LatentFromUnit {
        /// Of this model.
        model: u32,
        /// The latents along the square's sides.
        axes: [usize; 2],
        /// The class, for a model with classes.
        class: usize,
    },
    /// Decode the codes beside this message onto the canvas.
    Draw {
        /// With this model.
        model: u32,
        /// Images in a row.
        columns: usize,
        /// Colours to draw with.
        theme: Theme,
    },
    /// Begin a run. Beside this message, in bytes: training images, their labels, test images, their labels; what is
    /// missing is empty. Answer: [`Reply::Run`].
    Train {
        /// Id of the family.
        family: String,
        /// Keys and values of settings, as on the command line; the others have their defaults.
        settings: Vec<(String, String)>,
        /// Seed of everything random in the run.
        seed: u64,
        /// Share of the images that is kept back for testing when there are no test images.
        holdout: f64,
    },
    /// Take up the run whose bytes are beside this message, before images and labels as in [`Self::Train`]. Answer:
    /// [`Reply::Run`].
    Resume {
        /// As in [`Self::Train`].
        holdout: f64,
    },
    /// Do so many steps. Answer: [`Reply::Progress`], after the last of them or when the run is paused or finished.
    Steps {
        /// Of this run.
        run: u32,
        /// How many.
        count: u32,
    },
    /// Stop after the step in flight.
    Pause {
        /// This run.
        run: u32,
    },
    /// Change settings that may change while training.
    Adjust {
        /// Of this run.
        run: u32,
        /// Keys and values.
        settings: Vec<(String, String)>,
    },
    /// Measure the loss on all test images. Answer: [`Reply::Loss`].
    Evaluate {
        /// Of this run.
        run: u32,
    },
    /// The weights as they are now, as a model of its own. Answer: [`Reply::Model`].
    Snapshot {
        /// Of this run.
        run: u32,
    },
    /// Everything that is needed to go on. Beside the answer: a safetensors file.
    Save {
        /// This run.
        run: u32,
    },
    /// Forget a model or a run.
    Drop {
        /// Its number.
        handle: u32,
    },
    /// Answer: [`Reply::Stats`].
    Stats,
}

/// What the engine answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// It is done; what was asked for is beside this message.
    Done,
    /// The engine is there.
    Opened {
        /// Where it computes.
        device: DeviceReport,
        /// What the browser's GPU is worth; none where nobody looked.
        gpu: Option<GpuVerdict>,
        /// Cards of all families.
        families: Vec<ModelCard>,
    },
    /// A model.
    Model(ModelFacts),
    /// A run.
    Run {
        /// Its number.
        run: u32,
        /// Id of its family.
        family: String,
        /// Where it stands.
        progress: RunProgress,
    },
    /// Where a run stands.
    Progress(RunProgress),
    /// The loss on the test images.
    Loss(TestLoss),
    /// Times and counts.
    Stats(Stats),
}

/// Whether the WebGPU engine should take over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GpuVerdict {
    /// Whether it should.
    pub usable: bool,
    /// Why (not), in a sentence.
    pub reason: String,
}

/// What is known of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelFacts {
    /// Its number.
    pub model: u32,
    /// Id of its family.
    pub family: String,
    /// Numbers in a code, without those for the class.
    pub latent_dim: usize,
    /// Numbers for the class that follow; 0 for a model without classes.
    pub classes: usize,
    /// Numbers in an image.
    pub pixels: usize,
    /// Whether it can encode: a decoder alone cannot.
    pub encodes: bool,
    /// What its file says of itself: settings, seed, data, metrics.
    pub metadata: Vec<(String, String)>,
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunProgress {
    /// Steps done.
    pub step: u64,
    /// Passes over the training images, with the fraction of the current one.
    pub epoch: f64,
    /// Whether all epochs are done.
    pub finished: bool,
    /// Losses of the last step, in the card's order; none before the first one.
    pub losses: Vec<TermValue>,
}

/// Times and counts since the engine began. What a CPU has none of is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// Milliseconds of the last decode, from codes to pixels.
    pub decode_ms: f64,
    /// Milliseconds of a training step, lately.
    pub step_ms: f64,
    /// Bytes of memory taken, the GPU's included.
    pub memory_bytes: u64,
    /// Times that something was read back from the GPU.
    pub readbacks: u64,
    /// Bytes that were.
    pub bytes_read_back: u64,
}

/// Why a request could not be met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What kind of failure it is.
    pub code: ErrorCode,
    /// What went wrong and what to do, in a sentence.
    pub message: String,
}

/// Kinds of failures, by which a program can tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// A number or a name that this request cannot take.
    BadArgument,
    /// Images that cannot be trained on.
    BadData,
    /// Not a file of weights, or not of this engine's.
    BadFile,
    /// A setting does not fit the family's card.
    BadSettings,
    /// An array has the wrong length or type.
    BadShape,
    /// An array holds values that are not finite or not in [0, 1].
    BadValues,
    /// The run is doing something else.
    Busy,
    /// The device does not answer any more.
    DeviceLost,
    /// The model or run is no longer there.
    Disposed,
    /// A loss is no finite number.
    Diverged,
    /// There is no canvas to draw on.
    NoCanvas,
    /// WebGPU was asked for and cannot be used.
    NoWebgpu,
    /// This model has no such ability.
    Unable,
    /// There is no such family.
    UnknownFamily,
}
