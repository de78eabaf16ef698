//! The engines of this page: which one is in charge, what it is told, and what happens when it fails.
//!
//! The CPU engine comes first and is never waited for. Where the GPU is usable, the WebGPU engine is started
//! beside it and takes over, with the model or the run as bytes. An engine that fails is replaced by a fresh CPU
//! engine, which goes on from the last backup.

mod charge;
mod engine;
mod insight;
mod runs;
mod said;
mod shipped;
mod tools;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::Uint8Array;
use latent_protocol::{Command, DevicePreference, ModelCard, OwnData, Phase, PlaneLook, PlaneView, Strip};
use leptos::prelude::*;
use wasm_bindgen::JsValue;
use web_sys::HtmlElement;

use crate::keep::Keep;
use crate::store::{Remedy, Store};
use crate::timing;
use charge::Trial;
use engine::Engine;
use runs::{Dropped, Taken};
pub use tools::POINTS;

/// Folder of the images that come with the page.
pub const DATA: &str = "data/mnist";

/// The page's side of the conversation; a cheap handle.
#[derive(Clone, Copy)]
pub struct Client(StoredValue<Rc<Inner>, LocalStorage>);

/// What is done with the bytes of a file of weights.
type Exported = Box<dyn FnOnce(Uint8Array, Option<u64>)>;

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
    /// The trial of both engines while it lasts.
    trial: RefCell<Option<Trial>>,
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
            trial: RefCell::default(),
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
