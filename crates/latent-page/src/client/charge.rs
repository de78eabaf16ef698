//! Which engine is in charge: the first, the one that takes over, and the one after a failure.

use std::fmt::Display;
use std::rc::Rc;

use latent_protocol::{Command, DeviceKind, DevicePreference, Event, Phase, Settings, Timings};
use leptos::prelude::*;
use wasm_bindgen::JsValue;

use super::engine::{Engine, Kind, Message};
use super::runs::Taken;
use super::{DATA, Inner};
use crate::store::Remedy;
use crate::text::{filled, text, told};
use crate::worker::absolute;
use crate::{format, timing, told};

/// More failures than this within a minute are not answered by another start.
const RESTARTS: usize = 3;

/// The trial of both engines, with one family and its settings.
pub(super) struct Trial {
    family: String,
    name: String,
    settings: Settings,
    /// Timings of the CPU engine, which is tried first.
    cpu: Option<Timings>,
}

impl Trial {
    fn command(&self) -> Command {
        let rival_ms = self.cpu.as_ref().map(Timings::total_ms);
        Command::Try { family: self.family.clone(), settings: self.settings.clone(), rival_ms }
    }
}

impl Inner {
    /// Start a CPU engine and put it in charge.
    pub(super) fn start_first(self: &Rc<Self>, preference: DevicePreference) {
        self.moving.set(None);
        match self.start_engine(Kind::Cpu, preference) {
            Ok(engine) => {
                if let Some(old) = self.current.replace(Some(engine)) {
                    old.end();
                }
            }
            Err(err) => self
                .store
                .say(filled("client.no-engine", &[("error", &format!("{err:?}"))]), Some(Remedy::Restart)),
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
            data_url: absolute(DATA),
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

    /// Give an engine the run or the model to show.
    pub(super) fn hand_over_to(self: &Rc<Self>, engine: &Rc<Engine>) {
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

    /// The engine in charge is now the one to do what was put off.
    pub(super) fn send_deferred(&self) {
        for command in self.deferred.take().unwrap_or_default() {
            self.send(&command);
        }
    }

    /// Start the WebGPU engine beside the one in charge.
    pub(super) fn start_next(self: &Rc<Self>) {
        let preference = self.store.link.with_value(|link| link.device);
        match self.start_engine(Kind::Gpu, preference) {
            Ok(engine) => {
                self.explain_cpu(text("client.gpu-loading").into());
                *self.next.borrow_mut() = Some(engine);
            }
            Err(err) => self.next_failed(&format!("{err:?}")),
        }
    }

    fn next_said(self: &Rc<Self>, engine: &Rc<Engine>, event: Event) {
        match event {
            Event::Ready { device, .. } => {
                let device = told::device(device);
                let reason = device.reason.clone();
                engine.set_report(device);
                if self.store.link.with_value(|link| link.device) == DevicePreference::WebGpu {
                    self.elect(engine, reason);
                } else {
                    self.begin_trial();
                }
            }
            Event::Tried(timings) => self.compare(engine, &timings),
            Event::Failed { reason, .. } | Event::Fault { reason } => self.next_failed(&told(&reason)),
            // It has nothing to say of a model before it is in charge.
            _ => {}
        }
    }

    /// Starts the trial with the chosen family, first of the engine in charge: at once, both would slow each other down.
    fn begin_trial(&self) {
        let Some(card) = self.store.card.get_untracked() else { return };
        self.explain_cpu(text("client.gpu-trial").into());
        let trial = Trial {
            family: card.id.to_string(),
            name: card.name.to_string(),
            settings: self.store.settings.get_untracked(),
            cpu: None,
        };
        self.send(&trial.command());
        *self.trial.borrow_mut() = Some(trial);
    }

    /// Goes on with the other engine: the one in charge took this long.
    pub(super) fn try_next(&self, timings: Timings) {
        if let (Some(next), Some(trial)) = (self.next.borrow().as_ref(), self.trial.borrow_mut().as_mut()) {
            trial.cpu = Some(timings);
            next.send(&trial.command(), &JsValue::UNDEFINED);
        }
    }

    /// Chooses the quicker engine.
    fn compare(&self, engine: &Engine, timings: &Timings) {
        let Some(Trial { name: family, cpu: Some(cpu), .. }) = self.trial.take() else { return };
        let (gpu_ms, cpu_ms) = (timings.total_ms(), cpu.total_ms());
        let name = engine.report().map_or_else(String::new, |report| report.name);
        let values: [(&str, &dyn Display); 4] = [
            ("family", &family),
            ("gpu", &format::milliseconds(gpu_ms)),
            ("cpu", &format::milliseconds(cpu_ms)),
            ("name", &name),
        ];
        if gpu_ms < cpu_ms {
            self.elect(engine, filled("client.gpu-quicker", &values));
        } else {
            engine.end();
            self.next.take();
            self.explain_cpu(filled("client.gpu-slower", &values));
        }
    }

    /// Lets an engine take over as soon as the one in charge has handed over its run.
    fn elect(&self, engine: &Engine, reason: String) {
        engine.elect(reason);
        self.send(&Command::Save);
        *self.deferred.borrow_mut() = Some(Vec::new());
    }

    pub(super) fn next_failed(&self, reason: &str) {
        if let Some(next) = self.next.take() {
            next.end();
        }
        self.send_deferred();
        self.explain_cpu(filled("client.gpu-failed", &[("reason", &reason)]));
    }

    pub(super) fn explain_cpu(&self, reason: String) {
        self.store.device.update(|device| {
            if let Some(device) = device.as_mut().filter(|device| device.kind == DeviceKind::Cpu) {
                device.reason = reason;
            }
        });
    }

    /// Replace the engine in charge and go on from the last backup.
    pub(super) fn current_failed(self: &Rc<Self>, reason: &str) {
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
            self.store.say(filled("client.keeps-failing", &[("reason", &reason)]), Some(Remedy::Restart));
            return;
        }
        let step = self.store.progress.read_untracked().as_ref().map(|progress| progress.step);
        let said = match (step, self.backup.borrow().is_some()) {
            (Some(_), true) => "client.failed-run-goes-on",
            (Some(_), false) => "client.failed-no-backup",
            (None, _) => "client.failed",
        };
        if self.backup.borrow().is_some() {
            // Until the new engine says how the run stands.
            self.store.phase.set(Phase::Waiting);
        } else {
            self.store.forget_run();
            self.store.phase.set(Phase::Idle);
        }
        self.store.say(filled(said, &[("reason", &reason)]), None);
        *self.failure.borrow_mut() = Some(reason.to_string());
        self.start_first(DevicePreference::Cpu);
    }
}
