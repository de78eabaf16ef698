//! A pad to draw on. Strokes are kept as the points of the pen, so that each can be undone.

use std::fmt::Write;

use js_sys::{Array, Function, Reflect};
use latent_protocol::number_f32;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use crate::normalise::{Stroke, normalise};
use crate::pointer::place_on;
use crate::text::{filled, text};

/// The pad's side, in the unit of points and pens.
const SIDE: f32 = 1000.0;

/// Points that are closer than this to the last one say nothing new.
const LEAST: f32 = 4.0;

/// What was drawn. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Drawing {
    strokes: RwSignal<Vec<Stroke>>,
    pen_width: RwSignal<f32>,
    /// The pointer that draws.
    pointer: StoredValue<Option<i32>>,
}

impl Drawing {
    /// An empty pad.
    pub fn new() -> Self {
        Self {
            strokes: RwSignal::new(Vec::new()),
            pen_width: RwSignal::new(90.0),
            pointer: StoredValue::new(None),
        }
    }

    /// Hear of every change.
    pub fn track(self) {
        self.strokes.track();
        self.pen_width.track();
    }

    /// Whether nothing is drawn.
    pub fn is_empty(self) -> bool {
        self.strokes.read().is_empty()
    }

    /// As the model is shown it: 784 grey bytes, if there is ink.
    pub fn pixels(self) -> Option<Vec<u8>> {
        normalise(&self.strokes.read_untracked(), self.pen_width.get_untracked())
    }

    fn begin(self, event: &PointerEvent) {
        // A second finger draws nothing.
        let is_other = self.pointer.get_value().is_some_and(|id| id != event.pointer_id());
        if event.button() != 0 || is_other {
            return;
        }
        let Some(pad) = pad_of(event) else { return };
        // Without capture the stroke only ends at the pad's edge.
        let _ = pad.set_pointer_capture(event.pointer_id());
        self.pointer.set_value(Some(event.pointer_id()));
        self.strokes.update(|strokes| strokes.push(vec![point(&pad, event)]));
    }

    fn go_on(self, event: &PointerEvent) {
        if self.pointer.get_value() != Some(event.pointer_id()) {
            return;
        }
        let Some(pad) = pad_of(event) else { return };
        self.strokes.update(|strokes| {
            let Some(stroke) = strokes.last_mut() else { return };
            for event in coalesced(event) {
                let [x, y] = point(&pad, &event);
                let is_new = |[last_x, last_y]: &[f32; 2]| (x - last_x).hypot(y - last_y) >= LEAST;
                if stroke.last().is_none_or(is_new) {
                    stroke.push([x, y]);
                }
            }
        });
    }

    fn end(self, event: &PointerEvent) {
        if self.pointer.get_value() == Some(event.pointer_id()) {
            self.pointer.set_value(None);
        }
    }

    fn undo(self) {
        self.pointer.set_value(None);
        self.strokes.update(|strokes| {
            strokes.pop();
        });
    }

    fn clear(self) {
        self.pointer.set_value(None);
        self.strokes.update(Vec::clear);
    }
}

/// The pad with its pen and its buttons.
#[component]
pub fn Pad(drawing: Drawing) -> impl IntoView {
    let is_empty = move || drawing.is_empty();
    let is_off = move || is_empty().to_string();
    let width = move || filled("pad.width", &[("percent", &(drawing.pen_width.get() * 100.0 / SIDE))]);
    view! {
        <svg
            class="pad"
            viewBox=format!("0 0 {SIDE} {SIDE}")
            role="img"
            aria-label=move || text(if is_empty() { "pad.empty" } else { "pad.drawn" })
            on:pointerdown=move |event| drawing.begin(&event)
            on:pointermove=move |event| drawing.go_on(&event)
            on:pointerup=move |event| drawing.end(&event)
            on:pointercancel=move |event| drawing.end(&event)
            on:lostpointercapture=move |event| drawing.end(&event)
        >
            <path d=move || path(&drawing.strokes.read()) stroke-width=move || drawing.pen_width.get().to_string() />
        </svg>
        <div class="draw-buttons">
            <button type="button" aria-disabled=is_off on:click=move |_| drawing.undo() data-text="pad.undo"></button>
            <button type="button" aria-disabled=is_off on:click=move |_| drawing.clear() data-text="pad.clear"></button>
        </div>
        <label class="pen">
            <span>{text("pad.pen")} " " <output aria-live="off">{width}</output></span>
            <input
                type="range"
                min="30"
                max="200"
                step="10"
                data-label="pad.pen-width"
                aria-valuetext=width
                prop:value=move || drawing.pen_width.get().to_string()
                on:input:target=move |event| {
                    if let Some(width) = number_f32(&event.target().value()) {
                        drawing.pen_width.set(width);
                    }
                }
            />
        </label>
    }
}

fn pad_of(event: &PointerEvent) -> Option<Element> {
    event.current_target().map(JsCast::unchecked_into)
}

/// Where the pointer is on the pad.
#[expect(clippy::cast_possible_truncation, reason = "a screen has fewer than 2^24 pixels")]
fn point(pad: &Element, event: &PointerEvent) -> [f32; 2] {
    place_on(pad, event).map(|share| (share.clamp(0.0, 1.0) as f32 * SIDE).round())
}

/// All moves that a browser put into one event. Not every browser tells them; then the event stands for itself.
fn coalesced(event: &PointerEvent) -> Vec<PointerEvent> {
    let told = Reflect::get(event, &"getCoalescedEvents".into())
        .and_then(JsCast::dyn_into::<Function>)
        .and_then(|tell| tell.call0(event));
    let moves = told.map_or_else(|_| Array::new(), JsCast::unchecked_into);
    if moves.length() == 0 {
        return vec![event.clone()];
    }
    moves.iter().map(JsCast::unchecked_into).collect()
}

/// The strokes as an SVG path; one of a single point is a dot.
fn path(strokes: &[Stroke]) -> String {
    let mut path = String::new();
    for stroke in strokes {
        for (index, [x, y]) in stroke.iter().enumerate() {
            // Writing to a string does not fail.
            let _ = if index == 0 { write!(path, "M{x} {y}L{x} {y}") } else { write!(path, "L{x} {y}") };
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_are_paths_and_a_point_is_a_dot() {
        assert_eq!(path(&[vec![[1.0, 2.0], [3.0, 4.0]], vec![[5.0, 6.0]]]), "M1 2L1 2L3 4M5 6L5 6");
        assert_eq!(path(&[]), "");
    }
}
