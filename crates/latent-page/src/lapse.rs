//! The manifold's history while a model learned.

use std::sync::Arc;
use std::time::Duration;

use latent_protocol::{Provenance, Theme};
use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, ContextAttributes2d, HtmlCanvasElement};

use crate::client::Client;
use crate::format;
use crate::gif::{Film, SaveGif};
use crate::panel::Panel;
use crate::picture;
use crate::play::{PlayButton, while_playing};
use crate::store::Store;
use crate::text::{filled, text};

/// Pixels along one side of a frame.
const SIDE: u16 = 280;

/// Most frames; then every second one is dropped.
const MOST: usize = 120;

/// Most frames of a GIF.
const MOST_IN_GIF: usize = 60;

/// Milliseconds in which the whole history is played.
const PLAY_MS: usize = 8000;

/// Milliseconds from the engine's word that the plane is drawn until its canvas surely shows it; the next drawing
/// comes later than that.
const SETTLE: Duration = Duration::from_millis(120);

/// The name of the panel in the link.
const ID: &str = "lapse";

/// The plane as it was.
#[derive(Clone, Debug)]
struct Frame {
    /// Steps done.
    step: u64,
    /// Grey bytes, ink being 255.
    pixels: Arc<Vec<u8>>,
}

/// Frames evenly spaced over the drawings of a run.
#[derive(Debug)]
struct History {
    frames: Vec<Frame>,
    /// Every so many drawings, one is kept.
    every: u32,
    /// Drawings so far.
    drawings: u32,
    /// Step of the last drawing.
    last: Option<u64>,
}

impl History {
    const fn new() -> Self {
        Self { frames: Vec::new(), every: 1, drawings: 0, last: None }
    }

    /// The plane was drawn. Whether this drawing is to be kept. A run that went back to an earlier step, be it the
    /// first of a fresh one, takes what came after it out of the history.
    fn draw(&mut self, step: u64) -> bool {
        if self.last == Some(step) {
            // The model is the same: only its colours or tiles changed.
            return false;
        }
        if self.last.is_some_and(|last| step < last) {
            self.frames.retain(|frame| frame.step < step);
            if self.frames.is_empty() {
                *self = Self::new();
            }
        }
        self.last = Some(step);
        self.drawings += 1;
        (self.drawings - 1).is_multiple_of(self.every)
    }

    /// Keep a frame. Whether every second one had to make room.
    fn keep(&mut self, frame: Frame) -> bool {
        self.frames.push(frame);
        let is_full = self.frames.len() >= MOST;
        if is_full {
            let mut index = 0;
            self.frames.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.every *= 2;
        }
        is_full
    }
}

/// What is kept of the plane's past; a cheap handle.
#[derive(Clone, Copy)]
pub struct Lapse {
    history: StoredValue<History>,
    /// Frames there are.
    count: RwSignal<usize>,
    /// The frame that covers the plane; none for the present.
    shown: RwSignal<Option<usize>>,
}

impl Lapse {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            history: StoredValue::new(History::new()),
            count: RwSignal::new(0),
            shown: RwSignal::new(None),
        }
    }

    /// Another run, another history.
    pub fn clear(self) {
        self.history.set_value(History::new());
        self.recount();
    }

    fn recount(self) {
        let count = self.history.with_value(|history| history.frames.len());
        self.count.set(count);
        if self.shown.get_untracked().is_some_and(|shown| shown >= count) {
            self.shown.set(None);
        }
    }

    fn keep(self, frame: Frame) {
        let halved = self.history.try_update_value(|history| history.keep(frame)) == Some(true);
        if halved {
            // The frame on show, or the one before it.
            self.shown.update(|shown| *shown = shown.map(|index| index / 2));
        }
        self.recount();
    }

    fn frame(self, index: usize) -> Option<Frame> {
        self.history.with_value(|history| history.frames.get(index).cloned())
    }

    /// The frame that covers the plane.
    fn covering(self) -> Option<Frame> {
        self.frame(self.shown.get()?)
    }

    /// Evenly spaced frames for a file, the last one among them.
    fn selection(self) -> Vec<Vec<u8>> {
        self.history.with_value(|history| {
            let stride = history.frames.len().div_ceil(MOST_IN_GIF).max(1);
            let mut chosen: Vec<Vec<u8>> =
                history.frames.iter().rev().step_by(stride).map(|frame| frame.pixels.to_vec()).collect();
            chosen.reverse();
            chosen
        })
    }
}

/// An earlier plane over the present one.
#[component]
pub fn Past(store: Store) -> impl IntoView {
    record(store);
    let canvas = NodeRef::<Canvas>::new();
    let step = Memo::new(move |_| store.lapse.covering().map(|frame| frame.step));
    Effect::new(move |_| {
        if let (Some(canvas), Some(frame)) = (canvas.get(), store.lapse.covering()) {
            paint(&canvas, &frame.pixels, store.theme.get());
        }
    });
    let is_past = Memo::new(move |_| step.get().is_some());
    let badge = move || step.get().map(|step| at_step("lapse.past", step));
    view! {
        <Show when=move || is_past.get()>
            <div class="past">
                <canvas width=SIDE height=SIDE aria-hidden="true" node_ref=canvas></canvas>
                <span class="past-badge">{badge}</span>
            </div>
        </Show>
    }
}

/// The text of a key with a step in it.
fn at_step(key: &str, step: u64) -> String {
    filled(key, &[("step", &format::thousands(step))])
}

/// Keep what the plane shows while a model learns.
fn record(store: Store) {
    let scratch = StoredValue::new_local(scratch());
    let is_grabbing = StoredValue::new(false);
    let family = Memo::new(move |_| store.card.read().as_ref().map(|card| card.id.to_string()));
    Effect::new(move |_| {
        // To track it would not be enough: a memo that nobody reads follows nothing.
        let _ = family.get();
        store.lapse.clear();
    });
    Effect::new(move |_| {
        let Some(step) = store.drawn.get().filter(|_| is_of_run(store)) else { return };
        let wanted = store.lapse.history.try_update_value(|history| history.draw(step)) == Some(true);
        store.lapse.recount();
        if !wanted || is_grabbing.get_value() {
            return;
        }
        is_grabbing.set_value(true);
        // A hidden page shows no new drawing, and gives no frame.
        let grab = move || {
            is_grabbing.set_value(false);
            let Some(step) = store.drawn.get_untracked().filter(|_| is_of_run(store)) else { return };
            let theme = store.theme.get_untracked();
            let pixels = scratch.with_value(|scratch| grab(scratch.as_ref()?, theme));
            if let Some(pixels) = pixels {
                store.lapse.keep(Frame { step, pixels: Arc::new(pixels) });
            }
        };
        set_timeout(move || request_animation_frame(grab), SETTLE);
    });
}

/// Whether the model on show learns here and is of the chosen family: of one that was left, a drawing may still be
/// on its way.
fn is_of_run(store: Store) -> bool {
    let (model, card) = (store.model.read_untracked(), store.card.read_untracked());
    model.as_ref().is_some_and(|model| {
        model.provenance == Provenance::Run && card.as_ref().is_some_and(|card| card.id == model.family)
    })
}

/// A small canvas whose pixels are quick to read.
fn scratch() -> Option<CanvasRenderingContext2d> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
    canvas.set_width(SIDE.into());
    canvas.set_height(SIDE.into());
    let attributes = ContextAttributes2d::new();
    attributes.set_will_read_frequently(true);
    canvas.get_context_with_context_options("2d", &attributes).ok()??.dyn_into().ok()
}

/// The plane as grey bytes.
fn grab(scratch: &CanvasRenderingContext2d, theme: Theme) -> Option<Vec<u8>> {
    let plane = document().query_selector(".plane-surface canvas").ok()??;
    let side = f64::from(SIDE);
    scratch
        .draw_image_with_html_canvas_element_and_dw_and_dh(plane.unchecked_ref(), 0.0, 0.0, side, side)
        .ok()?;
    let rgba = scratch.get_image_data(0.0, 0.0, side, side).ok()?.data();
    Some(rgba.as_chunks::<4>().0.iter().map(|[red, ..]| grey(*red, theme)).collect())
}

/// The intensity, 0 to 255, that has this red in a theme's colours.
fn grey(red: u8, theme: Theme) -> u8 {
    let (paper, ink) = (i32::from(theme.paper[0]), i32::from(theme.ink[0]));
    let span = if ink == paper { 1 } else { ink - paper };
    u8::try_from(((i32::from(red) - paper) * 255 / span).clamp(0, 255)).unwrap_or(u8::MAX)
}

/// Draw a frame in a theme's colours.
fn paint(canvas: &HtmlCanvasElement, pixels: &[u8], theme: Theme) {
    let colors: Vec<[u8; 3]> = (0..=u8::MAX).map(|grey| theme.color(f32::from(grey) / 255.0)).collect();
    let rgba: Vec<u8> = pixels
        .iter()
        .flat_map(|grey| {
            let [r, g, b] = colors[usize::from(*grey)];
            [r, g, b, u8::MAX]
        })
        .collect();
    picture::put(canvas, &rgba, SIDE.into(), SIDE.into());
}

/// The history, to be scrubbed and played.
#[component]
pub fn TimeLapse(store: Store, client: Client) -> impl IntoView {
    let _ = client;
    let lapse = store.lapse;
    let is_playing = RwSignal::new(false);
    let is_open = Memo::new(move |_| store.is_open(ID));
    Effect::new(move |_| {
        // What is over the plane must not stay when what takes it away is folded up.
        if !is_open.get() {
            is_playing.set(false);
            lapse.shown.set(None);
        }
    });
    while_playing(
        is_playing,
        move || Duration::from_millis((PLAY_MS / lapse.count.get_untracked().max(1)) as u64),
        move || {
            let next = lapse.shown.get_untracked().map_or(0, |shown| shown + 1);
            let is_past = next < lapse.count.get_untracked();
            // The history ends in the present.
            lapse.shown.set(is_past.then_some(next));
            is_playing.set(is_past);
        },
    );
    let has_frames = Memo::new(move |_| lapse.count.get() > 0);
    view! {
        <Panel store=store id=ID title="lapse.title">
            <Show
                when=move || has_frames.get()
                fallback=|| view! {
                    <p class="hint" data-text="lapse.wait"></p>
                }
            >
                <Reel store=store is_playing=is_playing />
            </Show>
        </Panel>
    }
}

/// The controls of a history that is not empty.
#[component]
fn Reel(store: Store, is_playing: RwSignal<bool>) -> impl IntoView {
    let lapse = store.lapse;
    let last = move || lapse.count.get().saturating_sub(1);
    let moment = move || {
        let now = || {
            store.drawn.get().map_or_else(|| text("lapse.now").into(), |step| at_step("lapse.now-step", step))
        };
        lapse.covering().map_or_else(now, |frame| at_step("lapse.step", frame.step))
    };
    let play = move || {
        if !is_playing.get_untracked() {
            // Ends as it began: with the present.
            lapse.shown.update(|shown| {
                *shown = shown.filter(|at| *at + 1 < lapse.count.get_untracked()).or(Some(0));
            });
        }
        is_playing.update(|is_playing| *is_playing = !*is_playing);
    };
    let back = move |_| {
        is_playing.set(false);
        lapse.shown.set(None);
    };
    let film = move || {
        let frames = lapse.selection();
        let delay_ms = u32::try_from(PLAY_MS / frames.len().max(1)).unwrap_or(100);
        Some(Film { frames, side: SIDE.into(), scale: 1, delay_ms })
    };
    view! {
        <div class="lapse">
            <p class="help" data-text="lapse.help"></p>
            <label class="lapse-moment">
                <output aria-live="off">{moment}</output>
                <input
                    type="range"
                    min="0"
                    max=move || last().to_string()
                    data-label="lapse.moment"
                    aria-valuetext=moment
                    prop:value=move || lapse.shown.get().unwrap_or(last()).to_string()
                    on:input:target=move |event| {
                        if let Ok(index) = event.target().value().parse() {
                            is_playing.set(false);
                            lapse.shown.set(Some(index));
                        }
                    }
                />
            </label>
            <div class="lapse-buttons">
                <PlayButton is_playing=is_playing play="lapse.play" stop="lapse.stop" on_press=play />
                <button type="button" aria-disabled=move || lapse.shown.get().is_none().to_string() on:click=back data-text="lapse.back"></button>
                <SaveGif store=store name="time-lapse.gif" film=film />
            </div>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(history: &mut History, steps: impl Iterator<Item = u64>) {
        for step in steps {
            if history.draw(step) {
                history.keep(Frame { step, pixels: Arc::default() });
            }
        }
    }

    #[test]
    fn frames_stay_evenly_spaced() {
        let mut history = History::new();
        run(&mut history, (0..1000).map(|drawing| drawing * 7));
        let steps: Vec<u64> = history.frames.iter().map(|frame| frame.step).collect();
        assert!(steps.len() < MOST && steps.len() >= MOST / 2, "{} frames", steps.len());
        assert_eq!(steps[0], 0);
        assert!(steps.windows(2).all(|pair| pair[1] - pair[0] == steps[1]), "{steps:?}");
    }

    #[test]
    fn a_fresh_run_begins_anew_and_an_unlucky_one_goes_back() {
        let mut history = History::new();
        run(&mut history, 0..50);
        assert!(!history.draw(49), "the same weights in other colours");
        run(&mut history, 40..45);
        assert_eq!(history.frames.len(), 45, "after a divergence");
        run(&mut history, 0..3);
        assert_eq!(history.frames.len(), 3);
    }

    #[test]
    fn a_grey_comes_back_from_its_colour() {
        let theme = Theme { paper: [0xff; 3], ink: [0x17, 0x1a, 0x2b] };
        assert_eq!([grey(0xff, theme), grey(0x17, theme)], [0, 255]);
        assert!(grey(theme.color(0.5)[0], theme).abs_diff(128) <= 1);
    }
}
