//! Every estimator where the exact answer is known: probabilistic PCA.

use latent_protocol::Settings;
use pollster::block_on;

use super::*;
use crate::conformance::{noisy_dataset, toy_settings};
use crate::models::{FAMILIES, family};
use crate::training::{Advance, Run};

/// A model of a family after so many epochs, where experiments want it.
fn trained(
    id: &str,
    settings: &[(&str, &str)],
    dataset: &Dataset,
) -> (Box<dyn LatentModel>, &'static ModelCard) {
    let family = family(id).expect("a family");
    let mut all = Settings::defaults(&family.card);
    for (key, value) in settings {
        all.set(&family.card, key, value).expect("a setting of the card");
    }
    let mut run = Run::new(&Device::flex(), id, &all, 1, dataset).expect("a run");
    while let Advance::Stepped(_) = run.advance(dataset) {}
    let file = block_on(run.weights()).expect("the CPU answers");
    ((family.load)(&device(&Device::flex()), &file).expect("its own file"), &family.card)
}

fn found(id: &str, model: &dyn LatentModel, card: &ModelCard, dataset: &Dataset, image: &Image) -> Finding {
    let entry = experiment(id).expect("an experiment");
    assert_eq!(entry.card.obstacle(card, model.plane().latent_dim), None);
    let bench = Bench { model, card, dataset, judge: None, image, rival: None };
    let (mut experiment, mut last) = ((entry.begin)(), 0.0);
    loop {
        match block_on(experiment.advance(&bench)).expect("the CPU answers") {
            Progress::Done(finding) => return *finding,
            Progress::To(done) => {
                assert!((last..=1.0).contains(&done), "{id}: {last} to {done}");
                last = done;
            }
        }
    }
}

fn value(finding: &Finding, key: &str) -> f64 {
    finding.value(key).unwrap_or_else(|| panic!("no {key} in {finding:#?}"))
}

fn near(finding: &Finding, key: &str, expected: f64, tolerance: f64) {
    let found = value(finding, key);
    assert!(
        (found - expected).abs() <= tolerance,
        "{key}: {found} instead of {expected}: {:#?}",
        finding.facts
    );
}

#[test]
fn every_estimator_of_the_marginal_likelihood_finds_the_exact_one() {
    let dataset = noisy_dataset();
    let (model, card) = trained("ppca", &[("components", "2")], &dataset);
    let image = Image::of_test(&dataset, 5).expect("an image");
    let finding = found("marginal-likelihood", model.as_ref(), card, &dataset, &image);
    let exact = value(&finding, "exact");
    // The encoder's answer is the posterior itself: one code is as good as thousands.
    near(&finding, "elbo", exact, 0.05);
    near(&finding, "iwae_1000", exact, 0.05);
    near(&finding, "grid_200", exact, 0.3);
    near(&finding, "grid_400", exact, 0.05);
    // From below, and so far below that it tells little: hardly a code of the prior is near.
    assert!(value(&finding, "prior_5000") < exact + 0.5, "{:#?}", finding.facts);
}

#[test]
fn grid_and_sampler_find_the_exact_posterior() {
    let dataset = noisy_dataset();
    let (model, card) = trained("ppca", &[("components", "2")], &dataset);
    let image = Image::of_test(&dataset, 7).expect("an image");
    let finding = found("posterior", model.as_ref(), card, &dataset, &image);
    for latent in 1..=2 {
        let (mu, sigma) =
            (value(&finding, &format!("mu_{latent}")), value(&finding, &format!("sigma_{latent}")));
        near(&finding, &format!("mean_{latent}"), mu, 0.05 * sigma);
        near(&finding, &format!("spread_{latent}"), sigma, 0.05 * sigma);
        near(&finding, &format!("sampled_mean_{latent}"), mu, 0.4 * sigma);
        near(&finding, &format!("sampled_spread_{latent}"), sigma, 0.2 * sigma);
    }
    assert!(value(&finding, "accepted") > 0.7, "{:#?}", finding.facts);
    let picture = &finding.pictures[0];
    let points = picture.marks.iter().filter_map(|mark| match mark {
        latent_protocol::lab::Mark::Point(place) => Some(*place),
        latent_protocol::lab::Mark::Ellipse(..) => None,
    });
    let places: Vec<[f64; 2]> = points.collect();
    let inside = places.iter().filter(|place| place.iter().all(|part| (0.0..=1.0).contains(part))).count();
    assert!(places.len() == 200 && inside > 190, "{inside} of {} samples are in the picture", places.len());
}

#[test]
fn where_the_encoder_is_exact_nothing_is_gained_by_fitting_one_image() {
    let dataset = noisy_dataset();
    let (model, card) = trained("ppca", &[("components", "3")], &dataset);
    let image = Image::of_test(&dataset, 11).expect("an image");
    let finding = found("amortisation-gap", model.as_ref(), card, &dataset, &image);
    near(&finding, "gain", 0.0, 0.05);
}

#[test]
fn a_poor_encoder_loses_nats_that_fitting_wins_back() {
    let dataset = noisy_dataset();
    let settings =
        [("encoder_hidden", "8"), ("decoder_hidden", "32"), ("epochs", "10"), ("batch_size", "20")];
    let (model, card) = trained("vae", &settings, &dataset);
    let image = Image::of_test(&dataset, 2).expect("an image");
    let finding = found("amortisation-gap", model.as_ref(), card, &dataset, &image);
    assert!(value(&finding, "gain") > 0.1, "{:#?}", finding.facts);
    let finding = found("marginal-likelihood", model.as_ref(), card, &dataset, &image);
    let keys = ["elbo", "iwae_10", "iwae_100", "iwae_1000", "grid_400"];
    for pair in keys.windows(2) {
        assert!(
            value(&finding, pair[0]) <= value(&finding, pair[1]) + 0.05,
            "{pair:?}: {:#?}",
            finding.facts
        );
    }
    near(&finding, "prior_5000", value(&finding, "grid_400"), 0.2);
}

#[test]
fn a_hidden_half_is_completed_by_what_agrees_with_the_other() {
    let bars = crate::conformance::toy_dataset().train().clone();
    let dataset = Dataset::complete("bars", bars.clone(), bars);
    let settings = [
        ("encoder_hidden", "32"),
        ("decoder_hidden", "32"),
        ("epochs", "600"),
        ("batch_size", "8"),
        ("learning_rate", "0.01"),
    ];
    let (model, card) = trained("vae", &settings, &dataset);
    let image = Image::of_test(&dataset, 1).expect("an image");
    let finding = found("half-a-digit", model.as_ref(), card, &dataset, &image);
    let [model, mean, black] = ["mse_model", "mse_mean", "mse_black"].map(|key| value(&finding, key));
    assert!(model < mean && model < black, "{:#?}", finding.facts);
    assert_eq!(finding.pictures.len(), 7);
    assert!(finding.pictures.iter().all(|picture| picture.greys.len() == PIXELS));
    let seen = &finding.pictures[1];
    assert!(rows(&seen.greys).all(|row| row[14..].iter().all(|grey| *grey == 0)), "the right half is hidden");
}

#[test]
fn strangers_are_less_probable_than_digits_and_a_blank_page_is_not() {
    let dataset = crate::conformance::toy_dataset();
    let settings =
        [("encoder_hidden", "32"), ("decoder_hidden", "32"), ("epochs", "300"), ("batch_size", "8")];
    let (model, card) = trained("vae", &settings, &dataset);
    let image = Image::of_test(&dataset, 0).expect("an image");
    let finding = found("density", model.as_ref(), card, &dataset, &image);
    let nats = |key| value(&finding, key);
    assert!(nats("digits") < nats("noise") && nats("noise") < nats("inverted"), "{:#?}", finding.facts);
    assert!(nats("blank") < nats("skull") && nats("permuted") < nats("noise"), "{:#?}", finding.facts);
    assert!((0.0..=100.0).contains(&nats("subject_beats")));
}

/// Every experiment begins with every family that its card lets in, and its card says why it shuts others out.
#[test]
fn what_is_offered_can_be_begun() {
    let dataset = noisy_dataset();
    let image = Image::of_test(&dataset, 0).expect("an image");
    for family in FAMILIES {
        let card = &family.card;
        let fresh =
            (family.trainer)(&Device::flex(), &toy_settings(card), 1).expect("settings fit").snapshot();
        let metadata = [
            ("family".to_string(), card.id.to_string()),
            ("settings".to_string(), serde_json::to_string(&toy_settings(card)).expect("numbers and words")),
        ];
        let tensors = block_on(fresh.weights()).expect("the CPU answers");
        let file = crate::weights::WeightFile { metadata: metadata.into_iter().collect(), tensors };
        let model = (family.load)(&device(&Device::flex()), &file).expect("its own file");
        for entry in EXPERIMENTS {
            if entry.card.obstacle(card, model.plane().latent_dim).is_none() {
                let bench = Bench {
                    model: model.as_ref(),
                    card,
                    dataset: &dataset,
                    judge: None,
                    image: &image,
                    rival: None,
                };
                let begun = block_on((entry.begin)().advance(&bench));
                assert!(begun.is_ok(), "{} with {}: {begun:?}", entry.card.id, card.id);
            }
        }
    }
    let pca = &family("pca").expect("a family").card;
    let half = experiment("half-a-digit").expect("an experiment");
    assert_eq!(half.card.obstacle(pca, 2), Some("it gives no probability to black and white images"));
}

/// A model that never had an encoder: what needs one says so, what needs only a likelihood does without.
#[test]
fn a_decoder_alone_is_a_subject_too() {
    let dataset = noisy_dataset();
    let settings =
        [("decoder_hidden", "32"), ("images", "200"), ("epochs", "60"), ("learning_rate", "0.003")];
    let (model, card) = trained("mcem-vae", &settings, &dataset);
    let image = Image::of_test(&dataset, 3).expect("an image");
    let finding = found("posterior", model.as_ref(), card, &dataset, &image);
    for latent in 1..=2 {
        let [mean, spread] = ["mean", "spread"].map(|key| value(&finding, &format!("{key}_{latent}")));
        near(&finding, &format!("sampled_mean_{latent}"), mean, 0.4 * spread);
        near(&finding, &format!("sampled_spread_{latent}"), spread, 0.25 * spread);
        assert_eq!(finding.value(&format!("mu_{latent}")), None);
    }
    let finding = found("marginal-likelihood", model.as_ref(), card, &dataset, &image);
    near(&finding, "prior_5000", value(&finding, "grid_400"), 0.3);
    near(&finding, "grid_200", value(&finding, "grid_400"), 0.3);
    assert_eq!(finding.value("elbo"), None);
    let finding = found("density", model.as_ref(), card, &dataset, &image);
    assert!(value(&finding, "digits") < value(&finding, "inverted"), "{:#?}", finding.facts);
    for id in ["amortisation-gap", "estimators", "generative"] {
        let obstacle = experiment(id).expect("an experiment").card.obstacle(card, 2);
        assert_eq!(obstacle, Some("it has no encoder"), "{id}");
    }
}

/// Codes that lie elsewhere: a normal knows nothing of them, a Gaussian fitted to them does.
#[test]
fn walls_are_drawn_of_both_models() {
    let dataset = noisy_dataset();
    let small = [("encoder_hidden", "16"), ("decoder_hidden", "16"), ("epochs", "1")];
    let (own, card) = trained("vae", &small, &dataset);
    let (rival, rival_card) = trained("autoencoder", &small, &dataset);
    let entry = experiment("generative").expect("an experiment");
    assert_eq!((entry.rival)(card), Some(rival_card.id.as_ref()));
    let image = Image::of_test(&dataset, 0).expect("an image");
    let bench = Bench {
        model: own.as_ref(),
        card,
        dataset: &dataset,
        judge: None,
        image: &image,
        rival: Some((rival_card, rival.as_ref())),
    };
    let mut experiment = (entry.begin)();
    let finding = loop {
        if let Progress::Done(finding) = block_on(experiment.advance(&bench)).expect("the CPU answers") {
            break finding;
        }
    };
    assert_eq!(finding.pictures.len(), 4);
    for picture in &finding.pictures {
        assert_eq!(picture.greys.len(), 60 * PIXELS);
        assert!(picture.greys.iter().any(|grey| *grey != picture.greys[0]), "{}", picture.title);
    }
    assert_ne!(finding.pictures[2].greys, finding.pictures[3].greys);
}
