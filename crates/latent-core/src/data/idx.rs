//! The IDX format of MNIST, plain or gzip'd: read with suspicion.
//!
//! Format: two zero bytes, a type (8: unsigned byte), the number of dimensions, each dimension as a big-endian
//! 32-bit number, then the values (LeCun, Cortes and Burges, "The MNIST database").

use std::io::Read;

use flate2::read::MultiGzDecoder;
use thiserror::Error;

use super::{PIXELS, SIDE};

/// More images than this are refused: 157 MB of pixels is what a tab can bear.
pub const MAX_IMAGES: usize = 200_000;

/// Why a data file is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IdxError {
    /// There is nothing in the file.
    #[error("the {what} file is empty")]
    Empty {
        /// Which file.
        what: &'static str,
    },
    /// The first bytes are not those of such a file.
    #[error("the {what} file is not an IDX file of {what}: it begins with {found}, not with {expected}")]
    Magic {
        /// Which file.
        what: &'static str,
        /// First bytes, in hexadecimal.
        found: String,
        /// Bytes expected.
        expected: &'static str,
    },
    /// The file ends early.
    #[error("the {what} file is cut off: its header promises {expected} bytes, {found} are there")]
    Truncated {
        /// Which file.
        what: &'static str,
        /// Bytes promised.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The file goes on after its last value.
    #[error("the {what} file is longer than its header says ({expected} bytes)")]
    Oversized {
        /// Which file.
        what: &'static str,
        /// Bytes promised.
        expected: usize,
    },
    /// The images have another size.
    #[error("the images are {columns} x {rows} pixels; this program reads 28 x 28")]
    Size {
        /// Rows of an image.
        rows: usize,
        /// Columns of an image.
        columns: usize,
    },
    /// The header promises more than is bearable.
    #[error("the {what} file holds {count} items; at most {MAX_IMAGES} can be read")]
    TooMany {
        /// Which file.
        what: &'static str,
        /// Items promised.
        count: usize,
    },
    /// The header promises nothing.
    #[error("the {what} file holds no items")]
    NoItems {
        /// Which file.
        what: &'static str,
    },
    /// The compressed stream is broken.
    #[error("the {what} file cannot be unzipped: {reason}")]
    Gzip {
        /// Which file.
        what: &'static str,
        /// What the decompressor says.
        reason: String,
    },
    /// Images and labels do not belong together.
    #[error("there are {images} images but {labels} labels; the two files do not belong together")]
    Counts {
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
}

/// Images with their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shard {
    /// Grey values, 784 to an image, 0 is background.
    pub pixels: Vec<u8>,
    /// One label to an image.
    pub labels: Vec<u8>,
}

/// Read an image file and its label file.
///
/// # Errors
/// When either file is broken or they do not belong together.
pub fn read_shard(images: &[u8], labels: &[u8]) -> Result<Shard, IdxError> {
    let (pixels, labels) = (read_images(images)?, read_labels(labels)?);
    let count = pixels.len() / PIXELS;
    if count != labels.len() {
        return Err(IdxError::Counts { images: count, labels: labels.len() });
    }
    Ok(Shard { pixels, labels })
}

/// Read an IDX file of 28 x 28 images, plain or gzip'd.
///
/// # Errors
/// When the file is broken or its images have another size.
pub fn read_images(bytes: &[u8]) -> Result<Vec<u8>, IdxError> {
    read::<4>(bytes, "images", "00000803", |[count, rows, columns]| {
        if (rows, columns) != (SIDE, SIDE) {
            return Err(IdxError::Size { rows, columns });
        }
        Ok((count, PIXELS))
    })
}

/// Read an IDX file of labels, plain or gzip'd.
///
/// # Errors
/// When the file is broken.
pub fn read_labels(bytes: &[u8]) -> Result<Vec<u8>, IdxError> {
    read::<2>(bytes, "labels", "00000801", |[count, ..]| Ok((count, 1)))
}

/// Read a file with `WORDS` header words: the magic number and the dimensions. `layout` turns the dimensions
/// (missing ones are 0) into the number of items and the bytes of an item.
fn read<const WORDS: usize>(
    bytes: &[u8],
    what: &'static str,
    magic: &'static str,
    layout: impl Fn([usize; 3]) -> Result<(usize, usize), IdxError>,
) -> Result<Vec<u8>, IdxError> {
    let zipped = bytes.starts_with(&[0x1f, 0x8b]);
    let mut source: Box<dyn Read + '_> =
        if zipped { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    // At most `limit` bytes are read, so neither a header nor a zip bomb decides how much memory is taken.
    let mut take = |limit: usize| {
        let mut buffer = Vec::new();
        let result = source.by_ref().take(limit as u64).read_to_end(&mut buffer);
        result.map_err(|err| IdxError::Gzip { what, reason: err.to_string() })?;
        Ok(buffer)
    };

    let header = take(WORDS * 4)?;
    if header.is_empty() {
        return Err(IdxError::Empty { what });
    }
    let found = header.iter().take(4).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    if found != magic {
        return Err(IdxError::Magic { what, found, expected: magic });
    }
    if header.len() < WORDS * 4 {
        return Err(IdxError::Truncated { what, expected: WORDS * 4, found: header.len() });
    }
    let mut dims = [0; 3];
    for (dim, word) in dims.iter_mut().zip(header[4..].chunks_exact(4)) {
        *dim = word.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    }
    let (count, item) = layout(dims)?;
    match count {
        0 => return Err(IdxError::NoItems { what }),
        1..=MAX_IMAGES => {}
        _ => return Err(IdxError::TooMany { what, count }),
    }
    let expected = count * item;
    let values = take(expected + 1)?;
    let header_bytes = WORDS * 4;
    if values.len() < expected {
        let found = values.len() + header_bytes;
        return Err(IdxError::Truncated { what, expected: expected + header_bytes, found });
    }
    if values.len() > expected {
        return Err(IdxError::Oversized { what, expected: expected + header_bytes });
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{Noise, Stream};
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn images(count: u32) -> Vec<u8> {
        let mut file = vec![0, 0, 8, 3];
        for dim in [count, 28, 28] {
            file.extend(dim.to_be_bytes());
        }
        file.extend((0..count as usize * PIXELS).map(|i| u8::try_from(i % 256).expect("byte")));
        file
    }

    fn labels(count: u32) -> Vec<u8> {
        let mut file = vec![0, 0, 8, 1];
        file.extend(count.to_be_bytes());
        file.extend((0..count).map(|i| u8::try_from(i % 10).expect("digit")));
        file
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("in memory");
        encoder.finish().expect("in memory")
    }

    #[test]
    fn plain_and_zipped_files_read_alike() {
        let plain = read_shard(&images(3), &labels(3)).expect("good files");
        assert_eq!((plain.pixels.len(), plain.labels.clone()), (3 * PIXELS, vec![0, 1, 2]));
        assert_eq!(read_shard(&gzip(&images(3)), &gzip(&labels(3))), Ok(plain));
    }

    #[test]
    fn each_fault_has_its_own_sentence() {
        let mut wide = images(1);
        wide[15] = 32;
        let mut promising = labels(2);
        promising[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        let mut longer = images(1);
        longer.push(0);
        let cases: [(Result<Vec<u8>, IdxError>, &str); 11] = [
            (read_images(&[]), "the images file is empty"),
            (read_images(b"<!doctype html>.."), "begins with 3c21646f, not with 00000803"),
            (read_images(&labels(2)), "begins with 00000801"),
            (read_labels(&images(1)), "not an IDX file of labels"),
            (read_images(&images(1)[..15]), "its header promises 16 bytes, 15 are there"),
            (read_images(&images(2)[..1000]), "promises 1584 bytes, 1000 are there"),
            (read_images(&longer), "longer than its header says (800 bytes)"),
            (read_images(&wide), "the images are 32 x 28 pixels"),
            (read_labels(&promising), "holds 4294967295 items; at most 200000"),
            (read_labels(&labels(0)), "holds no items"),
            (read_images(&gzip(&images(2))[..40]), "cannot be unzipped"),
        ];
        for (result, sentence) in cases {
            let message = result.expect_err(sentence).to_string();
            assert!(message.contains(sentence), "{message} should contain {sentence}");
        }
        let counts = read_shard(&images(2), &labels(3)).expect_err("counts differ").to_string();
        assert!(counts.starts_with("there are 2 images but 3 labels"), "{counts}");
    }

    #[test]
    fn a_zip_bomb_is_stopped_at_the_promised_size() {
        let mut bomb = images(1);
        bomb.resize(64 << 20, 0);
        assert!(matches!(read_images(&gzip(&bomb)), Err(IdxError::Oversized { .. })));
    }

    /// Mutated files: bits flipped, bytes cut, repeated and overwritten. Any answer but a panic will do, and
    /// what is accepted must be consistent.
    #[test]
    fn mutated_files_never_panic() {
        let mut noise = Noise::new(11, Stream::Step, 0);
        let seeds = [images(2), gzip(&images(2)), labels(5), gzip(&labels(5))];
        for round in 0..6000 {
            let mut file = seeds[round % seeds.len()].clone();
            for _ in 0..=noise.below(4) {
                // Headers are where it hurts: half of the changes go there.
                let reach = if noise.below(2) == 0 { file.len().min(20) } else { file.len() };
                if reach == 0 {
                    break;
                }
                let at = noise.below(reach);
                match noise.below(4) {
                    0 => file[at] ^= 1 << noise.below(8),
                    1 => file.truncate(at),
                    2 => file[at] = [0, 0xff, 0x7f, 0x80][noise.below(4)],
                    _ => file.extend_from_within(at..),
                }
            }
            if let Ok(pixels) = read_images(&file) {
                assert_eq!(pixels.len() % PIXELS, 0);
                assert!(pixels.len() <= MAX_IMAGES * PIXELS);
            }
            if let Ok(labels) = read_labels(&file) {
                assert!(!labels.is_empty() && labels.len() <= MAX_IMAGES);
            }
        }
    }
}
