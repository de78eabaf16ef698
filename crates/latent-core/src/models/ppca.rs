//! Probabilistic principal component analysis of Tipping and Bishop (1999): `z ~ N(0, I)`,
//! `x|z ~ N(W z + mean, sigma^2 I)`. The one model here whose likelihood and posterior are exact, so it is the touchstone
//! of every bound and estimator.
//!
//! With `M = W^T W + sigma^2 I`: `z|x ~ N(M^-1 W^T (x - mean), sigma^2 M^-1)`.

use std::borrow::Cow::Borrowed;

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use latent_kernels::{Form, product, reparameterize};
use latent_protocol::{
    Abilities, Choice, Control, DecodeCost, Hyperparameter, Likelihood, LossTerm, ModelCard, Paper, Preset,
    Settings,
};

use super::parts::likelihood::{gaussian_cost, gaussian_pairs, kl_of_latents, log_prior_over_posterior};
use super::parts::spectrum::{Spectral, SpectralTrainer, Spectrum};
use super::pca::{COMPONENTS, fixed};
use crate::data::{PIXELS, SIDE};
use crate::family::{BoundTerms, Examples, Family, LatentModel, Losses, Posterior};
use crate::gates::{Gate, GateRun, Limit};
use crate::linalg::{at_least, identity, inverse, orthonormalize, plain, unit};
use crate::noise::Noise;
use crate::plane::Plane;
use crate::training::{BATCH_SIZE, EPOCHS, IMAGES};
use crate::weights::{self, Host, WeightFile};
use crate::{CoreError, Stream};

/// Line of this family in the registry.
pub const FAMILY: Family = Family {
    card: CARD,
    trainer: |device, settings, seed| SpectralTrainer::<Ppca>::create(device, settings, seed, config),
    load: Ppca::load,
    gates: GATES,
};

const CARD: ModelCard = ModelCard {
    id: Borrowed("ppca"),
    name: Borrowed("Probabilistic PCA"),
    summary: Borrowed(
        "Principal components with a prior on the code and noise on the pixels, so that every image has a density. \
         Both that density and the posterior over codes are known exactly. Fitted in closed form or by expectation \
         maximisation, which must end at the same place.",
    ),
    paper: Paper {
        citation: Borrowed("Tipping and Bishop, 1999"),
        title: Borrowed("Probabilistic Principal Component Analysis"),
        url: Borrowed("https://doi.org/10.1111/1467-9868.00196"),
    },
    abilities: Abilities {
        encode: true,
        likelihood: Some(Likelihood::Gaussian),
        exact: true,
        classes: false,
    },
    decode_cost: DecodeCost::Live,
    hyperparameters: Borrowed(&[
        Hyperparameter {
            key: Borrowed("method"),
            label: Borrowed("Fitted by"),
            help: Borrowed(
                "Closed form: from the eigenvectors of the covariance. Expectation maximisation: ten alternating \
                 steps per batch, which never lower the likelihood of the images seen.",
            ),
            control: Control::Pick {
                default: Borrowed("closed"),
                options: Borrowed(&[
                    Choice { id: Borrowed("closed"), label: Borrowed("Closed form") },
                    Choice { id: Borrowed("em"), label: Borrowed("Expectation maximisation") },
                ]),
            },
            live: false,
        },
        COMPONENTS,
        Hyperparameter { control: Control::Whole { default: 500, min: 1, max: 1024 }, ..BATCH_SIZE },
        Hyperparameter { control: Control::Whole { default: 2, min: 1, max: 1000 }, ..EPOCHS },
        Hyperparameter { control: Control::Whole { default: 10_000, min: 1, max: 200_000 }, ..IMAGES },
    ]),
    losses: Borrowed(&[
        LossTerm {
            key: Borrowed("neg_log_p"),
            label: Borrowed("Negative log-density"),
            unit: Borrowed("nats (density)"),
            help: Borrowed("Exact, averaged over all training images seen so far."),
        },
        LossTerm {
            key: Borrowed("sigma"),
            label: Borrowed("Sigma"),
            unit: Borrowed("of the grey range"),
            help: Borrowed("Standard deviation of the noise on a pixel."),
        },
    ]),
    shipped: true,
    presets: Borrowed(&[
        Preset {
            title: Borrowed(
                "Fit it by expectation maximisation: press Train, and it ends where the closed form is",
            ),
            query: Borrowed("method=em"),
        },
        Preset {
            title: Borrowed("Draw images from a flat model: the mean digit, and the noise it calls pixels"),
            query: Borrowed("beside=samples"),
        },
    ]),
};

const GATES: &[GateRun] = &[
    GateRun {
        name: "closed form",
        settings: &[("images", "60000")],
        gates: &[
            Gate {
                epochs: 2,
                measure: "log_p_density",
                limit: Limit::AtLeast(14.2),
                reference: "14.36 (exact)",
            },
            Gate {
                epochs: 2,
                measure: "log_p_density",
                limit: Limit::AtMost(14.6),
                reference: "14.36 (exact)",
            },
            Gate {
                epochs: 2,
                measure: "elbo_density",
                limit: Limit::Share(0.01, "ppca/closed form/log_p_density"),
                reference: "equal but for the scatter of one code per image: its posterior is exact",
            },
        ],
    },
    GateRun {
        name: "expectation maximisation",
        settings: &[("images", "60000"), ("method", "em")],
        gates: &[Gate {
            epochs: 2,
            measure: "log_p_density",
            limit: Limit::Share(1e-3, "ppca/closed form/log_p_density"),
            reference: "equal at the limit",
        }],
    },
    GateRun {
        name: "ten components",
        settings: &[("images", "60000"), ("components", "10")],
        gates: &[Gate {
            epochs: 2,
            measure: "log_p_density",
            limit: Limit::AtLeast(185.0),
            reference: "186.0 (exact)",
        }],
    },
];

/// Steps of orthogonal iteration per batch.
const ITERATIONS: usize = 4;

/// Steps of expectation maximisation per batch.
const MAXIMISATIONS: usize = 10;

/// Smallest variance of the noise: a few images lie in a plane exactly.
const LEAST_VARIANCE: f64 = 1e-6;

const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// How a [`Ppca`] is fitted.
#[derive(Clone, Copy, Debug)]
pub struct PpcaConfig {
    components: usize,
    by_expectation_maximisation: bool,
}

/// Mean, loadings and noise.
#[derive(Module, Debug)]
pub struct Ppca {
    /// `[784]`
    mean: Param<Tensor<1>>,
    /// W, `[784, components]`
    loadings: Param<Tensor<2>>,
    /// Standard deviation of a pixel, `[1]`.
    sigma: Param<Tensor<1>>,
}

fn config(settings: &Settings) -> Result<PpcaConfig, CoreError> {
    let settings = settings.checked(&CARD)?;
    Ok(PpcaConfig {
        components: settings.whole(&COMPONENTS.key),
        by_expectation_maximisation: settings.pick("method") == "em",
    })
}

impl Ppca {
    fn load(device: &Device, file: &WeightFile) -> Result<Box<dyn LatentModel>, CoreError> {
        let config = config(&file.settings(&CARD)?)?;
        let fresh = Self::init(&config, &mut Noise::new(0, Stream::Weights, 0), device);
        Ok(Box::new(weights::fill(fresh, file)?))
    }

    /// `sigma^2`, `[1, 1]`.
    fn variance(&self) -> Tensor<2> {
        self.sigma.val().powi_scalar(2).reshape([1, 1])
    }

    /// `M`, `[components, components]`.
    fn m(&self) -> Tensor<2> {
        let w = self.loadings.val();
        let eye = identity(w.dims()[1], &w.device());
        product(w.clone(), w, Form::LeftTransposed) + eye * self.variance()
    }

    /// `log |W W^T + sigma^2 I| = (784 - q) log sigma^2 + log |M|`, `[1]`. M is `A^T A` with A the loadings above
    /// `sigma I`, so its determinant is the squared product of the lengths that Gram and Schmidt find.
    fn log_determinant(&self) -> Tensor<1> {
        let w = self.loadings.val();
        let [_, components] = w.dims();
        let below = identity(components, &w.device()) * self.sigma.val().reshape([1, 1]);
        let (_, lengths) = orthonormalize(&Tensor::cat(vec![w, below], 0));
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let rest = (PIXELS - components) as f64;
        (self.sigma.val().log() * rest + lengths.log().sum().reshape([1])) * 2.0
    }

    /// # Shapes
    /// `[batch, components]` -> `[batch, 784]`.
    fn pixels(&self, z: Tensor<2>) -> Tensor<2> {
        product(z, self.loadings.val(), Form::RightTransposed) + self.mean.val().unsqueeze()
    }

    /// Means and variances of the exact posterior; the variances are the same for every image.
    fn posterior(&self, images: Tensor<4>) -> (Tensor<2>, Tensor<2>) {
        let x: Tensor<2> = images.flatten(1, 3);
        let [batch, _] = x.dims();
        let inverse = inverse(&self.m());
        let [components, _] = inverse.dims();
        let mu = plain(plain(x - self.mean.val().unsqueeze(), self.loadings.val()), inverse.clone());
        let eye = identity(components, &mu.device());
        let variance = (inverse * eye).sum_dim(0) * self.variance();
        (mu, variance.log().expand([batch, components]))
    }

    /// `-E[log p(x)]` over all images seen, which their covariance S determines:
    /// `(784 log 2 pi + log |C| + tr(C^-1 S)) / 2`, with `tr(C^-1 S) = (tr S - tr(M^-1 W^T S W)) / sigma^2`.
    fn negative_log_density(&self, spectrum: &Spectrum) -> Tensor<1> {
        let w = self.loadings.val();
        let explained =
            inverse(&self.m()) * plain(product(w.clone(), spectrum.covariance(), Form::LeftTransposed), w);
        let shift = spectrum.mean() - self.mean.val().unsqueeze();
        let along = plain(shift.clone(), self.loadings.val());
        let outside = shift.powi_scalar(2).sum() - (plain(along.clone(), inverse(&self.m())) * along).sum();
        let quadratic = (spectrum.trace() - explained.sum() + outside) / self.variance().reshape([1]);
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let constant = PIXELS as f64 * LN_2_PI;
        (quadratic + self.log_determinant() + constant) * 0.5
    }

    /// `sigma^2` is the mean of the eigenvalues that are left out, `W = V (L - sigma^2 I)^(1/2)`.
    fn closed_form(spectrum: &Spectrum, components: usize) -> Self {
        let (basis, values) = spectrum.leading(components);
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let rest = (PIXELS - components) as f64;
        let variance = at_least((spectrum.trace() - values.clone().sum()) / rest, LEAST_VARIANCE);
        let scale = at_least(values - variance.clone(), 0.0).sqrt();
        Self {
            mean: fixed(spectrum.mean().reshape([PIXELS])),
            loadings: fixed(basis * scale.unsqueeze()),
            sigma: fixed(variance.sqrt()),
        }
    }

    /// One step of expectation maximisation (equations 29 and 30 of the paper):
    /// `W' = S W (sigma^2 I + M^-1 W^T S W)^-1`, `sigma'^2 = tr(S - S W M^-1 W'^T) / 784`.
    fn expectation_maximisation(self, covariance: &Tensor<2>, trace: Tensor<1>) -> Self {
        let w = self.loadings.val();
        let m_inverse = inverse(&self.m());
        let sw = plain(covariance.clone(), w.clone());
        let wsw = product(w, sw.clone(), Form::LeftTransposed);
        // `sigma^2 I + M^-1 A` with A = W^T S W is not symmetric; `M (sigma^2 I + M^-1 A) = sigma^2 M + A` is.
        let symmetric = self.m() * self.variance() + wsw;
        let new = plain(plain(sw.clone(), inverse(&symmetric)), self.m());
        let explained = (plain(sw, m_inverse) * new.clone()).sum().reshape([1]);
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let variance = at_least((trace - explained) / PIXELS as f64, LEAST_VARIANCE);
        Self { mean: self.mean, loadings: fixed(new), sigma: fixed(variance.sqrt()) }
    }
}

impl Spectral for Ppca {
    type Config = PpcaConfig;

    fn init(config: &PpcaConfig, noise: &mut Noise, device: &Device) -> Self {
        Self {
            mean: fixed(Tensor::zeros([PIXELS], device)),
            loadings: fixed(noise.uniform(0.1, [PIXELS, config.components], device)),
            sigma: fixed(Tensor::ones([1], device)),
        }
    }

    fn components(config: &PpcaConfig) -> usize {
        if config.by_expectation_maximisation { 1 } else { config.components }
    }

    fn losses(&self, spectrum: &Spectrum, _images: Tensor<4>) -> Losses {
        Losses::new(vec![("neg_log_p", self.negative_log_density(spectrum)), ("sigma", self.sigma.val())])
    }

    fn follow(self, config: &PpcaConfig, spectrum: &mut Spectrum) -> Self {
        if !config.by_expectation_maximisation {
            spectrum.iterate(ITERATIONS);
            return Self::closed_form(spectrum, config.components);
        }
        let (covariance, trace) = (spectrum.covariance(), spectrum.trace());
        let moved = Self { mean: fixed(spectrum.mean().reshape([PIXELS])), ..self };
        (0..MAXIMISATIONS).fold(moved, |model, _| model.expectation_maximisation(&covariance, trace.clone()))
    }
}

impl LatentModel for Ppca {
    fn plane(&self) -> Plane {
        Plane::gaussian(self.loadings.dims()[1])
    }

    fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let [batch, _] = z.dims();
        unit(self.pixels(z)).reshape([batch, 1, SIDE, SIDE])
    }

    fn encode(&self, examples: &Examples) -> Option<Posterior> {
        let (mu, log_var) = self.posterior(examples.images.clone());
        Some(Posterior { mu, log_var: Some(log_var) })
    }

    fn reconstruct(&self, examples: &Examples) -> Option<Tensor<2>> {
        Some(self.pixels(self.posterior(examples.images.clone()).0))
    }

    /// With the diagonal of the exact posterior: in the closed form that is all of it, and the bound is the
    /// likelihood.
    fn bound(&self, examples: &Examples, eps: Tensor<3>) -> Option<BoundTerms> {
        let [samples, batch, components] = eps.dims();
        let (mu, log_var) = self.posterior(examples.images.clone());
        let z = reparameterize(mu.clone(), log_var.clone(), eps.clone());
        let mean = self.pixels(z.clone().reshape([samples * batch, components]));
        let x = examples.images.clone().flatten::<2>(1, 3).repeat_dim(0, samples);
        let reconstruction =
            gaussian_cost(mean, self.sigma.val().reshape([1, 1]), x).reshape([samples, batch]);
        let log_ratio = log_prior_over_posterior(log_var.clone(), z, eps);
        let log_weight = log_ratio - reconstruction.clone();
        Some(BoundTerms { reconstruction, kl: kl_of_latents(mu, log_var), log_weight })
    }

    fn log_likelihood(&self, images: Tensor<4>, z: Tensor<2>) -> Option<Tensor<2>> {
        Some(gaussian_pairs(self.pixels(z), self.sigma.val().reshape([1, 1]), images.flatten(1, 3)))
    }

    fn log_density(&self, images: Tensor<4>) -> Option<Tensor<1>> {
        let centered: Tensor<2> = images.flatten::<2>(1, 3) - self.mean.val().unsqueeze();
        let along = plain(centered.clone(), self.loadings.val());
        let explained = (plain(along.clone(), inverse(&self.m())) * along).sum_dim(1);
        let quadratic = (centered.powi_scalar(2).sum_dim(1) - explained) / self.variance();
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let constant = PIXELS as f64 * LN_2_PI;
        Some((quadratic.squeeze_dim::<1>(1) + self.log_determinant() + constant) * -0.5)
    }

    fn sample(&self, z: Tensor<2>, noise: &mut Noise) -> Option<Tensor<4>> {
        let [batch, _] = z.dims();
        let grain = noise.normal([batch, PIXELS], &z.device()) * self.sigma.val().reshape([1, 1]);
        Some(unit(self.pixels(z) + grain).reshape([batch, 1, SIDE, SIDE]))
    }

    fn sigma(&self) -> Option<Tensor<1>> {
        Some(self.sigma.val())
    }

    fn device(&self) -> Device {
        self.sigma.val().device()
    }

    fn weights(&self) -> Host<'_> {
        Box::pin(weights::collect(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{HostTensor, read};
    use burn::tensor::TensorData;
    use pollster::block_on;

    /// Images, and what an independent implementation makes of them: see `tests/fixtures/generate.py`.
    fn golden() -> WeightFile {
        WeightFile::parse(include_bytes!("../../../../tests/fixtures/ppca.safetensors")).expect("a fixture")
    }

    fn tensor<const D: usize>(golden: &WeightFile, name: &str) -> Tensor<D> {
        let HostTensor { shape, values } = &golden[name];
        Tensor::from_data(TensorData::new(values.clone(), shape.clone()), &Device::flex())
    }

    fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        block_on(read(tensor)).expect("flex reads")
    }

    fn near<const D: usize>(found: Tensor<D>, golden: &WeightFile, name: &str, tolerance: f32) {
        let (found, expected) = (host(found), &golden[name].values);
        assert_eq!(found.len(), expected.len(), "{name}");
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() <= tolerance * e.abs().max(1.0), "{name}: {f} instead of {e}");
        }
    }

    fn spectrum(golden: &WeightFile) -> Spectrum {
        let mut spectrum = Spectrum::new(3, &mut Noise::new(1, Stream::Weights, 0), &Device::flex());
        let images: Tensor<4> = tensor(golden, "images");
        // In two batches, as training gives them.
        spectrum.add(images.clone().slice([0..10, 0..1, 0..SIDE, 0..SIDE]));
        spectrum.add(images.slice([10..24, 0..1, 0..SIDE, 0..SIDE]));
        spectrum
    }

    #[test]
    fn the_closed_form_agrees_with_an_independent_implementation() {
        let golden = golden();
        let mut spectrum = spectrum(&golden);
        spectrum.iterate(300);
        let (basis, values) = spectrum.leading(3);
        near(values, &golden, "eigenvalues", 1e-4);
        let gram = host(basis.clone().transpose().matmul(basis.clone()));
        for (index, value) in gram.iter().enumerate() {
            assert!((value - f32::from(u8::from(index % 4 == 0))).abs() < 1e-4, "not orthonormal: {gram:?}");
        }
        // A sign is arbitrary.
        let expected: Tensor<2> = tensor(&golden, "basis");
        let along = host((basis * expected).sum_dim(0));
        assert!(along.iter().all(|cosine| cosine.abs() > 0.9999), "{along:?}");
        let model = Ppca::closed_form(&spectrum, 3);
        near(model.variance(), &golden, "sigma2", 1e-4);
        let images: Tensor<4> = tensor(&golden, "images");
        let densities = model.log_density(images.clone()).expect("exact");
        near(densities.clone(), &golden, "log_density", 1e-3);
        let training = host(model.negative_log_density(&spectrum))[0];
        let average = -host(densities.mean())[0];
        assert!((training - average).abs() < 1e-3 * average.abs(), "{training} against {average}");
        let (mu, log_var) = model.posterior(images);
        near(log_var.exp().slice([0..1, 0..3]), &golden, "posterior_var", 1e-3);
        let expected: Tensor<2> = tensor(&golden, "posterior_mean");
        let apart = host((mu.abs() - expected.abs()).abs().max())[0];
        assert!(apart < 1e-3, "{apart}");
    }

    #[test]
    fn expectation_maximisation_agrees_and_never_falls() {
        let golden = golden();
        let spectrum = spectrum(&golden);
        let start: Tensor<1> = tensor(&golden, "em_start_sigma2");
        let mut model = Ppca {
            mean: fixed(spectrum.mean().reshape([PIXELS])),
            loadings: fixed(tensor(&golden, "em_start")),
            sigma: fixed(start.sqrt()),
        };
        let (covariance, trace) = (spectrum.covariance(), spectrum.trace());
        let expected = golden["em_log_density"].values.clone();
        let mut last = f32::NEG_INFINITY;
        for (step, expected) in expected.iter().enumerate() {
            let density = -host(model.negative_log_density(&spectrum))[0];
            assert!((density - expected).abs() < 1e-3 * expected.abs(), "step {step}: {density}, {expected}");
            // Its rise per step comes down to 0.0014, below the rounding of differences of numbers near 766.
            assert!(density > last - 0.04, "step {step}: {last} fell to {density}");
            last = density;
            if step == 1 || step == 20 {
                near(model.loadings.val(), &golden, &format!("em_w_{step}"), 2e-3);
                near(model.variance(), &golden, &format!("em_sigma2_{step}"), 1e-3);
            }
            model = model.expectation_maximisation(&covariance, trace.clone());
        }
    }

    /// With enough steps it ends where the closed form is.
    #[test]
    fn expectation_maximisation_ends_at_the_closed_form() {
        let golden = golden();
        let mut spectrum = spectrum(&golden);
        spectrum.iterate(300);
        let best = -host(Ppca::closed_form(&spectrum, 3).negative_log_density(&spectrum))[0];
        let config = PpcaConfig { components: 3, by_expectation_maximisation: true };
        let mut model = Ppca::init(&config, &mut Noise::new(1, Stream::Weights, 0), &Device::flex());
        for _ in 0..60 {
            model = model.follow(&config, &mut spectrum);
        }
        let reached = -host(model.negative_log_density(&spectrum))[0];
        assert!((reached - best).abs() < 1e-3 * best.abs(), "{reached} against {best}");
    }

    /// The bound with the exact posterior is the likelihood itself, whatever the code that was drawn.
    #[test]
    fn the_bound_of_the_closed_form_is_tight() {
        let golden = golden();
        let mut spectrum = spectrum(&golden);
        spectrum.iterate(300);
        let model = Ppca::closed_form(&spectrum, 3);
        let examples = Examples::new(golden["images"].values.clone(), &[0; 24], &Device::flex());
        let eps = Noise::new(2, Stream::Test, 0).normal([4, 24, 3], &Device::flex());
        let terms = model.bound(&examples, eps).expect("a bound");
        let exact = model.log_density(examples.images).expect("exact");
        let apart = host((terms.log_weight - exact.unsqueeze()).abs().max())[0];
        assert!(apart < 0.05, "{apart}");
    }
}
