//! The engines of this page: which one is in charge, what it is told, and what happens when it fails.
//!
//! The CPU engine comes first and is never waited for. Where the GPU is usable, the WebGPU engine is started
//! beside it and takes over, with the model or the run as bytes. An engine that fails is replaced by a fresh CPU
//! engine, which goes on from the last backup.

mod engine;
mod runs;
mod tools;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{ArrayBuffer, Uint8Array};
use latent_protocol::{
    Command, DeviceKind, DevicePreference, Effort, Event, ModelCard, ModelSummary, OwnData, Phase, PlaneLook,
    PlaneView, Provenance, Strip,
};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{HtmlElement, Response};

use crate::keep::Keep;
use crate::measure;
use crate::store::{DataState, Evaluated, Measured, Remedy, Store};
use crate::timing;
pub use engine::Kind;
use engine::{Engine, Message};
use runs::{Dropped, Taken};
pub use tools::POINTS;

/// More failures than this within a minute are not answered by another start.
const RESTARTS: usize = 3;

/// The page's side of the conversation; a cheap handle.
#[derive(Clone, Copy)]
pub struct Client(StoredValue<Rc<Inner>, LocalStorage>);

/// What is done with the bytes of a file of weights.
type Exported = Box<dyn FnOnce(Uint8Array)>;

/// What is done once an encoder was fetched, or could not be.
type AfterEncoder = Box<dyn FnOnce(&Rc<Inner>, bool)>;

/// What waits for the weights on their way.
type Waiting = Box<dyn FnOnce(&Inner)>;

struct Inner {
    store: Store,
    hosts: RefCell<Option<[HtmlElement; 3]>>,
    /// The engine that commands go to.
    current: RefCell<Option<Rc<Engine>>>,
    /// The engine that will take over.
    next: RefCell<Option<Rc<Engine>>>,
    /// What was asked since the engine in charge was asked for its run; the one that takes over hears it too.
    deferred: RefCell<Option<Vec<Command>>>,
    /// Bytes of the model that was loaded.
    weights: RefCell<Option<Uint8Array>>,
    /// Bytes of a file of the visitor that is being loaded.
    opened: RefCell<Option<Uint8Array>>,
    /// A file of another family, which is opened if the visitor says so, and whether it holds a run.
    offered: RefCell<Option<(ModelCard, Uint8Array, bool)>>,
    /// Whether the next model from a file is only what Reset comes back to: a run is on its way to the same engine.
    passes_over: Cell<bool>,
    /// Whether the model that was loaded is the visitor's: the shipped encoder does not fit it.
    is_own: Cell<bool>,
    /// Bytes of its encoder, once something needed it.
    encoder: RefCell<Option<Uint8Array>>,
    /// Who waits for the encoder of which family: it is fetched once for all of them.
    awaiting_encoder: RefCell<Vec<(String, AfterEncoder)>>,
    /// Bytes of the judge, once something was measured.
    judge: RefCell<Option<Uint8Array>>,
    /// Whether the engine was asked to measure: before, there is nothing that it could stop.
    asked_to_measure: Cell<bool>,
    /// Own data files, if those are trained on.
    data: RefCell<Option<(OwnData, Uint8Array)>>,
    /// What they are instead of, until the engine has taken them.
    data_before: RefCell<Option<(OwnData, Uint8Array)>>,
    /// Bytes of the visitor's drawing.
    drawing: RefCell<Option<Uint8Array>>,
    /// Whether points are wanted, and how many.
    points: Cell<usize>,
    /// Who waits for the model as a file.
    exporting: RefCell<Option<Exported>>,
    /// What outlives the tab.
    keep: Rc<Keep>,
    /// The run that was dropped last.
    dropped: RefCell<Option<Dropped>>,
    /// Whether the next run that is gone can be brought back.
    offers_undo: Cell<bool>,
    /// A run that is being taken up.
    taken: RefCell<Option<Taken>>,
    /// Whether a run is being read from the browser's storage.
    is_fetching: Cell<bool>,
    /// Milliseconds that the run had trained before the engine took it up.
    elapsed_ms: Cell<f64>,
    /// How many fetches of shipped weights are on their way: loading them drops the run that an engine has.
    loading: Cell<usize>,
    /// What is done when they are loaded.
    when_loaded: RefCell<Option<Waiting>>,
    /// Bytes of the run, and whether it was going on.
    backup: RefCell<Option<(Uint8Array, bool)>>,
    /// The move that waits for its answer, and since when.
    moving: Cell<Option<([f32; 2], f64)>>,
    failures: RefCell<Vec<f64>>,
    /// Why the CPU engine was started again.
    failure: RefCell<Option<String>>,
}

impl Client {
    /// A client without an engine.
    pub fn new(store: Store) -> Self {
        let points = if store.view.get_untracked() == PlaneView::Digits { 0 } else { POINTS };
        Self(StoredValue::new_local(Rc::new(Inner {
            store,
            hosts: RefCell::default(),
            current: RefCell::default(),
            next: RefCell::default(),
            deferred: RefCell::default(),
            weights: RefCell::default(),
            opened: RefCell::default(),
            offered: RefCell::default(),
            passes_over: Cell::default(),
            is_own: Cell::default(),
            encoder: RefCell::default(),
            awaiting_encoder: RefCell::default(),
            judge: RefCell::default(),
            asked_to_measure: Cell::default(),
            data: RefCell::default(),
            data_before: RefCell::default(),
            drawing: RefCell::default(),
            points: Cell::new(points),
            exporting: RefCell::default(),
            keep: Keep::new(store),
            dropped: RefCell::default(),
            offers_undo: Cell::default(),
            taken: RefCell::default(),
            is_fetching: Cell::default(),
            elapsed_ms: Cell::default(),
            loading: Cell::default(),
            when_loaded: RefCell::default(),
            backup: RefCell::default(),
            moving: Cell::default(),
            failures: RefCell::default(),
            failure: RefCell::default(),
        })))
    }

    fn inner(self) -> Rc<Inner> {
        self.0.get_value()
    }

    /// Start the CPU engine; its canvases go into these elements (the plane's, the digit's and the strip's).
    pub fn start(self, hosts: [HtmlElement; 3]) {
        let inner = self.inner();
        *inner.hosts.borrow_mut() = Some(hosts);
        let preference = inner.store.link.with_value(|link| link.device);
        inner.start_first(preference);
    }

    /// Move the handle. At most one decode is in flight; the newest point wins.
    pub fn move_to(self, point: [f32; 2]) {
        let inner = self.inner();
        let point = point.map(|v| v.clamp(0.0, 1.0));
        inner.store.point.set(point);
        if inner.moving.get().is_none() {
            inner.send_move();
        }
    }

    /// Change the number of tiles.
    pub fn set_grid(self, grid: u32) {
        let inner = self.inner();
        inner.store.grid.set(grid);
        inner.send(&Command::Grid { grid });
    }

    /// Look at the latent space in another way.
    pub fn change_look<T>(self, change: impl FnOnce(&mut PlaneLook) -> T) {
        let inner = self.inner();
        inner.store.look.update(|look| {
            change(look);
        });
        if inner.store.look.read_untracked().anchors.is_none() {
            inner.send_look();
            return;
        }
        inner.with_encoder(|inner, has_encoder| {
            if !has_encoder {
                inner.store.look.update(|look| look.anchors = None);
            }
            inner.send_look();
        });
    }

    /// Draw something else beside the digit.
    pub fn set_strip(self, strip: Strip) {
        let inner = self.inner();
        inner.store.strip.set(strip);
        if strip == Strip::Traversals {
            // The encoder tells which latents count; without it their order is the natural one.
            inner.with_encoder(|inner, _| inner.send_strip());
        } else {
            inner.send_strip();
        }
    }

    /// Draw in the colours of the store.
    pub fn recolor(self) {
        let inner = self.inner();
        inner.send(&Command::Recolor { theme: inner.store.theme.get_untracked() });
    }

    /// Train, or go on.
    pub fn train(self) {
        self.run(|family, settings, seed| Command::Train { family, settings, seed });
    }

    /// Do one step.
    pub fn step(self) {
        self.run(|family, settings, seed| Command::Step { family, settings, seed });
    }

    fn run(self, command: impl FnOnce(String, latent_protocol::Settings, u64) -> Command) {
        let inner = self.inner();
        let store = inner.store;
        let Some(card) = store.card.get_untracked() else { return };
        store.notice.set(None);
        if inner.goes_on_with_taken() {
            return;
        }
        // A paused run that differs in live settings alone goes on.
        self.adjust();
        let seed = u64::from(store.seed.get_untracked());
        let command = command(card.id.to_string(), store.settings.get_untracked(), seed);
        inner.once_loaded(move |inner| inner.send(&command));
    }

    /// Stop after the step in flight.
    pub fn pause(self) {
        self.inner().send(&Command::Pause);
    }

    /// Drop the run and come back to the loaded model.
    pub fn reset(self) {
        let inner = self.inner();
        inner.store.notice.set(None);
        inner.give_up_taken();
        inner.leave_run();
        inner.send(&Command::Reset);
        if inner.weights.borrow().is_none() {
            // A run came before it.
            inner.load_shipped();
        }
        if inner.current.borrow().is_none() {
            // Nobody answers.
            inner.run_is_gone();
        }
    }

    /// Let the run follow settings that may change while training.
    pub fn adjust(self) {
        let inner = self.inner();
        if inner.store.phase.get_untracked() != Phase::Idle {
            inner.send(&Command::Adjust { settings: inner.store.settings.get_untracked() });
        }
    }

    /// Measure the model on show.
    pub fn measure(self) {
        let inner = self.inner();
        inner.store.measuring.set(Some(0.0));
        inner.start_measuring();
    }

    /// Show another family.
    pub fn choose(self, card: ModelCard) {
        self.inner().choose(card);
    }

    /// Turn to a family whose model comes from elsewhere.
    pub fn turn_to(self, card: ModelCard) {
        self.inner().turn_to(card);
    }

    /// Stop measuring.
    pub fn stop_measuring(self) {
        self.inner().stop_measuring();
    }

    /// Do what a notice offers.
    pub fn remedy(self, remedy: Remedy) {
        let inner = self.inner();
        inner.store.notice.set(None);
        match remedy {
            Remedy::LowerRate(learning_rate) => {
                if let Some(card) = inner.store.card.get_untracked() {
                    let text = learning_rate.to_string();
                    // The engine refuses what the card refuses, with a sentence.
                    inner.store.settings.update(|settings| {
                        let _ = settings.set(&card, "learning_rate", &text);
                    });
                }
                inner.send(&Command::Recover { learning_rate });
            }
            Remedy::Switch => {
                if let Some((card, bytes, is_run)) = inner.offered.take() {
                    self.turn_to(card);
                    self.open(&bytes, is_run);
                }
            }
            Remedy::Restart => {
                inner.failures.borrow_mut().clear();
                inner.start_first(DevicePreference::Cpu);
            }
        }
    }
}

impl Inner {
    fn choose(self: &Rc<Self>, card: ModelCard) {
        self.turn_to(card);
        self.load_shipped();
    }

    fn turn_to(&self, card: ModelCard) {
        self.leave_run();
        self.give_up_taken();
        self.backup.take();
        self.weights.take();
        self.opened.take();
        self.encoder.take();
        self.is_own.set(false);
        self.stop_measuring();
        self.store.choose(card);
        self.send(&Command::Reset);
        self.send_look();
        self.send_strip();
    }

    fn stop_measuring(&self) {
        if self.asked_to_measure.get() {
            self.send(&Command::StopMeasuring);
        } else {
            self.store.measuring.set(None);
        }
    }

    fn send(&self, command: &Command) {
        if let Some(deferred) = self.deferred.borrow_mut().as_mut() {
            // What can be said twice is: the engine in charge may still be at work.
            match command {
                // An engine that takes over is told anyway what is looked at.
                Command::Move { .. } | Command::Save | Command::Observe { .. } => {}
                Command::Train { .. }
                | Command::Step { .. }
                | Command::Dissect { .. }
                | Command::Recover { .. } => {
                    deferred.push(command.clone());
                    return;
                }
                _ => deferred.push(command.clone()),
            }
        }
        if let Some(engine) = self.current.borrow().as_ref() {
            engine.send(command, &JsValue::UNDEFINED);
        }
    }

    fn send_move(&self) {
        let point = self.store.point.get_untracked();
        self.moving.set(Some((point, timing::now_ms())));
        self.send(&Command::Move { point });
    }

    /// Tell an engine that is new how the model was looked at before.
    fn repeat_look(self: &Rc<Self>) {
        if *self.store.look.read_untracked() != PlaneLook::default() {
            self.send_look();
        }
        if self.store.strip.get_untracked() != Strip::None {
            self.send_strip();
        }
        self.repeat_tools();
    }

    fn send_look(&self) {
        self.send(&Command::Look(self.store.look.get_untracked()));
    }

    fn send_strip(&self) {
        self.send(&Command::Strip { strip: self.store.strip.get_untracked() });
    }

    /// Send bytes to the engine in charge; one that takes over is given them by [`Self::hand_over_to`].
    fn send_bytes(&self, command: &Command, bytes: &Uint8Array) {
        if let Some(engine) = self.current.borrow().as_ref() {
            engine.send_bytes(command, bytes);
        }
    }

    /// Start a CPU engine and put it in charge.
    fn start_first(self: &Rc<Self>, preference: DevicePreference) {
        self.moving.set(None);
        match self.start_engine(Kind::Cpu, preference) {
            Ok(engine) => {
                if let Some(old) = self.current.replace(Some(engine)) {
                    old.end();
                }
            }
            Err(err) => self.store.say(
                format!("This browser could not start the engine ({err:?}). A recent Chrome, Edge, Firefox or Safari can."),
                Some(Remedy::Restart),
            ),
        }
    }

    fn start_engine(
        self: &Rc<Self>,
        kind: Kind,
        preference: DevicePreference,
    ) -> Result<Rc<Engine>, JsValue> {
        let store = &self.store;
        let attach = Command::Attach {
            device: preference,
            theme: store.theme.get_untracked(),
            grid: store.grid.get_untracked(),
            point: store.point.get_untracked(),
            data_url: absolute("data/mnist"),
        };
        let weak = Rc::downgrade(self);
        Engine::start(kind, &attach, move |engine, message| {
            if let Some(inner) = weak.upgrade() {
                inner.hear(engine, message);
            }
        })
    }

    fn is_current(&self, engine: &Rc<Engine>) -> bool {
        self.current.borrow().as_ref().is_some_and(|current| Rc::ptr_eq(current, engine))
    }

    fn hear(self: &Rc<Self>, engine: &Rc<Engine>, message: Message) {
        match message {
            Message::Event(event, bytes) if self.is_current(engine) => {
                self.current_said(engine, event, bytes);
            }
            Message::Event(event, _) => self.next_said(engine, event),
            Message::Crashed(reason) if self.is_current(engine) => self.current_failed(&reason),
            Message::Crashed(reason) => self.next_failed(&reason),
        }
    }

    fn current_said(self: &Rc<Self>, engine: &Rc<Engine>, event: Event, bytes: Option<ArrayBuffer>) {
        let store = self.store;
        match event {
            Event::Ready { mut device, families } => {
                if let Some(reason) = self.failure.borrow_mut().take() {
                    device.reason = format!("started again after a failure: {reason}");
                }
                store.device.set(Some(device));
                store.meet(families);
                self.hand_over_to(engine);
                self.repeat_look();
            }
            Event::GpuProbed { usable: true, .. } => self.start_next(),
            Event::GpuProbed { usable: false, reason } => self.explain_cpu(reason),
            Event::Loaded(summary) => {
                // Of the family that was left, something may still be on its way.
                let is_chosen = store.card.read_untracked().as_ref().is_some_and(|c| c.id == summary.family);
                if is_chosen {
                    self.follow_run(&summary);
                    self.loaded(summary);
                }
            }
            Event::Decoded { point, z, decode_ms } => self.decoded(engine, point, z, decode_ms),
            Event::PlaneDrawn { draw_ms, memory_bytes, step, .. } => {
                store.memory_bytes.set(memory_bytes);
                if let Some(hosts) = self.hosts.borrow().as_ref() {
                    engine.show(hosts);
                }
                store.plane_ms.set(draw_ms);
                store.drawn.set(step);
                self.note("plane", draw_ms);
            }
            Event::DataProgress { received, total, images, images_total } => {
                store.data.set(Some(DataState { received, total, images, images_total }));
            }
            Event::PhaseChanged { phase } => {
                if phase == Phase::Idle {
                    // What was still on its way when the run was dropped.
                    self.run_is_gone();
                }
                store.phase.set(phase);
                if phase == Phase::Paused {
                    // Also after single steps and a divergence.
                    self.send(&Command::Save);
                }
            }
            Event::Progress(mut progress) => {
                progress.elapsed_ms += self.elapsed_ms.get();
                store.record(progress);
            }
            Event::Evaluated { step, loss } => {
                store.record_test(Evaluated { step, loss });
                self.keep.evaluated();
            }
            Event::Latents { kl } => store.latent_kl.set(kl),
            // What was on its way when the engine was told to stop begins nothing anew.
            Event::Measuring { done } => store.measuring.update(|measuring| {
                if let Some(measuring) = measuring {
                    *measuring = done;
                }
            }),
            Event::Measured { table, step } => {
                // A family that was left is not heard of any more.
                let is_awaited = store.measuring.get_untracked().is_some();
                store.measuring.set(None);
                if let Some(table) = table.filter(|_| is_awaited) {
                    let facts = measure::facts(store, step.is_some());
                    store.measured.set(Some(Measured { table, step, facts }));
                }
            }
            Event::Diverged { step, learning_rate, suggestion } => store.say(
                format!(
                    "The loss stopped being a number at step {step}: a learning rate of {learning_rate} is too high here. \
                     The last good weights are kept."
                ),
                Some(Remedy::LowerRate(suggestion)),
            ),
            Event::Saved { step, running, is_run } => self.saved(step, running, bytes.filter(|_| is_run)),
            Event::Observed { .. }
            | Event::TestImages { .. }
            | Event::Points { .. }
            | Event::Travelled { .. }
            | Event::Dissected { .. }
            | Event::DataReady { .. }
            | Event::Exported { .. } => self.tool_said(event, bytes),
            Event::Failed { command, reason } if command == "attach" => self.current_failed(&reason),
            Event::Failed { command, reason } => self.refused(&command, reason),
            Event::Fault { reason } => self.current_failed(&reason),
        }
    }

    /// The engine could not do what it was asked.
    fn refused(self: &Rc<Self>, command: &str, reason: String) {
        match command {
            "load" if self.opened.take().is_some() => {
                self.stay_with_run();
                self.have_a_model();
            }
            "restore" => {
                self.passes_over.set(false);
                self.not_taken_up();
                self.have_a_model();
            }
            "data" => {
                *self.data.borrow_mut() = self.data_before.take();
                self.stay_with_run();
            }
            "measure" | "stop measuring" => self.store.measuring.set(None),
            _ => {}
        }
        self.store.say(reason, None);
    }

    fn loaded(self: &Rc<Self>, summary: ModelSummary) {
        if summary.provenance == Provenance::Run {
            self.passes_over.set(false);
        } else if self.passes_over.get() {
            return;
        }
        if summary.provenance == Provenance::File
            && let Some(bytes) = self.opened.take()
        {
            *self.weights.borrow_mut() = Some(bytes);
            self.encoder.take();
            self.is_own.set(true);
            self.store.toast("The model of the file is on show.");
        }
        if self.store.show(summary) {
            self.send_look();
            self.send_strip();
        }
        // What is looked at may need the encoder of a model that came back without it.
        let has_anchors = self.store.look.read_untracked().anchors.is_some();
        if has_anchors || self.store.strip.get_untracked() == Strip::Traversals {
            self.with_encoder(|_, _| {});
        }
        self.look_again();
    }

    fn decoded(&self, engine: &Rc<Engine>, point: [f32; 2], z: Vec<f32>, decode_ms: f64) {
        // What was drawn first is shown at once, the plane when it is complete.
        if !engine.replaces()
            && let Some(hosts) = self.hosts.borrow().as_ref()
        {
            engine.show(hosts);
        }
        self.store.z.set(z);
        self.store.decode_ms.set(decode_ms);
        self.note("decode", decode_ms);
        let Some((asked, since)) = self.moving.get() else { return };
        if same(asked, point) {
            self.note("drag", timing::now_ms() - since);
            self.moving.set(None);
            if !same(self.store.point.get_untracked(), point) {
                self.send_move();
            }
        }
    }

    /// Give an engine the run or the model to show.
    fn hand_over_to(self: &Rc<Self>, engine: &Rc<Engine>) {
        let backup = self.taken.borrow().as_ref().map(Taken::backup).or_else(|| self.backup.borrow().clone());
        let weights = self.weights.borrow().clone();
        if self.opened.take().is_some() {
            // The engine that was asked to show it is gone.
            self.stay_with_run();
        }
        self.passes_over.set(backup.is_some() && weights.is_some());
        if backup.is_none() && weights.is_none() {
            self.send_data();
            self.load_shipped();
            return;
        }
        // First what Reset comes back to, then the images, then the run.
        if let Some(weights) = weights {
            engine.send_bytes(&Command::Load, &weights);
        }
        if let Some(encoder) = self.encoder.borrow().as_ref() {
            engine.send_bytes(&Command::Complete, encoder);
        }
        self.send_data();
        if let Some((bytes, running)) = backup {
            engine.send_bytes(&Command::Restore { running }, &bytes);
        }
    }

    /// Fetch the shipped weights of the chosen family and show them.
    fn load_shipped(self: &Rc<Self>) {
        let Some(card) = self.store.card.get_untracked().filter(|card| card.shipped) else { return };
        if self.has_own() {
            return;
        }
        self.loading.update(|loading| loading + 1);
        let inner = Rc::clone(self);
        spawn_local(async move {
            let url = absolute(&format!("models/{}/decoder.safetensors", card.id));
            let fetched = fetch(&url).await;
            inner.loading.update(|loading| loading - 1);
            let is_chosen = inner.store.card.read_untracked().as_ref().is_some_and(|c| c.id == card.id);
            // Meanwhile the visitor may have opened a file.
            if is_chosen && !inner.has_own() {
                inner.show_shipped(fetched);
            }
            if inner.loading.get() == 0
                && let Some(then) = inner.when_loaded.take()
            {
                then(&inner);
            }
        });
    }

    /// After a switch to a file that was refused there is no model yet.
    fn have_a_model(self: &Rc<Self>) {
        if self.weights.borrow().is_none() {
            self.load_shipped();
        }
    }

    /// Whether a file of the visitor is on show, or about to be.
    fn has_own(&self) -> bool {
        self.is_own.get() || self.opened.borrow().is_some()
    }

    fn show_shipped(&self, fetched: Result<Uint8Array, JsValue>) {
        match fetched {
            Ok(bytes) => {
                self.send_bytes(&Command::Load, &bytes);
                *self.weights.borrow_mut() = Some(bytes);
            }
            Err(_) => self.store.say(
                "The shipped model could not be fetched; check the connection and reload. Training works without it.",
                None,
            ),
        }
    }

    /// Do something once no shipped weights are on their way. Only the latest waits.
    fn once_loaded(&self, then: impl FnOnce(&Self) + 'static) {
        if self.loading.get() == 0 {
            then(self);
        } else {
            *self.when_loaded.borrow_mut() = Some(Box::new(then));
        }
    }

    /// The family whose encoder is missed: shipped decoders come without it, since few visitors need it.
    fn lacks_encoder(&self) -> Option<String> {
        let card = self.store.card.get_untracked().filter(|card| card.shipped && card.abilities.encode)?;
        let model = self.store.model.get_untracked().filter(|_| !self.has_own())?;
        let lacks = model.provenance == Provenance::File && !model.encodes && self.encoder.borrow().is_none();
        lacks.then(|| card.id.into_owned())
    }

    /// Fetch the encoder if the model lacks it, and go on; `then` hears whether the model can encode.
    fn with_encoder(self: &Rc<Self>, then: impl FnOnce(&Rc<Self>, bool) + 'static) {
        let Some(id) = self.lacks_encoder() else {
            then(self, true);
            return;
        };
        let is_fetched = self.awaiting_encoder.borrow().iter().any(|(family, _)| *family == id);
        self.awaiting_encoder.borrow_mut().push((id.clone(), Box::new(then)));
        if is_fetched {
            return;
        }
        let inner = Rc::clone(self);
        spawn_local(async move {
            let fetched = fetch(&absolute(&format!("models/{id}/encoder.safetensors"))).await;
            // Meanwhile another model may have been chosen.
            if inner.lacks_encoder().as_ref() == Some(&id) {
                match fetched {
                    Ok(bytes) => {
                        inner.send_bytes(&Command::Complete, &bytes);
                        *inner.encoder.borrow_mut() = Some(bytes);
                    }
                    Err(_) => inner.store.say(
                        "The encoder of this model could not be fetched; check the connection and try again.",
                        None,
                    ),
                }
            }
            let (ready, others): (Vec<_>, Vec<_>) =
                inner.awaiting_encoder.take().into_iter().partition(|(family, _)| *family == id);
            *inner.awaiting_encoder.borrow_mut() = others;
            for (_, then) in ready {
                then(&inner, inner.lacks_encoder().is_none());
            }
        });
    }

    /// Ask for a measurement, once the encoder and the judge are here.
    fn start_measuring(self: &Rc<Self>) {
        self.asked_to_measure.set(false);
        self.with_encoder(|inner, has_encoder| {
            if !has_encoder {
                inner.store.measuring.set(None);
                return;
            }
            let inner = Rc::clone(inner);
            spawn_local(async move {
                let judge = inner.judge().await;
                // Stop may have been pressed meanwhile.
                if inner.store.measuring.get_untracked().is_none() {
                    return;
                }
                if let Ok(judge) = judge {
                    inner.asked_to_measure.set(true);
                    inner.send_bytes(&Command::Measure { effort: Effort::TAB }, &judge);
                } else {
                    inner.store.measuring.set(None);
                    inner.store.say(
                        "The judge of digits could not be fetched; check the connection and measure again.",
                        None,
                    );
                }
            });
        });
    }

    /// The classifier that looks at digits when a model is measured.
    async fn judge(&self) -> Result<Uint8Array, JsValue> {
        if let Some(judge) = self.judge.borrow().as_ref() {
            return Ok(judge.clone());
        }
        let judge = fetch(&absolute("models/judge.safetensors")).await?;
        *self.judge.borrow_mut() = Some(judge.clone());
        Ok(judge)
    }

    fn saved(self: &Rc<Self>, step: u64, running: bool, bytes: Option<ArrayBuffer>) {
        if let Some(bytes) = bytes {
            let bytes = Uint8Array::new(&bytes);
            self.keep.saved(step, &bytes);
            *self.backup.borrow_mut() = Some((bytes, running));
        }
        let next = self.next.borrow().clone();
        if let Some(next) = next.filter(|next| next.is_ready()) {
            // The answer to the question asked when it became ready: from here on it is in charge.
            if let Some(old) = self.current.replace(Some(Rc::clone(&next))) {
                old.end();
            }
            self.next.take();
            self.store.device.set(next.report());
            self.hand_over_to(&next);
            // The look may have changed since it was started.
            self.send(&Command::Grid { grid: self.store.grid.get_untracked() });
            self.send(&Command::Recolor { theme: self.store.theme.get_untracked() });
            self.repeat_look();
            self.send_deferred();
            self.send_move();
            if self.store.measuring.get_untracked().is_some() {
                // What the other engine had measured so far is lost.
                self.start_measuring();
            }
        }
    }

    /// The engine in charge is now the one to do what was put off.
    fn send_deferred(&self) {
        for command in self.deferred.take().unwrap_or_default() {
            self.send(&command);
        }
    }

    /// Start the WebGPU engine beside the one in charge.
    fn start_next(self: &Rc<Self>) {
        let preference = self.store.link.with_value(|link| link.device);
        match self.start_engine(Kind::Gpu, preference) {
            Ok(engine) => {
                self.explain_cpu("the GPU engine is loading and will take over".into());
                *self.next.borrow_mut() = Some(engine);
            }
            Err(err) => self.next_failed(&format!("{err:?}")),
        }
    }

    fn next_said(self: &Rc<Self>, engine: &Rc<Engine>, event: Event) {
        match event {
            Event::Ready { device, .. } => {
                engine.set_ready(device);
                self.send(&Command::Save);
                *self.deferred.borrow_mut() = Some(Vec::new());
            }
            Event::Failed { reason, .. } | Event::Fault { reason } => self.next_failed(&reason),
            // It has nothing to say of a model before it is in charge.
            _ => {}
        }
    }

    fn next_failed(&self, reason: &str) {
        if let Some(next) = self.next.take() {
            next.end();
        }
        self.send_deferred();
        self.explain_cpu(format!("the GPU could not be used: {reason}"));
    }

    fn explain_cpu(&self, reason: String) {
        self.store.device.update(|device| {
            if let Some(device) = device.as_mut().filter(|device| device.kind == DeviceKind::Cpu) {
                device.reason = reason;
            }
        });
    }

    /// Replace the engine in charge and go on from the last backup.
    fn current_failed(self: &Rc<Self>, reason: &str) {
        if let Some(next) = self.next.take() {
            next.end();
        }
        self.deferred.take();
        self.store.measuring.set(None);
        let now = timing::now_ms();
        self.failures.borrow_mut().retain(|at| now - at < 60_000.0);
        self.failures.borrow_mut().push(now);
        if self.failures.borrow().len() > RESTARTS {
            if let Some(engine) = self.current.take() {
                engine.end();
            }
            self.store.phase.set(Phase::Idle);
            self.store.say(format!("The engine keeps failing: {reason}."), Some(Remedy::Restart));
            return;
        }
        let step = self.store.progress.read_untracked().as_ref().map(|progress| progress.step);
        let kept = match (step, self.backup.borrow().is_some()) {
            (Some(_), true) => "The run goes on from its last backup, a few seconds ago.",
            (Some(_), false) => "The run had no backup yet; press Train to begin it again.",
            (None, _) => "Nothing was lost.",
        };
        if self.backup.borrow().is_some() {
            // Until the new engine says how the run stands.
            self.store.phase.set(Phase::Waiting);
        } else {
            self.store.forget_run();
            self.store.phase.set(Phase::Idle);
        }
        self.store.say(format!("The engine failed and was started again on the CPU: {reason}. {kept}"), None);
        *self.failure.borrow_mut() = Some(reason.to_string());
        self.start_first(DevicePreference::Cpu);
    }

    fn note(&self, name: &str, duration_ms: f64) {
        if self.store.link.with_value(|link| link.measure) {
            timing::note(name, duration_ms);
        }
    }
}

/// Whether two points are the very same: what was sent comes back bit by bit.
pub fn same(a: [f32; 2], b: [f32; 2]) -> bool {
    a.map(f32::to_bits) == b.map(f32::to_bits)
}

/// A URL beside the page, whatever path it is served from.
fn absolute(path: &str) -> String {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    web_sys::Url::new_with_base(path, &base).map_or_else(|_| path.to_string(), |url| url.href())
}

async fn fetch(url: &str) -> Result<Uint8Array, JsValue> {
    let response: Response = JsFuture::from(window().fetch_with_str(url)).await?.unchecked_into();
    if !response.ok() {
        return Err(response.status().into());
    }
    let buffer = JsFuture::from(response.array_buffer()?).await?;
    Ok(Uint8Array::new(&buffer))
}
