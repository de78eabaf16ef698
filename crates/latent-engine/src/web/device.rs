//! Which device to compute on, and why.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use js_sys::{Function, Promise, Reflect};
use latent_protocol::DevicePreference;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

#[cfg_attr(feature = "gpu", path = "device/webgpu.rs")]
#[cfg_attr(not(feature = "gpu"), path = "device/cpu.rs")]
mod engine;

#[cfg(feature = "gpu")]
pub use engine::{Setup, done, setup};
pub use engine::{looks_for_gpu, memory_bytes, open, prepare, read_back};

/// What the browser says of its GPU.
pub struct Adapter {
    /// Vendor and architecture, or what else it tells.
    pub name: String,
    /// Whether it is emulated on the CPU.
    pub is_software: bool,
    /// Whether it can time kernels, without which Burn's runtime does not start.
    pub has_timestamps: bool,
}

/// Ask the browser for its adapter.
pub async fn adapter() -> Result<Adapter, &'static str> {
    const NONE: &str = "this browser offers no GPU";
    const SILENT: &str = "this browser was asked for its GPU and did not answer within 5 seconds";
    let get = |object: &JsValue, name: &str| Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED);
    let gpu = get(&get(&js_sys::global(), "navigator"), "gpu");
    if gpu.is_falsy() {
        return Err("this browser has no WebGPU");
    }
    let request: Function = get(&gpu, "requestAdapter").dyn_into().map_err(|_| NONE)?;
    let promise = request.call0(&gpu).map_err(|_| NONE)?;
    let answer = JsFuture::from(Promise::resolve(&promise));
    let adapter = in_time(answer).await.ok_or(SILENT)?.map_err(|_| NONE)?;
    if adapter.is_falsy() {
        return Err(NONE);
    }
    let info = get(&adapter, "info");
    let text = |name: &str| get(&info, name).as_string().filter(|text| !text.is_empty());
    let described = text("description").or_else(|| text("device"));
    let parts: Vec<String> = [text("vendor"), text("architecture")].into_iter().flatten().collect();
    let name = described.unwrap_or_else(|| if parts.is_empty() { "WebGPU".into() } else { parts.join(" ") });
    let is_fallback = |object: &JsValue| get(object, "isFallbackAdapter").is_truthy();
    let is_software = is_fallback(&info)
        || is_fallback(&adapter)
        || text("architecture").is_some_and(|architecture| architecture == "swiftshader");
    let features = get(&adapter, "features");
    let has: Option<Function> = get(&features, "has").dyn_into().ok();
    let has_timestamps = has.is_some_and(|has| {
        has.call1(&features, &"timestamp-query".into()).is_ok_and(|found| found.is_truthy())
    });
    Ok(Adapter { name, is_software, has_timestamps })
}

/// Milliseconds within which the browser must answer a request for its GPU; some never do.
const ANSWER_MS: i32 = 5_000;

/// Gives way to the event loop for some milliseconds.
async fn pause(milliseconds: i32) {
    let timer = Promise::new(&mut |resolve, _| {
        let set_timeout = Reflect::get(&js_sys::global(), &"setTimeout".into());
        // Every global scope has timers; without them the promise would stay pending.
        if let Ok(set_timeout) = set_timeout.and_then(JsCast::dyn_into::<Function>) {
            let _ = set_timeout.call2(&JsValue::UNDEFINED, &resolve, &milliseconds.into());
        }
    });
    // It is never rejected.
    let _ = JsFuture::from(timer).await;
}

/// Returns a future's output, or none after [`ANSWER_MS`].
async fn in_time<T>(future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut timer) = (pin!(future), pin!(pause(ANSWER_MS)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.as_mut().poll(context).map(|()| None),
    })
    .await
}

/// Returns true if the WebGPU engine can be used, and the reason.
pub fn judge(adapter: &Result<Adapter, &'static str>, preference: DevicePreference) -> (bool, String) {
    let Adapter { name, has_timestamps, .. } = match adapter {
        Ok(adapter) => adapter,
        Err(reason) => return (false, (*reason).into()),
    };
    if !has_timestamps {
        return (false, format!("its GPU ({name}) lacks the WebGPU feature timestamp-query"));
    }
    if preference == DevicePreference::WebGpu {
        return (true, "asked for by the link (?device=webgpu)".into());
    }
    (true, format!("the GPU ({name}) is there"))
}

/// Returns the same without a trial to follow: an adapter emulated in software is then refused.
pub fn judge_untried(
    adapter: &Result<Adapter, &'static str>,
    preference: DevicePreference,
) -> (bool, String) {
    match adapter {
        Ok(Adapter { name, is_software: true, .. }) if preference == DevicePreference::Auto => {
            (false, format!("its only GPU ({name}) is emulated in software, which is slower than this"))
        }
        _ => judge(adapter, preference),
    }
}
