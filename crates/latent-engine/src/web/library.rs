//! The library's messages: `[{ id, request }, arrays]` in, `[{ id, reply | error }, arrays]` out. An `error` without a
//! number is the end of the engine.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use latent_core::picture::Tiles;
use latent_core::{CoreError, models};
use latent_protocol::DevicePreference;
use latent_protocol::library::{ErrorCode, Failure, GpuVerdict, Reply, Request, Stats};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::OffscreenCanvas;

use super::canvases::Canvas;
use super::device;
use super::worker::{breathe, memory_bytes, now_ms, scope};
use crate::inbox::{Inbox, Input};
use crate::library::{Answer, Call, Library, Part, Port};

/// Takes the library's messages; nothing is set up before the first of them.
#[derive(Default)]
pub struct Receiver {
    opened: RefCell<Option<Opened>>,
}

type Opened = (Rc<Inbox<Call>>, Rc<Worker>);

impl Receiver {
    /// Take a message, if it is one of the library's.
    pub fn takes(&self, data: &Array) -> bool {
        let message = data.get(0);
        let get = |name: &str| Reflect::get(&message, &name.into()).unwrap_or(JsValue::UNDEFINED);
        let Some(id) = get("id").as_f64() else { return false };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counted up from 1")]
        let id = id as u32;
        match serde_wasm_bindgen::from_value(get("request")) {
            Ok(request) => self.take(id, request, &data.get(1)),
            Err(err) => answer(id, Err(Failure { code: ErrorCode::BadArgument, message: err.to_string() })),
        }
        true
    }

    fn take(&self, id: u32, request: Request, beside: &JsValue) {
        let mut opened = self.opened.borrow_mut();
        if let (None, Request::Open { device }) = (opened.as_ref(), &request) {
            let (inbox, worker) = opened.insert(Default::default());
            spawn_local(Box::pin(open(id, *device, Rc::clone(inbox), Rc::clone(worker))));
            return;
        }
        let Some((inbox, worker)) = opened.as_ref() else {
            let message = "the first request must open the engine".into();
            return answer(id, Err(Failure { code: ErrorCode::BadArgument, message }));
        };
        let beside: Vec<JsValue> = beside.dyn_ref::<Array>().map(Array::to_vec).unwrap_or_default();
        if let Some(canvas) = beside.first().and_then(|first| first.dyn_ref::<OffscreenCanvas>()) {
            match Canvas::new(canvas.clone()) {
                Ok(canvas) => drop(worker.canvas.replace(Some(Rc::new(canvas)))),
                Err(err) => {
                    let message = format!("this canvas cannot be drawn on: {err:?}");
                    return answer(id, Err(Failure { code: ErrorCode::BadArgument, message }));
                }
            }
        }
        inbox.push(Call { id, request, parts: beside.iter().filter_map(part).collect() });
    }
}

async fn open(id: u32, preference: DevicePreference, inbox: Rc<Inbox<Call>>, worker: Rc<Worker>) {
    let faults = Rc::new(Inbox::default());
    let (device, mut report) = match device::open(preference, &faults).await {
        Ok(opened) => opened,
        Err(message) => return answer(id, Err(Failure { code: ErrorCode::NoWebgpu, message })),
    };
    if preference != DevicePreference::Auto {
        report.reason = "asked for".into();
    }
    let mut gpu = None;
    if device::looks_for_gpu(preference) {
        let (usable, reason) = device::judge_untried(&device::adapter().await, preference);
        gpu = Some(GpuVerdict { usable, reason });
    }
    let families = models::FAMILIES.iter().map(|family| family.card.clone()).collect();
    answer(id, Ok((Reply::Opened { device: report, gpu, families }, Vec::new())));
    spawn_local(async move {
        loop {
            faults.wait().await;
            // Whoever waits for the device may wait for ever, so this goes past the queue.
            while let Some(Input::DeviceFault(message)) = faults.take() {
                post(None, Err(&Failure { code: ErrorCode::DeviceLost, message }), &Array::new());
            }
        }
    });
    Box::pin(Library::new(worker, device).serve(inbox, breathe)).await;
}

/// The worker as a library sees it.
#[derive(Default)]
struct Worker {
    canvas: RefCell<Option<Rc<Canvas>>>,
}

impl Port for Worker {
    fn answer(&self, id: u32, found: Answer) {
        answer(id, found);
    }

    async fn paint(&self, tiles: Tiles) -> Result<bool, CoreError> {
        let canvas = self.canvas.borrow().clone();
        let Some(canvas) = canvas else { return Ok(false) };
        let size = tiles.size();
        canvas.paint(tiles, 0, size).await?;
        Ok(true)
    }

    fn now_ms(&self) -> f64 {
        now_ms()
    }

    fn stats(&self) -> Stats {
        let (readbacks, bytes_read_back) = device::read_back();
        Stats { memory_bytes: memory_bytes(), readbacks, bytes_read_back, ..Stats::default() }
    }
}

fn part(beside: &JsValue) -> Option<Part> {
    if let Some(floats) = beside.dyn_ref::<Float32Array>() {
        return Some(Part::Floats(floats.to_vec()));
    }
    beside.dyn_ref::<Uint8Array>().map(|bytes| Part::Bytes(bytes.to_vec()))
}

fn answer(id: u32, found: Answer) {
    let (reply, parts) = match found {
        Ok((reply, parts)) => (Ok(reply), parts),
        Err(failure) => (Err(failure), Vec::new()),
    };
    let beside: Array = parts.iter().map(array).collect();
    post(Some(id), reply.as_ref(), &beside);
}

fn array(part: &Part) -> JsValue {
    match part {
        Part::Floats(floats) => Float32Array::from(floats.as_slice()).into(),
        Part::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
    }
}

fn post(id: Option<u32>, reply: Result<&Reply, &Failure>, beside: &Array) {
    let (name, value) = match reply {
        Ok(reply) => ("reply", serde_wasm_bindgen::to_value(reply)),
        Err(failure) => ("error", serde_wasm_bindgen::to_value(failure)),
    };
    let message = Object::new();
    let set = |name: &str, value: JsValue| Reflect::set(&message, &name.into(), &value);
    let buffers =
        beside.iter().filter_map(|part| Reflect::get(&part, &"buffer".into()).ok()).collect::<Array>();
    let posted = value.map_err(JsValue::from).and_then(|value| {
        set(name, value)?;
        set("id", id.map_or(JsValue::NULL, JsValue::from))?;
        scope().post_message_with_transfer(&Array::of2(&message, beside), &buffers)
    });
    if let Err(err) = posted {
        web_sys::console::error_2(&"an answer was lost".into(), &err);
    }
}
