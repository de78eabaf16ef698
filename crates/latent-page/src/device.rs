//! The badge that names the device, and the alert.

use latent_protocol::{DeviceKind, Phase};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::store::{Remedy, Store};

/// Where the engine computes, truthfully.
#[component]
pub fn Badge(store: Store) -> impl IntoView {
    let name = move || store.device.get().map_or_else(|| "Starting the engine".into(), |device| device.name);
    let reason = move || store.device.get().map_or_else(String::new, |device| device.reason);
    let kind = move || match store.device.get().map(|device| device.kind) {
        Some(DeviceKind::WebGpu) => "WebGPU \u{b7} ",
        _ => "",
    };
    view! {
        <p class="badge" role="status" aria-label="Device">
            <strong>{kind}{name}</strong>
            <Show when=move || !reason().is_empty()>
                <span class="reason">{reason}</span>
            </Show>
        </p>
    }
}

/// What the visitor must know, until it is dismissed.
#[component]
pub fn Alert(store: Store, client: Client) -> impl IntoView {
    let remedy = move |remedy: Remedy| {
        let label = match remedy {
            Remedy::LowerRate(rate) => format!("Go on with a learning rate of {rate}"),
            Remedy::Restart => "Start again".into(),
            Remedy::Switch => "Switch to it".into(),
        };
        view! { <button class="primary" on:click=move |_| client.remedy(remedy)>{label}</button> }
    };
    view! {
        <div role="alert" class="alert-place">
            {move || {
                store.notice.get().map(|notice| view! {
                    <div class="alert">
                        <p>{notice.text}</p>
                        {notice.remedy.map(remedy)}
                        <button on:click=move |_| store.notice.set(None)>"Dismiss"</button>
                    </div>
                })
            }}
        </div>
    }
}

/// Speeds and memory, as the engine measured them.
#[component]
pub fn Speeds(store: Store) -> impl IntoView {
    let ms = |value: f64| if value < 10.0 { format!("{value:.1} ms") } else { format!("{value:.0} ms") };
    let device = move || {
        let kind = |kind| if kind == DeviceKind::WebGpu { "WebGPU, " } else { "" };
        store.device.get().map(|device| format!("{}{} \u{b7} ", kind(device.kind), device.name))
    };
    let images = move || {
        let progress = store.progress.get().filter(|_| store.phase.get() == Phase::Running)?;
        Some(format!(" \u{b7} training {} images/s", format::decimal(progress.images_per_s, 0)))
    };
    let memory = move || {
        let bytes = store.memory_bytes.get();
        (bytes > 0).then(|| format!(" \u{b7} memory {}", format::megabytes(bytes)))
    };
    // On the CPU every picture is a copy from memory to memory: nothing worth telling.
    let read = move || {
        let on_gpu = store.device.get().is_some_and(|device| device.kind == DeviceKind::WebGpu);
        on_gpu.then(|| format!(" \u{b7} read back per drag {} bytes", store.read_bytes.get()))
    };
    view! {
        <p class="speeds">
            {device}
            "decode " {move || ms(store.decode_ms.get())}
            " \u{b7} plane " {move || ms(store.plane_ms.get())}
            {images}
            {memory}
            {read}
        </p>
    }
}
