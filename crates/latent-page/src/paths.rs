//! Ways through latent space, as strips and animations.

use std::time::Duration;

use latent_protocol::{Path, Subject, Way};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::client::Client;
use crate::format;
use crate::gif::{Film, SaveGif};
use crate::image_number::ImageNumber;
use crate::panel::Panel;
use crate::picture::{Mosaic, PIXELS, SIDE};
use crate::play::while_playing;
use crate::sketch::Sketch;
use crate::store::Store;
use crate::text::{filled, text};

/// The ways between two codes, with keys of their names and of what they are.
const WAYS: [(Way, &str, &str); 4] = [
    (Way::Straight, "paths.straight", "paths.straight-help"),
    (Way::Spherical, "paths.spherical", "paths.spherical-help"),
    (Way::Quantile, "paths.quantile", "paths.quantile-help"),
    (Way::Geodesic, "paths.geodesic", "paths.geodesic-help"),
];

/// From this width of the window on, a strip of up to `ROW` frames has one row; below, ten frames a row.
const WIDE: f64 = 640.0;

/// Most frames in a row.
const ROW: usize = 20;

/// A frame of a GIF has so many pixels per pixel.
const SCALE: usize = 8;

/// Ways through latent space, as strips and animations.
#[component]
pub fn Paths(store: Store, client: Client) -> impl IntoView {
    // A path through the codes of another model is none any more: the engine is told, too.
    Effect::new(move |had: Option<bool>| {
        let has = store.path.read().is_some();
        if had == Some(true) && !has {
            store.sketch.clear();
            client.travel(None);
        }
        has
    });
    view! {
        <Panel store=store id="path" title="paths.title">
            <Between store=store client=client />
            <Drawn store=store client=client />
            <Player store=store client=client />
        </Panel>
    }
}

/// A path between two codes.
#[component]
fn Between(store: Store, client: Client) -> impl IntoView {
    let [from, to] = [(); 2].map(|()| RwSignal::new(None::<Vec<f32>>));
    let way = RwSignal::new(Way::default());
    let steps = RwSignal::new(16);
    // Codes say nothing to a model of another kind.
    let kind = Memo::new(move |_| {
        let family = store.card.read().as_ref().map(|card| card.id.clone());
        (family, store.model.read().as_ref().map(|model| model.latent_dim))
    });
    Effect::new(move |_| {
        kind.track();
        from.set(None);
        to.set(None);
    });
    Effect::new(move |_| {
        if let (Some(from), Some(to)) = (from.get(), to.get()) {
            store.sketch.points.set(Vec::new());
            client.travel(Some(Path::Between { from, to, way: way.get(), steps: steps.get() }));
        }
    });
    let option = |(each, name, _): (Way, &'static str, &'static str)| {
        view! { <option value=name selected=move || way.get() == each>{text(name)}</option> }
    };
    let help = move || WAYS.iter().find(|(each, ..)| *each == way.get()).map(|(.., help)| text(help));
    view! {
        <div class="path-ends">
            <End store=store client=client name="A" code=from />
            <End store=store client=client name="B" code=to />
        </div>
        <label class="path-row">
            <span data-text="paths.way"></span>
            <select
                data-label="paths.way"
                aria-describedby="way-help"
                on:change:target=move |event| {
                    let name = event.target().value();
                    if let Some((chosen, ..)) = WAYS.iter().find(|(_, each, _)| *each == name) {
                        way.set(*chosen);
                    }
                }
            >
                {WAYS.map(option).into_iter().collect_view()}
            </select>
        </label>
        <p id="way-help" class="help">{help}</p>
        <Slide name=text("paths.steps").into() min=5 max=60 value=steps />
    }
}

/// A whole number to slide. It changes when the slider is let go.
#[component]
fn Slide(name: String, min: usize, max: usize, value: RwSignal<usize>) -> impl IntoView {
    view! {
        <label class="path-row">
            <span>{name.clone()} " " <output aria-live="off">{move || value.get()}</output></span>
            <input
                type="range"
                min=min.to_string()
                max=max.to_string()
                aria-label=name
                prop:value=move || value.get().to_string()
                on:change:target=move |event| {
                    if let Ok(chosen) = event.target().value().parse() {
                        value.set(chosen);
                    }
                }
            />
        </label>
    }
}

/// Where a path begins or ends.
#[component]
fn End(store: Store, client: Client, name: &'static str, code: RwSignal<Option<Vec<f32>>>) -> impl IntoView {
    let encodes = Memo::new(move |_| store.card.read().as_ref().is_some_and(|card| card.abilities.encode));
    let number = RwSignal::new(0_usize);
    // The test image whose code is taken when it is known.
    let awaited = RwSignal::new(None::<usize>);
    let take_seen = move || {
        if let Some(seen) = store.observed.read_untracked().as_ref() {
            code.set(Some(with_class(store, &seen.what.mu)));
        }
    };
    Effect::new(move |_| {
        let Some(subject) = awaited.get().map(Subject::Image) else { return };
        let is_seen = store.observed.read().as_ref().is_some_and(|seen| seen.what.subject == subject);
        if is_seen {
            take_seen();
        }
        if is_seen || store.subject.get() != subject {
            awaited.set(None);
        }
    });
    let take_number = move |_| {
        client.observe(Subject::Image(number.get_untracked()));
        // There may be fewer images than that.
        if let Subject::Image(number) = store.subject.get_untracked() {
            awaited.set(Some(number));
        }
    };
    let state = move || match code.read().as_ref() {
        _ if awaited.get().is_some() => text("paths.looking").to_string(),
        Some(code) => {
            let latent_dim = store.model.read().as_ref().map_or(code.len(), |model| model.latent_dim);
            format!("z = {}", format::code(code.get(..latent_dim).unwrap_or(code)))
        }
        None => text("paths.not-chosen").into(),
    };
    view! {
        <fieldset class="path-end">
            <legend>{name}</legend>
            <button
                type="button"
                disabled=move || store.z.read().is_empty()
                on:click=move |_| code.set(Some(store.z.get_untracked())) data-text="paths.from-handle"></button>
            <Show when=move || encodes.get()>
                <button
                    type="button"
                    disabled=move || store.observed.read().is_none()
                    title=text("paths.from-seen-help")
                    on:click=move |_| take_seen() data-text="paths.from-seen"></button>
                <div class="path-take">
                    <ImageNumber label=text("paths.digit-number") number=number choose=move |image| number.set(image) />
                    <button type="button" on:click=take_number>
                        {move || filled("paths.take", &[("number", &number.get())])}
                    </button>
                </div>
            </Show>
            <output class="help" aria-label=filled("paths.code-of", &[("end", &name)])>{state}</output>
        </fieldset>
    }
}

/// Latents with the class that is on show, as the engine tells codes.
fn with_class(store: Store, latents: &[f32]) -> Vec<f32> {
    let shown = store.z.read_untracked();
    latents.iter().chain(shown.iter().skip(latents.len())).copied().collect()
}

/// A path that is drawn by hand.
#[component]
fn Drawn(store: Store, client: Client) -> impl IntoView {
    let Sketch { is_on, points, .. } = store.sketch;
    let toggle = move |_| {
        is_on.update(|is_on| *is_on = !*is_on);
        // That is where it is drawn, and where Escape is heard.
        let plane = document().query_selector(".plane").ok().flatten();
        if let Some(plane) = plane.filter(|_| is_on.get_untracked()) {
            let _ = plane.unchecked_into::<HtmlElement>().focus();
        }
    };
    let start_over = move |_| {
        store.sketch.clear();
        if matches!(*store.path.read_untracked(), Some(Path::Through { .. })) {
            client.travel(None);
        }
    };
    view! {
        <div class="path-drawn" role="group" data-label="paths.by-hand">
            <button type="button" aria-pressed=move || is_on.get().to_string() on:click=toggle data-text="paths.draw"></button>
            <button type="button" on:click=move |_| store.sketch.add(store.point.get_untracked(), client) data-text="paths.add-handle"></button>
            <button type="button" aria-disabled=move || points.read().is_empty().to_string() on:click=start_over data-text="paths.start-over"></button>
            <p class="help" role="status">
                {move || {
                    if is_on.get() {
                        text("paths.drag")
                    } else if points.read().len() == 1 {
                        text("paths.one-point")
                    } else {
                        ""
                    }
                }}
            </p>
        </div>
    }
}

/// What lies along the path: all frames, one frame, and the frames one after the other.
#[component]
fn Player(store: Store, client: Client) -> impl IntoView {
    let is_playing = store.sketch.is_playing;
    let at = RwSignal::new(0_usize);
    let rate = RwSignal::new(12_usize);
    let turns = RwSignal::new(true);
    // Where the path put the handle last: when it is elsewhere, someone took it.
    let put = StoredValue::new(None::<[f32; 2]>);
    let count = Memo::new(move |_| store.route.read().as_ref().map_or(0, |route| route.what.points.len()));
    let last = move || count.get().saturating_sub(1);
    Effect::new(move |_| {
        let last = last();
        if at.get_untracked() > last {
            at.set(last);
        }
    });
    let show = move |index: usize| {
        at.set(index);
        let point =
            store.route.read_untracked().as_ref().and_then(|route| route.what.points.get(index).copied());
        if let Some(point) = point {
            client.move_to(point);
            put.set_value(Some(store.point.get_untracked()));
        }
    };
    let forward = StoredValue::new(true);
    let step = move || {
        let count = count.get_untracked();
        if count < 2 {
            return;
        }
        let handle = store.point.get_untracked().map(f32::to_bits);
        if put.get_value().is_some_and(|put| put.map(f32::to_bits) != handle) {
            is_playing.set(false);
            return;
        }
        let (index, onwards) = next(at.get_untracked(), count, forward.get_value(), turns.get_untracked());
        forward.set_value(onwards);
        show(index);
    };
    Effect::new(move |_| {
        if is_playing.get() {
            put.set_value(None);
        }
    });
    while_playing(is_playing, move || Duration::from_millis(delay_ms(rate.get()).into()), step);
    let frames = Signal::derive(move || {
        store.route.read().as_ref().map(|route| route.pixels.to_vec()).unwrap_or_default()
    });
    let frame = Signal::derive(move || {
        let at = at.get().min(last());
        let route = store.route.read();
        let frame = route.as_ref().and_then(|route| route.pixels.get(at * PIXELS..(at + 1) * PIXELS));
        frame.map(<[u8]>::to_vec).unwrap_or_default()
    });
    let columns = Signal::derive(move || {
        let width = window().inner_width().ok().and_then(|width| width.as_f64()).unwrap_or(WIDE);
        if width < WIDE { ROW / 2 } else { count.get().min(ROW) }
    });
    let save = move || film(store, rate.get_untracked(), turns.get_untracked());
    let place = move || filled("paths.frame", &[("frame", &(at.get() + 1)), ("count", &count.get())]);
    let lengths = move || {
        store.route.read().as_ref().map(|route| {
            let [length, straight] =
                [route.what.length, route.what.straight].map(|length| format::decimal(length, 1));
            filled("paths.length", &[("length", &length), ("straight", &straight)])
        })
    };
    view! {
            <div class="path-player" role="group" data-label="paths.along" hidden=move || count.get() == 0>
                <Mosaic store=store pixels=frames columns=columns label=text("paths.frames") />
                <p class="help">{lengths}</p>
                <div class="path-large">
                    <Mosaic store=store pixels=frame columns=1 label=Signal::derive(place) />
                    <div>
                        <label class="path-row">
                            <span data-text="paths.along"></span>
                            <input
                                type="range"
                                min="0"
                                max=move || last().to_string()
                                data-label="paths.along"
                                aria-valuetext=place
                                prop:value=move || at.get().to_string()
                                on:input:target=move |event| {
                                    if let Ok(index) = event.target().value().parse() {
                                        is_playing.set(false);
                                        show(index);
                                    }
                                }
                            />
                        </label>
                        <Slide name=text("paths.rate").into() min=1 max=30 value=rate />
                        <label class="check">
                            <input
                                type="checkbox"
                                prop:checked=turns
                                on:change:target=move |event| turns.set(event.target().checked())
                            />
    {text("paths.back-and-forth")}
    </label>
                        <div class="path-buttons">
                            <button type="button" on:click=move |_| is_playing.update(|is_playing| *is_playing = !*is_playing)>
                                {move || text(if is_playing.get() { "paths.pause" } else { "paths.play" })}
                            </button>
                            <SaveGif store=store name="path.gif" film=save />
                        </div>
                    </div>
                </div>
            </div>
        }
}

/// The path as it is played once.
fn film(store: Store, rate: usize, turns: bool) -> Option<Film> {
    let route = store.route.get_untracked()?;
    let mut frames: Vec<Vec<u8>> = route.pixels.chunks_exact(PIXELS).map(<[u8]>::to_vec).collect();
    if turns && frames.len() > 2 {
        frames.extend_from_within(1..frames.len() - 1);
        let half = frames.len() / 2 + 1;
        frames[half..].reverse();
    }
    Some(Film { frames, side: SIDE, scale: SCALE, delay_ms: delay_ms(rate) })
}

fn delay_ms(rate: usize) -> u32 {
    1000 / u32::try_from(rate.max(1)).unwrap_or(1)
}

/// The frame after this one and the direction from there on; at an end it turns back, or begins again.
fn next(at: usize, count: usize, forward: bool, turns: bool) -> (usize, bool) {
    if !turns {
        return ((at + 1) % count, true);
    }
    let forward = if forward { at + 1 < count } else { at == 0 };
    (if forward { at + 1 } else { at - 1 }, forward)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_go_round_or_back_and_forth() {
        let walk = |turns: bool| {
            let mut at = (1, true);
            [(); 6].map(|()| {
                at = next(at.0, 3, at.1, turns);
                at.0
            })
        };
        assert_eq!(walk(false), [2, 0, 1, 2, 0, 1]);
        assert_eq!(walk(true), [2, 1, 0, 1, 2, 1]);
    }
}
