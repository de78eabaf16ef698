//! The card of a model family: everything that menus, controls, help, charts, links and the command line need.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

type Text = Cow<'static, str>;
type List<T> = Cow<'static, [T]>;

/// How a model family presents itself. Written as a constant beside the family's code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// Short name in links, files and on the command line: lower case, unique.
    pub id: Text,
    /// Name in the menu.
    pub name: Text,
    /// What it is, in at most three sentences.
    pub summary: Text,
    /// Where it comes from.
    pub paper: Paper,
    /// What can be asked of a trained model.
    pub abilities: Abilities,
    /// Whether a decode is quick enough to follow a drag.
    pub decode_cost: DecodeCost,
    /// The settings, in the order in which they are shown.
    pub hyperparameters: List<Hyperparameter>,
    /// The scalars that a training step reports; the first one is minimised.
    pub losses: List<LossTerm>,
    /// Whether trained weights lie under `models/<id>/`.
    pub shipped: bool,
    /// What is worth trying.
    pub presets: List<Preset>,
}

impl ModelCard {
    /// The hyperparameter with this key.
    #[must_use]
    pub fn hyperparameter(&self, key: &str) -> Option<&Hyperparameter> {
        self.hyperparameters.iter().find(|h| h.key == key)
    }
}

/// A link that teaches something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preset {
    /// What to do, and what can be seen.
    pub title: Text,
    /// Its query without the family, as in `beta=10&beside=latents`.
    pub query: Text,
}

/// A publication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paper {
    /// Authors and year, as cited in running text.
    pub citation: Text,
    /// Title.
    pub title: Text,
    /// Where to read it.
    pub url: Text,
}

/// What a family can do. What is not declared here is never asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// Images can be turned into codes.
    pub encode: bool,
    /// It is a distribution over images, whose likelihood it bounds and from which images can be drawn.
    pub likelihood: Option<Likelihood>,
    /// It also knows the likelihood itself.
    pub exact: bool,
    /// It draws the class that is asked for.
    pub classes: bool,
}

/// The kind of a likelihood. Numbers of different kinds cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Likelihood {
    /// Probability of black and white images, in nats.
    Bernoulli,
    /// Density of grey images, in nats; it may be positive.
    Gaussian,
}

/// Whether decoding can follow a drag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecodeCost {
    /// One pass through a network: drawn while dragging.
    Live,
    /// Many passes: drawn when the handle is released.
    Progressive,
}

/// One setting of a family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hyperparameter {
    /// Key in links, files and on the command line.
    pub key: Text,
    /// Label of the control.
    pub label: Text,
    /// What it does, for someone who meets it for the first time.
    pub help: Text,
    /// Kind, bounds and default.
    pub control: Control,
    /// Whether it may change while training.
    pub live: bool,
}

/// Kind, bounds and default of a setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Control {
    /// A real number.
    Real {
        /// Value at the start.
        default: f64,
        /// Smallest value accepted.
        min: f64,
        /// Largest value accepted.
        max: f64,
        /// Whether equal steps multiply.
        logarithmic: bool,
    },
    /// A whole number.
    Whole {
        /// Value at the start.
        default: u32,
        /// Smallest value accepted.
        min: u32,
        /// Largest value accepted.
        max: u32,
    },
    /// One of several named options.
    Pick {
        /// Id of the option at the start.
        default: Text,
        /// The options, in order.
        options: List<Choice>,
    },
    /// A list of layer widths; it may be empty where `fewest` is 0.
    Widths {
        /// Value at the start.
        default: List<u32>,
        /// Smallest width of a layer.
        min: u32,
        /// Largest width of a layer.
        max: u32,
        /// Smallest number of layers.
        fewest: u32,
        /// Largest number of layers.
        most: u32,
    },
}

/// An option of [`Control::Pick`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Key in links and on the command line.
    pub id: Text,
    /// What the menu shows.
    pub label: Text,
}

/// A scalar reported by a training step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossTerm {
    /// Key, as in the trainer's output.
    pub key: Text,
    /// Name in the chart's legend.
    pub label: Text,
    /// Unit, for the axis.
    pub unit: Text,
    /// What the number tells.
    pub help: Text,
}
