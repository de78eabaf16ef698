//! The images that are there, training and test apart.

use latent_protocol::{DataFacts, DataManifest, OwnData};

use super::idx::Shard;
use super::{PIXELS, read_images, read_shard};
use crate::CoreError;
use crate::noise::{Noise, Stream};

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

    /// A visitor's own data set. Without test images a share of the others is kept back for testing, drawn the same
    /// way each time; without labels every image is of class 0. Its version is a checksum of what is in it.
    ///
    /// # Errors
    /// When a file is broken, files do not belong together, or too few images are left to train on.
    pub fn own(own: &OwnData, bytes: &[u8]) -> Result<Self, CoreError> {
        let mut files = Vec::new();
        let mut rest = bytes;
        for length in own.lengths {
            let (file, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            files.push(file);
            rest = after;
        }
        let read = |images: &[u8], labels: &[u8]| {
            if labels.is_empty() {
                let pixels = read_images(images)?;
                let labels = vec![0; pixels.len() / PIXELS];
                return Ok(Shard { pixels, labels });
            }
            read_shard(images, labels)
        };
        let mut train = read(files[0], files[1])?;
        let test = if files[2].is_empty() {
            let (kept, back) = split(&train, own.holdout);
            train = kept;
            back
        } else {
            read(files[2], files[3])?
        };
        if train.labels.is_empty() || test.labels.is_empty() {
            return Err(CoreError::TooFewImages);
        }
        let sum = [&train, &test].into_iter().flat_map(|shard| shard.labels.iter().chain(&shard.pixels));
        // FNV-1a: to tell data sets apart, not to keep anyone from forging one.
        let sum = sum.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut own_set = Self::complete(&own.name, train, test);
        own_set.manifest.version = format!("{:08x}", (sum ^ (sum >> 32)) & 0xffff_ffff);
        Ok(own_set)
    }

    /// What is known of it.
    #[must_use]
    pub fn facts(&self) -> DataFacts {
        let counts = |shard: &Shard| {
            let mut counts = Vec::new();
            for label in &shard.labels {
                let label = usize::from(*label);
                counts.resize(counts.len().max(label + 1), 0);
                counts[label] += 1;
            }
            counts
        };
        DataFacts {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            train: counts(&self.train),
            test: counts(&self.test),
        }
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

    /// Whether all images have arrived.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.has_test() && self.train.labels.len() >= self.manifest.train_count()
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

/// Keep a share of the images back: those that come last in an order that is always the same for so many images.
fn split(all: &Shard, holdout: f64) -> (Shard, Shard) {
    let count = all.labels.len();
    let order = Noise::new(0, Stream::Order, 0).permutation(count);
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let back = (count as f64 * holdout.clamp(0.0, 1.0)).round() as usize;
    let (kept, back) = order.split_at(count - back.clamp(1, count.max(1)).min(count));
    let part = |indices: &[u32]| {
        let mut part = Shard::default();
        for index in indices {
            let index = *index as usize;
            part.labels.push(all.labels[index]);
            part.pixels.extend_from_slice(&all.pixels[index * PIXELS..(index + 1) * PIXELS]);
        }
        part
    };
    (part(kept), part(back))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idx(magic: u8, dims: &[u32], values: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, magic];
        bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
        bytes.extend(values);
        bytes
    }

    /// Files of so many images, whose first pixel is their number.
    fn files(count: u8) -> (Vec<u8>, Vec<u8>) {
        let mut pixels = vec![0; usize::from(count) * PIXELS];
        for index in 0..count {
            pixels[usize::from(index) * PIXELS] = index;
        }
        let labels: Vec<u8> = (0..count).map(|index| index % 3).collect();
        (idx(3, &[count.into(), 28, 28], &pixels), idx(1, &[count.into()], &labels))
    }

    fn own(files: [&[u8]; 4]) -> Result<Dataset, CoreError> {
        let own = OwnData { name: "own".into(), lengths: files.map(<[u8]>::len), holdout: 0.2 };
        Dataset::own(&own, &files.concat())
    }

    #[test]
    fn own_files_are_taken_in_pairs() {
        let ((images, labels), (test_images, test_labels)) = (files(9), files(4));
        let set = own([&images, &labels, &test_images, &test_labels]).expect("four files");
        assert_eq!((set.facts().train, set.facts().test), (vec![3, 3, 3], vec![2, 1, 1]));
        assert!(set.has_test());
        let other = own([&images, &labels, &images, &labels]).expect("four files");
        assert_ne!(set.manifest().version, other.manifest().version);
        assert_eq!(set.manifest().version.len(), 8);
    }

    #[test]
    fn a_share_is_kept_back_and_none_is_in_both() {
        let (images, labels) = files(20);
        let set = own([&images, &labels, &[], &[]]).expect("a pair");
        assert_eq!((set.train().labels.len(), set.test().labels.len()), (16, 4));
        let firsts = |shard: &Shard| shard.pixels.iter().step_by(PIXELS).copied().collect::<Vec<u8>>();
        let mut all = [firsts(set.train()), firsts(set.test())].concat();
        assert_ne!(all[16..], [16, 17, 18, 19], "drawn, not cut off: files are often sorted");
        all.sort_unstable();
        assert!(all.into_iter().eq(0..20));
        for (number, label) in firsts(set.test()).iter().zip(&set.test().labels) {
            assert_eq!(number % 3, *label, "labels stay with their images");
        }
    }

    #[test]
    fn images_alone_are_of_one_class_and_too_few_are_refused() {
        let (images, labels) = files(10);
        assert_eq!(own([&images, &[], &[], &[]]).expect("images").facts().train, [8]);
        let (one, of) = files(1);
        assert!(matches!(own([&one, &of, &[], &[]]), Err(CoreError::TooFewImages)));
        assert!(own([&labels, &images, &[], &[]]).is_err(), "the wrong way round");
        assert!(own([&[], &[], &[], &[]]).is_err());
    }
}
