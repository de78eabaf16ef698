//! The images of a user of the library.

use latent_core::data::{Dataset, PIXELS, SIDE};
use latent_protocol::OwnData;
use latent_protocol::library::Failure;

use super::{Part, failure, shape};

/// What the data set is called in files.
const NAME: &str = "own images";

/// Most bytes before the values of an IDX file.
const HEADER: usize = 16;

/// A data set of training images, their labels, test images and theirs, in bytes; what is missing is empty.
pub fn dataset(parts: Vec<Part>, holdout: f64) -> Result<Dataset, Failure> {
    let mut arrays = [const { Vec::new() }; 4];
    for (array, part) in arrays.iter_mut().zip(parts) {
        let Part::Bytes(bytes) = part else { return Err(shape("images and labels are bytes")) };
        *array = bytes;
    }
    for (which, pair) in ["training", "test"].iter().zip(arrays.chunks_exact(2)) {
        let (images, labels) = (pair[0].len(), pair[1].len());
        if !images.is_multiple_of(PIXELS) {
            let message = format!("{which} images are {PIXELS} bytes each; {images} bytes were passed");
            return Err(shape(&message));
        }
        let images = images / PIXELS;
        if labels != 0 && labels != images {
            return Err(shape(&format!("there are {images} {which} images but {labels} labels")));
        }
    }
    // The core reads what is in the format of MNIST.
    let mut files = Vec::with_capacity(arrays.iter().map(|array| array.len() + HEADER).sum());
    let mut lengths = [0; 4];
    for (index, array) in arrays.into_iter().enumerate() {
        if !array.is_empty() {
            lengths[index] = file(&array, index % 2 == 0, &mut files);
        }
    }
    Dataset::own(&OwnData { name: NAME.into(), lengths, holdout }, &files).map_err(failure)
}

/// Write an IDX file after those that are there; its length.
fn file(array: &[u8], is_images: bool, files: &mut Vec<u8>) -> usize {
    let before = files.len();
    let sides: &[usize] = if is_images { &[array.len() / PIXELS, SIDE, SIDE] } else { &[array.len()] };
    files.extend([0, 0, 8, if is_images { 3 } else { 1 }]);
    for side in sides {
        files.extend(u32::try_from(*side).unwrap_or(u32::MAX).to_be_bytes());
    }
    files.extend(array);
    files.len() - before
}
