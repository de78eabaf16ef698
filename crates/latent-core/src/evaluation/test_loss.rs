//! The loss on test images, followed while training: the negative bound where there is one, without an encoder an estimate
//! of the likelihood, else the squared error.

use std::ops::Range;

use latent_protocol::{Likelihood, ModelCard, TestLoss};

use super::{Subject, chunk, greys, mean, prior, sum};
use crate::CoreError;
use crate::data::{Dataset, Shard};
use crate::family::LatentModel;
use crate::weights::read;

/// A measurement of the test loss under way.
pub struct TestLossEvaluation {
    model: Box<dyn LatentModel>,
    card: &'static ModelCard,
    next: usize,
    sums: Sums,
}

/// The parts of the loss, summed over images.
struct Sums {
    /// Whether the likelihood is estimated by codes of the prior and not bounded by an encoder.
    by_prior: bool,
    reconstruction: f64,
    kl: f64,
}

/// Whether there is a likelihood but no encoder that would bound it.
fn is_by_prior(card: &ModelCard) -> bool {
    card.abilities.likelihood.is_some() && !card.abilities.encode
}

/// Draws of pixels and codes over which the loss of a single image is averaged.
const DRAWS: usize = 16;

/// The loss of one grey image, as it is measured on test images, averaged over draws of its pixels and codes; none
/// where the card or a missing encoder does not allow it.
///
/// # Errors
/// When the device fails.
pub async fn image_loss(
    model: &dyn LatentModel,
    card: &ModelCard,
    grey: &[u8],
    label: u8,
) -> Result<Option<TestLoss>, CoreError> {
    if !TestLossEvaluation::is_possible(card) {
        return Ok(None);
    }
    let copies = Shard { pixels: grey.repeat(DRAWS), labels: vec![label; DRAWS] };
    let dataset = Dataset::complete("one image", Shard::default(), copies);
    let subject = Subject { model, card, dataset: &dataset, judge: None };
    let mut sums = Sums::new(is_by_prior(card));
    match sums.add(&subject, 0..DRAWS).await {
        Ok(()) => Ok(Some(TestLoss { images: 1, ..sums.loss(card, DRAWS) })),
        Err(CoreError::Unable(_)) => Ok(None),
        Err(err) => Err(err),
    }
}

impl TestLossEvaluation {
    /// Measure this model.
    #[must_use]
    pub fn new(model: Box<dyn LatentModel>, card: &'static ModelCard) -> Self {
        Self { model, card, next: 0, sums: Sums::new(is_by_prior(card)) }
    }

    /// Measure the likelihood of this model by codes of the prior, also where there is an encoder: what can be compared
    /// with a model that has none.
    #[must_use]
    pub fn by_prior(model: Box<dyn LatentModel>, card: &'static ModelCard) -> Self {
        Self { sums: Sums::new(true), ..Self::new(model, card) }
    }

    /// Whether a card allows it.
    #[must_use]
    pub fn is_possible(card: &ModelCard) -> bool {
        card.abilities.likelihood.is_some() || card.abilities.encode
    }

    /// Measure the next chunk; the result when it was the last.
    ///
    /// # Errors
    /// When the encoder is missing or the device fails.
    pub async fn advance(&mut self, dataset: &Dataset) -> Result<Option<TestLoss>, CoreError> {
        let subject = Subject { model: self.model.as_ref(), card: self.card, dataset, judge: None };
        let mut images = dataset.test().labels.len();
        if self.sums.by_prior {
            images = images.min(prior::IMAGES);
        }
        let range = chunk(self.next, images);
        self.next += 1;
        let end = range.end;
        self.sums.add(&subject, range).await?;
        Ok((end == images).then(|| self.sums.loss(self.card, images)))
    }
}

impl Sums {
    fn new(by_prior: bool) -> Self {
        Self { by_prior, reconstruction: 0.0, kl: 0.0 }
    }

    async fn add(&mut self, subject: &Subject<'_>, range: Range<usize>) -> Result<(), CoreError> {
        let unable = CoreError::Unable("measure images: its encoder is missing");
        if self.by_prior {
            let log_p = prior::log_p(subject, subject.dataset.test(), range).await?;
            self.reconstruction -= log_p.iter().sum::<f64>();
        } else if subject.card.abilities.likelihood.is_some() {
            let examples = subject.test(range.clone());
            let terms = subject.model.bound(&examples, subject.eps(&range, 1)).ok_or(unable)?;
            self.reconstruction += sum(&read(terms.reconstruction).await?);
            self.kl += sum(&read(terms.kl.sum_dim(1)).await?);
        } else {
            let examples = greys(subject.dataset.test(), range, subject.model);
            let again = subject.model.reconstruct(&examples).ok_or(unable)?;
            let squares = (again - examples.images.flatten(1, 3)).powi_scalar(2).mean_dim(1);
            self.reconstruction += sum(&read(squares).await?);
        }
        Ok(())
    }

    fn loss(&self, card: &ModelCard, images: usize) -> TestLoss {
        let (reconstruction, kl) = (mean(self.reconstruction, images), mean(self.kl, images));
        let parts = vec![("reconstruction".to_string(), reconstruction), ("KL".to_string(), kl)];
        let (kind, codes) = (card.abilities.likelihood, prior::CODES);
        if let Some(kind) = kind.filter(|_| self.by_prior) {
            let (label, unit) = match kind {
                Likelihood::Bernoulli => ("\u{2212}log p(x)", "nats, fixed bits"),
                Likelihood::Gaussian => ("\u{2212}log p(x) (density)", "nats"),
            };
            let unit = format!("{unit}, {codes} codes of the prior");
            return TestLoss { label: label.into(), unit, total: reconstruction, parts: Vec::new(), images };
        }
        match kind {
            Some(Likelihood::Bernoulli) => TestLoss {
                label: "\u{2212}ELBO".into(),
                unit: "nats, fixed bits".into(),
                total: reconstruction + kl,
                parts,
                images,
            },
            Some(Likelihood::Gaussian) => TestLoss {
                label: "\u{2212}ELBO (density)".into(),
                unit: "nats".into(),
                total: reconstruction + kl,
                parts,
                images,
            },
            None => TestLoss {
                label: "squared error".into(),
                unit: "per pixel".into(),
                total: reconstruction,
                parts: Vec::new(),
                images,
            },
        }
    }
}
