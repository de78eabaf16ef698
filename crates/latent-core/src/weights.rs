//! Weights in and out: safetensors, readable by PyTorch.
//!
//! Dense weights are stored as PyTorch stores them, `[outputs, inputs]`, and kept as Burn keeps them,
//! `[inputs, outputs]`. `__metadata__` says what the tensors are: see [`key`].

use std::collections::HashMap;
use std::future::Future;
use std::ops::Index;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use latent_kernels::upload;
use latent_protocol::{ModelCard, Settings, map_of};
use litemap::LiteMap;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use thiserror::Error;

use crate::CoreError;

/// Prefix of the names of tensors that only training needs.
pub const STATE: &str = "state.";

/// Keys of a file's `__metadata__`.
pub mod key {
    /// Id of the model family.
    pub const FAMILY: &str = "family";
    /// The family's settings, as JSON.
    pub const SETTINGS: &str = "settings";
    /// Seed of the run.
    pub const SEED: &str = "seed";
    /// Steps done.
    pub const STEP: &str = "step";
    /// Where the next batch begins, as `epoch:images`.
    pub const PLACE: &str = "place";
    /// Data set and version that the run was trained on.
    pub const DATA: &str = "data";
    /// Results, as JSON.
    pub const METRICS: &str = "metrics";
}

/// Why a file of weights is refused.
#[derive(Debug, Error)]
pub enum WeightsError {
    /// Not safetensors, or cut off.
    #[error("this is not a complete safetensors file ({0})")]
    Format(String),
    /// A metadata entry is missing or unreadable.
    #[error("the file does not say its {0}; it was not saved by this program")]
    Metadata(&'static str),
    /// The file belongs to another family.
    #[error("these are weights of the family `{found}`, not of `{expected}`")]
    Family {
        /// Family of the file.
        found: String,
        /// Family asked for.
        expected: String,
    },
    /// A tensor is missing.
    #[error("the tensor `{0}` is missing from the file")]
    Missing(String),
    /// A tensor is there that the model has no place for.
    #[error("the file has a tensor `{0}` that the model has no place for")]
    Unexpected(String),
    /// A tensor has the wrong shape.
    #[error("the tensor `{name}` has the shape {found:?}; the settings in the file ask for {expected:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape of the model.
        expected: Vec<usize>,
    },
    /// A tensor is not of real numbers.
    #[error("the tensor `{name}` holds {dtype} numbers; f16 and f32 can be read")]
    Dtype {
        /// Name of the tensor.
        name: String,
        /// Its type.
        dtype: String,
    },
    /// A tensor has NaN or infinite values.
    #[error("the tensor `{0}` has values that are not finite")]
    NotFinite(String),
}

/// A tensor on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Its shape, as stored in a file.
    pub shape: Vec<usize>,
    /// Its values, row by row.
    pub values: Vec<f32>,
}

/// Tensors by name, being read back from a device.
pub type Host<'a> = Pin<Box<dyn Future<Output = Result<LiteMap<String, HostTensor>, CoreError>> + 'a>>;

/// Precision of the numbers in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Two bytes: for weights that are only decoded.
    F16,
    /// Four bytes: for runs that go on.
    F32,
}

/// The content of a safetensors file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightFile {
    /// What the tensors are: see [`key`].
    pub metadata: LiteMap<String, String>,
    /// The tensors by name.
    pub tensors: LiteMap<String, HostTensor>,
}

impl Index<&str> for WeightFile {
    type Output = HostTensor;

    /// The tensor of this name, which must be there.
    fn index(&self, name: &str) -> &HostTensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("there is no tensor {name}"))
    }
}

impl WeightFile {
    /// Read a file.
    ///
    /// # Errors
    /// When it is not safetensors or holds anything but finite f16 and f32 numbers.
    pub fn parse(bytes: &[u8]) -> Result<Self, WeightsError> {
        let format = |err: safetensors::SafeTensorError| WeightsError::Format(err.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = map_of(header.metadata().clone().unwrap_or_default());
        let mut tensors = LiteMap::new();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(format)?.tensors() {
            let values = floats(&name, &view)?;
            if values.iter().any(|v| !v.is_finite()) {
                return Err(WeightsError::NotFinite(name));
            }
            tensors.insert(name, HostTensor { shape: view.shape().to_vec(), values });
        }
        Ok(Self { metadata, tensors })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When the tensors cannot be written, which a shape that does not fit its values causes.
    pub fn to_bytes(&self, precision: Precision) -> Result<Vec<u8>, WeightsError> {
        let encode = |values: &[f32]| -> Vec<u8> {
            match precision {
                Precision::F16 => values.iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect(),
                Precision::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            }
        };
        let dtype = match precision {
            Precision::F16 => Dtype::F16,
            Precision::F32 => Dtype::F32,
        };
        let data: Vec<(&String, &HostTensor, Vec<u8>)> =
            self.tensors.iter().map(|(name, t)| (name, t, encode(&t.values))).collect();
        let format = |err: safetensors::SafeTensorError| WeightsError::Format(err.to_string());
        let views: Result<Vec<(&String, TensorView<'_>)>, _> = data
            .iter()
            .map(|(name, tensor, bytes)| Ok((*name, TensorView::new(dtype, tensor.shape.clone(), bytes)?)))
            .collect();
        let metadata: HashMap<String, String> = self.metadata.clone().into_iter().collect();
        safetensors::serialize(views.map_err(format)?, Some(metadata)).map_err(format)
    }

    /// The tensors whose name begins with `prefix`, and the others, both with all metadata.
    #[must_use]
    pub fn split(&self, prefix: &str) -> (Self, Self) {
        let (named, others) =
            self.tensors.clone().into_iter().partition(|(name, _)| name.starts_with(prefix));
        let part = |tensors| Self { metadata: self.metadata.clone(), tensors };
        (part(named), part(others))
    }

    /// Without what only training needs.
    #[must_use]
    pub fn without_state(mut self) -> Self {
        self.tensors.retain(|name, _| !name.starts_with(STATE));
        self
    }

    /// The values of a tensor that must be there and have this shape.
    ///
    /// # Errors
    /// When it is missing or has another shape.
    pub fn values(&self, name: &str, expected: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensors.get(name).ok_or_else(|| WeightsError::Missing(name.into()))?;
        if tensor.shape != expected {
            let (name, found, expected) = (name.into(), tensor.shape.clone(), expected.into());
            return Err(WeightsError::Shape { name, found, expected });
        }
        Ok(tensor.values.clone())
    }

    /// An entry of the metadata.
    ///
    /// # Errors
    /// When it is missing.
    pub fn entry(&self, name: &'static str) -> Result<&str, WeightsError> {
        self.metadata.get(name).map(String::as_str).ok_or(WeightsError::Metadata(name))
    }

    /// The settings of the run, checked against the card of the family that the file must be of.
    ///
    /// # Errors
    /// When the family differs, or the settings are missing or do not fit.
    pub fn settings(&self, card: &ModelCard) -> Result<Settings, CoreError> {
        let found = self.entry(key::FAMILY)?;
        if found != card.id {
            return Err(WeightsError::Family { found: found.into(), expected: card.id.to_string() }.into());
        }
        let settings: Settings = serde_json::from_str(self.entry(key::SETTINGS)?)
            .map_err(|_| WeightsError::Metadata(key::SETTINGS))?;
        Ok(settings.checked(card)?)
    }
}

fn floats(name: &str, view: &TensorView<'_>) -> Result<Vec<f32>, WeightsError> {
    match view.dtype() {
        Dtype::F32 => Ok(chunks::<4>(view.data()).map(f32::from_le_bytes).collect()),
        Dtype::F16 => Ok(chunks::<2>(view.data()).map(|b| half::f16::from_le_bytes(b).to_f32()).collect()),
        other => Err(WeightsError::Dtype { name: name.into(), dtype: format!("{other:?}") }),
    }
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    bytes.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok())
}

/// Read a tensor back from its device.
///
/// # Errors
/// When the device fails.
pub async fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, CoreError> {
    let failed = |err: String| CoreError::Read(err);
    let data = tensor.into_data_async().await.map_err(|err| failed(err.to_string()))?;
    BYTES_READ.fetch_add(data.as_bytes().len() as u64, Ordering::Relaxed);
    READS.fetch_add(1, Ordering::Relaxed);
    data.try_into_vec::<f32>().map_err(|err| failed(format!("{err:?}")))
}

/// Bytes that [`read`] took from devices since the start.
static BYTES_READ: AtomicU64 = AtomicU64::new(0);
/// How often it did.
static READS: AtomicU64 = AtomicU64::new(0);

/// Bytes that were read from devices since the start: from a GPU through a mapped buffer, on the CPU a copy.
#[must_use]
pub fn bytes_read() -> u64 {
    BYTES_READ.load(Ordering::Relaxed)
}

/// How often something was read from a device since the start.
#[must_use]
pub fn reads() -> u64 {
    READS.load(Ordering::Relaxed)
}

/// Read all float parameters of a module back, by their path in it.
///
/// # Errors
/// When the device fails.
pub async fn collect<M: Module>(module: &M) -> Result<LiteMap<String, HostTensor>, CoreError> {
    let mut collector = Collector::default();
    module.visit(&mut collector);
    let mut tensors = LiteMap::new();
    for (name, shape, values) in collector.found {
        tensors.insert(name, HostTensor { shape, values: read(values).await? });
    }
    Ok(tensors)
}

/// The module with its float parameters taken from the file, by their path.
///
/// # Errors
/// When a tensor is missing, has another shape, or has no place in the module.
pub fn fill<M: Module>(module: M, file: &WeightFile) -> Result<M, WeightsError> {
    let mut filler = Filler { file, path: Vec::new(), used: Vec::new(), error: None };
    let module = module.map(&mut filler);
    if let Some(error) = filler.error {
        return Err(error);
    }
    let known = |name: &&String| filler.used.contains(name) || name.starts_with(STATE);
    match file.tensors.keys().find(|name| !known(name)) {
        Some(name) => Err(WeightsError::Unexpected(name.clone())),
        None => Ok(module),
    }
}

/// Whether a parameter is stored transposed.
fn is_transposed(path: &str, rank: usize) -> bool {
    rank == 2 && path.ends_with("weight")
}

#[derive(Default)]
struct Collector {
    path: Vec<String>,
    found: Vec<(String, Vec<usize>, Tensor<1>)>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let path = self.path.join(".");
        let mut tensor = param.val();
        if is_transposed(&path, D) {
            tensor = tensor.swap_dims(0, 1);
        }
        let shape = tensor.dims().to_vec();
        self.found.push((path, shape, tensor.flatten(0, D - 1)));
    }
}

struct Filler<'a> {
    file: &'a WeightFile,
    path: Vec<String>,
    used: Vec<String>,
    error: Option<WeightsError>,
}

impl Filler<'_> {
    /// Values for a parameter, in the model's layout.
    fn values(&mut self, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let name = self.path.join(".");
        let transposed = is_transposed(&name, shape.len());
        let expected: Vec<usize> =
            if transposed { shape.iter().rev().copied().collect() } else { shape.to_vec() };
        let tensor = self.file.tensors.get(&name).ok_or_else(|| WeightsError::Missing(name.clone()))?;
        if tensor.shape != expected {
            return Err(WeightsError::Shape { name, found: tensor.shape.clone(), expected });
        }
        self.used.push(name);
        if !transposed {
            return Ok(tensor.values.clone());
        }
        let (outputs, inputs) = (expected[0], expected[1]);
        Ok((0..inputs * outputs).map(|i| tensor.values[i % outputs * inputs + i / outputs]).collect())
    }
}

impl ModuleMapper for Filler<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        param.map(|old| {
            let shape = old.dims();
            match self.values(&shape) {
                Ok(values) => {
                    let new = upload(values, shape, &old.device());
                    if old.is_require_grad() { new.require_grad() } else { new }
                }
                Err(error) => {
                    self.error.get_or_insert(error);
                    old
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init;
    use crate::noise::{Noise, Stream};
    use burn::nn::Linear;
    use burn::tensor::Device;

    fn layer() -> Linear {
        init::linear(3, 2, &mut Noise::new(1, Stream::Weights, 0), &Device::flex())
    }

    fn file(layer: &Linear) -> WeightFile {
        let tensors = pollster::block_on(collect(layer)).expect("flex reads");
        WeightFile { metadata: LiteMap::from_iter([("family".into(), "toy".into())]), tensors }
    }

    #[test]
    fn a_file_gives_the_same_layer_back() {
        let original = file(&layer());
        assert_eq!(original["weight"].shape, [2, 3], "stored as PyTorch does");
        let bytes = original.to_bytes(Precision::F32).expect("writes");
        let read = WeightFile::parse(&bytes).expect("reads");
        assert_eq!(read, original);
        let fresh = init::linear(3, 2, &mut Noise::new(2, Stream::Weights, 0), &Device::flex());
        let filled = fill(fresh, &read).expect("fits");
        assert_eq!(file(&filled).tensors, original.tensors);
    }

    #[test]
    fn half_precision_is_near() {
        let original = file(&layer());
        let bytes = original.to_bytes(Precision::F16).expect("writes");
        let read = WeightFile::parse(&bytes).expect("reads");
        for (name, tensor) in &read.tensors {
            for (a, b) in tensor.values.iter().zip(&original[name].values) {
                assert!((a - b).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let good = file(&layer());
        let mut missing = good.clone();
        missing.tensors.remove("bias");
        assert!(matches!(fill(layer(), &missing), Err(WeightsError::Missing(n)) if n == "bias"));
        let mut extra = good.clone();
        extra.tensors.insert("x".into(), extra["bias"].clone());
        assert!(matches!(fill(layer(), &extra), Err(WeightsError::Unexpected(_))));
        let mut state = good.clone();
        state.tensors.insert("state.x".into(), state["bias"].clone());
        assert!(fill(layer(), &state).is_ok());
        let mut shape = good.clone();
        shape.tensors.insert("weight".into(), HostTensor { shape: vec![3, 2], values: vec![0.0; 6] });
        assert!(matches!(fill(layer(), &shape), Err(WeightsError::Shape { .. })));
        let mut broken = good;
        broken.tensors.insert("bias".into(), HostTensor { shape: vec![2], values: vec![f32::NAN, 0.0] });
        let bytes = broken.to_bytes(Precision::F32).expect("writes");
        assert!(matches!(WeightFile::parse(&bytes), Err(WeightsError::NotFinite(_))));
    }

    #[test]
    fn hostile_bytes_are_an_error_and_never_a_panic() {
        let bytes = file(&layer()).to_bytes(Precision::F32).expect("writes");
        for end in 0..bytes.len() {
            assert!(WeightFile::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut noise = Noise::new(3, Stream::Step, 0);
        for _ in 0..2000 {
            let mut mutated = bytes.clone();
            let at = noise.below(mutated.len());
            mutated[at] ^= 1 << noise.below(8);
            let _ = WeightFile::parse(&mutated);
        }
    }
}
