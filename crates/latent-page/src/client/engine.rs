//! One engine: its worker and its three canvases.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Array, ArrayBuffer, Reflect, Uint8Array};
use latent_protocol::{Command, DeviceReport, Event};
use leptos::prelude::document;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, HtmlCanvasElement, HtmlElement, MessageEvent, Worker};

use super::insight::Question;
use crate::text::filled;
use crate::worker;

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Small, without WebGPU.
    Cpu,
    /// With WebGPU.
    Gpu,
}

/// What comes from a worker.
pub enum Message {
    /// The engine said something; bytes may come with it.
    Event(Event, Option<ArrayBuffer>),
    /// The worker broke.
    Crashed(String),
}

/// A worker with an engine in it.
pub struct Engine {
    worker: Worker,
    canvases: [HtmlCanvasElement; 3],
    /// Messages that wait for the worker to be up.
    waiting: RefCell<Option<Vec<(JsValue, JsValue)>>>,
    report: RefCell<Option<DeviceReport>>,
    /// Set once it is chosen to take over from another engine.
    takes_over: Cell<bool>,
    listeners: RefCell<Option<Listeners>>,
    /// What is asked of it about the digit under the handle.
    pub judging: Question,
    pub tracing: Question,
    /// Whether it was given the judge.
    pub has_judge: Cell<bool>,
}

type Listeners = (Closure<dyn FnMut(MessageEvent)>, Closure<dyn FnMut(ErrorEvent)>);

impl Engine {
    /// Start a worker and send it the first command with new canvases.
    pub fn start(
        kind: Kind,
        attach: &Command,
        hear: impl Fn(&Rc<Self>, Message) + 'static,
    ) -> Result<Rc<Self>, JsValue> {
        let name = match kind {
            Kind::Cpu => "engine_cpu",
            Kind::Gpu => "engine_gpu",
        };
        let early = if kind == Kind::Cpu { early_worker() } else { None };
        let canvases = [canvas()?, canvas()?, canvas()?];
        let offscreen = Array::new();
        for canvas in &canvases {
            offscreen.push(&canvas.transfer_control_to_offscreen()?.into());
        }
        let (worker, is_up) = match early {
            Some(early) => early,
            None => (worker::start(name)?, false),
        };
        let engine = Rc::new(Self {
            worker,
            canvases,
            waiting: RefCell::new(Some(Vec::new())),
            report: RefCell::default(),
            takes_over: Cell::default(),
            listeners: RefCell::default(),
            judging: Question::default(),
            tracing: Question::default(),
            has_judge: Cell::default(),
        });
        engine.listen(hear);
        if is_up {
            engine.flush();
        }
        engine.send(attach, &offscreen);
        Ok(engine)
    }

    fn listen(self: &Rc<Self>, hear: impl Fn(&Rc<Self>, Message) + 'static) {
        let hear = Rc::new(hear);
        let (weak, hears): (Weak<Self>, _) = (Rc::downgrade(self), Rc::clone(&hear));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            let Some(engine) = weak.upgrade() else { return };
            let data: Array = message.data().unchecked_into();
            if data.get(0).is_null() {
                engine.flush();
                return;
            }
            match serde_wasm_bindgen::from_value(data.get(0)) {
                Ok(event) => hears(&engine, Message::Event(event, data.get(1).dyn_into().ok())),
                Err(err) => {
                    let reason = filled("worker.not-understood", &[("error", &err)]);
                    hears(&engine, Message::Crashed(reason));
                }
            }
        });
        let weak = Rc::downgrade(self);
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            let Some(engine) = weak.upgrade() else { return };
            hear(&engine, Message::Crashed(worker::fault(&error)));
        });
        self.worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        self.worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        *self.listeners.borrow_mut() = Some((on_message, on_error));
    }

    /// Send a command; `payload` is an array of canvases, a buffer, or undefined.
    pub fn send(&self, command: &Command, payload: &JsValue) {
        let Ok(command) = serde_wasm_bindgen::to_value(command) else { return };
        if let Some(waiting) = self.waiting.borrow_mut().as_mut() {
            waiting.push((command, payload.clone()));
            return;
        }
        self.post(&command, payload);
    }

    /// Send a command with a copy of some bytes.
    pub fn send_bytes(&self, command: &Command, bytes: &Uint8Array) {
        self.send(command, &bytes.slice(0, bytes.length()).buffer());
    }

    fn post(&self, command: &JsValue, payload: &JsValue) {
        let transfer = match payload.dyn_ref::<Array>() {
            Some(canvases) => canvases.clone(),
            None if payload.is_undefined() => Array::new(),
            None => Array::of1(payload),
        };
        if let Err(err) = self.worker.post_message_with_transfer(&Array::of2(command, payload), &transfer) {
            leptos::logging::error!("a command was lost: {err:?}");
        }
    }

    fn flush(&self) {
        for (command, payload) in self.waiting.borrow_mut().take().unwrap_or_default() {
            self.post(&command, &payload);
        }
    }

    /// Takes the report of an engine that is up.
    pub fn set_report(&self, report: DeviceReport) {
        *self.report.borrow_mut() = Some(report);
    }

    /// Returns the device of an engine that is up.
    pub fn report(&self) -> Option<DeviceReport> {
        self.report.borrow().clone()
    }

    /// Chooses it to take over, for this reason.
    pub fn elect(&self, reason: String) {
        if let Some(report) = self.report.borrow_mut().as_mut() {
            report.reason = reason;
        }
        self.takes_over.set(true);
    }

    /// Whether it takes over from another engine, whose picture stays until this one has drawn its plane.
    pub fn replaces(&self) -> bool {
        self.takes_over.get()
    }

    /// Put its canvases in place of those that are there.
    pub fn show(&self, hosts: &[HtmlElement; 3]) {
        for (host, canvas) in hosts.iter().zip(&self.canvases) {
            if canvas.parent_node().is_none() {
                host.replace_children_with_node_1(canvas);
            }
        }
    }

    /// End the worker.
    pub fn end(&self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

/// The worker that `start.js` started before this code was there, and whether it is up.
fn early_worker() -> Option<(Worker, bool)> {
    let name = JsValue::from("earlyEngine");
    let worker: Worker = Reflect::get(&js_sys::global(), &name).ok()?.dyn_into().ok()?;
    // It can be taken once.
    Reflect::set(&js_sys::global(), &name, &JsValue::UNDEFINED).ok()?;
    let is_up = Reflect::get(&worker, &"isUp".into()).is_ok_and(|up| up.is_truthy());
    Some((worker, is_up))
}

/// An element of its own: a canvas that was handed to a worker cannot be taken back.
fn canvas() -> Result<HtmlCanvasElement, JsValue> {
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.unchecked_into();
    canvas.set_attribute("aria-hidden", "true")?;
    Ok(canvas)
}
