//! The order in which training sees the images.

use crate::noise::{Noise, Stream};

/// Which images the step number k of a run sees: a function of the seed, the sizes of the files and k alone, so
/// it neither depends on how fast files arrive nor has a state to save.
///
/// The first epoch goes through the files in order, shuffled within each, so that training can begin when the
/// first file is there; later epochs are shuffled as a whole. An incomplete batch at an epoch's end is left out.
#[derive(Clone, Debug)]
pub struct Sampler {
    seed: u64,
    files: Vec<usize>,
    images: usize,
    batch_size: usize,
    order: Option<(u64, Vec<u32>)>,
}

/// The images of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Indices of training images.
    pub indices: Vec<u32>,
    /// Images that must have arrived.
    pub needs: usize,
}

impl Sampler {
    /// The order for files of these sizes, of which the first `images` images are used.
    #[must_use]
    pub fn new(seed: u64, files: &[usize], images: usize, batch_size: usize) -> Self {
        let mut left = images;
        let mut used = Vec::new();
        for size in files {
            let part = left.min(*size);
            left -= part;
            if part > 0 {
                used.push(part);
            }
        }
        let images: usize = used.iter().sum();
        Self { seed, files: used, images, batch_size: batch_size.clamp(1, images.max(1)), order: None }
    }

    /// Images in an epoch.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images
    }

    /// Steps in an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        (self.images / self.batch_size).max(1) as u64
    }

    /// The images of step `step`, counted from 0.
    pub fn visit(&mut self, step: u64) -> Visit {
        let per_epoch = self.steps_per_epoch();
        let (epoch, index) = (step / per_epoch, step % per_epoch);
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            self.order = Some((epoch, self.shuffle(epoch)));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let start = usize::try_from(index).unwrap_or(0) * self.batch_size;
        let indices = order[start..(start + self.batch_size).min(order.len())].to_vec();
        let needs = if epoch == 0 { self.reach(&indices) } else { self.images };
        Visit { indices, needs }
    }

    fn shuffle(&self, epoch: u64) -> Vec<u32> {
        let mut noise = Noise::new(self.seed, Stream::Order, epoch);
        if epoch > 0 {
            return noise.permutation(self.images);
        }
        let mut order = Vec::with_capacity(self.images);
        for size in &self.files {
            let first = u32::try_from(order.len()).unwrap_or(u32::MAX);
            order.extend(noise.permutation(*size).into_iter().map(|i| first + i));
        }
        order
    }

    /// Images up to the end of the last file that is touched.
    fn reach(&self, indices: &[u32]) -> usize {
        let last = indices.iter().max().map_or(0, |i| *i as usize);
        let mut end = 0;
        for size in &self.files {
            end += size;
            if last < end {
                break;
            }
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_epoch_sees_each_image_once_and_in_another_order() {
        let mut sampler = Sampler::new(1, &[30, 30], 60, 10);
        let mut epochs = Vec::new();
        for epoch in 0..3 {
            let mut seen: Vec<u32> = (0..6).flat_map(|i| sampler.visit(epoch * 6 + i).indices).collect();
            epochs.push(seen.clone());
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..60));
        }
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2]);
    }

    #[test]
    fn the_first_epoch_needs_only_the_files_it_touches() {
        let mut sampler = Sampler::new(1, &[25, 25], 50, 10);
        let needs: Vec<usize> = (0..6).map(|step| sampler.visit(step).needs).collect();
        assert_eq!(needs, [25, 25, 50, 50, 50, 50]);
    }

    #[test]
    fn any_step_can_be_asked_for_in_any_order() {
        let mut forth = Sampler::new(7, &[40], 40, 8);
        let visits: Vec<Visit> = (0..15).map(|step| forth.visit(step)).collect();
        let mut back = Sampler::new(7, &[40], 40, 8);
        for step in (0..15).rev() {
            assert_eq!(back.visit(step), visits[usize::try_from(step).expect("small")]);
        }
    }

    #[test]
    fn fewer_images_than_a_batch_or_a_file_are_fine() {
        let mut sampler = Sampler::new(1, &[10, 10], 12, 128);
        assert_eq!((sampler.images(), sampler.steps_per_epoch()), (12, 1));
        assert_eq!(sampler.visit(0).indices.len(), 12);
        assert!(sampler.visit(5).indices.iter().all(|i| *i < 12));
    }
}
