//! The engine as a library: any number of models and runs, told by numbered requests, each answered once.
//!
//! Nothing happens by itself: training is pulled, so many steps a request. Between two steps the other requests are met,
//! so decodes are answered during a run.

mod images;
mod training;

use std::future::Future;
use std::rc::Rc;

use latent_core::data::{CLASSES, PIXELS};
use latent_core::picture::Tiles;
use latent_core::training::Run;
use latent_core::weights::{WeightFile, key, read};
use latent_core::{CoreError, Device, Examples, Family, LatentModel, decode, models};
use latent_protocol::library::{ErrorCode, Failure, ModelFacts, Reply, Request, Stats};
use latent_protocol::{ModelCard, Settings, Theme, fill};

use crate::inbox::{Inbox, Item};
use crate::session::can_encode;
use litemap::LiteMap;
use training::Training;

/// Codes or images that are computed at once: what lies between the layers stays small.
const CHUNK: usize = 1024;

/// Codes or images in a request: their pixels take 150 MB.
const MOST: usize = 50_000;

/// An array beside a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Numbers.
    Floats(Vec<f32>),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A request with its number and what came beside it.
#[derive(Debug)]
pub struct Call {
    /// Its number.
    pub id: u32,
    /// What is asked.
    pub request: Request,
    /// What came beside it.
    pub parts: Vec<Part>,
}

impl Item for Call {
    /// Whoever asks may wait for every answer.
    fn supersedes(&self, _old: &Self) -> bool {
        false
    }
}

/// What is answered, and what goes beside it.
pub type Answer = Result<(Reply, Vec<Part>), Failure>;

/// The place a library runs in: a worker, or a test.
pub trait Port {
    /// Answer the request with this number.
    fn answer(&self, id: u32, answer: Answer);
    /// Draw on the canvas. Whether there is one.
    fn paint(&self, tiles: Tiles) -> impl Future<Output = Result<bool, CoreError>>;
    /// A clock, in milliseconds from any beginning.
    fn now_ms(&self) -> f64;
    /// What was counted and measured outside of the library: memory, and the GPU's work.
    fn stats(&self) -> Stats;
}

/// Models and runs by number.
pub struct Library<P: Port> {
    port: Rc<P>,
    device: Device,
    models: LiteMap<u32, Box<dyn LatentModel>>,
    runs: LiteMap<u32, Training>,
    /// The number that was handed out last.
    handle: u32,
    /// The run that did the last step.
    turn: u32,
    decode_ms: f64,
    step_ms: f64,
}

impl<P: Port> Library<P> {
    /// A library without models.
    #[must_use]
    pub fn new(port: Rc<P>, device: Device) -> Self {
        Self {
            port,
            device,
            models: LiteMap::new(),
            runs: LiteMap::new(),
            handle: 0,
            turn: 0,
            decode_ms: 0.0,
            step_ms: 0.0,
        }
    }

    /// Serve the inbox for ever; `breathe` gives way to the event loop between units of work.
    pub async fn serve(mut self, inbox: Rc<Inbox<Call>>, breathe: impl AsyncFn()) {
        loop {
            while let Some(call) = inbox.take() {
                self.meet(call).await;
            }
            if self.work().await {
                breathe().await;
            } else {
                inbox.wait().await;
            }
        }
    }

    /// Meet a request. Those that take steps are answered by [`work`](Self::work).
    pub async fn meet(&mut self, Call { id, request, parts }: Call) {
        let answer = match request {
            Request::Steps { run, count } => self.run(run).and_then(|run| run.ask_steps(id, count)),
            Request::Evaluate { run } => self.run(run).and_then(|run| run.ask_evaluation(id)),
            request => {
                let answer = self.reply(request, parts).await;
                return self.port.answer(id, answer);
            }
        };
        if let Err(failure) = answer {
            self.port.answer(id, Err(failure));
        }
    }

    /// Do a step or a chunk of an evaluation of one run; the runs take turns. Whether there was any to do.
    pub async fn work(&mut self) -> bool {
        let due = |(number, run): (&u32, &Training)| run.is_due().then_some(*number);
        let later = self.runs.iter().filter(|(number, _)| **number > self.turn).find_map(due);
        let Some(turn) = later.or_else(|| self.runs.iter().find_map(due)) else { return false };
        self.turn = turn;
        if let Some(run) = self.runs.get_mut(&turn) {
            run.work(self.port.as_ref(), &mut self.step_ms).await;
        }
        true
    }

    async fn reply(&mut self, request: Request, parts: Vec<Part>) -> Answer {
        let beside = match request {
            Request::Open { .. } => return Err(busy("this engine is open already")),
            // The port has taken the canvas; steps and evaluations are answered by `work`.
            Request::Canvas | Request::Steps { .. } | Request::Evaluate { .. } => Vec::new(),
            Request::Load => return self.load(&parts),
            Request::Decode { model } => vec![Part::Floats(self.decode(model, floats(parts)?).await?)],
            Request::Encode { model } => self.encode(model, parts).await?,
            Request::LatentFromUnit { model, axes, class } => {
                let model = self.model(model)?;
                let plane = model.plane().with_class(class).with_axes(axes);
                let points = floats(parts)?;
                let (pairs, rest) = points.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err(shape("points of the unit square are two numbers each"));
                }
                vec![Part::Floats(plane.latent_from_unit(pairs))]
            }
            Request::Draw { model, columns, theme } => {
                self.draw(model, floats(parts)?, columns, theme).await?;
                Vec::new()
            }
            Request::Train { family, settings, seed, holdout } => {
                let family = models::family(&family).map_err(failure)?;
                let settings = with(Settings::defaults(&family.card), &family.card, &settings)?;
                let dataset = images::dataset(parts, holdout)?;
                let run = Run::new(&self.device, &family.card.id, &settings, seed, &dataset);
                return Ok(self.begin(Training::new(run.map_err(failure)?, dataset)));
            }
            Request::Resume { holdout } => {
                let mut parts = parts.into_iter();
                let Some(Part::Bytes(file)) = parts.next() else { return Err(shape("a saved run is bytes")) };
                let dataset = images::dataset(parts.collect(), holdout)?;
                let run = Run::restore(&self.device, &file, &dataset).map_err(failure_of_file)?;
                return Ok(self.begin(Training::new(run, dataset)));
            }
            Request::Pause { run } => {
                let port = Rc::clone(&self.port);
                self.run(run)?.pause(port.as_ref()).await;
                Vec::new()
            }
            Request::Adjust { run, settings } => {
                let run = self.run(run)?;
                run.adjust(&with(run.settings().clone(), &run.family().card, &settings)?)?;
                Vec::new()
            }
            Request::Snapshot { run } => {
                let (model, family, metadata) = self.run(run)?.snapshot();
                return Ok(self.keep(model, family, metadata));
            }
            Request::Save { run } => {
                vec![Part::Bytes(self.run(run)?.checkpoint().await.map_err(failure)?)]
            }
            Request::Drop { handle } => {
                self.models.remove(&handle);
                if let Some(run) = self.runs.remove(&handle) {
                    run.end(self.port.as_ref());
                }
                Vec::new()
            }
            Request::Stats => {
                let (decode_ms, step_ms) = (self.decode_ms, self.step_ms);
                return Ok((Reply::Stats(Stats { decode_ms, step_ms, ..self.port.stats() }), Vec::new()));
            }
        };
        Ok((Reply::Done, beside))
    }

    fn load(&mut self, parts: &[Part]) -> Answer {
        let mut whole = WeightFile::default();
        for part in parts {
            let Part::Bytes(bytes) = part else { return Err(shape("a file of weights is bytes")) };
            let file = WeightFile::parse(bytes).map_err(|err| failure(err.into()))?;
            fill(&mut whole.tensors, file.tensors);
            // The first file says what all of them are.
            if whole.metadata.is_empty() {
                whole.metadata = file.metadata;
            }
        }
        let whole = whole.without_state();
        let id = whole.entry(key::FAMILY).map_err(|err| failure(err.into()))?;
        let family = models::family(id).map_err(failure)?;
        let model = (family.load)(&self.device, &whole).map_err(failure_of_file)?;
        Ok(self.keep(model, family, whole.metadata))
    }

    fn keep(
        &mut self,
        model: Box<dyn LatentModel>,
        family: &Family,
        metadata: LiteMap<String, String>,
    ) -> (Reply, Vec<Part>) {
        let plane = model.plane();
        self.handle += 1;
        let facts = ModelFacts {
            model: self.handle,
            family: family.card.id.to_string(),
            latent_dim: plane.latent_dim,
            classes: plane.classes,
            pixels: PIXELS,
            encodes: can_encode(model.as_ref()),
            metadata: metadata.into_iter().collect(),
        };
        self.models.insert(self.handle, model);
        (Reply::Model(facts), Vec::new())
    }

    fn begin(&mut self, run: Training) -> (Reply, Vec<Part>) {
        self.handle += 1;
        let (family, progress) = (run.family().card.id.to_string(), run.progress());
        self.runs.insert(self.handle, run);
        (Reply::Run { run: self.handle, family, progress }, Vec::new())
    }

    async fn decode(&mut self, model: u32, z: Vec<f32>) -> Result<Vec<f32>, Failure> {
        let start = self.port.now_ms();
        let model = self.codes_of(model, &z)?;
        let length = model.plane().code_length();
        let count = z.len() / length;
        let pixels = if count <= CHUNK {
            read(decode(model, z)).await.map_err(failure)?
        } else {
            let mut pixels = Vec::with_capacity(count * PIXELS);
            for chunk in z.chunks(CHUNK * length) {
                pixels.extend(read(decode(model, chunk.to_vec())).await.map_err(failure)?);
            }
            pixels
        };
        self.decode_ms = self.port.now_ms() - start;
        Ok(pixels)
    }

    /// A model, if these are codes of it.
    fn codes_of(&self, model: u32, z: &[f32]) -> Result<&dyn LatentModel, Failure> {
        let model = self.model(model)?;
        count(z.len(), model.plane().code_length(), "codes of this model")?;
        if z.iter().any(|number| !number.is_finite()) {
            return Err(values("codes must be finite numbers"));
        }
        Ok(model)
    }

    async fn draw(&mut self, model: u32, z: Vec<f32>, columns: usize, theme: Theme) -> Result<(), Failure> {
        let start = self.port.now_ms();
        let images = decode(self.codes_of(model, &z)?, z);
        if self.port.paint(Tiles { images, columns: columns.max(1), theme }).await.map_err(failure)? {
            self.decode_ms = self.port.now_ms() - start;
            return Ok(());
        }
        let message = "there is no canvas to draw on; hand one to createEngine".into();
        Err(Failure { code: ErrorCode::NoCanvas, message })
    }

    /// Means, and logarithms of variances where there are any.
    async fn encode(&self, model: u32, parts: Vec<Part>) -> Result<Vec<Part>, Failure> {
        let model = self.model(model)?;
        let mut parts = parts.into_iter();
        let pixels: Vec<f32> = match parts.next() {
            Some(Part::Floats(pixels)) => pixels,
            Some(Part::Bytes(greys)) => greys.iter().map(|grey| f32::from(*grey) / 255.0).collect(),
            None => return Err(shape("there are no images to encode")),
        };
        let count = count(pixels.len(), PIXELS, "images of 28 x 28 pixels")?;
        if !pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)) {
            return Err(values(
                "pixels must lie in 0 to 1; greys from 0 to 255 can be passed as a Uint8Array",
            ));
        }
        let labels = match parts.next() {
            Some(Part::Bytes(labels)) => labels,
            _ if model.plane().classes > 0 => return Err(shape("this model is told the class: pass labels")),
            _ => vec![0; count],
        };
        if labels.len() != count || labels.iter().any(|label| usize::from(*label) >= CLASSES) {
            return Err(shape("there must be one label from 0 to 9 for each image"));
        }
        let (mut mu, mut log_var) = (Vec::new(), Vec::new());
        for (pixels, labels) in pixels.chunks(CHUNK * PIXELS).zip(labels.chunks(CHUNK)) {
            let examples = Examples::new(pixels.to_vec(), labels, &model.device());
            let unable = CoreError::Unable("encode: its file has no encoder");
            let posterior = model.encode(&examples).ok_or_else(|| failure(unable))?;
            mu.extend(read(posterior.mu).await.map_err(failure)?);
            if let Some(found) = posterior.log_var {
                log_var.extend(read(found).await.map_err(failure)?);
            }
        }
        let log_var = (!log_var.is_empty()).then_some(Part::Floats(log_var));
        Ok([Some(Part::Floats(mu)), log_var].into_iter().flatten().collect())
    }

    fn model(&self, number: u32) -> Result<&dyn LatentModel, Failure> {
        self.models.get(&number).map(Box::as_ref).ok_or_else(|| gone("model"))
    }

    fn run(&mut self, number: u32) -> Result<&mut Training, Failure> {
        self.runs.get_mut(&number).ok_or_else(|| gone("run"))
    }
}

/// So many whole items.
fn count(length: usize, item: usize, what: &str) -> Result<usize, Failure> {
    let count = length / item;
    if length == 0 || !length.is_multiple_of(item) {
        return Err(shape(&format!(
            "{what} are {item} numbers each, one after the other; {length} were passed"
        )));
    }
    if count > MOST {
        return Err(shape(&format!("at most {MOST} at once; {count} were passed")));
    }
    Ok(count)
}

fn floats(parts: Vec<Part>) -> Result<Vec<f32>, Failure> {
    match parts.into_iter().next() {
        Some(Part::Floats(floats)) => Ok(floats),
        _ => Err(shape("numbers are passed as a Float32Array")),
    }
}

/// Settings with these values, which are written as on the command line.
fn with(mut settings: Settings, card: &ModelCard, entries: &[(String, String)]) -> Result<Settings, Failure> {
    for (key, text) in entries {
        settings.set(card, key, text).map_err(|err| failure(err.into()))?;
    }
    Ok(settings)
}

fn shape(message: &str) -> Failure {
    Failure { code: ErrorCode::BadShape, message: message.into() }
}

fn values(message: &str) -> Failure {
    Failure { code: ErrorCode::BadValues, message: message.into() }
}

fn busy(message: &str) -> Failure {
    Failure { code: ErrorCode::Busy, message: message.into() }
}

fn gone(what: &str) -> Failure {
    Failure { code: ErrorCode::Disposed, message: format!("this {what} was disposed of") }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failure(err: CoreError) -> Failure {
    let code = match &err {
        CoreError::Settings(_) => ErrorCode::BadSettings,
        CoreError::Weights(_) => ErrorCode::BadFile,
        CoreError::UnknownFamily(_) => ErrorCode::UnknownFamily,
        CoreError::Unable(_) | CoreError::Unsuited { .. } => ErrorCode::Unable,
        CoreError::Read(_) | CoreError::Draw(_) => ErrorCode::DeviceLost,
        CoreError::Idx(_)
        | CoreError::OtherData { .. }
        | CoreError::TooManyClasses { .. }
        | CoreError::TooFewImages => ErrorCode::BadData,
    };
    Failure { code, message: err.to_string() }
}

/// Settings in a file are the file's fault.
fn failure_of_file(err: CoreError) -> Failure {
    let mut failure = failure(err);
    if failure.code == ErrorCode::BadSettings {
        failure.code = ErrorCode::BadFile;
    }
    failure
}

#[cfg(test)]
mod tests;
