//! The badge that names the device, and the alert.

use latent_protocol::{DeviceKind, Phase};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::store::{Remedy, Store};
use crate::text::{filled, text};

/// Where the engine computes, truthfully.
#[component]
pub fn Badge(store: Store) -> impl IntoView {
    let name =
        move || store.device.get().map_or_else(|| text("device.starting").into(), |device| device.name);
    let reason = move || store.device.get().map_or_else(String::new, |device| device.reason);
    let kind = move || match store.device.get().map(|device| device.kind) {
        Some(DeviceKind::WebGpu) => "WebGPU \u{b7} ",
        _ => "",
    };
    view! {
        <p class="badge" role="status" data-label="device.device">
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
            Remedy::LowerRate(rate) => {
                filled("device.lower-rate", &[("rate", &format::plain(&rate.to_string()))])
            }
            Remedy::Restart => text("device.restart").into(),
            Remedy::Switch => text("device.switch").into(),
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
                        <button on:click=move |_| store.notice.set(None) data-text="device.dismiss"></button>
                    </div>
                })
            }}
        </div>
    }
}

/// Speeds and memory, as the engine measured them.
#[component]
pub fn Speeds(store: Store) -> impl IntoView {
    // One text: several would push one another about while numbers fly.
    let speeds = move || {
        let device = store.device.get();
        let on_gpu = device.as_ref().is_some_and(|device| device.kind == DeviceKind::WebGpu);
        let mut said = Vec::new();
        said.extend(on_gpu.then(|| "WebGPU".to_string()));
        said.extend(device.map(|device| device.name));
        said.push(filled("device.decode", &[("time", &format::milliseconds(store.decode_ms.get()))]));
        said.push(filled("device.plane", &[("time", &format::milliseconds(store.plane_ms.get()))]));
        if let Some(progress) = store.progress.get().filter(|_| store.phase.get() == Phase::Running) {
            said.push(filled("device.training", &[("speed", &format::decimal(progress.images_per_s, 0))]));
        }
        let bytes = store.memory_bytes.get();
        if bytes > 0 {
            said.push(filled("device.memory", &[("size", &format::megabytes(bytes))]));
        }
        // On the CPU every picture is a copy from memory to memory: nothing worth telling.
        if on_gpu {
            said.push(filled("device.read-back", &[("bytes", &store.read_bytes.get())]));
        }
        said.join(" \u{b7} ")
    };
    view! { <p class="speeds">{speeds}</p> }
}
