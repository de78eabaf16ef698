//! Experiments of the laboratory: how they present themselves, and what they found.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::card::{Likelihood, ModelCard};
use crate::data::DataSource;
use crate::tools::Subject;

type Text = Cow<'static, str>;
type List<T> = Cow<'static, [T]>;

/// How an experiment presents itself. Written as a constant beside its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExperimentCard {
    /// Short name in links and on the command line: lower case, unique.
    pub id: Text,
    /// Name on its panel.
    pub name: Text,
    /// What it asks, and how it is answered.
    pub summary: Text,
    /// What a model must be able to.
    pub needs: List<Need>,
    /// What it looks at beside its subject.
    pub images: Images,
}

impl ExperimentCard {
    /// Why a model of a family cannot be the subject; none if it can.
    #[must_use]
    pub fn obstacle(&self, card: &ModelCard, latent_dim: usize) -> Option<&'static str> {
        self.needs.iter().find_map(|need| need.obstacle(card, latent_dim))
    }
}

/// Images of the data set, from none to all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Images {
    /// None.
    None,
    /// Those that are never trained on.
    Test,
    /// All.
    All,
}

/// Something that an experiment asks of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Need {
    /// An encoder.
    Codes,
    /// An encoder with a posterior.
    Posterior,
    /// A likelihood.
    Likelihood,
    /// A likelihood of black and white images.
    Bits,
    /// Two latents.
    Plane,
    /// Codes without a class.
    NoClasses,
    /// An encoder that learns by gradients.
    Encoder,
}

impl Need {
    fn obstacle(self, card: &ModelCard, latent_dim: usize) -> Option<&'static str> {
        let (abilities, no_encoder) = (&card.abilities, "it has no encoder");
        let (is_met, reason) = match self {
            Self::Codes => (abilities.encode, no_encoder),
            Self::Posterior | Self::Encoder if !abilities.encode => (false, no_encoder),
            Self::Posterior => {
                (abilities.likelihood.is_some(), "its encoder gives a point, not a distribution of codes")
            }
            Self::Likelihood => (abilities.likelihood.is_some(), "it gives images no probability"),
            Self::Bits => (
                abilities.likelihood == Some(Likelihood::Bernoulli),
                "it gives no probability to black and white images",
            ),
            Self::Plane => (latent_dim == 2, "its codes do not have two numbers"),
            Self::Encoder => (!abilities.exact, "its encoder does not learn by gradients"),
            Self::NoClasses => {
                (!abilities.classes, "its codes have a class, and each class a plane of its own")
            }
        };
        (!is_met).then_some(reason)
    }
}

/// What an experiment found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Numbers, the most telling first.
    pub facts: Vec<Fact>,
    /// What the numbers and pictures say here, and what they do not.
    pub notes: Vec<String>,
    /// Curves and bars.
    pub charts: Vec<Chart>,
    /// Pictures.
    pub pictures: Vec<Picture>,
}

impl Finding {
    /// The number with this key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<f64> {
        self.facts.iter().find(|fact| fact.key == key).map(|fact| fact.value)
    }
}

/// A number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Short name in JSON, unique in a finding.
    pub key: String,
    /// What it is.
    pub label: String,
    /// Its unit; empty for a plain number.
    pub unit: String,
    /// The number.
    pub value: f64,
}

/// A picture of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// How it is drawn.
    pub kind: ChartKind,
    /// What is counted to the right.
    pub x: String,
    /// What is measured upwards.
    pub y: String,
    /// What is drawn.
    pub series: Vec<Series>,
}

/// How a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChartKind {
    /// Lines over numbers.
    Lines,
    /// Lines over the logarithms of numbers.
    LinesOverLogarithm,
    /// A bar for each number, of its height.
    Bars,
    /// A bar for each number, of its logarithm's height.
    LogarithmicBars,
    /// Counts over the logarithms of numbers, which are those of the first series. Each other series is a place.
    Histogram,
}

/// A line or a group of bars.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Where, and how high.
    pub points: Vec<(f64, f64)>,
}

/// Greys in rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows.
    pub title: String,
    /// Numbers in a row.
    pub width: usize,
    /// From 0 to 255, row by row, the upper one first.
    pub greys: Vec<u8>,
    /// What is drawn over it.
    pub marks: Vec<Mark>,
}

/// Something drawn over a picture, in parts of its width from the left and of its height from above.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Mark {
    /// A place.
    Point([f64; 2]),
    /// An ellipse: its middle and its two radii.
    Ellipse([f64; 2], [f64; 2]),
}

/// What the page asks of the laboratory's worker. With it comes an array: the model's file, 784 greys of a drawing or
/// nothing, and the visitor's images or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabTask {
    /// Id of the experiment.
    pub experiment: String,
    /// The image that is looked at.
    pub subject: Subject,
    /// Class of a drawing, for a model that is told.
    pub class: u8,
    /// The images that test images are taken from.
    pub source: DataSource,
    /// Folder of the images that come with the page.
    pub data_url: String,
    /// Folder of the models that come with the page.
    pub models_url: String,
}

/// What the laboratory's worker says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LabEvent {
    /// It is up.
    Ready {
        /// Cards of all experiments.
        experiments: Vec<ExperimentCard>,
    },
    /// So much of the experiment is done, 0 to 1.
    Progress {
        /// The share.
        done: f64,
        /// What is known already, when there is something new to show.
        finding: Option<Finding>,
    },
    /// The experiment came to its end.
    Found {
        /// What it found.
        finding: Finding,
        /// Class of the image, where it is known.
        label: Option<u8>,
        /// Greys of the image.
        image: Vec<u8>,
        /// What it took.
        elapsed_ms: f64,
    },
    /// It could not be done.
    Failed {
        /// A sentence.
        reason: String,
    },
}
