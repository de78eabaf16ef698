//! Points of the plane by the cells they lie in, to find the ones that are near.

/// The plane in square cells. Points are known by their numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    side: usize,
    /// Where each cell's numbers begin; one more at the end.
    starts: Vec<usize>,
    numbers: Vec<usize>,
}

impl Cells {
    /// So many cells along a side; a point is left out where it is unknown (NaN) or `accept` says so.
    pub fn new(side: usize, points: &[[f32; 2]], accept: impl Fn(usize) -> bool) -> Self {
        let side = side.max(1);
        let cells: Vec<Option<usize>> = points
            .iter()
            .enumerate()
            .map(|(number, point)| (is_known(*point) && accept(number)).then(|| cell_of(*point, side)))
            .collect();
        let mut starts = vec![0; side * side + 1];
        for cell in cells.iter().flatten() {
            starts[cell + 1] += 1;
        }
        for cell in 0..side * side {
            starts[cell + 1] += starts[cell];
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; starts[side * side]];
        for (number, cell) in cells.iter().enumerate() {
            if let Some(cell) = *cell {
                numbers[next[cell]] = number;
                next[cell] += 1;
            }
        }
        Self { side, starts, numbers }
    }

    /// Cells along a side.
    pub fn side(&self) -> usize {
        self.side
    }

    /// The point nearest to this place, if one is at most `reach` away; a cell must not be smaller than that.
    pub fn nearest(&self, points: &[[f32; 2]], at: [f32; 2], reach: f32) -> Option<usize> {
        let cell = self.at(at);
        let around = |place: usize| place.saturating_sub(1)..(place + 2).min(self.side);
        let near = around(cell / self.side)
            .flat_map(|row| around(cell % self.side).map(move |column| row * self.side + column))
            .flat_map(|cell| self.of(cell));
        closest(near, points, at).filter(|number| distance(points[*number], at) <= reach * reach)
    }

    /// The point in a cell that is nearest to its middle.
    pub fn middle(&self, points: &[[f32; 2]], cell: usize) -> Option<usize> {
        let place = |index: usize| (share(index) + 0.5) / share(self.side);
        closest(self.of(cell).iter(), points, [place(cell % self.side), place(cell / self.side)])
    }

    /// The cell at a place; they are counted from the lower left, row by row.
    pub fn at(&self, place: [f32; 2]) -> usize {
        cell_of(place, self.side)
    }

    fn of(&self, cell: usize) -> &[usize] {
        match self.starts.get(cell..cell + 2) {
            Some([from, to]) => &self.numbers[*from..*to],
            _ => &[],
        }
    }
}

/// Whether it is known where a point lies.
pub fn is_known(point: [f32; 2]) -> bool {
    point.iter().all(|place| place.is_finite())
}

fn closest<'a>(numbers: impl Iterator<Item = &'a usize>, points: &[[f32; 2]], at: [f32; 2]) -> Option<usize> {
    let key = |number: &usize| points.get(*number).map_or(f32::INFINITY, |point| distance(*point, at));
    numbers.copied().min_by(|a, b| key(a).total_cmp(&key(b)))
}

/// Squared.
fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
}

#[expect(clippy::cast_precision_loss, reason = "a plane has few cells")]
fn share(index: usize) -> f32 {
    index as f32
}

fn cell_of(point: [f32; 2], side: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the plane")]
    let [column, row] = point.map(|place| ((place.clamp(0.0, 1.0) * share(side)) as usize).min(side - 1));
    row * side + column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_found_across_cells_and_within_reach() {
        let points = [[0.1, 0.1], [0.49, 0.5], [f32::NAN; 2], [0.9, 1.0], [0.51, 0.5]];
        let cells = Cells::new(4, &points, |number| number != 4);
        assert_eq!(cells.nearest(&points, [0.52, 0.52], 0.1), Some(1));
        assert_eq!(cells.nearest(&points, [0.7, 0.5], 0.1), None);
        assert_eq!(cells.nearest(&points, [1.0, 1.0], 0.2), Some(3));
        assert_eq!(cells.middle(&points, cells.at([0.1, 0.2])), Some(0));
        assert_eq!(cells.middle(&points, cells.at([0.6, 0.1])), None);
    }
}
