//! How layers compute: Burn's modules hold the weights, this crate's kernels do the work.
//!
//! Maps have their channels last here, `[batch, height, width, channels]`.

use std::cell::RefCell;

use burn::nn::Linear;
use burn::nn::conv::{Conv2d, ConvTranspose2d};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use latent_kernels::{Activation, Form, Grid, fold, product, relu, unfold};

thread_local! {
    /// What layers have computed since someone began to watch.
    static WATCHED: RefCell<Option<Vec<Tensor<4>>>> = const { RefCell::new(None) };
}

/// Does something, and what each layer computed meanwhile, in order.
///
/// # Shapes
/// `[batch, height, width, channels]` each; height and width of a dense layer are 1.
pub fn watched<T>(work: impl FnOnce() -> T) -> (T, Vec<Tensor<4>>) {
    WATCHED.set(Some(Vec::new()));
    let done = work();
    (done, WATCHED.take().unwrap_or_default())
}

/// Keep what a layer computed, if someone watches.
fn watch(maps: &Tensor<4>) {
    WATCHED.with_borrow_mut(|watched| {
        if let Some(watched) = watched {
            watched.push(maps.clone());
        }
    });
}

/// `activation(x W + b)`.
///
/// # Shapes
/// `[batch, inputs]` -> `[batch, outputs]`.
pub fn dense(layer: &Linear, x: Tensor<2>, activation: Activation) -> Tensor<2> {
    let bias = layer.bias.as_ref().expect("`init` gives every layer its bias");
    let y = latent_kernels::dense(x, layer.weight.val(), bias.val(), activation);
    if WATCHED.with_borrow(Option::is_some) {
        let [batch, outputs] = y.dims();
        watch(&y.clone().reshape([batch, 1, 1, outputs]));
    }
    y
}

/// A convolution that halves height and width, and ReLU.
///
/// # Shapes
/// `[batch, h, w, from]` -> `[batch, h / 2, w / 2, to]`.
pub fn convolution(layer: &Conv2d, maps: Tensor<4>) -> Tensor<4> {
    let [batch, height, width, channels] = maps.dims();
    let [outputs, _, side, _] = layer.weight.dims();
    let grid = Grid { batch, height: height / 2, width: width / 2, channels, side };
    let filters = layer.weight.val().permute([2, 3, 1, 0]).reshape([side * side * channels, outputs]);
    let bias = layer.bias.as_ref().expect("`init` gives every layer its bias");
    let sums = latent_kernels::dense(unfold(maps, grid), filters, bias.val(), Activation::Relu);
    let maps = sums.reshape([batch, grid.height, grid.width, outputs]);
    watch(&maps);
    maps
}

/// The transpose of a convolution, which doubles height and width, and an activation.
///
/// # Shapes
/// `[batch, h, w, from]` -> `[batch, 2 h, 2 w, to]`.
pub fn transposed_convolution(layer: &ConvTranspose2d, maps: Tensor<4>, activation: Activation) -> Tensor<4> {
    let [batch, height, width, inputs] = maps.dims();
    let [_, channels, side, _] = layer.weight.dims();
    let grid = Grid { batch, height, width, channels, side };
    let filters = layer.weight.val().permute([0, 2, 3, 1]).reshape([inputs, side * side * channels]);
    let patches = product(maps.reshape([batch * height * width, inputs]), filters, Form::Plain);
    let bias = layer.bias.as_ref().expect("`init` gives every layer its bias");
    let sums = fold(patches, grid) + bias.val().reshape([1, 1, 1, channels]);
    let maps = match activation {
        Activation::None => sums,
        Activation::Relu => relu(sums),
        Activation::Sigmoid => sigmoid(sums),
    };
    watch(&maps);
    maps
}

/// Maps as one row of numbers per image, a map after the other, as PyTorch flattens them.
///
/// # Shapes
/// `[batch, h, w, channels]` -> `[batch, channels * h * w]`.
pub fn flat(maps: Tensor<4>) -> Tensor<2> {
    maps.permute([0, 3, 1, 2]).flatten(1, 3)
}

/// The inverse of [`flat`].
///
/// # Shapes
/// `[batch, channels * h * w]` -> `[batch, h, w, channels]`.
pub fn maps(rows: Tensor<2>, channels: usize, side: usize) -> Tensor<4> {
    let [batch, _] = rows.dims();
    rows.reshape([batch, channels, side, side]).permute([0, 2, 3, 1])
}
