//! Adam over a module, with a state that can be read and put back without blocking.
//!
//! Burn's own module optimiser saves its state by synchronous reads, which WebGPU does not have, and loads it to
//! the default device.

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use latent_kernels::{AdamRates, adam, upload};
use litemap::LiteMap;

use crate::CoreError;
use crate::weights::{HostTensor, WeightFile, WeightsError, read};

const FIRST: &str = "state.adam.first.";
const SECOND: &str = "state.adam.second.";
/// Steps done, as a number: it is the same for all parameters.
const TIME: &str = "state.adam.time";

/// First and second moment of the gradients of a parameter, flattened to one dimension.
type Pair = [Tensor<1>; 2];

/// The state of the optimiser.
#[derive(Clone, Default)]
pub struct Moments {
    /// Moments by path of the parameter.
    pairs: LiteMap<String, Pair>,
    /// Steps done.
    time: u32,
}

impl Moments {
    /// Read the state back from the device.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn read(&self) -> Result<LiteMap<String, HostTensor>, CoreError> {
        let mut tensors = LiteMap::new();
        for (path, [first, second]) in &self.pairs {
            for (prefix, tensor) in [(FIRST, first), (SECOND, second)] {
                let values = read(tensor.clone()).await?;
                tensors.insert(format!("{prefix}{path}"), HostTensor { shape: vec![values.len()], values });
            }
            #[expect(clippy::cast_precision_loss, reason = "steps are below 2^24, which is 35,000 epochs")]
            let time = HostTensor { shape: vec![1], values: vec![self.time as f32] };
            tensors.insert(TIME.into(), time);
        }
        Ok(tensors)
    }

    /// Take the state from a file.
    ///
    /// # Errors
    /// When a moment is missing or has another size than its parameter.
    pub fn load(file: &WeightFile, device: &Device) -> Result<Self, WeightsError> {
        let mut moments = Self::default();
        for (name, first) in &file.tensors {
            let Some(path) = name.strip_prefix(FIRST) else { continue };
            let missing = || WeightsError::Missing(format!("{SECOND}{path}"));
            let second = file.tensors.get(&format!("{SECOND}{path}")).ok_or_else(missing)?;
            let size = file.tensors.get(path).map_or(0, |weights| weights.values.len());
            for moment in [first, second] {
                if moment.values.len() != size {
                    let (name, found) = (name.clone(), moment.shape.clone());
                    return Err(WeightsError::Shape { name, found, expected: vec![size] });
                }
            }
            let time = file.tensors.get(TIME).and_then(|time| time.values.first());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let time = *time.ok_or_else(|| WeightsError::Missing(TIME.into()))? as u32;
            let tensor = |t: &HostTensor| upload(t.values.clone(), [size], device);
            moments.time = time;
            moments.pairs.insert(path.to_string(), [tensor(first), tensor(second)]);
        }
        Ok(moments)
    }
}

/// The optimiser Adam (Kingma and Ba 2015) with its usual constants.
#[derive(Clone, Default)]
pub struct Adam {
    moments: Moments,
}

impl Adam {
    /// Move all parameters against their gradients.
    #[must_use]
    pub fn step<M: Module>(&mut self, learning_rate: f64, module: M, gradients: GradientsParams) -> M {
        self.moments.time += 1;
        #[expect(clippy::cast_possible_truncation, reason = "the kernels compute in single precision")]
        let learning_rate = learning_rate as f32;
        let rates =
            AdamRates { learning_rate, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8, time: self.moments.time };
        module.map(&mut Update { moments: &mut self.moments, rates, gradients, path: Vec::new() })
    }

    /// The state.
    #[must_use]
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// Replace the state.
    pub fn set_moments(&mut self, moments: Moments) {
        self.moments = moments;
    }
}

struct Update<'a> {
    moments: &'a mut Moments,
    rates: AdamRates,
    gradients: GradientsParams,
    path: Vec<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(gradient) = self.gradients.remove::<D>(param.id) else { return param };
        let path = self.path.join(".");
        let pair = self.moments.pairs.remove(&path);
        param.map(|tensor| {
            let shape = tensor.dims();
            let (flat, gradient) = (tensor.inner().reshape([-1]), gradient.reshape([-1]));
            let pair = pair.unwrap_or_else(|| [0, 1].map(|_| gradient.zeros_like()));
            let (flat, pair) = adam(flat, gradient, pair, self.rates);
            self.moments.pairs.insert(path, pair);
            Tensor::from_inner(flat.reshape(shape)).require_grad()
        })
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the CPU reads at once")]
mod tests {
    use super::*;
    use crate::init;
    use crate::noise::{Noise, Stream};
    use burn::nn::Linear;

    fn gradients(layer: &Linear, device: &Device) -> GradientsParams {
        let x = Tensor::<2>::from_data([[1.0, -2.0, 3.0]], device);
        let loss = layer.forward(x).powi_scalar(2).sum();
        GradientsParams::from_grads(loss.backward(), layer)
    }

    /// Ten steps of the same rule in plain arithmetic.
    #[test]
    fn follows_the_published_rule() {
        let device = Device::flex().autodiff();
        let mut layer = init::linear(3, 1, &mut Noise::new(1, Stream::Weights, 0), &device);
        let mut adam = Adam::default();
        let value =
            |layer: &Linear| layer.weight.val().inner().into_data().try_to_vec::<f32>().expect("floats");
        let mut expected: Vec<f64> = value(&layer).into_iter().map(f64::from).collect();
        let (mut m, mut v) = ([0.0; 3], [0.0; 3]);
        for t in 1..=10 {
            let grads = gradients(&layer, &device);
            let g = grads
                .get::<2>(layer.weight.id)
                .expect("a gradient")
                .into_data()
                .try_to_vec::<f32>()
                .expect("floats");
            for i in 0..3 {
                let g = f64::from(g[i]);
                m[i] = 0.9 * m[i] + 0.1 * g;
                v[i] = 0.999 * v[i] + 0.001 * g * g;
                let (m_hat, v_hat) = (m[i] / (1.0 - 0.9f64.powi(t)), v[i] / (1.0 - 0.999f64.powi(t)));
                expected[i] -= 0.01 * m_hat / (v_hat.sqrt() + 1e-8);
            }
            layer = adam.step(0.01, layer, grads);
        }
        for (found, expected) in value(&layer).into_iter().zip(expected) {
            assert!((f64::from(found) - expected).abs() < 1e-5, "{found} instead of {expected}");
        }
    }
}
