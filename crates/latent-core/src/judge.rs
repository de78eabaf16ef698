//! The judge: a digit classifier that is trained on real labels, is no part of any generative model, and says what it
//! sees in their samples.
//!
//! Two convolutions with stride 2 (16 and 32 filters of 3 x 3), 128 features, ten classes.

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::conv::Conv2d;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor};
use latent_kernels::Activation;

use crate::data::{CLASSES, Dataset, PIXELS, Place, SIDE, Sampler};
use crate::family::Examples;
use crate::layers::{convolution, dense, flat};
use crate::noise::{Noise, Stream};
use crate::training::Adam;
use crate::weights::{self, WeightFile, WeightsError, read};
use crate::{CoreError, init};

/// Numbers in the layer before the classes.
pub const FEATURES: usize = 128;

/// A digit classifier.
#[derive(Module, Debug)]
pub struct Judge {
    convolutions: Vec<Conv2d>,
    features: Linear,
    classes: Linear,
}

impl Judge {
    fn init(noise: &mut Noise, device: &Device) -> Self {
        let maps = 32 * (SIDE / 4) * (SIDE / 4);
        Self {
            convolutions: [(1, 16), (16, 32)]
                .map(|(from, to)| init::convolution(from, to, 3, noise, device))
                .into(),
            features: init::linear(maps, FEATURES, noise, device),
            classes: init::linear(FEATURES, CLASSES, noise, device),
        }
    }

    /// From a file.
    ///
    /// # Errors
    /// When the file holds other tensors.
    pub fn load(device: &Device, file: &WeightFile) -> Result<Self, WeightsError> {
        weights::fill(Self::init(&mut Noise::new(0, Stream::Weights, 0), device), file)
    }

    /// Its weights.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn weights(&self) -> Result<WeightFile, CoreError> {
        Ok(WeightFile { tensors: weights::collect(self).await?, ..WeightFile::default() })
    }

    /// The device of the weights.
    #[must_use]
    pub fn device(&self) -> Device {
        self.features.weight.device()
    }

    /// Features of images, and logits of their classes.
    ///
    /// # Shapes
    /// `[batch, 1, 28, 28]` -> `[batch, 128]`, `[batch, 10]`.
    #[must_use]
    pub fn look(&self, images: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let [batch, ..] = images.dims();
        let images = images.reshape([batch, SIDE, SIDE, 1]);
        let maps = flat(self.convolutions.iter().fold(images, |x, layer| convolution(layer, x)));
        let features = dense(&self.features, maps, Activation::Relu);
        (features.clone(), dense(&self.classes, features, Activation::None))
    }

    /// The class that it sees in an image, and how sure it is, 0 to 1.
    ///
    /// # Errors
    /// When the device fails.
    ///
    /// # Shapes
    /// `[1, 1, 28, 28]`.
    pub async fn verdict(&self, image: Tensor<4>) -> Result<(usize, f32), CoreError> {
        let logits = read(self.look(image).1).await?;
        let class = crate::evaluation::best(&logits);
        let sum: f32 = logits.iter().map(|logit| (logit - logits[class]).exp()).sum();
        Ok((class, 1.0 / sum))
    }

    /// Share of a data set's test images whose class it finds.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn accuracy(&self, dataset: &Dataset) -> Result<f64, CoreError> {
        let device = self.features.weight.device();
        let test = dataset.test();
        let mut right = 0;
        for (pixels, labels) in test.pixels.chunks(250 * PIXELS).zip(test.labels.chunks(250)) {
            let grey = pixels.iter().map(|p| f32::from(*p) / 255.0).collect();
            let logits = read(self.look(Examples::new(grey, labels, &device).images).1).await?;
            let found = logits.chunks_exact(CLASSES).map(crate::evaluation::best);
            right += found.zip(labels).filter(|(found, label)| *found == usize::from(**label)).count();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let share = right as f64 / test.labels.len().max(1) as f64;
        Ok(share)
    }
}

/// A judge that learns.
pub struct JudgeTrainer {
    judge: Judge,
    adam: Adam,
    sampler: Sampler,
    device: Device,
    epochs: u64,
    seed: u64,
    step: u64,
    place: Place,
}

impl JudgeTrainer {
    const BATCH_SIZE: usize = 128;
    const LEARNING_RATE: f64 = 1e-3;

    /// A judge that has learned nothing yet.
    #[must_use]
    pub fn new(device: &Device, seed: u64, epochs: u64, dataset: &Dataset) -> Self {
        let files: Vec<usize> = dataset.manifest().train.iter().map(|file| file.count).collect();
        let device = device.clone().autodiff();
        Self {
            judge: Judge::init(&mut Noise::new(seed, Stream::Weights, 0), &device),
            adam: Adam::default(),
            sampler: Sampler::new(seed, &files, usize::MAX),
            device,
            epochs,
            seed,
            step: 0,
            place: Place::default(),
        }
    }

    /// Steps of the whole training.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.epochs * self.sampler.steps_per_epoch(Self::BATCH_SIZE)
    }

    /// One step with cross-entropy on images shifted by up to a pixel, at a rate that falls like a cosine. Returns the
    /// judge when it was the last.
    pub fn step(&mut self, dataset: &Dataset) -> Option<Judge> {
        let visit = self.sampler.visit(self.place, Self::BATCH_SIZE);
        let mut noise = Noise::new(self.seed, Stream::Step, self.step);
        let grey = dataset.gather(&visit.indices);
        let mut pixels = Vec::with_capacity(grey.len());
        for image in grey.chunks_exact(PIXELS) {
            let [down, right] = [noise.below(3), noise.below(3)];
            pixels.extend((0..PIXELS).map(|at| {
                let (y, x) = ((at / SIDE + down).wrapping_sub(1), (at % SIDE + right).wrapping_sub(1));
                if y < SIDE && x < SIDE { f32::from(image[y * SIDE + x]) / 255.0 } else { 0.0 }
            }));
        }
        let classes: Vec<u8> = visit.indices.iter().map(|i| dataset.train().labels[*i as usize]).collect();
        let Examples { images, labels } = Examples::new(pixels, &classes, &self.device);
        let loss = (log_softmax(self.judge.look(images).1, 1) * labels).sum_dim(1).mean().neg();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.judge);
        #[expect(clippy::cast_precision_loss, reason = "steps are few")]
        let done = self.step as f64 / self.total_steps() as f64;
        let rate = Self::LEARNING_RATE * crate::training::Schedule::Cosine.factor(done);
        self.judge = self.adam.step(rate, self.judge.clone(), gradients);
        self.step += 1;
        self.place = visit.next;
        (self.step == self.total_steps()).then(|| self.judge.valid())
    }
}
