//! The worker's messages: `[command, payload]` in, `[event, payload]` out.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use latent_core::CoreError;
use latent_core::picture::Tiles;
use latent_protocol::{Command, Event};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent};

use super::canvases::{Canvas, Canvases};
use super::library::Receiver;
use super::{device, fetch};
use crate::host::{Host, Surface};
use crate::inbox::{Inbox, Input};
use crate::session::Session;

/// Listen to the page, or to the npm package, whose messages are requests with numbers. The first message says on which
/// device to compute; the page's brings the canvases.
pub fn start() {
    device::prepare();
    console_error_panic_hook::set_once();
    let library = Receiver::default();
    let inbox = Rc::new(Inbox::default());
    let attached = RefCell::new(false);
    let queue = Rc::clone(&inbox);
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data: Array = message.data().unchecked_into();
        if library.takes(&data) {
            return;
        }
        let command: Command = match serde_wasm_bindgen::from_value(data.get(0)) {
            Ok(command) => command,
            Err(err) => return refuse("message", &err.to_string()),
        };
        if !attached.replace(true) {
            let queue = Rc::clone(&queue);
            spawn_local(Box::pin(attach(command, data.get(1), queue)));
            return;
        }
        let bytes = data.get(1).dyn_ref::<ArrayBuffer>().map(|buffer| Uint8Array::new(buffer).to_vec());
        queue.push(Input::Command(command, bytes));
    });
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    // Messages sent before this one would be lost.
    post(&JsValue::NULL, &JsValue::UNDEFINED);
}

async fn attach(command: Command, canvases: JsValue, inbox: Rc<Inbox>) {
    let Command::Attach { device: preference, data_url, .. } = &command else {
        return refuse("attach", "the first message must bring the canvases");
    };
    let (device, report) = match device::open(*preference, &inbox).await {
        Ok(opened) => opened,
        Err(reason) => return refuse("attach", &reason),
    };
    let canvases = match Canvases::new(&canvases) {
        Ok(canvases) => canvases,
        Err(err) => return refuse("attach", &format!("{err:?}")),
    };
    let host = Rc::new(Worker { canvases, data_url: data_url.clone(), inbox: Rc::clone(&inbox) });
    let mut session = Session::new(host, device.clone(), report);
    session.handle(Input::Command(command.clone(), None)).await;
    let preference = *preference;
    spawn_local(async move {
        if device::looks_for_gpu(preference) {
            let (usable, reason) = device::judge(&device::adapter().await, preference);
            emit(&Event::GpuProbed { usable, reason }, &JsValue::UNDEFINED);
        }
    });
    Box::pin(session.serve(inbox, breathe)).await;
}

fn refuse(command: &str, reason: &str) {
    emit(&Event::Failed { command: command.into(), reason: reason.into() }, &JsValue::UNDEFINED);
}

struct Worker {
    canvases: Canvases,
    data_url: String,
    inbox: Rc<Inbox>,
}

impl Host for Worker {
    fn emit(&self, event: Event) {
        emit(&event, &JsValue::UNDEFINED);
    }

    fn hand_over(&self, event: Event, bytes: Vec<u8>) {
        emit(&event, &Uint8Array::from(bytes.as_slice()).buffer());
    }

    async fn paint(
        &self,
        surface: Surface,
        tiles: Tiles,
        top: usize,
        size: (usize, usize),
    ) -> Result<(), CoreError> {
        self.canvases.of(surface).paint(tiles, top, size).await
    }

    fn tiles_at_once(&self) -> usize {
        Canvas::TILES_AT_ONCE
    }

    fn now_ms(&self) -> f64 {
        now_ms()
    }

    fn memory_bytes(&self) -> u64 {
        memory_bytes()
    }

    fn fetch_data(&self) {
        spawn_local(fetch::fetch_data(self.data_url.clone(), Rc::clone(&self.inbox)));
    }
}

/// Milliseconds since the worker began.
pub fn now_ms() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Bytes of the wasm module's memory and of the GPU's pools.
pub fn memory_bytes() -> u64 {
    let memory = wasm_bindgen::memory().unchecked_into::<js_sys::WebAssembly::Memory>();
    let bytes = memory.buffer().unchecked_into::<ArrayBuffer>().byte_length();
    u64::from(bytes) + device::memory_bytes()
}

fn emit(event: &Event, payload: &JsValue) {
    match serde_wasm_bindgen::to_value(event) {
        Ok(event) => post(&event, payload),
        Err(err) => web_sys::console::error_1(&format!("an event was lost: {err}").into()),
    }
}

fn post(event: &JsValue, payload: &JsValue) {
    let transfer = if payload.is_undefined() { Array::new() } else { Array::of1(payload) };
    if let Err(err) = scope().post_message_with_transfer(&Array::of2(event, payload), &transfer) {
        web_sys::console::error_2(&"a message was lost".into(), &err);
    }
}

/// Let the event loop deliver what has arrived. A message to oneself is a macrotask without the four
/// milliseconds that nested timers cost, and hidden tabs do not slow it down.
pub async fn breathe() {
    thread_local! {
        static CHANNEL: Option<MessageChannel> = MessageChannel::new().ok();
    }
    let wait = Promise::new(&mut |resolve, _| {
        CHANNEL.with(|channel| {
            let Some(channel) = channel else { return };
            channel.port1().set_onmessage(Some(&resolve));
            if channel.port2().post_message(&JsValue::NULL).is_err() {
                let _ = resolve.call0(&JsValue::NULL);
            }
        });
    });
    let _ = JsFuture::from(wait).await;
}

pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
