//! The images that are trained on: those of the page, or the visitor's.

use std::fmt::Display;

use js_sys::{Array, Function, Reflect, Uint8Array};
use latent_protocol::{DataFacts, OwnData, number};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{File, ReadableStreamDefaultReader};

use crate::client::Client;
use crate::drop::Drops;
use crate::format;
use crate::keepsake;
use crate::panel::Panel;
use crate::pick::Pick;
use crate::picture::{Mosaic, PIXELS, SIDE};
use crate::sheet::{self, Ink};
use crate::store::Store;
use crate::text::{filled, text, told};

/// Test images in the preview.
const PREVIEW: usize = 40;

/// Larger sets do not fit into the engine's memory.
const LARGEST: f64 = 500e6;

/// The classes of Fashion-MNIST, whose files are often named like those of MNIST; comma separated.
const CLOTHES: &str = "images.clothes";

/// How own files are to be read. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Wishes {
    /// Share of the images that is kept back where there are none for testing.
    holdout: RwSignal<f64>,
    /// How ink stands out in pictures.
    ink: RwSignal<Ink>,
    /// Whether files are being read.
    is_busy: RwSignal<bool>,
    /// Names of the classes in files that the engine has not taken yet.
    names: RwSignal<Option<Vec<String>>>,
}

/// The images that are trained on: those of the page, or the visitor's.
#[component]
pub fn Images(store: Store, client: Client) -> impl IntoView {
    let wishes = Wishes {
        // As many as MNIST itself keeps back: 10,000 of 70,000.
        holdout: RwSignal::new(1.0 / 7.0),
        ink: RwSignal::new(Ink::default()),
        is_busy: RwSignal::new(false),
        names: RwSignal::new(None),
    };
    Effect::new(move |_| {
        store.data_facts.track();
        wishes.is_busy.set(false);
        if let Some(names) = wishes.names.get_untracked() {
            wishes.names.set(None);
            store.class_names.set(names);
        }
    });
    Effect::new(move |_| {
        // Most likely a refusal.
        if store.notice.read().is_some() {
            wishes.is_busy.set(false);
            wishes.names.set(None);
        }
    });
    view! {
        <Panel store=store id="images" title="images.title">
            <Facts store=store client=client />
            <Names store=store />
            <Own store=store client=client wishes=wishes />
        </Panel>
        <Drops store=store client=client wishes=wishes />
    }
}

/// What is trained on now.
#[component]
fn Facts(store: Store, client: Client) -> impl IntoView {
    Effect::new(move |_| {
        if store.data_facts.read().is_some() && store.images.read().is_none() {
            client.want_preview(PREVIEW);
        }
    });
    let sentence = move || match store.data_facts.get() {
        None => text("images.shipped").to_string(),
        Some(facts) => {
            let sum = |counts: &[usize]| format::thousands(counts.iter().sum::<usize>() as u64);
            // Told here, not where it arrives: by its name, a run knows its images again.
            let values: [(&str, &dyn Display); 5] = [
                ("name", &told(&facts.name)),
                ("version", &facts.version),
                ("train", &sum(&facts.train)),
                ("test", &sum(&facts.test)),
                ("classes", &classes(&facts)),
            ];
            filled("images.facts", &values)
        }
    };
    let row = move |class: usize, train: usize, test: usize| {
        view! {
            <tr>
                <th scope="row">{move || store.class_name(class)}</th>
                <td class="number">{format::thousands(train as u64)}</td>
                <td class="number">{format::thousands(test as u64)}</td>
            </tr>
        }
    };
    let counts = move || {
        let facts = store.data_facts.get()?;
        let count = |counts: &[usize], class: usize| counts.get(class).copied().unwrap_or(0);
        let rows = (0..classes(&facts))
            .map(|class| row(class, count(&facts.train, class), count(&facts.test, class)));
        Some(view! {
            <details>
                <summary data-text="images.of-each-class"></summary>
                <div class="table-place" tabindex="0" role="region" data-label="images.of-each-class">
                    <table>
                        <thead>
                            <tr>
                                <th scope="col" data-text="images.class"></th>
                                <th scope="col" class="number" data-text="images.to-train-on"></th>
                                <th scope="col" class="number" data-text="images.to-test"></th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
            </details>
        })
    };
    let preview = Signal::derive(move || {
        let images = store.images.get();
        images
            .map(|images| images.pixels.iter().take(PREVIEW * PIXELS).copied().collect())
            .unwrap_or_default()
    });
    view! {
        <p class="data-facts" role="status" data-label="images.in-use">{sentence}</p>
        <Show when=move || store.images.read().is_some()>
            <Mosaic store=store pixels=preview columns=10 label=text("images.first") />
        </Show>
        {counts}
    }
}

/// Classes up to the last one of which there are images.
fn classes(facts: &DataFacts) -> usize {
    let last = |counts: &[usize]| counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    last(&facts.train).max(last(&facts.test))
}

/// What the classes are called.
#[component]
fn Names(store: Store) -> impl IntoView {
    let count = move || store.data_facts.read().as_ref().map_or(10, classes);
    let all = move || (0..count()).map(|class| store.class_name(class)).collect::<Vec<String>>().join(", ");
    let set = move |names: &str| store.class_names.set(split(names));
    view! {
        <label class="names">
            <span data-text="images.names"></span>
            <input
                type="text"
                autocomplete="off"
                prop:value=all
                on:change:target=move |event| set(&event.target().value())
            />
        </label>
        <div class="file-bar">
            <button type="button" on:click=move |_| set("") data-text="images.numbers"></button>
            <button type="button" on:click=move |_| set(text(CLOTHES)) data-text="images.fashion"></button>
        </div>
    }
}

fn split(names: &str) -> Vec<String> {
    names.split(',').map(|name| name.trim().to_string()).collect()
}

/// The way to own images, and back.
#[component]
fn Own(store: Store, client: Client, wishes: Wishes) -> impl IntoView {
    let Wishes { holdout, ink, is_busy, names } = wishes;
    let percent = move || format!("{:.0}", 100.0 * holdout.get());
    let picked = move |files: Vec<File>| {
        spawn_local(async move {
            if !files.is_empty() {
                open(store, client, wishes, &files).await;
            }
        });
    };
    let back = move |_| {
        names.set(Some(Vec::new()));
        is_busy.set(true);
        client.use_data(None);
    };
    view! {
        <h3 data-text="images.own"></h3>
        <p class="help" data-text="images.own-help"></p>
        <Pick label=text("images.open") multiple=true open=picked />
        <p class="data-state" role="status" data-label="images.reading">
            {move || is_busy.get().then(|| text("images.reading-now"))}
        </p>
        <label class="holdout">
            <span>{text("images.holdout")} " " <output aria-live="off">{percent}" %"</output></span>
            <input
                type="range"
                min="5"
                max="50"
                data-label="images.holdout-share"
                aria-valuetext=move || percent() + " %"
                aria-describedby="holdout-help"
                prop:value=percent
                on:input:target=move |event| {
                    if let Some(percent) = number(&event.target().value()) {
                        holdout.set(percent / 100.0);
                    }
                }
            />
        </label>
        <p id="holdout-help" class="help" data-text="images.holdout-help"></p>
        <label class="ink">
            <span data-text="images.ink"></span>
            <select on:change:target=move |event| {
                ink.set(match event.target().value().as_str() {
                    "dark" => Ink::Dark,
                    "light" => Ink::Light,
                    _ => Ink::Guess,
                });
            }>
                <option value="guess" data-text="images.ink-guess"></option>
                <option value="dark" data-text="images.ink-dark"></option>
                <option value="light" data-text="images.ink-light"></option>
            </select>
        </label>
        <Show when=move || store.has_own_data.get()>
            <button type="button" on:click=back data-text="images.back"></button>
        </Show>
    }
}

/// Train on the images of these files from now on.
pub async fn open(store: Store, client: Client, wishes: Wishes, files: &[File]) {
    wishes.is_busy.set(true);
    match gather(wishes, files).await {
        Ok((own, bytes)) => {
            let is_fashion = files.iter().any(|file| file.name().to_ascii_lowercase().contains("fashion"));
            wishes.names.set(Some(if is_fashion { split(text(CLOTHES)) } else { Vec::new() }));
            client.use_data(Some((own, bytes)));
        }
        Err(sentence) => {
            wishes.is_busy.set(false);
            store.say(sentence, None);
        }
    }
}

/// A file of images or of labels, with its bytes.
struct Part<B> {
    name: String,
    bytes: B,
    is_images: bool,
    count: usize,
}

async fn gather(wishes: Wishes, files: &[File]) -> Result<(OwnData, Uint8Array), String> {
    if files.iter().map(|file| file.size()).sum::<f64>() > LARGEST {
        return Err(text("images.too-large").into());
    }
    let mut parts = Vec::new();
    for file in files {
        parts.push(read(file, wishes.ink.get_untracked()).await?);
    }
    let places = arrange(&parts)?.map(|place| place.map(|index| &parts[index]));
    let lengths = places.map(|part| part.map_or(0, |part| part.bytes.length()));
    let whole = Uint8Array::new_with_length(lengths.iter().sum());
    let mut start = 0;
    for part in places.into_iter().flatten() {
        whole.set(&part.bytes, start);
        start += part.bytes.length();
    }
    let name = places[0].map(|part| title(&part.name)).unwrap_or_default();
    let holdout = wishes.holdout.get_untracked();
    Ok((OwnData { name, lengths: lengths.map(|length| length as usize), holdout }, whole))
}

async fn read(file: &File, ink: Ink) -> Result<Part<Uint8Array>, String> {
    let name = file.name();
    if file.type_().starts_with("image/") {
        let images = sheet::read(file, ink).await?;
        let count = images.len() / PIXELS;
        let bytes = Uint8Array::from(idx(&images).as_slice());
        return Ok(Part { name, bytes, is_images: true, count });
    }
    let bytes = keepsake::read(file).await.map_err(|_| filled("images.unreadable", &[("file", &name)]))?;
    let start = bytes.slice(0, 16).to_vec();
    let start = if start.starts_with(&[0x1f, 0x8b]) {
        unzipped_start(file).await.map_err(|_| filled("images.not-unzipped", &[("file", &name)]))?
    } else {
        start
    };
    let (is_images, count) = kind(&name, &start)?;
    Ok(Part { name, bytes, is_images, count })
}

/// The first bytes in a gzip file.
async fn unzipped_start(file: &File) -> Result<Vec<u8>, JsValue> {
    // By its name: web-sys does not count it among what is stable.
    let unzip: Function = Reflect::get(&window(), &"DecompressionStream".into())?.dyn_into()?;
    let unzip = Reflect::construct(&unzip, &Array::of1(&"gzip".into()))?;
    let stream = file.stream().pipe_through(unzip.unchecked_ref());
    let reader = ReadableStreamDefaultReader::new(&stream)?;
    let chunk = JsFuture::from(reader.read()).await?;
    // The rest is for the engine to unzip; a stream that broke meanwhile needs no end.
    let _ = JsFuture::from(reader.cancel()).await;
    let bytes: Uint8Array = Reflect::get(&chunk, &"value".into())?.dyn_into()?;
    Ok(bytes.slice(0, 16).to_vec())
}

/// Whether an IDX file is of images, and of how many; told from its first bytes.
fn kind(name: &str, start: &[u8]) -> Result<(bool, usize), String> {
    let mut numbers = start.as_chunks::<4>().0.iter().map(|number| u32::from_be_bytes(*number) as usize);
    let mut next = || numbers.next().unwrap_or(0);
    match (next(), next(), next(), next()) {
        (0x801, count, ..) => Ok((false, count)),
        (0x803, count, SIDE, SIDE) => Ok((true, count)),
        (0x803, _, height, width) => {
            let values: [(&str, &dyn Display); 4] =
                [("file", &name), ("height", &height), ("width", &width), ("side", &SIDE)];
            Err(filled("images.other-size", &values))
        }
        _ => Err(filled("images.unknown", &[("file", &name)])),
    }
}

/// What is said when two files have the same place.
const TWICE: [&str; 4] = [
    "images.two-training-images",
    "images.two-training-labels",
    "images.two-test-images",
    "images.two-test-labels",
];

/// The files' places: training images, training labels, test images, test labels.
fn arrange<B>(parts: &[Part<B>]) -> Result<[Option<usize>; 4], String> {
    // What is alone is trained on, whatever its name.
    let is_pair = parts.iter().filter(|part| part.is_images).count() < 2;
    let mut places = [None; 4];
    for (index, part) in parts.iter().enumerate() {
        let place = 2 * usize::from(!is_pair && is_test(&part.name)) + usize::from(!part.is_images);
        if let Some(before) = places[place].replace(index) {
            return Err(filled(TWICE[place], &[("first", &parts[before].name), ("second", &part.name)]));
        }
    }
    let [train, train_labels, test, test_labels] = places;
    if train.is_none() {
        return Err(text("images.none").into());
    }
    if test.is_some() && train_labels.is_some() != test_labels.is_some() {
        return Err(text("images.labels-missing").into());
    }
    for (images, labels) in [(train, train_labels), (test, test_labels)] {
        if let (Some(images), Some(labels)) = (images, labels) {
            let (images, labels) = (&parts[images], &parts[labels]);
            if images.count != labels.count {
                let values: [(&str, &dyn Display); 4] = [
                    ("images", &images.name),
                    ("image_count", &images.count),
                    ("labels", &labels.name),
                    ("label_count", &labels.count),
                ];
                return Err(filled("images.other-count", &values));
            }
        }
    }
    Ok(places)
}

fn is_test(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("test") || name.contains("t10k")
}

/// What to call images by the name of their file, without what only tells their place in the set. In English, for it is
/// written into files.
fn title(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or_default();
    let is_word = |at: &usize| !stem[..*at].ends_with(|c: char| c.is_ascii_alphanumeric() || !c.is_ascii());
    let find = |word: &&str| stem.match_indices(*word).map(|(at, _)| at).find(is_word);
    let end = ["train", "t10k", "test", "images", "idx3"].iter().filter_map(find).min();
    let title = stem[..end.unwrap_or(stem.len())].trim_end_matches(['-', '_', ' ']);
    if title.is_empty() { "Own images".into() } else { title.into() }
}

/// Images as an IDX file.
fn idx(images: &[u8]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let header = [0x803, images.len() / PIXELS, SIDE, SIDE].map(number);
    [header.as_flattened(), images].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, is_images: bool, count: usize) -> Part<()> {
        Part { name: name.into(), bytes: (), is_images, count }
    }

    #[test]
    fn files_find_their_places() {
        let parts = [
            part("t10k-labels-idx1-ubyte.gz", false, 2),
            part("train-images-idx3-ubyte.gz", true, 5),
            part("t10k-images-idx3-ubyte.gz", true, 2),
            part("train-labels-idx1-ubyte.gz", false, 5),
        ];
        assert_eq!(arrange(&parts), Ok([Some(1), Some(3), Some(2), Some(0)]));
        assert_eq!(arrange(&parts[1..2]), Ok([Some(0), None, None, None]));
        let test = [part("emnist-test-images", true, 2), part("any", false, 2)];
        assert_eq!(arrange(&test), Ok([Some(0), Some(1), None, None]));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let refused = |parts: &[Part<()>], key: &str| arrange(parts) == Err(key.to_string());
        assert!(refused(&[part("labels", false, 2)], "images.none"));
        assert!(refused(&[part("a", true, 2), part("b", true, 2)], "images.two-training-images"));
        assert!(refused(&[part("a", true, 2), part("b", false, 3)], "images.other-count"));
        assert!(refused(
            &[part("a", true, 2), part("test", true, 2), part("b", false, 2)],
            "images.labels-missing"
        ));
    }

    #[test]
    fn files_tell_what_they_hold() {
        let images = idx(&[7; 3 * PIXELS]);
        assert_eq!(images.len(), 16 + 3 * PIXELS);
        assert_eq!(kind("a", &images[..16]), Ok((true, 3)));
        assert_eq!(kind("a", &[0, 0, 8, 1, 0, 0, 1, 0]), Ok((false, 256)));
        assert_eq!(kind("a", b"PK\x03\x04"), Err("images.unknown".to_string()));
        let large = [0x803, 1, 32, 32].map(u32::to_be_bytes);
        assert_eq!(kind("a", large.as_flattened()), Err("images.other-size".to_string()));
        assert!(kind("a", &[]).is_err());
    }

    #[test]
    fn sets_are_named_by_their_files() {
        assert_eq!(title("emnist-letters-train-images-idx3-ubyte.gz"), "emnist-letters");
        assert_eq!(title("train-images-idx3-ubyte.gz"), "Own images");
        assert_eq!(title("my latest sheet.png"), "my latest sheet");
    }
}
