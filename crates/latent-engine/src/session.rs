//! The session: one model on show, at most one run, and what is drawn of them.
//!
//! Work is cut into units of a few tens of milliseconds: a decoded digit, a band of the plane, a training step,
//! a chunk of an evaluation. Between units the inbox is read, so a drag is answered within one unit.

mod insight;
mod measuring;
mod strip;
mod tools;
mod training;
mod trial;
mod view;

use std::rc::Rc;

use latent_core::data::{Dataset, PIXELS, read_shard};
use latent_core::judge::Judge;
use latent_core::path::Geodesic;
use latent_core::training::Run;
use latent_core::weights::{Precision, WeightFile, key};
use latent_core::{CoreError, Device, Examples, Family, LatentModel, evaluation, models};
use latent_protocol::{
    Command, DataSource, DeviceReport, Effort, Event, ModelSummary, Phase, Provenance, Strip, fill,
};

use crate::host::Host;
use crate::inbox::{DataInput, Inbox, Input};
use measuring::Measuring;
use tools::{Shown, Tools};
use training::Training;
use trial::Trial;
use view::{Change, View};

/// Test images from which the KL of each latent is told while it is drawn.
const KL_IMAGES: usize = 200;

/// Fewest milliseconds between two times that it is told while training.
const KL_MS: f64 = 2000.0;

/// The state of an engine.
pub struct Session<H: Host> {
    host: Rc<H>,
    device: Device,
    report: DeviceReport,
    /// The model of the last file, to come back to.
    base: Option<WeightFile>,
    /// The checkpoint on show whose run has not begun: its images are on their way.
    restoring: Option<WeightFile>,
    view: View,
    training: Training,
    measuring: Measuring,
    tools: Tools,
    trial: Option<Trial>,
    /// What says which digit it sees.
    judge: Option<Judge>,
    /// When the KL of each latent was last told.
    kl_ms: f64,
    /// The images that come with the page, which go on arriving while others are used.
    shipped: Option<Dataset>,
    /// The visitor's images, which then are used instead.
    own: Option<Dataset>,
    fetching: bool,
}

impl<H: Host> Session<H> {
    /// A session without a model.
    #[must_use]
    pub fn new(host: Rc<H>, device: Device, report: DeviceReport) -> Self {
        Self {
            host,
            device,
            report,
            base: None,
            restoring: None,
            view: View::default(),
            training: Training::default(),
            measuring: Measuring::default(),
            tools: Tools::default(),
            trial: None,
            judge: None,
            kl_ms: f64::NEG_INFINITY,
            shipped: None,
            own: None,
            fetching: false,
        }
    }

    /// Serve the inbox for ever; `breathe` gives way to the event loop between units of work.
    pub async fn serve(mut self, inbox: Rc<Inbox>, breathe: impl AsyncFn()) {
        loop {
            while let Some(input) = inbox.take() {
                self.handle(input).await;
            }
            if self.work().await {
                breathe().await;
            } else {
                inbox.wait().await;
            }
        }
    }

    /// React to an input.
    pub async fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command, bytes) => {
                let name = command.name();
                if let Err(err) = self.obey(command, bytes).await {
                    self.fail(name, &err);
                }
            }
            Input::Data(data) => self.take_data(data),
            Input::DeviceFault(reason) => self.host.emit(Event::Fault { reason }),
        }
    }

    /// Do one unit of work; whether there was any.
    pub async fn work(&mut self) -> bool {
        let result = self.unit().await;
        match result {
            Ok(worked) => worked,
            Err(err) => {
                // Only a device that does not answer fails here: what is asked for was checked before.
                self.training.stop();
                if self.measuring.is_active() {
                    self.measuring.stop(self.host.as_ref());
                }
                self.view.clear();
                self.host.emit(Event::Fault { reason: err.to_string() });
                false
            }
        }
    }

    async fn unit(&mut self) -> Result<bool, CoreError> {
        if self.training.owes_save() {
            self.training.save(self.host.as_ref()).await?;
            return Ok(true);
        }
        let now = self.host.now_ms();
        if self.training.is_running() {
            self.view.follow(now);
        }
        if self.view.is_due() {
            if let Some(fresh) = self.training.snapshot() {
                self.view.renew(fresh);
            }
            self.encode_for_view().await?;
            let step = self.training.run().map(Run::step);
            self.view.draw(self.host.as_ref(), step).await?;
            return Ok(true);
        }
        if self.use_tools().await? {
            return Ok(true);
        }
        if let Some(trial) = &mut self.trial {
            if let Some(timings) = trial.advance(self.host.as_ref(), self.view.grid()).await? {
                self.trial = None;
                self.host.emit(Event::Tried(timings));
            }
            return Ok(true);
        }
        let Some(dataset) = self.own.as_ref().or(self.shipped.as_ref()) else { return Ok(false) };
        let measured = self.measuring.advance(self.host.as_ref(), dataset).await?;
        let evaluated = self.training.evaluate(self.host.as_ref(), dataset).await?;
        if !self.training.is_running() {
            return Ok(evaluated || measured);
        }
        let moved = self.training.step(self.host.as_ref(), dataset).await?;
        if moved.is_some_and(|rolled_back| rolled_back) || !self.training.is_running() {
            self.view.refresh();
        }
        Ok(true)
    }

    /// A piece of work of the tools. Whether there was any.
    async fn use_tools(&mut self) -> Result<bool, CoreError> {
        match self.view.take_change() {
            Change::None => {}
            Change::Look => self.tools.refresh(),
            Change::Model => self.tools.renew(),
        }
        if self.tools.wants_search() {
            self.begin_search().await?;
        }
        let Some(family) = self.family() else { return Ok(false) };
        let Some(model) = self.view.model() else { return Ok(false) };
        let shown =
            Shown { model, card: &family.card, plane: self.view.plane_of(model), class: self.view.class() };
        let is_training = self.training.is_running();
        let dataset = self.own.as_ref().or(self.shipped.as_ref());
        self.tools.work(self.host.as_ref(), &shown, dataset, is_training).await
    }

    /// The family of the model on show.
    fn family(&self) -> Option<&'static Family> {
        if let Some(run) = self.training.run() {
            return Some(run.family());
        }
        models::family(self.shown_file()?.entry(key::FAMILY).ok()?).ok()
    }

    /// The file of the model on show, where that is not a run's.
    fn shown_file(&self) -> Option<&WeightFile> {
        self.restoring.as_ref().or(self.base.as_ref())
    }

    /// Begin the search for a geodesic in a copy of the model that has derivatives.
    async fn begin_search(&mut self) -> Result<(), CoreError> {
        let Some(model) = self.view.model() else { return Ok(()) };
        let file = match (self.training.run(), self.shown_file()) {
            (Some(run), _) => run.weights().await?,
            (None, Some(file)) => file.clone(),
            (None, None) => return Ok(()),
        };
        let family = models::family(file.entry(key::FAMILY)?)?;
        let plane = self.view.plane_of(model);
        let derivable = (family.load)(&Geodesic::device(&self.device), &file)?;
        if let Err(err) = self.tools.search(derivable, &plane) {
            self.fail("travel", &err);
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command, bytes: Option<Vec<u8>>) -> Result<(), CoreError> {
        let bytes = bytes.unwrap_or_default();
        match command {
            Command::Attach { theme, grid, point, .. } => {
                self.view.set_look(theme, grid, point);
                let families = models::FAMILIES.iter().map(|family| family.card.clone()).collect();
                self.host.emit(Event::Ready { device: self.report.clone(), families });
            }
            Command::Load => self.load(&bytes).await?,
            Command::Complete => self.complete(&bytes)?,
            Command::Restore { running } => {
                self.show_checkpoint(&bytes)?;
                self.training.ask_restore(bytes, running);
                self.begin()?;
            }
            Command::Move { point } => self.view.set_point(point),
            Command::Grid { grid } => self.view.set_grid(grid),
            Command::Look(look) => {
                if look.anchors.is_some() {
                    self.need_data();
                }
                self.view.set_plane(look);
            }
            Command::Strip { strip } => {
                if strip == Strip::Traversals {
                    self.need_data();
                }
                self.view.set_strip(strip);
            }
            Command::Recolor { theme } => self.view.set_theme(theme),
            Command::Train { family, settings, seed } => {
                self.training.ask_start(&family, &settings, seed, None)?;
                self.begin()?;
            }
            Command::Step { family, settings, seed } => {
                self.training.ask_start(&family, &settings, seed, Some(1))?;
                self.begin()?;
            }
            Command::Pause => {
                self.training.pause(self.host.as_ref()).await?;
                self.training.save(self.host.as_ref()).await?;
            }
            Command::Reset => {
                self.drop_run().await?;
                if let Some(base) = self.base.take() {
                    self.show_file(base)?;
                }
                self.host.emit(Event::PhaseChanged { phase: Phase::Idle });
            }
            Command::Adjust { settings } => self.training.adjust(&settings)?,
            Command::Measure { effort } => self.measure(&bytes, effort)?,
            Command::StopMeasuring => self.measuring.stop(self.host.as_ref()),
            Command::Recover { learning_rate } => self.training.recover(self.host.as_ref(), learning_rate)?,
            Command::Save => self.training.ask_save(),
            Command::Observe { subject, draw } => {
                self.tools.set_subject(subject, draw, bytes)?;
                self.need_tools_data();
            }
            Command::Points { count } => {
                self.tools.set_points(count);
                self.need_tools_data();
            }
            Command::Travel { path } => self.tools.set_path(path),
            Command::Dissect { family, settings, seed } => {
                self.training.ask_start(&family, &settings, seed, Some(1))?;
                self.training.ask_dissection();
                self.begin()?;
            }
            Command::UseData { source } => self.use_data(&source, &bytes).await?,
            Command::Export => self.export().await?,
            Command::Judge => self.judge(&bytes).await?,
            Command::Trace => self.trace().await?,
            Command::Try { family, settings, rival_ms } => {
                self.trial = Some(Trial::new(&self.device, &family, &settings, rival_ms)?);
            }
        }
        Ok(())
    }

    /// Show the model of a file and drop the run.
    async fn load(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        let file = WeightFile::parse(bytes)?;
        self.show_file(file)?;
        if self.drop_run().await? {
            self.host.emit(Event::PhaseChanged { phase: Phase::Idle });
        }
        Ok(())
    }

    /// Forget the run, having handed it over: whoever dropped it by mistake gets it back from these bytes. Whether there
    /// was one, or was to be one.
    async fn drop_run(&mut self) -> Result<bool, CoreError> {
        let was_asked = self.training.asked().is_some();
        let has_run = self.training.run().is_some();
        if has_run {
            self.training.save(self.host.as_ref()).await?;
        }
        self.training.forget();
        self.restoring = None;
        Ok(has_run || was_asked)
    }

    fn show_file(&mut self, file: WeightFile) -> Result<(), CoreError> {
        let (model, summary) = self.open(&file, Provenance::File)?;
        self.base = Some(file);
        self.view.show(model);
        self.host.emit(Event::Loaded(summary));
        Ok(())
    }

    /// Add tensors to the file on show.
    fn complete(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        let part = WeightFile::parse(bytes)?;
        let Some(base) = &self.base else { return Ok(()) };
        let mut whole = base.clone();
        fill(&mut whole.tensors, part.tensors);
        let (model, summary) = self.open(&whole, Provenance::File)?;
        self.base = Some(whole);
        // A run is not touched: its model has all its parts.
        if self.training.run().is_none() && self.restoring.is_none() {
            self.view.show(model);
            self.host.emit(Event::Loaded(summary));
        }
        Ok(())
    }

    /// Measure the model on show, as soon as the images are there.
    fn measure(&mut self, judge: &[u8], effort: Effort) -> Result<(), CoreError> {
        // It knows the digits of the page's images only.
        let judge = match self.own {
            Some(_) => None,
            None => Some(Judge::load(&self.device, &WeightFile::parse(judge)?)?),
        };
        let subject = match (self.training.run(), self.shown_file()) {
            (Some(run), _) => Some((run.snapshot(), run.family(), Some(run.step()))),
            (None, Some(file)) => {
                let family = models::family(file.entry(key::FAMILY)?)?;
                Some(((family.load)(&self.device, file)?, family, None))
            }
            (None, None) => None,
        };
        let Some((model, family, step)) = subject else {
            return Err(CoreError::Unable("be measured before it is there"));
        };
        let card = &family.card;
        if card.abilities.encode && !can_encode(model.as_ref()) {
            return Err(CoreError::Unable("be measured: its encoder is missing"));
        }
        self.measuring.ask(model, card, step, judge, effort);
        self.need_data();
        Ok(())
    }

    /// Encode what the view wants to know before it draws, if there are images and an encoder.
    async fn encode_for_view(&mut self) -> Result<(), CoreError> {
        let (anchors, wants_kl) = self.view.wanted_codes();
        let dataset = self.own.as_ref().or(self.shipped.as_ref());
        let (Some(model), Some(dataset)) = (self.view.model(), dataset) else { return Ok(()) };
        if !dataset.has_test() {
            return Ok(());
        }
        let test = dataset.test();
        let mut codes = None;
        if let Some(indices) = anchors
            && let Some(flat) = evaluation::codes_of(model, test, &indices).await?
        {
            let length = model.plane().latent_dim;
            codes = Some(std::array::from_fn(|index| flat[index * length..(index + 1) * length].to_vec()));
        }
        let mut kl = None;
        // While a model learns its plane is drawn more often than that many images should be encoded.
        let now = self.host.now_ms();
        let is_fresh = self.training.is_running() && now - self.kl_ms < KL_MS;
        if wants_kl && !is_fresh {
            self.kl_ms = now;
            kl = evaluation::latent_kl(model, test, KL_IMAGES).await?;
            if let Some(kl) = &kl {
                self.host.emit(Event::Latents { kl: kl.clone() });
            }
        }
        if anchors.is_some() || wants_kl {
            self.view.set_codes(codes, kl);
        }
        Ok(())
    }

    fn need_tools_data(&mut self) {
        if self.tools.needs_data() {
            self.need_data();
        }
    }

    /// Train and measure on other images from now on.
    async fn use_data(&mut self, source: &DataSource, bytes: &[u8]) -> Result<(), CoreError> {
        let own = match source {
            DataSource::Own(own) => Some(Dataset::own(own, bytes)?),
            DataSource::Shipped => None,
        };
        let had_run = self.drop_run().await?;
        if self.measuring.is_active() {
            self.measuring.stop(self.host.as_ref());
        }
        self.own = own;
        self.tools.renew_images();
        self.need_data();
        self.tell_data();
        if had_run {
            if let Some(base) = self.base.take() {
                self.show_file(base)?;
            }
            self.host.emit(Event::PhaseChanged { phase: Phase::Idle });
        }
        // The plane or the strip may show what is made of test images.
        self.view.refresh();
        Ok(())
    }

    /// The images that are trained and measured on.
    fn dataset(&self) -> Option<&Dataset> {
        self.own.as_ref().or(self.shipped.as_ref())
    }

    /// Say what is known of the images, once all are there.
    fn tell_data(&self) {
        if let Some(dataset) = self.dataset().filter(|dataset| dataset.is_complete()) {
            self.host.emit(Event::DataReady { facts: dataset.facts() });
        }
    }

    /// Hand over the model on show as a file.
    async fn export(&mut self) -> Result<(), CoreError> {
        let (file, step) = match (self.training.run(), self.shown_file()) {
            (Some(run), _) => (run.weights().await?, Some(run.step())),
            (None, Some(file)) => (file.clone(), None),
            (None, None) => return Err(CoreError::Unable("be saved before it is there")),
        };
        self.host.hand_over(Event::Exported { step }, file.to_bytes(Precision::F32)?);
        Ok(())
    }

    /// Fetch the data set unless it is there or on its way.
    fn need_data(&mut self) {
        if self.dataset().is_none() && !self.fetching {
            self.fetching = true;
            self.host.fetch_data();
        }
    }

    /// Show the model in a checkpoint, whose run begins when the data's list is here.
    fn show_checkpoint(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        let file = WeightFile::parse(bytes)?.without_state();
        let (model, summary) = self.open(&file, Provenance::Run)?;
        self.restoring = Some(file);
        self.view.show(model);
        self.host.emit(Event::Loaded(summary));
        Ok(())
    }

    fn open(
        &self,
        file: &WeightFile,
        provenance: Provenance,
    ) -> Result<(Box<dyn LatentModel>, ModelSummary), CoreError> {
        let family = models::family(file.entry(key::FAMILY)?)?;
        let model = (family.load)(&self.device, file)?;
        let metadata = file.metadata.clone().into_iter().collect();
        let summary = summary(family, model.as_ref(), provenance, metadata);
        Ok((model, summary))
    }

    /// Begin what was asked for, or fetch what it needs first.
    fn begin(&mut self) -> Result<(), CoreError> {
        // What is on show stays until there is something to learn from.
        let dataset = self.own.as_ref().or(self.shipped.as_ref());
        let Some(dataset) = dataset.filter(|dataset| !dataset.train().labels.is_empty()) else {
            self.need_data();
            self.training.wait(self.host.as_ref());
            return Ok(());
        };
        if self.training.begin(self.host.as_ref(), &self.device, dataset)?
            && let Some(run) = self.training.run()
        {
            self.restoring = None;
            let model = run.snapshot();
            let metadata = run.metadata().into_iter().collect();
            self.host.emit(Event::Loaded(summary(run.family(), model.as_ref(), Provenance::Run, metadata)));
            self.view.show(model);
        }
        Ok(())
    }

    fn take_data(&mut self, data: DataInput) {
        let result = match data {
            DataInput::Manifest(manifest) => {
                self.shipped = Some(Dataset::new(manifest));
                Ok(())
            }
            DataInput::Received(received) => {
                self.report_data(received);
                Ok(())
            }
            DataInput::Train(images, labels) => self.push_shard(&images, &labels, Dataset::push_train),
            DataInput::Test(images, labels) => self.push_shard(&images, &labels, Dataset::push_test),
            DataInput::Failed(reason) => {
                self.give_up_data(&reason);
                Ok(())
            }
        };
        if let Err(err) = result {
            self.give_up_data(&err.to_string());
        }
    }

    fn push_shard(
        &mut self,
        images: &[u8],
        labels: &[u8],
        push: fn(&mut Dataset, latent_core::data::Shard),
    ) -> Result<(), CoreError> {
        let shard = read_shard(images, labels)?;
        if let Some(dataset) = &mut self.shipped {
            push(dataset, shard);
        }
        if self.own.is_some() {
            return Ok(());
        }
        self.tell_data();
        // The strip or the plane may wait for codes of test images.
        if self.view.wanted_codes() != (None, false) {
            self.view.refresh();
        }
        if let Some(command) = self.training.asked() {
            if let Err(err) = self.begin() {
                self.training.give_up(self.host.as_ref());
                self.fail(command, &err);
            }
            return Ok(());
        }
        self.training.wake(self.host.as_ref());
        Ok(())
    }

    /// The data set cannot be used: the run stands still, and the next Train fetches it again.
    fn give_up_data(&mut self, reason: &str) {
        self.shipped = None;
        self.fetching = false;
        if self.own.is_some() {
            return;
        }
        self.training.give_up(self.host.as_ref());
        if self.measuring.is_active() {
            self.measuring.stop(self.host.as_ref());
        }
        let reason = format!("The training data cannot be used: {reason}. Press Train to fetch it again.");
        self.host.emit(Event::Failed { command: "train".into(), reason });
    }

    fn report_data(&self, received: u64) {
        if let Some(dataset) = &self.shipped {
            self.host.emit(Event::DataProgress {
                received,
                total: dataset.manifest().total_bytes(),
                images: dataset.train().labels.len(),
                images_total: dataset.manifest().train_count(),
            });
        }
    }

    fn fail(&self, command: &str, err: &CoreError) {
        self.host.emit(Event::Failed { command: command.into(), reason: err.sentence() });
    }
}

fn summary(
    family: &Family,
    model: &dyn LatentModel,
    provenance: Provenance,
    metadata: Vec<(String, String)>,
) -> ModelSummary {
    ModelSummary {
        family: family.card.id.to_string(),
        provenance,
        latent_dim: model.plane().latent_dim,
        encodes: can_encode(model),
        metadata,
    }
}

/// Whether all of the encoder is there.
pub fn can_encode(model: &dyn LatentModel) -> bool {
    let blank = Examples::new(vec![0.0; PIXELS], &[0], &model.device());
    model.encode(&blank).is_some()
}

#[cfg(test)]
mod tests;
