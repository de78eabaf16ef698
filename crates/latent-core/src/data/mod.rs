//! Images and labels: reading them, holding them, and the order in which training sees them.

mod dataset;
mod idx;
mod sampler;

pub use dataset::Dataset;
pub use idx::{IdxError, MAX_IMAGES, Shard, read_images, read_labels, read_shard};
pub use sampler::{Place, Sampler, Visit};

/// Pixels along one side of an image.
pub const SIDE: usize = 28;

/// Pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;

/// Classes of a data set of digits.
pub const CLASSES: usize = 10;
