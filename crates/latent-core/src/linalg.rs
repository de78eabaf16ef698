//! Linear algebra of tall thin matrices, on the device: nothing is read back, so it runs on WebGPU too.
//!
//! Comparisons, maxima and clamps are written with `relu`: each other kernel of the tensor library adds some 10 kB to
//! what a visitor downloads before the first drag.

use burn::tensor::{Device, Tensor};
use latent_kernels::{Form, product, relu, upload};

/// The unit matrix.
pub fn identity(n: usize, device: &Device) -> Tensor<2> {
    let values: Vec<f32> = (0..n * n).map(|i| f32::from(u8::from(i % (n + 1) == 0))).collect();
    upload(values, [n, n], device)
}

/// The product of two matrices.
pub fn plain(left: Tensor<2>, right: Tensor<2>) -> Tensor<2> {
    product(left, right, Form::Plain)
}

/// Not below `least`.
pub fn at_least<const D: usize>(tensor: Tensor<D>, least: f64) -> Tensor<D> {
    relu(tensor - least) + least
}

/// Between 0 and 1.
pub fn unit<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    relu(relu(tensor).neg() + 1.0).neg() + 1.0
}

/// 1 where a number is positive, 0 elsewhere, but for a sliver of 1e-6 between them.
pub fn positive<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    unit(tensor * 1e6)
}

/// Between `-bound` and `bound`; what lies there is not touched.
pub fn within<const D: usize>(tensor: Tensor<D>, bound: f64) -> Tensor<D> {
    tensor.clone() - relu(tensor.clone() - bound) + relu(tensor.neg() - bound)
}

/// An orthonormal basis of the columns and the length that each column had left after those before it were
/// taken out (the diagonal of R in a QR decomposition). Gram and Schmidt, each column twice.
///
/// # Shapes
/// `[rows, columns]` -> `[rows, columns]`, `[columns]`.
pub fn orthonormalize(matrix: &Tensor<2>) -> (Tensor<2>, Tensor<1>) {
    let [rows, columns] = matrix.dims();
    let (mut basis, mut lengths) = (Vec::<Tensor<2>>::with_capacity(columns), Vec::with_capacity(columns));
    for column in 0..columns {
        let mut v = matrix.clone().slice([0..rows, column..column + 1]);
        if column > 0 {
            let before = Tensor::cat(basis.clone(), 1);
            for _ in 0..2 {
                v = v.clone() - plain(before.clone(), product(before.clone(), v, Form::LeftTransposed));
            }
        }
        let length = v.clone().powi_scalar(2).sum_dim(0).sqrt();
        basis.push(v / at_least(length.clone(), 1e-20));
        lengths.push(length.reshape([1]));
    }
    (Tensor::cat(basis, 1), Tensor::cat(lengths, 0))
}

/// The inverse of a symmetric positive definite matrix by Newton's iteration `X <- X (2 I - A X)` (Schulz 1933),
/// which squares the error in each of its steps; good to single precision up to a condition number of about 1e4.
///
/// # Shapes
/// `[n, n]` -> the same.
pub fn inverse(matrix: &Tensor<2>) -> Tensor<2> {
    const STEPS: usize = 32;
    let [n, _] = matrix.dims();
    let twice = identity(n, &matrix.device()) * 2.0;
    // 1 / trace is at most 1 / the largest eigenvalue: the error starts below 1.
    let trace = (matrix.clone() * twice.clone() * 0.5).sum().reshape([1, 1]);
    let mut inverse = twice.clone() * 0.5 / trace;
    for _ in 0..STEPS {
        inverse = plain(inverse.clone(), twice.clone() - plain(matrix.clone(), inverse));
    }
    inverse
}

/// The largest eigenvalue of a symmetric positive semidefinite matrix, by squaring it six times.
///
/// # Shapes
/// `[n, n]` -> `[1]`.
pub fn largest_eigenvalue(matrix: Tensor<2>) -> Tensor<1> {
    let mut power = matrix.clone();
    for _ in 0..6 {
        // Squares of f32 vanish below 1e-19: the length must not be smaller.
        let length = at_least(power.clone().powi_scalar(2).sum().sqrt(), 1e-15).reshape([1, 1]);
        power = power / length;
        power = plain(power.clone(), power);
    }
    // Rayleigh quotient of the power's columns together, which lie along the leading eigenvector.
    let along = power.clone() * plain(matrix, power.clone());
    (along.sum() / at_least(power.powi_scalar(2).sum(), 1e-15)).reshape([1])
}

/// The smallest cosine of the principal angles between two subspaces: 1 when they are the same.
///
/// With orthonormal bases V and Q, the largest eigenvalue of `Q^T (I - V V^T) Q` is the squared sine of the
/// largest angle.
///
/// # Shapes
/// Two times `[rows, columns]`, orthonormal -> `[1]`.
pub fn smallest_cosine(v: Tensor<2>, q: Tensor<2>) -> Tensor<1> {
    let outside = q.clone() - plain(v.clone(), product(v, q, Form::LeftTransposed));
    let sine_squared = largest_eigenvalue(product(outside.clone(), outside, Form::LeftTransposed));
    relu(sine_squared.neg() + 1.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::read;
    use crate::{Noise, Stream};
    use pollster::block_on;

    fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        block_on(read(tensor)).expect("flex reads")
    }

    fn random(rows: usize, columns: usize) -> Tensor<2> {
        Noise::new(1, Stream::Test, 0).normal([rows, columns], &Device::flex())
    }

    #[test]
    fn values_are_kept_in_their_bounds() {
        let values = Tensor::<1>::from_data([-3.0, 0.0, 0.25, 1.0, 7.0], &Device::flex());
        assert_eq!(host(unit(values.clone())), [0.0, 0.0, 0.25, 1.0, 1.0]);
        assert_eq!(host(at_least(values, 0.5)), [0.5, 0.5, 0.5, 1.0, 7.0]);
    }

    #[test]
    fn a_basis_is_orthonormal_and_spans_the_same() {
        let matrix = random(50, 6);
        let (basis, lengths) = orthonormalize(&matrix);
        let gram = host(basis.clone().transpose().matmul(basis.clone()));
        for (index, value) in gram.iter().enumerate() {
            let expected = if index % 7 == 0 { 1.0 } else { 0.0 };
            assert!((value - expected).abs() < 1e-5, "{gram:?}");
        }
        let again = basis.clone().matmul(basis.transpose().matmul(matrix.clone()));
        assert!(host((again - matrix).abs().max())[0] < 1e-4);
        assert!(host(lengths).iter().all(|length| *length > 1.0));
    }

    #[test]
    fn an_inverse_undoes_its_matrix() {
        for spread in [1.0, 30.0] {
            let scale = Tensor::<1>::from_data([1.0, spread, 1.0, 0.5 * spread, 2.0], &Device::flex());
            let half = random(40, 5) * scale.unsqueeze();
            let matrix = half.clone().transpose().matmul(half);
            let apart = matrix.clone().matmul(inverse(&matrix)) - identity(5, &Device::flex());
            assert!(host(apart.abs().max())[0] < 2e-3);
        }
    }

    /// Two planes in four dimensions with angles of 0 and 30 degrees.
    #[test]
    fn the_largest_angle_is_found() {
        let device = Device::flex();
        let first = Tensor::<2>::from_data([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]], &device);
        let (cos, sin) = (0.75f32.sqrt(), 0.5f32);
        let second = Tensor::<2>::from_data([[1.0, 0.0], [0.0, cos], [0.0, sin], [0.0, 0.0]], &device);
        assert!((host(smallest_cosine(first.clone(), second))[0] - cos).abs() < 1e-5);
        assert!((host(smallest_cosine(first.clone(), first))[0] - 1.0).abs() < 1e-5);
    }
}
