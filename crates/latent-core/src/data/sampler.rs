//! The order in which training sees the images.

use crate::noise::{Noise, Stream};

/// Which images a step of a run sees: a function of the seed, the sizes of the files and the place in the order
/// alone, so it does not depend on how fast files arrive, and the batch may change from step to step.
///
/// The first epoch goes through the files in order, shuffled within each, so that training can begin when the
/// first file is there; later epochs are shuffled as a whole. An incomplete batch at an epoch's end is left out.
#[derive(Clone, Debug)]
pub struct Sampler {
    seed: u64,
    files: Vec<usize>,
    images: usize,
    order: Option<(u64, Vec<u32>)>,
}

/// A place in the order of images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Whole epochs that lie before it.
    pub epoch: u64,
    /// Images of its epoch that lie before it.
    pub seen: usize,
}

/// The images of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Indices of training images.
    pub indices: Vec<u32>,
    /// Images that must have arrived.
    pub needs: usize,
    /// Where the next step goes on.
    pub next: Place,
}

impl Sampler {
    /// The order for files of these sizes, of which the first `images` images are used.
    #[must_use]
    pub fn new(seed: u64, files: &[usize], images: usize) -> Self {
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
        Self { seed, files: used, images, order: None }
    }

    /// Images in an epoch.
    #[must_use]
    pub fn images(&self) -> usize {
        self.images
    }

    /// Images that a batch of this size really has.
    fn batch(&self, batch_size: usize) -> usize {
        batch_size.clamp(1, self.images.max(1))
    }

    /// Steps in an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self, batch_size: usize) -> u64 {
        (self.images / self.batch(batch_size)).max(1) as u64
    }

    /// Steps that are left from a place to the end of so many epochs.
    #[must_use]
    pub fn steps_left(&self, place: Place, epochs: u64, batch_size: usize) -> u64 {
        let Some(whole) = epochs.checked_sub(place.epoch + 1) else { return 0 };
        let rest = (self.images - place.seen.min(self.images)) / self.batch(batch_size);
        whole * self.steps_per_epoch(batch_size) + rest as u64
    }

    /// Epochs that lie before a place, with the fraction of its own.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn epochs_before(&self, place: Place, batch_size: usize) -> f64 {
        let used = self.steps_per_epoch(batch_size) as f64 * self.batch(batch_size) as f64;
        place.epoch as f64 + (place.seen as f64 / used).min(1.0)
    }

    /// The images of the step at a place.
    pub fn visit(&mut self, place: Place, batch_size: usize) -> Visit {
        let batch = self.batch(batch_size);
        // Where the batch has grown meanwhile, what is left of the epoch may be too little for it.
        let Place { epoch, seen } = self.settled(place, batch);
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            self.order = Some((epoch, self.shuffle(epoch)));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let indices = order[seen.min(order.len())..(seen + batch).min(order.len())].to_vec();
        let needs = if epoch == 0 { self.reach(&indices) } else { self.images };
        Visit { indices, needs, next: self.settled(Place { epoch, seen: seen + batch }, batch) }
    }

    /// A place from which a whole batch can be taken: an incomplete one at an epoch's end is left out.
    fn settled(&self, place: Place, batch: usize) -> Place {
        if place.seen > 0 && place.seen + batch > self.images {
            Place { epoch: place.epoch + 1, seen: 0 }
        } else {
            place
        }
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

    /// The images of steps of one size, from the beginning.
    fn visits(sampler: &mut Sampler, batch_size: usize, steps: usize) -> Vec<Visit> {
        let mut place = Place::default();
        let mut visits = Vec::new();
        for _ in 0..steps {
            visits.push(sampler.visit(place, batch_size));
            place = visits[visits.len() - 1].next;
        }
        visits
    }

    #[test]
    fn each_epoch_sees_each_image_once_and_in_another_order() {
        let mut sampler = Sampler::new(1, &[30, 30], 60);
        let all = visits(&mut sampler, 10, 18);
        let mut epochs = Vec::new();
        for epoch in all.chunks(6) {
            let mut seen: Vec<u32> = epoch.iter().flat_map(|visit| visit.indices.clone()).collect();
            epochs.push(seen.clone());
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..60));
        }
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2]);
        assert_eq!(all[17].next, Place { epoch: 3, seen: 0 });
    }

    #[test]
    fn the_first_epoch_needs_only_the_files_it_touches() {
        let mut sampler = Sampler::new(1, &[25, 25], 50);
        let needs: Vec<usize> = visits(&mut sampler, 10, 6).iter().map(|visit| visit.needs).collect();
        assert_eq!(needs, [25, 25, 50, 50, 50, 50]);
    }

    #[test]
    fn any_place_can_be_asked_for_in_any_order() {
        let mut forth = Sampler::new(7, &[40], 40);
        let visits = visits(&mut forth, 8, 15);
        let mut back = Sampler::new(7, &[40], 40);
        for pair in visits.windows(2).rev() {
            assert_eq!(back.visit(pair[0].next, 8), pair[1]);
        }
    }

    #[test]
    fn a_batch_that_changes_goes_on_where_the_last_one_ended() {
        let mut sampler = Sampler::new(3, &[20], 20);
        let whole = sampler.visit(Place::default(), 20).indices;
        let (mut place, mut seen) = (Place::default(), Vec::new());
        for size in [4, 2, 6, 8] {
            let visit = sampler.visit(place, size);
            seen.extend(visit.indices);
            place = visit.next;
        }
        assert_eq!((seen, place), (whole, Place { epoch: 1, seen: 0 }));
        // Five are left, which is too few for the new size: the next epoch begins.
        let visit = sampler.visit(Place { epoch: 1, seen: 15 }, 6);
        assert_eq!(visit.next, Place { epoch: 2, seen: 6 });
        assert_eq!(sampler.steps_left(Place { epoch: 1, seen: 15 }, 3, 5), 5);
        assert_eq!(sampler.steps_left(Place { epoch: 3, seen: 0 }, 3, 5), 0);
    }

    #[test]
    fn fewer_images_than_a_batch_or_a_file_are_fine() {
        let mut sampler = Sampler::new(1, &[10, 10], 12);
        assert_eq!((sampler.images(), sampler.steps_per_epoch(128)), (12, 1));
        let visits = visits(&mut sampler, 128, 6);
        assert_eq!(visits[0].indices.len(), 12);
        assert!(visits[5].indices.iter().all(|i| *i < 12));
    }
}
