//! The library's messages: `[{ id, request }, arrays]` in, `[{ id, reply | error }, arrays]` out. An `error` without a
//! number is the end of the engine.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Float32Array, Object, Reflect, Uint8Array};
use latent_core::models;
use latent_core::picture::Picture;
use latent_protocol::DevicePreference;
use latent_protocol::library::{ErrorCode, Failure, GpuVerdict, Reply, Request, Stats};
use wasm_bindgen::{Clamped, JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{ImageData, OffscreenCanvas, OffscreenCanvasRenderingContext2d};

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
            worker.canvas.replace(Some(canvas.clone()));
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
    let gpu = device::probe(preference).await.map(|(usable, reason)| GpuVerdict { usable, reason });
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
    canvas: RefCell<Option<OffscreenCanvas>>,
}

impl Port for Worker {
    fn answer(&self, id: u32, found: Answer) {
        answer(id, found);
    }

    fn paint(&self, picture: &Picture) -> bool {
        let canvas = self.canvas.borrow();
        let Some(canvas) = canvas.as_ref() else { return false };
        if let Err(err) = paint(canvas, picture) {
            web_sys::console::error_2(&"cannot draw".into(), &err);
        }
        true
    }

    fn now_ms(&self) -> f64 {
        now_ms()
    }

    fn stats(&self) -> Stats {
        Stats { memory_bytes: memory_bytes(), ..gpu_counters() }
    }
}

/// What the GPU did since the engine began: dispatches, readbacks, bytes read back. The CPU has nothing to count.
fn gpu_counters() -> Stats {
    Stats::default()
}

fn paint(canvas: &OffscreenCanvas, picture: &Picture) -> Result<(), JsValue> {
    let pixels = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let (width, height) = (pixels(picture.width), pixels(picture.height));
    // Setting a size clears the canvas.
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    let context = canvas.get_context("2d")?.ok_or("the canvas has no 2-D context")?;
    let context: OffscreenCanvasRenderingContext2d = context.unchecked_into();
    let bytes = Clamped(picture.rgba.as_slice());
    let image = ImageData::new_with_u8_clamped_array_and_sh(bytes, width, height)?;
    context.put_image_data(&image, 0.0, 0.0)
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
