//! The laboratory: experiments on a trained model and one image, a piece of work at a time, the same natively and in the
//! tab. A new one is one file here and one line in [`EXPERIMENTS`].

mod amortisation;
mod density;
mod estimators;
mod generative;
mod half;
mod marginal;
mod posterior;
mod race;
mod trial;

use std::future::Future;
use std::pin::Pin;

use burn::tensor::{Device, Tensor};
use latent_kernels::upload;
use latent_protocol::lab::{ExperimentCard, Fact, Finding};
use latent_protocol::{Likelihood, ModelCard};

use crate::CoreError;
use crate::data::{Dataset, PIXELS, SIDE};
use crate::family::{Examples, LatentModel};
use crate::gates::LabGate;
use crate::judge::Judge;
use crate::noise::{Noise, Stream};
use crate::weights::read;

pub use trial::{Surroundings, Trial};

/// An experiment: how it presents itself, and how it begins.
pub struct Entry {
    /// Its card.
    pub card: ExperimentCard,
    /// Before its first piece of work.
    pub begin: fn() -> Box<dyn Experiment>,
    /// The family whose shipped model stands beside a subject of this family.
    pub rival: fn(&ModelCard) -> Option<&'static str>,
    /// What it must find.
    pub gates: &'static [LabGate],
}

/// All experiments, in the order of their panels.
pub static EXPERIMENTS: &[Entry] = &[
    posterior::ENTRY,
    marginal::ENTRY,
    amortisation::ENTRY,
    estimators::ENTRY,
    half::ENTRY,
    density::ENTRY,
    generative::ENTRY,
    race::MANY,
    race::FEW,
];

/// The experiment with this id.
#[must_use]
pub fn experiment(id: &str) -> Option<&'static Entry> {
    EXPERIMENTS.iter().find(|entry| entry.card.id == id)
}

/// An image and its number among the test images; one of the user's own has the number [`OWN`](Self::OWN).
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// 784 greys.
    pub greys: Vec<u8>,
    /// Its class, for a model that is told.
    pub class: u8,
    /// Chooses its bits: a test image has those of every measurement.
    pub number: u64,
}

impl Image {
    /// The number of images that are no test images.
    pub const OWN: u64 = u64::MAX;

    /// A test image.
    #[must_use]
    pub fn of_test(dataset: &Dataset, number: usize) -> Option<Self> {
        let test = dataset.test();
        let greys = test.pixels.get(number * PIXELS..(number + 1) * PIXELS)?.to_vec();
        Some(Self { greys, class: test.labels[number], number: number as u64 })
    }
}

/// What an experiment works on.
pub struct Bench<'a> {
    /// Its weights lie where [`device`] says.
    pub model: &'a dyn LatentModel,
    /// The card of its family.
    pub card: &'a ModelCard,
    /// For what other images say.
    pub dataset: &'a Dataset,
    /// Says what completed digits are, if there is one.
    pub judge: Option<&'a Judge>,
    /// The subject.
    pub image: &'a Image,
    /// What stands beside the model, where the experiment has [a rival](Entry::rival) for it.
    pub rival: Option<(&'a ModelCard, &'a dyn LatentModel)>,
}

/// Where the weights of a model must lie: experiments derive by codes.
#[must_use]
pub fn device(device: &Device) -> Device {
    device.clone().autodiff()
}

/// Seed of what is random in experiments.
const SEED: u64 = 0;

impl Bench<'_> {
    /// Images as the model's likelihood sees them: bits for Bernoulli's, else greys.
    fn examples(&self, images: &[&Image]) -> Examples {
        let mut pixels = Vec::with_capacity(images.len() * PIXELS);
        for image in images {
            if self.card.abilities.likelihood == Some(Likelihood::Bernoulli) {
                Noise::new(SEED, Stream::TestBits, image.number).binarize(&image.greys, &mut pixels);
            } else {
                pixels.extend(image.greys.iter().map(|grey| f32::from(*grey) / 255.0));
            }
        }
        let classes: Vec<u8> = images.iter().map(|image| image.class).collect();
        Examples::new(pixels, &classes, &self.model.device())
    }

    /// The subject as the model's likelihood sees it.
    fn subject(&self) -> Examples {
        self.examples(&[self.image])
    }

    /// Numbers in a code.
    fn latent_dim(&self) -> usize {
        self.model.plane().latent_dim
    }

    /// Codes that lie on the host, on the model's device.
    fn codes(&self, z: Vec<f32>) -> Tensor<2> {
        let count = z.len() / self.latent_dim();
        upload(z, [count, self.latent_dim()], &self.model.device())
    }

    /// `log p(x|z)` of the subject for codes on the host.
    async fn log_likelihoods(&self, z: Vec<f32>) -> Result<Vec<f32>, CoreError> {
        let pairs = self.model.log_likelihood(self.subject().images, self.codes(z));
        read(pairs.ok_or(CoreError::Unable("tell the likelihood of images"))?).await
    }
}

/// How far an experiment is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// So much is done, 0 to 1.
    To(f64),
    /// All is.
    Done(Box<Finding>),
}

/// A piece of work.
pub type Work<'a> = Pin<Box<dyn Future<Output = Result<Progress, CoreError>> + 'a>>;

/// An experiment under way.
pub trait Experiment: Send {
    /// Do the next piece of work: at most some tens of milliseconds on a CPU.
    fn advance<'a>(&'a mut self, bench: &'a Bench<'a>) -> Work<'a>;

    /// What is known before the end, where that can be shown.
    fn so_far(&self) -> Option<Finding> {
        None
    }
}

fn fact(key: &str, label: impl Into<String>, unit: &str, value: f64) -> Fact {
    Fact { key: key.into(), label: label.into(), unit: unit.into(), value }
}

#[expect(clippy::cast_precision_loss, reason = "pieces are few")]
fn share(done: usize, all: usize) -> Progress {
    Progress::To(done as f64 / all.max(1) as f64)
}

/// The pixels of greys, as [`SIDE`] rows.
fn rows(greys: &[u8]) -> impl Iterator<Item = &[u8]> {
    greys.chunks_exact(SIDE)
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
