//! What the page and the engine say to each other, and the card by which a model family describes itself.
//!
//! Nothing here computes: the page links this crate instead of the engine, so it stays small.

mod card;
mod data;
pub mod lab;
pub mod library;
mod link;
mod map;
mod measure;
mod message;
mod number;
mod settings;
mod theme;
mod tools;

pub use card::{
    Abilities, Choice, Control, DecodeCost, Hyperparameter, Likelihood, LossTerm, ModelCard, Paper, Preset,
};
pub use data::{DataFacts, DataManifest, DataSource, OwnData, ShardFile};
pub use link::{Link, PlaneView, RESERVED, word};
pub use litemap::LiteMap;
pub use map::{fill, map_of};
pub use measure::{Effort, Measure, MeasureGroup, MeasureTable, TestLoss};
pub use message::{
    Command, DeviceKind, DevicePreference, DeviceReport, Event, ModelSummary, Phase, PlaneLook, Progress,
    Provenance, Strip, TermValue, Timings,
};
pub use number::{number, number_f32};
pub use settings::{Settings, SettingsError, Value};
pub use theme::Theme;
pub use tools::{Dissection, Layer, Observation, Path, Route, Subject, TensorChange, Trace, Way};
