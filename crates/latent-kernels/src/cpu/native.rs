//! Products of matrices outside of browsers: Flex's, which find out what the processor can do.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;

use crate::Form;

/// A product of two matrices.
pub fn product(left: FlexTensor, right: FlexTensor, form: Form) -> FlexTensor {
    let transposed = |tensor| Flex::float_swap_dims(tensor, 0, 1);
    match form {
        Form::Plain => Flex::float_matmul(left, right),
        Form::LeftTransposed => Flex::float_matmul(transposed(left), right),
        Form::RightTransposed => Flex::float_matmul(left, transposed(right)),
    }
}
