//! Products of matrices in a browser: this crate's own.

use burn::backend::flex::FlexTensor;

use super::product::Factors;
use super::{dims, floats, packed, tensor};
use crate::Form;

/// A product of two matrices.
pub fn product(left: FlexTensor, right: FlexTensor, form: Form) -> FlexTensor {
    let (left, right) = (packed(left), packed(right));
    let factors = Factors::new(floats(&left), dims(&left), floats(&right), dims(&right), form);
    tensor(factors.product(), [factors.rows, factors.columns])
}
