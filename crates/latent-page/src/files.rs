//! Weights in and out, pictures and curves out.

use std::fmt::Display;

use js_sys::{JSON, Object, Reflect, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{File, HtmlCanvasElement};

use crate::client::Client;
use crate::keepsake;
use crate::panel::Panel;
use crate::pick::Pick;
use crate::picture::SIDE;
use crate::store::{Sample, Store};
use crate::text::{filled, text};

/// Larger files of weights are not opened: no model of this page comes near.
const LARGEST: f64 = 200e6;

/// Kind of a file of weights.
const WEIGHTS: &str = "application/octet-stream";

/// Most pixels that a pixel of the digit is saved as.
const MOST: u32 = 32;

/// Weights in and out, pictures and curves out.
#[component]
pub fn Files(store: Store, client: Client) -> impl IntoView {
    view! {
        <Panel store=store id="files" title="files.title">
            <Weights store=store client=client />
            <Pictures store=store />
            <Curves store=store />
        </Panel>
    }
}

#[component]
fn Weights(store: Store, client: Client) -> impl IntoView {
    let has_model = move || store.model.read().is_some() || store.progress.read().is_some();
    let save_weights = move |_| {
        let name = format!("{}{}.safetensors", family(store), step(store));
        client.export(move |bytes, _| keepsake::save(&bytes, &name, WEIGHTS));
    };
    let save_run = move |_| match client.backup() {
        Some(bytes) => {
            keepsake::save(&bytes, &format!("{}-run{}.safetensors", family(store), step(store)), WEIGHTS);
        }
        None => store.say(text("files.too-young"), None),
    };
    let picked = move |files: Vec<File>| {
        spawn_local(async move {
            for file in files {
                open(store, client, &file).await;
            }
        });
    };
    view! {
        <h3 data-text="files.weights"></h3>
        <div class="file-bar">
            <button type="button" disabled=move || !has_model() on:click=save_weights data-text="files.save-weights"></button>
            <button type="button" disabled=move || store.progress.read().is_none() on:click=save_run data-text="files.save-run"></button>
        </div>
        <p class="help" data-text="files.weights-help"></p>
        <Pick label=text("files.open") accept=".safetensors" open=picked />
        <p class="help" data-text="files.drop"></p>
    }
}

#[component]
fn Pictures(store: Store) -> impl IntoView {
    let plane_scale = RwSignal::new(1);
    let digit_scale = RwSignal::new(10);
    let save = move |what: &'static str, scale: u32| {
        let name = format!("{}-{what}-seed{}.png", family(store), store.seed.get_untracked());
        spawn_local(async move {
            match picture(what, scale).await {
                Ok(bytes) => keepsake::save(&bytes, &name, "image/png"),
                Err(sentence) => store.say(sentence, None),
            }
        });
    };
    let option = |scale: u32| view! { <option value=scale.to_string()>{scale}"\u{d7}"</option> };
    view! {
        <h3 data-text="files.pictures"></h3>
        <div class="file-bar">
            <button type="button" on:click=move |_| save("plane", plane_scale.get_untracked()) data-text="files.save-plane"></button>
            <label>
                <span data-text="files.size"></span>
                <select
                    data-label="files.plane-size"
                    on:change:target=move |event| plane_scale.set(event.target().value().parse().unwrap_or(1))
                >
                    {[1, 2, 4].map(option).collect_view()}
                </select>
            </label>
        </div>
        <div class="file-bar">
            <button type="button" on:click=move |_| save("digit", digit_scale.get_untracked()) data-text="files.save-digit"></button>
            <label>
                <span data-text="files.size"></span>
                <input
                    type="number"
                    min="1"
                    max=MOST.to_string()
                    data-label="files.digit-size"
                    prop:value=move || digit_scale.get().to_string()
                    on:change:target=move |event| {
                        if let Ok(scale) = event.target().value().parse::<u32>() {
                            digit_scale.set(scale.clamp(1, MOST));
                        }
                        // Back to the number that is used.
                        event.target().set_value(&digit_scale.get_untracked().to_string());
                    }
                />
            </label>
        </div>
        <p class="help" data-text="files.size-help"></p>
    }
}

/// What the engine has drawn, as a PNG.
async fn picture(what: &str, scale: u32) -> Result<Uint8Array, String> {
    let canvas = document().query_selector(&format!(".{what}-surface canvas")).ok().flatten();
    let canvas = canvas.and_then(|canvas| canvas.dyn_into::<HtmlCanvasElement>().ok());
    let canvas = canvas.ok_or_else(|| text("files.nothing-to-see"))?;
    // An engine may have drawn the digit larger than it is.
    let size = if what == "digit" {
        [u32::try_from(SIDE).unwrap_or(u32::MAX); 2]
    } else {
        [canvas.width(), canvas.height()]
    };
    keepsake::png(&canvas, size.map(|pixels| pixels * scale)).await
}

#[component]
fn Curves(store: Store) -> impl IntoView {
    let save = move |_| {
        let keys = store.card.with_untracked(|card| {
            let losses = card.iter().flat_map(|card| card.losses.iter());
            losses.map(|loss| loss.key.to_string()).collect::<Vec<String>>()
        });
        let csv = store.history.with_untracked(|history| csv(&keys, history));
        let name = format!("{}-losses-seed{}.csv", family(store), store.seed.get_untracked());
        keepsake::save(&Uint8Array::from(csv.as_bytes()), &name, "text/csv");
    };
    view! {
        <h3 data-text="files.curves"></h3>
        <div class="file-bar">
            <button type="button" disabled=move || store.history.read().is_empty() on:click=save data-text="files.save-losses"></button>
        </div>
        <p class="help" data-text="files.curves-help"></p>
    }
}

fn csv(keys: &[String], history: &[Sample]) -> String {
    let mut text = format!("step,{},test\n", keys.join(","));
    for sample in history {
        text += &sample.step.to_string();
        let losses = (0..keys.len()).map(|index| sample.losses.get(index).copied().unwrap_or(f64::NAN));
        for value in losses.chain([sample.test]) {
            text.push(',');
            // A cell of what was not measured is empty.
            if !value.is_nan() {
                text += &value.to_string();
            }
        }
        text.push('\n');
    }
    text
}

fn family(store: Store) -> String {
    store.card.read_untracked().as_ref().map(|card| card.id.to_string()).unwrap_or_default()
}

/// The step of the run, if there is one, for a file's name.
fn step(store: Store) -> String {
    let step = store.progress.read_untracked().as_ref().map(|progress| progress.step);
    step.map(|step| format!("-step{step}")).unwrap_or_default()
}

/// Open a file of weights, if it is of a family of this page.
pub async fn open(store: Store, client: Client, file: &File) {
    if let Err(reason) = try_open(store, client, file).await {
        store.say(filled("files.not-opened", &[("file", &file.name()), ("reason", &reason)]), None);
    }
}

async fn try_open(store: Store, client: Client, file: &File) -> Result<(), String> {
    if file.size() > LARGEST {
        return Err(text("files.too-large").into());
    }
    let bytes = keepsake::read(file).await.map_err(|_| text("files.unreadable"))?;
    let Header { family, is_run } = header(&bytes).map_err(text)?;
    let families = store.families.get_untracked();
    let Some(card) = families.into_iter().find(|card| card.id == family) else {
        return Err(text("files.other-model").into());
    };
    let chosen = store.card.read_untracked().as_ref().map(|card| (card.id.clone(), card.name.clone()));
    match chosen {
        Some((id, name)) if id != card.id => {
            let values: [(&str, &dyn Display); 3] =
                [("file", &file.name()), ("family", &card.name), ("shown", &name)];
            client.offer(filled("files.other-family", &values), card, bytes, is_run);
        }
        _ => client.open(&bytes, is_run),
    }
    Ok(())
}

/// What a file of weights says of itself.
struct Header {
    family: String,
    /// Whether it holds what training needs to go on.
    is_run: bool,
}

/// Read the header of a safetensors file: its length in eight bytes, then JSON. What the tensors hold is for the
/// engine to look at. What is wrong comes as the key of a clause.
fn header(bytes: &Uint8Array) -> Result<Header, &'static str> {
    const NO_WEIGHTS: &str = "files.no-safetensors";
    const CUT_OFF: &str = "files.cut-off";
    let start = bytes.slice(0, 8).to_vec();
    let length = u64::from_le_bytes(start.try_into().map_err(|_| NO_WEIGHTS)?);
    let (Ok(end), total) = (u32::try_from(length.saturating_add(8)), bytes.length()) else {
        return Err(NO_WEIGHTS);
    };
    if bytes.slice(8, 9).to_vec() != b"{" {
        return Err(NO_WEIGHTS);
    }
    if end > total {
        return Err(CUT_OFF);
    }
    let text = String::from_utf8(bytes.slice(8, end).to_vec()).map_err(|_| NO_WEIGHTS)?;
    let header: Object = JSON::parse(&text).ok().and_then(|it| it.dyn_into().ok()).ok_or(NO_WEIGHTS)?;
    let mut is_run = false;
    let mut needed = 0.0_f64;
    for entry in Object::entries(&header).iter() {
        let entry: js_sys::Array = entry.unchecked_into();
        is_run |= entry.get(0).as_string().is_some_and(|name| name.starts_with("state."));
        let last = get(&get(&entry.get(1), "data_offsets"), "1");
        needed = needed.max(last.as_f64().unwrap_or(0.0));
    }
    if needed > f64::from(total - end) {
        return Err(CUT_OFF);
    }
    let family = get(&get(&header, "__metadata__"), "family").as_string();
    Ok(Header { family: family.ok_or("files.nameless")?, is_run })
}

/// What an object has under this name; nothing of anything else.
fn get(of: &JsValue, name: &str) -> JsValue {
    Reflect::get(of, &name.into()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_have_a_line_per_point() {
        let sample = |step, losses: &[f64], test| Sample { step, losses: losses.into(), test };
        let history = [sample(1.0, &[2.5, -0.5], f64::NAN), sample(2.0, &[], 3.0)];
        let keys = ["total".to_string(), "kl".to_string()];
        assert_eq!(csv(&keys, &history), "step,total,kl,test\n1,2.5,-0.5,\n2,,,3\n");
    }
}
