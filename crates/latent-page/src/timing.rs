//! The page's clock, what waits for a pause, and timings for benchmarks, kept only where the link asks for them (`measure=1`).

use std::time::Duration;

use js_sys::{Object, Reflect};
use leptos::prelude::{GetValue, StoredValue, UpdateValue, set_timeout, window};
use wasm_bindgen::JsValue;

/// The page's clock, in milliseconds.
pub fn now_ms() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// Note a duration that ends now under `latent:<name>` in the browser's performance timeline.
pub fn note(name: &str, duration_ms: f64) {
    let Some(performance) = window().performance() else { return };
    let end = performance.now();
    let options = Object::new();
    let set = |key: &str, value: f64| Reflect::set(&options, &key.into(), &value.into()).is_ok();
    if !set("start", (end - duration_ms).max(0.0)) || !set("end", end) {
        return;
    }
    let measure = Reflect::get(&performance, &"measure".into()).unwrap_or(JsValue::UNDEFINED);
    if let Ok(measure) = wasm_bindgen::JsCast::dyn_into::<js_sys::Function>(measure) {
        // A browser without the timeline only loses the benchmark.
        let _ = measure.call2(&performance, &format!("latent:{name}").into(), &options);
    }
}

/// Something to be done when it was not asked for again for so long.
pub fn at_rest(rest: Duration, act: impl Fn() + Copy + 'static) -> impl Fn() + Copy {
    let asked = StoredValue::new(0_u32);
    move || {
        asked.update_value(|asked| *asked += 1);
        let now = asked.get_value();
        let act_if_last = move || {
            if asked.try_get_value() == Some(now) {
                act();
            }
        };
        set_timeout(act_if_last, rest);
    }
}
