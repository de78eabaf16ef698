//! What is told of single images, of the test images' places and of paths, anew whenever the model changes.

use std::ops::Range;

use latent_core::data::{Dataset, PIXELS};
use latent_core::observation::{self, Look};
use latent_core::path::{Geodesic, codes_along, travel};
use latent_core::{CoreError, LatentModel, Plane};
use latent_protocol::{Event, ModelCard, Path, Subject};

use crate::host::Host;

/// Test images encoded in one unit of work.
const CHUNK: usize = 250;

/// A model as the tools need it.
pub struct Shown<'a> {
    pub model: &'a dyn LatentModel,
    pub card: &'a ModelCard,
    pub plane: Plane,
    pub class: usize,
}

/// What the page's tools look at.
#[derive(Default)]
pub struct Tools {
    subject: Subject,
    drawing: Vec<u8>,
    draw: u64,
    observe_due: bool,
    points: Points,
    journey: Journey,
    /// When a long piece of work was last done, and how long it took.
    worked_ms: f64,
    cost_ms: f64,
    was_training: bool,
}

/// Test images whose places are told.
#[derive(Default)]
struct Points {
    count: usize,
    /// The next of them, and how many have yet to be told.
    next: usize,
    left: usize,
    images_told: bool,
}

/// A path that is travelled.
#[derive(Default)]
struct Journey {
    path: Option<Path>,
    /// Codes of a geodesic, once it was found, or the search for it.
    geodesic: Option<Vec<f32>>,
    search: Option<Geodesic>,
    due: bool,
}

impl Tools {
    /// Look at an image, or at none.
    pub fn set_subject(&mut self, subject: Subject, draw: u64, drawing: Vec<u8>) -> Result<(), CoreError> {
        if subject == Subject::Drawing && drawing.len() != PIXELS {
            return Err(CoreError::Unable("read this drawing: it is not 28 by 28 pixels"));
        }
        (self.subject, self.draw, self.drawing) = (subject, draw, drawing);
        self.observe_due = true;
        Ok(())
    }

    /// Tell where so many test images lie.
    pub fn set_points(&mut self, count: usize) {
        // Whoever asks may not have the images any more.
        self.points = Points { count, next: 0, left: count, images_told: false };
    }

    /// Travel along a path, or along none.
    pub fn set_path(&mut self, path: Option<Path>) {
        self.journey = Journey { due: path.is_some(), path, ..Journey::default() };
    }

    /// A search for a geodesic, where one is wanted and not yet under way: it needs a model of its own.
    pub fn wants_search(&self) -> bool {
        let way = |path: &Path| matches!(path, Path::Between { way: latent_protocol::Way::Geodesic, .. });
        self.journey.due
            && self.journey.search.is_none()
            && self.journey.geodesic.is_none()
            && self.journey.path.as_ref().is_some_and(way)
    }

    /// Begin the search, from the straight line, in a model with derivatives.
    pub fn search(&mut self, model: Box<dyn LatentModel>, plane: &Plane) -> Result<(), CoreError> {
        if let Some(path) = &self.journey.path {
            let codes = codes_along(path, plane).inspect_err(|_| self.journey.due = false)?;
            self.journey.search = Some(Geodesic::new(model, codes));
        }
        Ok(())
    }

    /// Whether test images are needed.
    pub fn needs_data(&self) -> bool {
        matches!(self.subject, Subject::Image(_)) || self.points.count > 0
    }

    /// The model or the look at it has changed.
    pub fn refresh(&mut self) {
        self.observe_due = self.subject != Subject::None;
        self.points.left = self.points.count;
        self.journey.due = self.journey.path.is_some();
    }

    /// Another model is on show: what was found of the old one says nothing.
    pub fn renew(&mut self) {
        self.journey.geodesic = None;
        self.journey.search = None;
        self.refresh();
    }

    /// Other images are there.
    pub fn renew_images(&mut self) {
        self.set_points(self.points.count);
        self.observe_due = self.subject != Subject::None;
    }

    /// Do the next piece of work. Whether there was any.
    pub async fn work(
        &mut self,
        host: &impl Host,
        shown: &Shown<'_>,
        dataset: Option<&Dataset>,
        is_training: bool,
    ) -> Result<bool, CoreError> {
        let dataset = dataset.filter(|dataset| dataset.has_test());
        if std::mem::replace(&mut self.was_training, is_training)
            && !is_training
            && self.journey.geodesic.is_some()
        {
            // The shortest way in weights that have changed since.
            self.journey.geodesic = None;
            self.journey.due = true;
            return Ok(true);
        }
        // A model that learns is followed in at most a fifth of the time.
        let rests = is_training && host.now_ms() - self.worked_ms < 4.0 * self.cost_ms;
        if self.observe_due && (self.subject == Subject::None || !self.needs_image() || dataset.is_some()) {
            self.observe_due = false;
            self.observe(host, shown, dataset).await?;
            return Ok(true);
        }
        if rests {
            return Ok(false);
        }
        let start = host.now_ms();
        let mut worked = self.journey.due && self.advance_path(host, shown).await?;
        if !worked
            && self.points.left > 0
            && let Some(dataset) = dataset
        {
            self.tell_points(host, shown, dataset).await?;
            worked = true;
        }
        if worked {
            self.worked_ms = host.now_ms();
            self.cost_ms = self.worked_ms - start;
        }
        Ok(worked)
    }

    fn needs_image(&self) -> bool {
        matches!(self.subject, Subject::Image(_))
    }

    async fn observe(
        &mut self,
        host: &impl Host,
        shown: &Shown<'_>,
        dataset: Option<&Dataset>,
    ) -> Result<(), CoreError> {
        let (grey, label) = match self.subject {
            Subject::None => (&[][..], None),
            Subject::Drawing => (&self.drawing[..], None),
            Subject::Image(index) => {
                let Some(test) = dataset.map(Dataset::test) else { return Ok(()) };
                let index = index.min(test.labels.len() - 1);
                self.subject = Subject::Image(index);
                (&test.pixels[index * PIXELS..(index + 1) * PIXELS], Some(test.labels[index]))
            }
        };
        let mut found = None;
        if !grey.is_empty() {
            let look = Look { subject: self.subject, grey, label, class: shown.class, draw: self.draw };
            found = observation::observe(shown.model, shown.card, &shown.plane, &look).await?;
        }
        let (observation, pictures) = found.map_or((None, Vec::new()), |(seen, bytes)| (Some(seen), bytes));
        host.hand_over(Event::Observed { observation }, pictures);
        Ok(())
    }

    /// One step of a search, or the journey itself.
    async fn advance_path(&mut self, host: &impl Host, shown: &Shown<'_>) -> Result<bool, CoreError> {
        if let Some(search) = &mut self.journey.search {
            if let Some(found) = search.advance().await? {
                self.journey.geodesic = Some(found);
                self.journey.search = None;
            }
            return Ok(true);
        }
        self.journey.due = false;
        let Some(path) = &self.journey.path else { return Ok(false) };
        let codes = match &self.journey.geodesic {
            Some(codes) => codes.clone(),
            // What does not fit this model was said when the path was asked for.
            None => match codes_along(path, &shown.plane) {
                Ok(codes) => codes,
                Err(_) => return Ok(false),
            },
        };
        let (route, pictures) = travel(shown.model, &shown.plane, &codes).await?;
        host.hand_over(Event::Travelled { route }, pictures);
        Ok(true)
    }

    async fn tell_points(
        &mut self,
        host: &impl Host,
        shown: &Shown<'_>,
        dataset: &Dataset,
    ) -> Result<(), CoreError> {
        let test = dataset.test();
        let count = self.points.count.min(test.labels.len());
        if !self.points.images_told {
            self.points.images_told = true;
            let bytes = [&test.labels[..count], &test.pixels[..count * PIXELS]].concat();
            host.hand_over(Event::TestImages { count }, bytes);
        }
        let first = if self.points.next < count { self.points.next } else { 0 };
        let range: Range<usize> = first..(first + CHUNK).min(count);
        let Some(points) = observation::points(shown.model, &shown.plane, test, range.clone()).await? else {
            self.points.left = 0;
            return Ok(());
        };
        let bytes = points.as_flattened().iter().flat_map(|v| v.to_le_bytes()).collect();
        host.hand_over(Event::Points { first, count: range.len() }, bytes);
        self.points.next = range.end;
        self.points.left = self.points.left.min(count).saturating_sub(range.len());
        Ok(())
    }
}
