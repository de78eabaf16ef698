//! Numbers computed from features, probabilities and codes. Pure, on the host, in double precision.

use nalgebra::{DMatrix, DVector};

use crate::data::CLASSES;

/// Mean and covariance of vectors, gathered one by one.
#[derive(Clone, Debug)]
pub struct Gaussian {
    count: f64,
    sum: DVector<f64>,
    products: DMatrix<f64>,
}

impl Gaussian {
    /// Of vectors of this length.
    pub fn new(length: usize) -> Self {
        Self { count: 0.0, sum: DVector::zeros(length), products: DMatrix::zeros(length, length) }
    }

    /// Take vectors in, one after the other.
    pub fn add(&mut self, vectors: &[f32]) {
        let length = self.sum.len();
        let values = vectors.iter().map(|v| f64::from(*v));
        let columns = DMatrix::from_iterator(length, vectors.len() / length, values);
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let count = columns.ncols() as f64;
        self.count += count;
        self.sum += columns.column_sum();
        self.products.gemm(1.0, &columns, &columns.transpose(), 1.0);
    }

    pub fn mean(&self) -> DVector<f64> {
        &self.sum / self.count
    }

    pub fn covariance(&self) -> DMatrix<f64> {
        (&self.products - &self.sum * self.sum.transpose() / self.count) / (self.count - 1.0)
    }
}

/// The Fréchet distance of two Gaussians (Dowson and Landau 1982; used for samples by Heusel and others 2017):
/// `|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))`. The trace of the root is the sum of the roots of the eigenvalues of
/// `C1^(1/2) C2 C1^(1/2)`, which is symmetric.
pub fn frechet_distance(a: &Gaussian, b: &Gaussian) -> f64 {
    let (first, second) = (a.covariance(), b.covariance());
    let eigen = first.clone().symmetric_eigen();
    let roots = eigen.eigenvalues.map(|value| value.max(0.0).sqrt());
    let root = &eigen.eigenvectors * DMatrix::from_diagonal(&roots) * eigen.eigenvectors.transpose();
    let product = &root * &second * &root;
    let cross: f64 = product.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum();
    (a.mean() - b.mean()).norm_squared() + first.trace() + second.trace() - 2.0 * cross
}

/// What a judge's probabilities say of a set of images.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    count: usize,
    sure: usize,
    votes: [usize; CLASSES],
    sums: [f64; CLASSES],
    /// Sum of `p log p`.
    negative_entropy: f64,
}

impl Verdict {
    /// Take probabilities in, ten per image.
    pub fn add(&mut self, probabilities: &[f32]) {
        for row in probabilities.chunks_exact(CLASSES) {
            let class = best(row);
            self.count += 1;
            self.votes[class] += 1;
            self.sure += usize::from(row[class] > 0.9);
            for (sum, p) in self.sums.iter_mut().zip(row.iter().map(|p| f64::from(*p))) {
                *sum += p;
                if p > 0.0 {
                    self.negative_entropy += p * libm::log(p);
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn share(&self, count: usize) -> f64 {
        count as f64 / self.count.max(1) as f64
    }

    /// Share of images of whose class the judge is more than 90 % sure.
    pub fn sure(&self) -> f64 {
        self.share(self.sure)
    }

    /// Entropy of the classes voted for, in nats: log 10 when all are equally frequent.
    pub fn entropy(&self) -> f64 {
        let shares = self.votes.iter().map(|votes| self.share(*votes)).filter(|share| *share > 0.0);
        -shares.map(|share| share * libm::log(share)).sum::<f64>()
    }

    /// Share of the rarest class.
    pub fn rarest(&self) -> f64 {
        self.votes.iter().map(|votes| self.share(*votes)).fold(1.0, f64::min)
    }

    /// The inception score (Salimans and others 2016) with this judge in Inception's place:
    /// `exp E KL(p(y|x) || p(y))`, at most 10.
    pub fn inception(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let count = self.count.max(1) as f64;
        let marginal = self.sums.iter().map(|sum| sum / count).filter(|p| *p > 0.0);
        let entropy = -marginal.map(|p| p * libm::log(p)).sum::<f64>();
        libm::exp(self.negative_entropy / count + entropy)
    }
}

/// Probabilities from logits, ten per image.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let row = |row: &[f32]| {
        let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials: Vec<f32> = row.iter().map(|logit| libm::expf(logit - max)).collect();
        let sum: f32 = exponentials.iter().sum();
        exponentials.into_iter().map(move |e| e / sum)
    };
    logits.chunks_exact(CLASSES).flat_map(row).collect()
}

/// The index of the largest number; the first of equals.
pub fn best(values: &[f32]) -> usize {
    let larger = |at: usize, (index, value): (usize, &f32)| if *value > values[at] { index } else { at };
    values.iter().enumerate().fold(0, larger)
}

/// For each asked code, the class that most of its `count` nearest training codes have; the smallest of equals.
///
/// # Shapes
/// `train` and `asked`: codes of `length` numbers, one after the other.
pub fn nearest_neighbours(
    train: &[f32],
    classes: &[u8],
    asked: &[f32],
    length: usize,
    count: usize,
) -> Vec<u8> {
    let vote = |code: &[f32]| {
        // The nearest so far, sorted, the farthest last.
        let mut nearest: Vec<(f32, u8)> = Vec::with_capacity(count + 1);
        let mut limit = f32::INFINITY;
        for (other, class) in train.chunks_exact(length).zip(classes) {
            let distance: f32 = code.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum();
            if distance < limit {
                let at = nearest.partition_point(|(d, _)| *d <= distance);
                nearest.insert(at, (distance, *class));
                nearest.truncate(count);
                if nearest.len() == count {
                    limit = nearest[count - 1].0;
                }
            }
        }
        let mut votes = [0u8; CLASSES];
        for (_, class) in nearest {
            votes[usize::from(class) % CLASSES] += 1;
        }
        let most = votes.iter().max().copied().unwrap_or(0);
        u8::try_from(votes.iter().position(|votes| *votes == most).unwrap_or(0)).unwrap_or(0)
    };
    asked.chunks_exact(length).map(vote).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::WeightFile;

    fn golden() -> WeightFile {
        WeightFile::parse(include_bytes!("../../../../tests/fixtures/scores.safetensors")).expect("a fixture")
    }

    fn near(found: f64, golden: &WeightFile, name: &str) {
        let expected = f64::from(golden[name].values[0]);
        assert!(
            (found - expected).abs() < 1e-5 * expected.abs().max(1.0),
            "{name}: {found} instead of {expected}"
        );
    }

    #[test]
    fn the_frechet_distance_agrees_with_an_independent_implementation() {
        let golden = golden();
        let of = |name: &str| {
            let tensor = &golden[name];
            let mut gaussian = Gaussian::new(tensor.shape[1]);
            // In two parts, as samples come in chunks.
            let (first, second) = tensor.values.split_at(tensor.shape[1] * 7);
            gaussian.add(first);
            gaussian.add(second);
            gaussian
        };
        near(frechet_distance(&of("a"), &of("b")), &golden, "frechet");
        assert!(frechet_distance(&of("a"), &of("a")).abs() < 1e-9);
    }

    #[test]
    fn verdicts_agree_with_an_independent_implementation() {
        let golden = golden();
        let mut verdict = Verdict::default();
        verdict.add(&golden["probabilities"].values);
        near(verdict.entropy(), &golden, "entropy");
        near(verdict.rarest(), &golden, "rarest");
        near(verdict.sure(), &golden, "sure");
        near(verdict.inception(), &golden, "inception");
    }

    #[test]
    fn neighbours_agree_with_an_independent_implementation() {
        let golden = golden();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes")]
        let classes = |name: &str| golden[name].values.iter().map(|c| *c as u8).collect::<Vec<u8>>();
        let values = |name: &str| &golden[name].values;
        let found =
            nearest_neighbours(values("train_codes"), &classes("train_classes"), values("test_codes"), 2, 15);
        let truth = classes("test_classes");
        let right = found.iter().zip(&truth).filter(|(found, truth)| found == truth).count();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let share = right as f64 / truth.len() as f64;
        near(share, &golden, "knn");
    }
}
