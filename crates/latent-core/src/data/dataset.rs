//! The images that are there, training and test apart.

use latent_protocol::DataManifest;

use super::PIXELS;
use super::idx::Shard;

/// A data set whose files arrive one by one, in order. The test images are never trained on.
#[derive(Clone, Debug)]
pub struct Dataset {
    manifest: DataManifest,
    train: Shard,
    test: Shard,
}

impl Dataset {
    /// An empty data set that will hold what the manifest lists.
    #[must_use]
    pub fn new(manifest: DataManifest) -> Self {
        Self { manifest, train: Shard::default(), test: Shard::default() }
    }

    /// A data set that is complete from the start, for tests and toys.
    #[must_use]
    pub fn complete(name: &str, train: Shard, test: Shard) -> Self {
        let file = |shard: &Shard| latent_protocol::ShardFile {
            images: String::new(),
            labels: String::new(),
            count: shard.labels.len(),
            bytes: 0,
        };
        let manifest = DataManifest {
            name: name.into(),
            version: "toy".into(),
            train: vec![file(&train)],
            test: vec![file(&test)],
        };
        Self { manifest, train, test }
    }

    /// Add the next training file.
    pub fn push_train(&mut self, shard: Shard) {
        self.train.pixels.extend(shard.pixels);
        self.train.labels.extend(shard.labels);
    }

    /// Add the next test file.
    pub fn push_test(&mut self, shard: Shard) {
        self.test.pixels.extend(shard.pixels);
        self.test.labels.extend(shard.labels);
    }

    /// What the data set consists of.
    #[must_use]
    pub fn manifest(&self) -> &DataManifest {
        &self.manifest
    }

    /// Training images that have arrived.
    #[must_use]
    pub fn train(&self) -> &Shard {
        &self.train
    }

    /// Test images that have arrived.
    #[must_use]
    pub fn test(&self) -> &Shard {
        &self.test
    }

    /// Whether all test images have arrived.
    #[must_use]
    pub fn has_test(&self) -> bool {
        let count: usize = self.manifest.test.iter().map(|s| s.count).sum();
        count > 0 && self.test.labels.len() >= count
    }

    /// Grey values of some training images, one after the other.
    #[must_use]
    pub fn gather(&self, indices: &[u32]) -> Vec<u8> {
        let mut pixels = Vec::with_capacity(indices.len() * PIXELS);
        for index in indices {
            let start = *index as usize * PIXELS;
            pixels.extend_from_slice(&self.train.pixels[start..start + PIXELS]);
        }
        pixels
    }
}
