//! Commands (page to engine) and events (engine to page).
//!
//! Bytes and canvases do not go through serde: they travel beside the message as transferables.

use serde::{Deserialize, Serialize};

use crate::{
    DataFacts, DataSource, Dissection, Effort, MeasureTable, ModelCard, Observation, Path, Route, Settings,
    Subject, TestLoss, Theme, Trace,
};

/// What the page asks of the engine. Each is answered by an [`Event`], also when it fails.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// First message, with three canvases beside it: the plane's, the digit's and the strip's. Answer: [`Event::Ready`].
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
    /// Show the model in the weights that travel beside this message and drop the run, which is handed over first.
    /// Answer: [`Event::Loaded`]; then, if there was a run, [`Event::Saved`] and [`Event::PhaseChanged`].
    Load,
    /// Add the tensors that travel beside this message to the model shown: an encoder to a decoder. Answer:
    /// [`Event::Loaded`].
    Complete,
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
    /// What the plane shows of the latent space. Answer: [`Event::PlaneDrawn`].
    Look(PlaneLook),
    /// What is drawn beside the digit. Answer: [`Event::Decoded`].
    Strip {
        /// What.
        strip: Strip,
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
    /// Drop the run and show the model that was loaded before it. Answer: [`Event::Saved`] with the run, if there was
    /// one, then [`Event::PhaseChanged`].
    Reset,
    /// Change settings of the run that may change while training. Nothing is answered when there is none.
    Adjust {
        /// All settings; only live ones are taken over.
        settings: Settings,
    },
    /// Go on after a divergence, from the last good weights. Answer: [`Event::PhaseChanged`].
    Recover {
        /// The new learning rate.
        learning_rate: f64,
    },
    /// Measure the model shown. The judge's weights travel beside this message. Answer: [`Event::Measured`], after
    /// [`Event::Measuring`].
    Measure {
        /// How thoroughly.
        effort: Effort,
    },
    /// Stop measuring. Answer: [`Event::Measured`] without a table.
    StopMeasuring,
    /// Hand over the run as bytes, once no other command is half done. Answer: [`Event::Saved`].
    Save,
    /// Look at one image through the model; a drawing's 784 grey bytes travel beside this message. Answer:
    /// [`Event::Observed`], again whenever the model changed.
    Observe {
        /// Which image.
        subject: Subject,
        /// Which draw of a code from its posterior: another number, another draw.
        draw: u64,
    },
    /// Tell where the first test images lie on the plane. Answer: [`Event::TestImages`] once, then [`Event::Points`]
    /// until all are told, again whenever the model changed.
    Points {
        /// How many test images; 0 for none any more.
        count: usize,
    },
    /// Decode the codes along a path. Answer: [`Event::Travelled`], again whenever the model changed.
    Travel {
        /// The path; none for no path any more.
        path: Option<Path>,
    },
    /// Do one training step and tell what happened in it. Answer: [`Event::Dissected`], after what [`Self::Step`]
    /// answers.
    Dissect {
        /// Id of the family.
        family: String,
        /// Its settings.
        settings: Settings,
        /// Seed of everything random in the run.
        seed: u64,
    },
    /// Train and measure on these images from now on. Own files travel beside this message, one after the other. The
    /// run is dropped. Answer: [`Event::DataReady`].
    UseData {
        /// Which images.
        source: DataSource,
    },
    /// Hand over the model on show as a file. Answer: [`Event::Exported`].
    Export,
    /// Say what the judge sees in the digit under the handle. The judge's weights travel beside the first of these
    /// messages. Answer: [`Event::Judged`].
    Judge,
    /// Tell what the networks compute for the code under the handle. Answer: [`Event::Traced`].
    Trace,
    /// Time a digit, a plane and a training step of a model that is not shown. Answer: [`Event::Tried`].
    Try {
        /// Id of the family.
        family: String,
        /// Its settings.
        settings: Settings,
        /// Milliseconds of the other device, once it was tried: a far slower one is not tried to the end.
        rival_ms: Option<f64>,
    },
}

impl Command {
    /// Name for messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Attach { .. } => "attach",
            Self::Load => "load",
            Self::Complete => "complete",
            Self::Restore { .. } => "restore",
            Self::Move { .. } => "move",
            Self::Grid { .. } => "grid",
            Self::Look(_) => "look",
            Self::Strip { .. } => "strip",
            Self::Recolor { .. } => "recolor",
            Self::Train { .. } => "train",
            Self::Pause => "pause",
            Self::Step { .. } => "step",
            Self::Reset => "reset",
            Self::Adjust { .. } => "adjust",
            Self::Recover { .. } => "recover",
            Self::Measure { .. } => "measure",
            Self::StopMeasuring => "stop measuring",
            Self::Save => "save",
            Self::Observe { .. } => "observe",
            Self::Points { .. } => "points",
            Self::Travel { .. } => "travel",
            Self::Dissect { .. } => "dissect",
            Self::UseData { .. } => "data",
            Self::Export => "export",
            Self::Judge => "judge",
            Self::Trace => "trace",
            Self::Try { .. } => "try",
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
        /// True if the WebGPU engine can be used.
        usable: bool,
        /// What was found, in a sentence.
        reason: String,
    },
    /// Timings of this device, as [`Command::Try`] asked for them.
    Tried(Timings),
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
        /// Bytes that went from the device to the engine for it: on a GPU none.
        read_bytes: u64,
    },
    /// The plane was drawn.
    PlaneDrawn {
        /// Tiles along one side.
        grid: u32,
        /// From codes to drawn pixels.
        draw_ms: f64,
        /// Steps done when the weights were taken; none for a model from a file.
        step: Option<u64>,
        /// Bytes of the engine's memory.
        memory_bytes: u64,
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
    /// The loss was measured on all test images.
    Evaluated {
        /// Steps done when the weights were taken.
        step: u64,
        /// The loss.
        loss: TestLoss,
    },
    /// The KL of each latent was measured: the strip of traversals is sorted by it.
    Latents {
        /// Nats per image, in the latents' order.
        kl: Vec<f64>,
    },
    /// A measurement goes on.
    Measuring {
        /// Work done, 0 to 1.
        done: f64,
    },
    /// A measurement ended.
    Measured {
        /// The numbers; none when it was stopped.
        table: Option<MeasureTable>,
        /// Steps done when the weights were taken; none for a model from a file.
        step: Option<u64>,
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
    /// One image was looked at. Beside this message, three images of 784 grey bytes each: what the model was shown,
    /// the reconstruction from the posterior's mean, and the one from the drawn code.
    Observed {
        /// What was seen; none when there is nothing to look at any more, or the model cannot encode.
        observation: Option<Observation>,
    },
    /// The first test images: beside this message, a byte per label and then 784 grey bytes per image.
    TestImages {
        /// How many.
        count: usize,
    },
    /// Where some test images lie: beside this message, two little-endian f32 each, in the unit square.
    Points {
        /// Number of the first of them.
        first: usize,
        /// How many they are.
        count: usize,
    },
    /// The codes along the path were decoded. Beside this message, 784 grey bytes per code.
    Travelled {
        /// The route.
        route: Route,
    },
    /// A training step was done slowly. Beside this message, 784 grey bytes per image, three times: targets, what was
    /// decoded before the update, what is decoded from the same codes after it.
    Dissected {
        /// What happened.
        dissection: Dissection,
    },
    /// These images are trained and measured on now.
    DataReady {
        /// What is known of them.
        facts: DataFacts,
    },
    /// Beside this message, the model on show as a safetensors file.
    Exported {
        /// Steps done; none for a model from a file.
        step: Option<u64>,
    },
    /// The judge looked at the digit under the handle.
    Judged {
        /// The code of the digit.
        z: Vec<f32>,
        /// The class that it sees.
        class: usize,
        /// How sure it is, 0 to 1.
        share: f32,
    },
    /// Beside this message, a byte per unit, layer by layer, the decoder's first: 0 is the smaller of zero and the layer's
    /// smallest number, 255 its largest. Channels come last.
    Traced {
        /// The layers.
        trace: Trace,
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

/// Milliseconds that a device takes, drawing included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timings {
    /// For a digit.
    pub decode_ms: f64,
    /// For a plane of digits.
    pub plane_ms: f64,
    /// For a training step.
    pub step_ms: f64,
}

impl Timings {
    /// Returns the sum.
    #[must_use]
    pub fn total_ms(&self) -> f64 {
        self.decode_ms + self.plane_ms + self.step_ms
    }
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
    /// Numbers in a code, without those for the class.
    pub latent_dim: usize,
    /// Whether it can encode: a decoder alone cannot.
    pub encodes: bool,
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

/// What the plane shows of the latent space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaneLook {
    /// The latents along the plane's sides.
    pub axes: [usize; 2],
    /// Values of all latents; those along a side do not count. What is missing is 0.
    pub held: Vec<f32>,
    /// The class that is drawn, for a model with classes.
    pub class: usize,
    /// Test images whose codes the plane goes through, instead of along axes.
    pub anchors: Option<[usize; 3]>,
}

impl Default for PlaneLook {
    fn default() -> Self {
        Self { axes: [0, 1], held: Vec::new(), class: 0, anchors: None }
    }
}

/// What is drawn beside the digit under the handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strip {
    /// Nothing.
    #[default]
    None,
    /// The mean of the pixels, then images drawn from their distribution.
    Samples,
    /// The same latents in each class.
    Classes,
    /// A row per latent in which only that one changes, sorted by KL where there is one.
    Traversals,
}

impl Strip {
    /// Most latents that are traversed.
    pub const MOST_ROWS: usize = 20;
}
