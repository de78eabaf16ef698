//! Losses, bounds, densities and codes against tensors of an independent implementation in JAX: see
//! `tests/fixtures/generate.py`.

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use latent_core::data::{Dataset, Shard};
use latent_core::evaluation::{Advanced, Evaluation};
use latent_core::weights::{WeightFile, key, read};
use latent_core::{BoundTerms, Device, Examples, LatentModel, models};
use latent_protocol::Effort;
use pollster::block_on;

/// A fixture: its tensors, and the model whose weights are among them.
struct Golden {
    file: WeightFile,
    model: Box<dyn LatentModel>,
}

impl Golden {
    /// The weights are the tensors whose name begins with one of `weights`.
    fn open(name: &str, weights: &[&str]) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name);
        let bytes = std::fs::read(path).expect("a fixture");
        let file = WeightFile::parse(&bytes).expect("safetensors");
        let mut own = file.clone();
        own.tensors.retain(|name, _| weights.iter().any(|weight| name.starts_with(weight)));
        let family = models::family(file.entry(key::FAMILY).expect("a family")).expect("it exists");
        let model = (family.load)(&Device::flex(), &own).expect("the weights fit");
        Self { file, model }
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let host = &self.file[name];
        Tensor::from_data(TensorData::new(host.values.clone(), host.shape.clone()), &Device::flex())
    }

    fn examples(&self) -> Examples {
        let images = self.file["images"].values.clone();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "classes")]
        let classes: Vec<u8> = match self.file.tensors.get("labels") {
            Some(labels) => labels.values.iter().map(|label| *label as u8).collect(),
            None => vec![0; images.len() / 784],
        };
        Examples::new(images, &classes, &Device::flex())
    }

    /// Each number within `tolerance`, relative where it is above one.
    fn check<const D: usize>(&self, name: &str, found: Tensor<D>, tolerance: f32) {
        let expected = &self.file[name].values;
        let found = block_on(read(found)).expect("flex reads");
        assert_eq!(found.len(), expected.len(), "{name}");
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{name}: {f} instead of {e}");
        }
    }

    fn check_posterior(&self, tolerance: f32) {
        let posterior = self.model.encode(&self.examples()).expect("an encoder");
        self.check("mu", posterior.mu, tolerance);
        self.check("log_var", posterior.log_var.expect("a variance"), tolerance);
    }

    fn check_bound(&self, tolerance: f32) {
        let terms = self.model.bound(&self.examples(), self.tensor("eps")).expect("a bound");
        let BoundTerms { reconstruction, kl, log_weight } = terms;
        self.check("reconstruction", reconstruction, tolerance);
        self.check("kl", kl, tolerance);
        self.check("log_weight", log_weight, tolerance);
    }

    /// The pairs are of the first codes of `z`.
    fn check_pairs(&self, tolerance: f32) {
        let codes = self.file["pairs"].shape[0];
        let z: Tensor<2> = self.tensor("z");
        let latent_dim = z.dims()[1];
        let z = z.slice([0..codes, 0..latent_dim]);
        let pairs = self.model.log_likelihood(self.examples().images, z).expect("a likelihood");
        self.check("pairs", pairs, tolerance);
    }
}

const VARIATIONAL: [&str; 3] = ["encoder.", "decoder.", "log_sigma"];

#[test]
fn bernoulli_pixels() {
    let golden = Golden::open("vae.safetensors", &VARIATIONAL);
    golden.check_posterior(1e-5);
    golden.check_bound(1e-5);
    golden.check_pairs(2e-5);
    golden.check("pixels", golden.model.decode(golden.tensor("z")), 1e-5);
}

#[test]
fn gaussian_pixels_with_one_sigma() {
    let golden = Golden::open("gaussian.safetensors", &VARIATIONAL);
    golden.check_posterior(1e-5);
    golden.check_bound(2e-5);
    golden.check_pairs(1e-4);
    golden.check("pixels", golden.model.decode(golden.tensor("z")), 1e-4);
}

/// The whole measurement on a data set of the fixture's images.
#[test]
fn quadrature() {
    let Golden { file, model } = Golden::open("gaussian.safetensors", &VARIATIONAL);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes")]
    let pixels = file["images"].values.iter().map(|grey| (grey * 255.0).round() as u8).collect();
    let shard = Shard { pixels, labels: vec![0; 4] };
    let dataset = Dataset::complete("fixture", shard.clone(), shard);
    let card = &models::family(file.entry(key::FAMILY).expect("a family")).expect("it exists").card;
    let effort = Effort { quadrature_grid: 200, samples: 0, ..Effort::TAB };
    let mut evaluation = Evaluation::new(model, card, None, effort, &dataset);
    let table = loop {
        if let Advanced::Done(table) = block_on(evaluation.advance(&dataset)).expect("flex computes") {
            break table;
        }
    };
    let expected = &file["quadrature"].values;
    let mean = expected.iter().map(|v| f64::from(*v)).sum::<f64>() / 4.0;
    let found = table.value("log_p_quadrature").expect("a row");
    assert!((found - mean).abs() < 1e-4 * mean.abs().max(1.0), "{found} instead of {mean}");
    // Bounds stand in their order.
    let value = |key: &str| table.value(key).expect("a row");
    assert!(value("elbo_density") < value("iwae_density") && value("iwae_density") < found + 0.05);
}

#[test]
fn gaussian_pixels_with_a_sigma_each() {
    let golden = Golden::open("gaussian_per_pixel.safetensors", &VARIATIONAL);
    golden.check_posterior(1e-5);
    golden.check_bound(2e-5);
    golden.check_pairs(2e-4);
}

#[test]
fn classes() {
    let golden = Golden::open("conditional.safetensors", &VARIATIONAL);
    golden.check_posterior(1e-5);
    golden.check_bound(2e-5);
}

#[test]
fn convolutions() {
    let golden = Golden::open("convolutional.safetensors", &VARIATIONAL);
    golden.check_posterior(1e-5);
    let terms = golden.model.bound(&golden.examples(), golden.tensor("eps")).expect("a bound");
    golden.check("reconstruction", terms.reconstruction, 1e-5);
    golden.check("kl", terms.kl, 1e-5);
}

#[test]
fn autoencoders() {
    let golden = Golden::open("autoencoder.safetensors", &["encoder.", "decoder.", "center", "spread"]);
    let codes = golden.model.encode(&golden.examples()).expect("an encoder").mu;
    golden.check("codes", codes, 1e-5);
    let again = golden.model.reconstruct(&golden.examples()).expect("an encoder");
    golden.check("reconstructed", again.clone(), 1e-5);
    let apart = again - golden.examples().images.flatten(1, 3);
    golden.check("mse", apart.powi_scalar(2).mean_dim(1), 1e-5);
    golden.check("pixels", golden.model.decode(golden.tensor("z")), 1e-5);
}
