//! The operations on a GPU: one WGSL kernel each, launched on Burn's own buffers.
//!
//! Products are tiles in registers, read straight from storage: on the sizes of these models the factors stay in a
//! GPU's cache, and a software adapter, which has no shared memory worth the name, runs them twenty times faster than
//! tiles behind barriers.

mod shader;

use std::sync::atomic::{AtomicU32, Ordering};

use burn::backend::tensor::FloatTensor;
use burn::backend::wgpu::{
    AutoCompiler, CubeDim, CubeTensor, SourceKernel, WgpuResource, into_contiguous, wgpu,
};
use burn::tensor::{Bytes, DType, Shape, Tensor};
use burn_cubecl::CubeBackend;
use burn_cubecl::cubecl::prelude::CubeCount;
use burn_cubecl::cubecl::server::{KernelArguments, MetadataBindingInfo};
use burn_cubecl::cubecl::wgpu::WgpuServer;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;

use crate::extension::{DenseLayer, Derivatives, Kernels, Wanted};
use crate::{Activation, AdamRates, Form, Grid};
use shader::{Epilogue, Shader, Tile};

/// Workgroups in a row of a dispatch at most; a browser allows 65,535.
const GROUPS: usize = 16_384;

/// Threads that a product should have at least: with more, tiles are smaller.
static THREADS: AtomicU32 = AtomicU32::new(1024);

/// Set how many threads a product should have at least: more, in smaller tiles, for a GPU with many cores.
pub fn set_threads(threads: u32) {
    THREADS.store(threads, Ordering::Relaxed);
}

/// A tensor's place in the GPU's memory, to be bound by who draws from it. It stays there as long as this lives.
pub struct Storage {
    _tensor: CubeTensor,
    resource: WgpuResource,
}

impl Storage {
    /// Where the numbers of a tensor lie, one after the other; what computes them was given to the GPU before.
    ///
    /// # Errors
    /// When the tensor is not on a GPU, or the GPU is lost.
    pub fn of<const D: usize>(tensor: Tensor<D>) -> Result<Self, String> {
        let tensor = tensor.try_into_primitive::<CubeBackend>().map_err(|err| format!("{err:?}"))?;
        let tensor = into_contiguous(tensor);
        let managed = tensor.client.get_resource::<WgpuServer<AutoCompiler>>(tensor.handle.clone());
        let resource = managed.map_err(|err| format!("{err:?}"))?.resource().clone();
        tensor.client.flush().map_err(|err| format!("{err:?}"))?;
        Ok(Self { _tensor: tensor, resource })
    }

    /// To be put into a bind group.
    #[must_use]
    pub fn binding(&self) -> wgpu::BindingResource<'_> {
        self.resource.as_wgpu_bind_resource()
    }
}

/// Run a kernel on tensors and whole numbers.
fn launch(shader: Shader, groups: [usize; 2], tensors: &[&CubeTensor], info: &[usize]) {
    let number = |value: usize| u32::try_from(value).expect("sizes on a GPU are below 2^32");
    let [x, y] = groups.map(number);
    // Pairs of numbers, filled up to whole vectors of four.
    let mut words = vec![0_u64; info.len().div_ceil(4) * 2];
    for (index, &value) in info.iter().enumerate() {
        words[index / 2] |= u64::from(number(value)) << (index % 2 * 32);
    }
    let buffers = tensors.iter().map(|tensor| tensor.handle.clone().binding()).collect();
    let arguments =
        KernelArguments::new().with_buffers(buffers).with_info(MetadataBindingInfo::custom(words));
    let [width, height] = shader.workgroup();
    let kernel = SourceKernel::new(shader, CubeDim::new_2d(width, height));
    tensors[0].client.launch(Box::new(kernel), CubeCount::Static(x, y, 1), arguments);
}

/// Workgroups for so many threads of which each may do several items.
fn groups(items: usize) -> [usize; 2] {
    [items.div_ceil(shader::LINE as usize).clamp(1, GROUPS), 1]
}

/// A fresh tensor beside another, of any content.
fn beside(tensor: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    empty_device_contiguous_dtype(tensor.client.clone(), tensor.device.clone(), shape.into(), DType::F32)
}

fn dims(tensor: &CubeTensor) -> [usize; 2] {
    let shape = tensor.meta.shape();
    [shape[0], shape[1]]
}

fn count(tensor: &CubeTensor) -> usize {
    tensor.meta.shape().num_elements()
}

/// A product, with what happens to a gradient before it and to the sums after it.
#[derive(Clone, Copy)]
struct Product<'a> {
    form: Form,
    /// The activation through which the gradient goes, and what came out of it: the gradient is the factor that stands
    /// first in `g W^T` and last in `x^T g`.
    through: Option<(Activation, &'a CubeTensor)>,
    epilogue: Epilogue,
    /// What the epilogue reads or writes.
    extra: Option<&'a CubeTensor>,
}

impl Product<'_> {
    fn new(form: Form) -> Self {
        Self { form, through: None, epilogue: Epilogue::None, extra: None }
    }

    fn launch(self, left: CubeTensor, right: CubeTensor) -> CubeTensor {
        let Self { form, through, epilogue, extra } = self;
        let (left, right) = (into_contiguous(left), into_contiguous(right));
        let [mut rows, mut inner] = dims(&left);
        let [mut length, mut columns] = dims(&right);
        match form {
            Form::Plain => {}
            Form::LeftTransposed => (rows, inner) = (inner, rows),
            Form::RightTransposed => (length, columns) = (columns, length),
        }
        assert_eq!(inner, length, "the sums of a product must have one length");
        let output = beside(&left, [rows, columns]);
        let tile = Tile::of(rows, columns, THREADS.load(Ordering::Relaxed) as usize);
        let [width, height] = tile.workgroup().map(|threads| threads as usize);
        let groups =
            [columns.div_ceil(tile.columns).div_ceil(width), rows.div_ceil(tile.rows).div_ceil(height)];
        let through = through.filter(|(activation, _)| *activation != Activation::None);
        let shader =
            Shader::Product { form, tile, through: through.map(|(activation, _)| activation), epilogue };
        let inputs = [&left, &right].into_iter().chain(through.map(|(_, output)| output));
        let tensors: Vec<_> = inputs.chain([&output]).chain(extra).collect();
        launch(shader, groups, &tensors, &[rows, inner, columns]);
        output
    }
}

impl Kernels for CubeBackend {
    fn upload(there: FloatTensor<Self>, values: Vec<f32>, shape: Shape) -> FloatTensor<Self> {
        let CubeTensor { client, device, .. } = there;
        let handle = client.create(Bytes::from_elems(values));
        CubeTensor::new_contiguous(client, device, shape, handle, DType::F32)
    }

    fn rectify(x: FloatTensor<Self>) -> FloatTensor<Self> {
        let x = into_contiguous(x);
        let output = beside(&x, x.meta.shape().clone());
        launch(Shader::Relu, groups(count(&x)), &[&x, &output], &[count(&x)]);
        output
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        Product::new(form).launch(left, right)
    }

    fn dense(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        let bias = into_contiguous(bias);
        let epilogue = Epilogue::Bias(activation);
        Product { epilogue, extra: Some(&bias), ..Product::new(Form::Plain) }.launch(x, weight)
    }

    fn unfold(images: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        let images = into_contiguous(images);
        let patches = beside(&images, grid.patches_shape());
        let info = [count(&patches), grid.height, grid.width, grid.channels, grid.side];
        launch(Shader::Unfold, groups(count(&patches)), &[&images, &patches], &info);
        patches
    }

    fn fold(patches: FloatTensor<Self>, grid: Grid) -> FloatTensor<Self> {
        let patches = into_contiguous(patches);
        let images = beside(&patches, grid.images_shape());
        let info = [count(&images), grid.height, grid.width, grid.channels, grid.side];
        launch(Shader::Fold, groups(count(&images)), &[&patches, &images], &info);
        images
    }

    fn reparameterize(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [mu, log_var, eps] = [mu, log_var, eps].map(into_contiguous);
        let codes = beside(&eps, eps.meta.shape().clone());
        let info = [count(&codes), count(&mu)];
        launch(Shader::Reparameterize, groups(count(&codes)), &[&mu, &log_var, &eps, &codes], &info);
        codes
    }

    fn kl_from_normal(mu: FloatTensor<Self>, log_var: FloatTensor<Self>) -> FloatTensor<Self> {
        let [mu, log_var] = [mu, log_var].map(into_contiguous);
        let [batch, latent_dim] = dims(&mu);
        let divergence = beside(&mu, [batch]);
        launch(Shader::Kl, groups(batch), &[&mu, &log_var, &divergence], &[batch, latent_dim]);
        divergence
    }

    fn bernoulli_cost(logits: FloatTensor<Self>, x: FloatTensor<Self>) -> FloatTensor<Self> {
        let (logits, x) = (into_contiguous(logits), into_contiguous(x));
        let [batch, pixels] = dims(&logits);
        let costs = beside(&logits, [batch]);
        launch(Shader::BernoulliCost, [batch.min(GROUPS), 1], &[&logits, &x, &costs], &[batch, pixels]);
        costs
    }

    fn mean(values: FloatTensor<Self>) -> FloatTensor<Self> {
        let values = into_contiguous(values);
        let mean = beside(&values, [1]);
        launch(Shader::Mean, [1, 1], &[&values, &mean], &[count(&values)]);
        mean
    }

    fn adam(
        parameter: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rates: AdamRates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        let old = [parameter, gradient, first, second].map(into_contiguous);
        let length = count(&old[0]);
        let new = [0, 1, 2].map(|_| beside(&old[0], [length]));
        let [correction_1, correction_2] = rates.corrections();
        let numbers =
            [rates.learning_rate, rates.beta_1, rates.beta_2, rates.epsilon, correction_1, correction_2];
        let info: Vec<_> =
            std::iter::once(length).chain(numbers.map(|number| number.to_bits() as usize)).collect();
        let tensors: Vec<_> = old.iter().chain(&new).collect();
        launch(Shader::Adam, groups(length), &tensors, &info);
        let [parameter, first, second] = new;
        (parameter, first, second)
    }
}

impl Derivatives for CubeBackend {
    fn mean_gradient(gradient: FloatTensor<Self>, count: usize) -> FloatTensor<Self> {
        let gradient = into_contiguous(gradient);
        let each = beside(&gradient, [count]);
        launch(Shader::MeanGradient, groups(count), &[&gradient, &each], &[count]);
        each
    }

    fn relu_gradient(output: FloatTensor<Self>, gradient: FloatTensor<Self>) -> FloatTensor<Self> {
        let [output, gradient] = [output, gradient].map(into_contiguous);
        let before = beside(&gradient, gradient.meta.shape().clone());
        let tensors = [&output, &gradient, &before];
        launch(Shader::ReluGradient, groups(count(&gradient)), &tensors, &[count(&gradient)]);
        before
    }

    fn dense_gradients(
        layer: DenseLayer<Self>,
        gradient: FloatTensor<Self>,
        wanted: Wanted,
    ) -> (Option<FloatTensor<Self>>, Option<[FloatTensor<Self>; 2]>) {
        let DenseLayer { x, weight, output, activation } = layer;
        let (gradient, output) = (into_contiguous(gradient), into_contiguous(output));
        // The gradient goes through the activation where it is read: no pass of its own.
        let through = Some((activation, &output));
        let input = wanted.input.then(|| {
            let product = Product { through, ..Product::new(Form::RightTransposed) };
            product.launch(gradient.clone(), weight)
        });
        let parameters = wanted.parameters.then(|| {
            let bias = beside(&gradient, [dims(&gradient)[1]]);
            let product = Product {
                through,
                epilogue: Epilogue::SumOfRows,
                extra: Some(&bias),
                ..Product::new(Form::LeftTransposed)
            };
            [product.launch(x, gradient.clone()), bias]
        });
        (input, parameters)
    }

    fn reparameterize_gradients(
        log_var: FloatTensor<Self>,
        eps: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [log_var, eps, gradient] = [log_var, eps, gradient].map(into_contiguous);
        let [mu, spread] = [0, 1].map(|_| beside(&log_var, dims(&log_var)));
        let (length, samples) = (count(&mu), count(&eps) / count(&mu));
        let tensors = [&log_var, &eps, &gradient, &mu, &spread];
        launch(Shader::ReparameterizeGradients, groups(length), &tensors, &[length, samples]);
        (mu, spread)
    }

    fn kl_gradients(
        mu: FloatTensor<Self>,
        log_var: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [mu, log_var, gradient] = [mu, log_var, gradient].map(into_contiguous);
        let [batch, latent_dim] = dims(&mu);
        let [of_mu, of_log_var] = [0, 1].map(|_| beside(&mu, [batch, latent_dim]));
        let tensors = [&mu, &log_var, &gradient, &of_mu, &of_log_var];
        let length = batch * latent_dim;
        launch(Shader::KlGradients, groups(length), &tensors, &[length, latent_dim]);
        (of_mu, of_log_var)
    }

    fn bernoulli_gradient(
        logits: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let [logits, x, gradient] = [logits, x, gradient].map(into_contiguous);
        let [batch, pixels] = dims(&logits);
        let output = beside(&logits, [batch, pixels]);
        let length = batch * pixels;
        launch(
            Shader::BernoulliGradient,
            groups(length),
            &[&logits, &x, &gradient, &output],
            &[length, pixels],
        );
        output
    }
}
