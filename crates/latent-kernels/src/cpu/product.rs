//! Products of matrices on one core: packed panels for full matrices, rows of what is not zero for sparse ones.
//!
//! Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), for the panels. Half-empty left
//! factors are the rule here: four fifths of a digit's pixels are black, and half of what leaves a ReLU is 0.

use super::lanes::{Lanes, WIDTH};
use crate::Form;

/// Rows of a tile of the result: with two vectors per row, the sums of a tile fill half of sixteen registers.
const TILE_ROWS: usize = 4;
/// Columns of a tile.
const TILE_COLUMNS: usize = 2 * WIDTH;
/// Rows of the left factor that are packed at a time, so that they stay in the cache.
const BLOCK_ROWS: usize = 256;
/// Columns of the right factor that sparse rows go over at a time, for the same reason.
const BLOCK_COLUMNS: usize = 128;
/// Packing the right factor takes as long as so many rows of the result.
const PACKING: usize = 16;
/// So many terms of sparse rows take as long as ...
const SPARSE_TERMS: usize = 2;
/// ... so many of tiles.
const TILE_TERMS: usize = 5;

/// Two matrices in row-major order, and how they are multiplied.
#[derive(Clone, Copy)]
pub struct Factors<'a> {
    /// The left factor, as stored.
    pub left: &'a [f32],
    /// The right factor, as stored.
    pub right: &'a [f32],
    /// Which of them is transposed.
    pub form: Form,
    /// Rows of the result.
    pub rows: usize,
    /// Length of the sums.
    pub inner: usize,
    /// Columns of the result.
    pub columns: usize,
}

impl<'a> Factors<'a> {
    /// Two matrices with their shapes as stored.
    ///
    /// # Panics
    /// When the sums' lengths differ.
    pub fn new(
        left: &'a [f32],
        left_dims: [usize; 2],
        right: &'a [f32],
        right_dims: [usize; 2],
        form: Form,
    ) -> Self {
        let [mut rows, mut inner] = left_dims;
        let [mut length, mut columns] = right_dims;
        match form {
            Form::Plain => {}
            Form::LeftTransposed => (rows, inner) = (inner, rows),
            Form::RightTransposed => (length, columns) = (columns, length),
        }
        assert_eq!(inner, length, "the sums of a product must have one length");
        Self { left, right, form, rows, inner, columns }
    }

    /// The product, row-major, `[rows, columns]`.
    pub fn product(&self) -> Vec<f32> {
        let mut result = vec![0.0; self.rows * self.columns];
        if result.is_empty() || self.inner == 0 {
            return result;
        }
        if self.form != Form::RightTransposed && self.is_sparse() {
            self.sparse(&mut result);
        } else {
            self.full(&mut result);
        }
        result
    }

    /// Whether the left factor has so few rows, or so many zeros, that panels do not pay.
    fn is_sparse(&self) -> bool {
        let panels = SPARSE_TERMS * (self.rows + PACKING) * self.inner;
        // Without counting, if it is so however full the factor is.
        TILE_TERMS * self.left.len() <= panels
            || TILE_TERMS * self.left.iter().filter(|&&value| value != 0.0).count() < panels
    }

    /// Tiles of the result, from panels of both factors.
    fn full(&self, result: &mut [f32]) {
        let right = self.packed_right();
        let mut left = Vec::new();
        for first in (0..self.rows).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(self.rows - first);
            self.pack_left(first, rows, &mut left);
            for (panel, right) in right.chunks_exact(self.inner * TILE_COLUMNS).enumerate() {
                let column = panel * TILE_COLUMNS;
                for (tile, left) in left.chunks_exact(self.inner * TILE_ROWS).enumerate() {
                    let row = first + tile * TILE_ROWS;
                    let rows = result[row * self.columns..].chunks_exact_mut(self.columns);
                    for (result, sums) in rows.zip(&tile_of(left, right)) {
                        copy_run::<TILE_COLUMNS>(&mut result[column..], sums);
                    }
                }
            }
        }
    }

    /// The right factor in panels of [`TILE_COLUMNS`] columns, `[panels, inner, TILE_COLUMNS]`, filled up with 0.
    fn packed_right(&self) -> Vec<f32> {
        let panels = self.columns.div_ceil(TILE_COLUMNS);
        let mut packed = vec![0.0; panels * self.inner * TILE_COLUMNS];
        for (panel, packed) in packed.chunks_exact_mut(self.inner * TILE_COLUMNS).enumerate() {
            let column = panel * TILE_COLUMNS;
            if self.form == Form::RightTransposed {
                let columns = TILE_COLUMNS.min(self.columns - column);
                let stored = &self.right[column * self.inner..(column + columns) * self.inner];
                for (column, stored) in stored.chunks_exact(self.inner).enumerate() {
                    for (packed, value) in packed.chunks_exact_mut(TILE_COLUMNS).zip(stored) {
                        packed[column] = *value;
                    }
                }
            } else {
                let stored = self.right.chunks_exact(self.columns);
                for (packed, stored) in packed.chunks_exact_mut(TILE_COLUMNS).zip(stored) {
                    copy_run::<TILE_COLUMNS>(packed, &stored[column..]);
                }
            }
        }
        packed
    }

    /// Rows of the left factor in panels of [`TILE_ROWS`] rows, `[panels, inner, TILE_ROWS]`, filled up with 0.
    fn pack_left(&self, first: usize, rows: usize, packed: &mut Vec<f32>) {
        packed.clear();
        packed.resize(rows.div_ceil(TILE_ROWS) * self.inner * TILE_ROWS, 0.0);
        for (panel, packed) in packed.chunks_exact_mut(self.inner * TILE_ROWS).enumerate() {
            let row = first + panel * TILE_ROWS;
            if self.form == Form::LeftTransposed {
                let stored = self.left.chunks_exact(self.rows);
                for (packed, stored) in packed.chunks_exact_mut(TILE_ROWS).zip(stored) {
                    copy_run::<TILE_ROWS>(packed, &stored[row..]);
                }
            } else {
                let rows = TILE_ROWS.min(self.rows - row);
                let stored = &self.left[row * self.inner..(row + rows) * self.inner];
                for (row, stored) in stored.chunks_exact(self.inner).enumerate() {
                    for (packed, value) in packed.chunks_exact_mut(TILE_ROWS).zip(stored) {
                        packed[row] = *value;
                    }
                }
            }
        }
    }

    /// Each row of the result as a sum of rows of the right factor, without those that count nothing.
    fn sparse(&self, result: &mut [f32]) {
        let left = Sparse::new(self);
        // A single row meets each number of the right factor once: from beginning to end is fastest.
        let block = if self.rows == 1 { self.columns } else { BLOCK_COLUMNS };
        for column in (0..self.columns).step_by(block) {
            let columns = column..self.columns.min(column + block);
            for (row, result) in result.chunks_exact_mut(self.columns).enumerate() {
                let terms = &left.terms[left.ends[row]..left.ends[row + 1]];
                let result = &mut result[columns.clone()];
                let right = |index: u32| {
                    let begin = index as usize * self.columns;
                    &self.right[begin + columns.start..begin + columns.end]
                };
                let mut fours = terms.chunks_exact(4);
                for four in &mut fours {
                    let [a, b, c, d] = [four[0], four[1], four[2], four[3]];
                    add_rows(result, [a.1, b.1, c.1, d.1], [right(a.0), right(b.0), right(c.0), right(d.0)]);
                }
                for &(index, factor) in fours.remainder() {
                    add_rows(result, [factor], [right(index)]);
                }
            }
        }
    }
}

/// Copy `N` numbers, or as many as both have. Copies of a length that is not known take far longer.
fn copy_run<const N: usize>(to: &mut [f32], from: &[f32]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    } else {
        for (to, from) in to.iter_mut().zip(from) {
            *to = *from;
        }
    }
}

/// The sums of a tile: `[TILE_ROWS][TILE_COLUMNS]` of panels `[inner, TILE_ROWS]` and `[inner, TILE_COLUMNS]`.
// By itself: in the middle of a large function, a browser's compiler does not keep the sums in registers.
#[inline(never)]
fn tile_of(left: &[f32], right: &[f32]) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
    let (left, _) = left.as_chunks::<TILE_ROWS>();
    let (right, _) = right.as_chunks::<TILE_COLUMNS>();
    let mut sums = [[Lanes::splat(0.0); 2]; TILE_ROWS];
    for (left, right) in left.iter().zip(right) {
        let (right, _) = right.as_chunks::<WIDTH>();
        let right = [Lanes::load(&right[0]), Lanes::load(&right[1])];
        for (sums, &left) in sums.iter_mut().zip(left) {
            let left = Lanes::splat(left);
            sums[0] = sums[0].add_product(left, right[0]);
            sums[1] = sums[1].add_product(left, right[1]);
        }
    }
    sums.map(|pair| {
        let mut row = [0.0; TILE_COLUMNS];
        for (part, sums) in row.as_chunks_mut().0.iter_mut().zip(pair) {
            sums.store(part);
        }
        row
    })
}

/// `result += sum of factors times rows`.
#[inline(never)]
fn add_rows<const N: usize>(result: &mut [f32], factors: [f32; N], rows: [&[f32]; N]) {
    let lanes = factors.map(Lanes::splat);
    let (vectors, rest) = result.as_chunks_mut::<WIDTH>();
    let parts = rows.map(|row| row.as_chunks::<WIDTH>().0);
    for (index, result) in vectors.iter_mut().enumerate() {
        let mut sum = Lanes::load(result);
        for (factor, part) in lanes.iter().zip(&parts) {
            sum = sum.add_product(*factor, Lanes::load(&part[index]));
        }
        sum.store(result);
    }
    let done = vectors.len() * WIDTH;
    for (index, result) in rest.iter_mut().enumerate() {
        for (factor, row) in factors.iter().zip(&rows) {
            *result += factor * row[done + index];
        }
    }
}

/// What is not 0 in the rows of a left factor.
struct Sparse {
    /// Index along the sum, and number.
    terms: Vec<(u32, f32)>,
    /// Where the terms of each row begin, and where those of the last end.
    ends: Vec<usize>,
}

impl Sparse {
    fn new(factors: &Factors) -> Self {
        let Factors { left, rows, inner, .. } = *factors;
        let mut ends = vec![0; rows + 1];
        if factors.form == Form::LeftTransposed {
            for stored in left.chunks_exact(rows) {
                for (end, &value) in ends[1..].iter_mut().zip(stored) {
                    *end += usize::from(value != 0.0);
                }
            }
            for row in 0..rows {
                ends[row + 1] += ends[row];
            }
            let mut next = ends.clone();
            let mut terms = vec![(0, 0.0); ends[rows]];
            for (index, stored) in (0u32..).zip(left.chunks_exact(rows)) {
                for (next, &value) in next.iter_mut().zip(stored) {
                    if value != 0.0 {
                        terms[*next] = (index, value);
                        *next += 1;
                    }
                }
            }
            return Self { terms, ends };
        }
        let mut terms = Vec::new();
        for (end, stored) in ends[1..].iter_mut().zip(left.chunks_exact(inner)) {
            terms.extend((0u32..).zip(stored.iter().copied()).filter(|&(_, value)| value != 0.0));
            *end = terms.len();
        }
        Self { terms, ends }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random and are the same each time; every `empty`th is not 0.
    fn numbers(count: usize, empty: usize) -> Vec<f32> {
        let mut state = 12_345_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from(u16::try_from(state >> 16).expect("16 bits")) / 32_768.0 - 1.0
        };
        (0..count).map(|index| if index % empty == 0 { next() } else { 0.0 }).collect()
    }

    #[test]
    fn products_agree_with_sums_term_by_term() {
        for (rows, inner, columns) in [
            (1, 1, 1),
            (1, 512, 784),
            (3, 7, 5),
            (4, 8, 8),
            (9, 33, 17),
            (300, 20, 130),
            (6, 5, 257),
            (7, 0, 3),
        ] {
            for form in [Form::Plain, Form::LeftTransposed, Form::RightTransposed] {
                for empty in [1, 5] {
                    let (left, right) = (numbers(rows * inner, empty), numbers(inner * columns, 1));
                    let stored_left =
                        if form == Form::LeftTransposed { [inner, rows] } else { [rows, inner] };
                    let stored_right =
                        if form == Form::RightTransposed { [columns, inner] } else { [inner, columns] };
                    let factors = Factors::new(&left, stored_left, &right, stored_right, form);
                    let found = factors.product();
                    for row in 0..rows {
                        for column in 0..columns {
                            let term = |k: usize| {
                                let a = if form == Form::LeftTransposed {
                                    k * rows + row
                                } else {
                                    row * inner + k
                                };
                                let b = if form == Form::RightTransposed {
                                    column * inner + k
                                } else {
                                    k * columns + column
                                };
                                f64::from(left[a]) * f64::from(right[b])
                            };
                            let exact: f64 = (0..inner).map(term).sum();
                            let found = f64::from(found[row * columns + column]);
                            assert!(
                                (found - exact).abs() < 1e-5 * exact.abs().max(1.0),
                                "{rows} {inner} {columns} {form:?}: {found}, {exact}"
                            );
                        }
                    }
                }
            }
        }
    }
}
