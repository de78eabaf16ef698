//! Finite-difference check of an objective's gradients.

use burn::module::{ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use litemap::LiteMap;
use pollster::block_on;

use crate::data::{PIXELS, SIDE};
use crate::family::{Batch, Examples, Objective};
use crate::noise::{Noise, Stream};
use crate::weights::read;

/// For each parameter tensor: the derivative along its own gradient, by central differences, must be the
/// gradient's length within 1 % and the rounding of f32.
pub fn run<M: Objective>(config: &M::Config) {
    let device = Device::flex().autodiff();
    // Larger weights than usual: all gradients are then far above the rounding of f32.
    let model = M::init(config, &mut Noise::new(4, Stream::Weights, 0), &device).map(&mut Enlarge);
    let loss = |model: &M| {
        let images = Noise::new(5, Stream::Bits, 0).uniform(0.5, [100, 1, SIDE, SIDE], &device) + 0.5;
        let classes: Vec<u8> = (0..100).map(|i| i % 10).collect();
        let examples = Examples { images, ..Examples::new(vec![0.0; 100 * PIXELS], &classes, &device) };
        let noise = Noise::new(6, Stream::Step, 0);
        let batch = Batch { examples, indices: (0..100).collect(), noise, epoch: 1.0 };
        model.losses(config, batch).terms.swap_remove(0).1
    };
    let start = loss(&model);
    let value = block_on(read(start.clone().inner())).expect("flex reads")[0].abs();
    let gradients = GradientsParams::from_grads(start.backward(), &model);
    let mut lengths =
        Nudge { gradients: &gradients, only: None, by: 0.0, path: vec![], lengths: LiteMap::new() };
    let _ = model.clone().map(&mut lengths);
    let lengths = lengths.lengths;
    assert!(!lengths.is_empty());
    for (path, length) in lengths {
        let at = |by: f32| {
            let only = Some(path.clone());
            let mut nudge = Nudge { gradients: &gradients, only, by, path: vec![], lengths: LiteMap::new() };
            block_on(read(loss(&model.clone().map(&mut nudge)).inner())).expect("flex reads")[0]
        };
        assert!(length > 0.0, "{path} gets no gradient");
        // As short as the rounding of the loss in f32 allows, since the loss is not straight; not so short that the
        // rounding of the weights counts.
        let step = (2e-4 * value / length).clamp(2e-4, 1e-2);
        let slope = (at(step) - at(-step)) / (2.0 * step);
        assert!(
            (slope - length).abs() < 0.01 * length + 1e-4 * value.max(1.0),
            "{path}: slope {slope}, gradient {length}"
        );
    }
}

struct Enlarge;

impl ModuleMapper for Enlarge {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        param.map(|tensor| Tensor::from_inner(tensor.inner() * 3.0).require_grad())
    }
}

/// Moves one parameter along its normalised gradient and notes the gradients' lengths.
struct Nudge<'a> {
    gradients: &'a GradientsParams,
    only: Option<String>,
    by: f32,
    path: Vec<String>,
    lengths: LiteMap<String, f32>,
}

impl ModuleMapper for Nudge<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if !param.is_require_grad() {
            return param;
        }
        let path = self.path.join(".");
        let gradient = self.gradients.get::<D>(param.id).expect("each parameter gets a gradient");
        let length = block_on(read(gradient.clone().powi_scalar(2).sum().sqrt())).expect("flex reads")[0];
        self.lengths.insert(path.clone(), length);
        if self.only.as_ref() != Some(&path) {
            return param;
        }
        param.map(|tensor| Tensor::from_inner(tensor.inner() + gradient * (self.by / length)).require_grad())
    }
}
