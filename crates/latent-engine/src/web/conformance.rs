//! The conformance checks in a worker, for the browser tests: one message per outcome, then `done`.

use js_sys::Array;
use latent_core::Device;
use latent_core::conformance::{Depth, check_all};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::DedicatedWorkerGlobalScope;

use super::device;

/// Check kernels and all families on WebGPU and on this build's CPU path.
pub fn conformance() {
    device::prepare();
    console_error_panic_hook::set_once();
    spawn_local(async {
        match Device::wgpu_options().init_async().await {
            Ok(gpu) => {
                for (name, device) in [("webgpu", gpu), ("cpu", Device::flex())] {
                    match latent_kernels::parity::compare(&device).await {
                        Ok(outcomes) => {
                            for (what, fault) in outcomes {
                                report(&format!("{name}: kernels: {what}"), fault.as_deref());
                            }
                        }
                        Err(err) => report(&format!("{name}: kernels"), Some(&err.to_string())),
                    }
                    for outcome in check_all(&device, Depth::Toy).await {
                        let fault = outcome.result.err();
                        report(&format!("{name}: {}: {}", outcome.family, outcome.check), fault.as_deref());
                    }
                }
            }
            Err(err) => report("WebGPU", Some(&err.to_string())),
        }
        report("done", None);
    });
}

fn report(name: &str, fault: Option<&str>) {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
    let fault = fault.map_or(JsValue::NULL, JsValue::from_str);
    // The page that started this worker listens until it is done.
    let _ = scope.post_message(&Array::of2(&name.into(), &fault));
}
