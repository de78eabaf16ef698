//! The list of files of a data set, written by `cargo xtask data`.

use serde::{Deserialize, Serialize};

/// A data set cut into files that can be fetched one by one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataManifest {
    /// What to call it beside a number that was measured with it.
    pub name: String,
    /// Version of its source.
    pub version: String,
    /// Files that may be trained on.
    pub train: Vec<ShardFile>,
    /// Files that are only ever measured on.
    pub test: Vec<ShardFile>,
}

impl DataManifest {
    /// Number of training images when everything has arrived.
    #[must_use]
    pub fn train_count(&self) -> usize {
        self.train.iter().map(|s| s.count).sum()
    }

    /// Bytes of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.train.iter().chain(&self.test).map(|s| s.bytes).sum()
    }

    /// Name and version in one string.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} ({})", self.name, self.version)
    }
}

/// An image file and its label file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardFile {
    /// File of images (IDX, gzip), relative to the manifest.
    pub images: String,
    /// File of labels (IDX, gzip), relative to the manifest.
    pub labels: String,
    /// Number of images.
    pub count: usize,
    /// Bytes of both files as stored.
    pub bytes: u64,
}

/// Which images are trained and measured on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum DataSource {
    /// Those that come with the page.
    #[default]
    Shipped,
    /// Files of the visitor.
    Own(OwnData),
}

/// Files of the visitor: IDX, plain or gzip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OwnData {
    /// What to call it beside a number that was measured with it.
    pub name: String,
    /// Bytes of the files that travel one after the other: training images, training labels, test images, test
    /// labels. Without labels all images are of class 0; without test images a part of the others is kept back.
    pub lengths: [usize; 4],
    /// Share of the images that is kept back for testing when there are no test images.
    pub holdout: f64,
}

/// What is known of a data set that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// What to call it.
    pub name: String,
    /// Version of its source; of own files, a checksum of what is in them.
    pub version: String,
    /// Training images of each class.
    pub train: Vec<usize>,
    /// Test images of each class.
    pub test: Vec<usize>,
}
