//! What is told of single images, paths and training steps.

use serde::{Deserialize, Serialize};

use crate::{TermValue, TestLoss};

/// An image that is looked at through the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    /// None.
    #[default]
    None,
    /// The visitor's drawing.
    Drawing,
    /// The test image with this number.
    Image(usize),
}

/// One image, seen through the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Which image.
    pub subject: Subject,
    /// Its class, where it has one.
    pub label: Option<u8>,
    /// Mean of its posterior, in the latents' order.
    pub mu: Vec<f32>,
    /// Standard deviations of its posterior; empty where the code is a point.
    pub sigma: Vec<f32>,
    /// Where the mean lies on the plane, in the unit square.
    pub point: [f32; 2],
    /// How far the mean is from the plane, in latent units; 0 with two latents.
    pub distance: f32,
    /// Outlines of one and of two standard deviations on the plane, in the unit square; empty where the code is a
    /// point.
    pub rings: [Vec<[f32; 2]>; 2],
    /// The code that was drawn from the posterior.
    pub z: Vec<f32>,
    /// Where it lies on the plane.
    pub z_point: [f32; 2],
    /// KL of each latent in nats; empty where the code is a point.
    pub kl: Vec<f32>,
    /// The loss of this image, as it is measured on test images.
    pub loss: Option<TestLoss>,
}

/// A path through latent space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Path {
    /// Between two codes, of as many numbers as [`Event::Decoded`](crate::Event::Decoded) tells.
    Between {
        /// Where it begins.
        from: Vec<f32>,
        /// Where it ends.
        to: Vec<f32>,
        /// Which way.
        way: Way,
        /// Codes along it, both ends among them.
        steps: usize,
    },
    /// Through points of the plane.
    Through {
        /// In the unit square, in order.
        points: Vec<[f32; 2]>,
        /// Codes along it, evenly spaced.
        steps: usize,
    },
}

impl Path {
    /// Most codes along a path.
    pub const MOST_STEPS: usize = 200;
}

/// A way between two codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// A straight line.
    #[default]
    Straight,
    /// Along a great circle, with the length going from the one to the other (White 2016).
    Spherical,
    /// Straight after each latent was mapped by the prior's cumulative distribution.
    Quantile,
    /// The way on which the decoded image changes least (Arvanitidis, Hansen and Hauberg 2018).
    Geodesic,
}

/// What lies along a path.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Where the codes lie on the plane, in the unit square.
    pub points: Vec<[f32; 2]>,
    /// The codes.
    pub codes: Vec<Vec<f32>>,
    /// Length in pixels' space: the sum of the distances between neighbouring images.
    pub length: f64,
    /// The same of the straight line between the ends.
    pub straight: f64,
}

/// A training step, with what it computed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dissection {
    /// Number of the step, counted from 1.
    pub step: u64,
    /// Images in the batch.
    pub batch: usize,
    /// Images of it that are told of.
    pub images: usize,
    /// Step size.
    pub learning_rate: f64,
    /// Numbers in a code, without those for the class.
    pub latent_dim: usize,
    /// Means of the posteriors, image by image.
    pub mu: Vec<f32>,
    /// Their standard deviations; empty where codes are points.
    pub sigma: Vec<f32>,
    /// The noise that was drawn; empty where codes are points.
    pub eps: Vec<f32>,
    /// The codes that were decoded.
    pub z: Vec<f32>,
    /// The losses of the batch before the update, in the card's order.
    pub losses: Vec<TermValue>,
    /// The losses of the same batch with the same noise after the update.
    pub losses_after: Vec<TermValue>,
    /// What happened to each tensor of weights.
    pub tensors: Vec<TensorChange>,
}

/// What a training step did to a tensor of weights. Sizes are root mean squares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TensorChange {
    /// Its name, as in a file.
    pub name: String,
    /// Its shape, as in a file.
    pub shape: Vec<usize>,
    /// Size of its gradient; none where it is not learned by one.
    pub gradient: Option<f64>,
    /// Size of its weights before.
    pub weight: f64,
    /// Size of the change.
    pub change: f64,
}

/// What a layer of a network computed for one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// Height, width and channels; height and width are 1 where units stand in no order.
    pub shape: [usize; 3],
    /// The smallest number.
    pub least: f32,
    /// The largest number.
    pub most: f32,
    /// Units above zero.
    pub active: usize,
}

/// What the networks computed for the code under the handle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// From the code to the image, both among them.
    pub decoder: Vec<Layer>,
    /// From that image back to the mean of its code; empty where the model cannot encode.
    pub encoder: Vec<Layer>,
}
