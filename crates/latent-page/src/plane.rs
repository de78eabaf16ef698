//! The latent plane: the manifold, and a handle to drag on it.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, PointerEvent};

use crate::client::Client;
use crate::cloud::{Cloud, Spotlight};
use crate::lapse::Past;
use crate::marks::Marks;
use crate::pointer::place_on;
use crate::sketch::SketchLine;
use crate::store::Store;
use crate::text::text;

/// How far an arrow key moves the handle, as a share of the plane's side; Shift makes it ten times as far.
const STEP: f32 = 0.01;

/// The plane with its handle.
#[component]
pub fn Plane(
    store: Store,
    client: Client,
    surface: NodeRef<Div>,
    /// Whether another plane on the page explains itself.
    #[prop(optional)]
    is_second: bool,
) -> impl IntoView {
    let dragging = RwSignal::new(false);
    let spotlight = Spotlight::new(store);
    let sketch = store.sketch;
    let follow = move |event: &PointerEvent| {
        let Some(place) = place_of(event) else { return };
        if !dragging.get_untracked() {
            spotlight.point_at(place);
        } else if sketch.is_on.get_untracked() {
            sketch.drag(place);
        } else {
            client.move_to(place);
        }
    };
    let down = move |event: PointerEvent| {
        if event.button() != 0 {
            return;
        }
        if let Some(target) = event.current_target() {
            // Without capture the drag only ends at the plane's edge.
            let _ = target.unchecked_into::<Element>().set_pointer_capture(event.pointer_id());
        }
        spotlight.leave();
        if sketch.is_on.get_untracked() {
            sketch.begin();
        }
        dragging.set(true);
        follow(&event);
    };
    let up = move |event: PointerEvent| {
        if dragging.get_untracked() {
            dragging.set(false);
            if sketch.is_on.get_untracked() {
                sketch.finish(store, client);
            } else {
                follow(&event);
            }
        }
    };
    // A finger that is lifted leaves too, but what it tapped stays to be seen.
    let leave = move |event: PointerEvent| {
        if event.pointer_type() != "touch" {
            spotlight.leave();
        }
    };
    let key = move |event: KeyboardEvent| {
        // Those are the browser's.
        if event.alt_key() || event.ctrl_key() || event.meta_key() {
            return;
        }
        let point = match event.key().as_str() {
            "n" | "N" => {
                let Some(point) = spotlight.step(!event.shift_key()) else { return };
                point
            }
            "Escape" => {
                spotlight.leave();
                sketch.is_on.set(false);
                return;
            }
            key => {
                let Some(point) = moved(store.point.get_untracked(), key, event.shift_key()) else { return };
                point
            }
        };
        event.prevent_default();
        client.move_to(point);
    };
    let percent = |value: f32| format!("{:.3}%", value * 100.0);
    view! {
        <div
            class="plane"
            class:dragging=dragging
            class:sketching=sketch.is_on
            role="application"
            aria-label=text(if is_second { "plane.second" } else { "plane.plane" })
            aria-describedby=if is_second { "plane-help" } else { "plane-help cloud-help" }
            tabindex="0"
            on:pointerdown=down
            on:pointermove=move |event| follow(&event)
            on:pointerup=up
            on:pointerleave=leave
            on:pointercancel=move |_| dragging.set(false)
            on:keydown=key
        >
            <div class="surface" class:plane-surface=!is_second node_ref=surface></div>
            {(!is_second).then(|| view! {
                <Cloud store=store spotlight=spotlight />
                <SketchLine store=store />
                <Marks store=store />
                <Past store=store />
            })}
            <span
                class="handle"
                style:left=move || percent(store.point.get()[0])
                style:top=move || percent(1.0 - store.point.get()[1])
            ></span>
        </div>
        {(!is_second).then(|| view! {
            <p id="plane-help" class="hint" data-text="plane.help"></p>
        })}
    }
}

/// Where on the plane an event of a pointer happened.
fn place_of(event: &PointerEvent) -> Option<[f32; 2]> {
    let plane: Element = event.current_target()?.unchecked_into();
    Some(unit_from_canvas(place_on(&plane, event)))
}

/// Where a key moves the handle, if it does.
fn moved([x, y]: [f32; 2], key: &str, is_far: bool) -> Option<[f32; 2]> {
    let step = if is_far { 10.0 * STEP } else { STEP };
    Some(match key {
        "ArrowLeft" => [x - step, y],
        "ArrowRight" => [x + step, y],
        "ArrowUp" => [x, y + step],
        "ArrowDown" => [x, y - step],
        "Home" => [0.5, 0.5],
        _ => return None,
    })
}

/// From a share of the plane's width and height, downwards, to the unit square, upwards.
#[expect(clippy::cast_possible_truncation, reason = "a screen has fewer than 2^24 pixels")]
fn unit_from_canvas([x, y]: [f64; 2]) -> [f32; 2] {
    [x as f32, (1.0 - y) as f32]
}

/// The number of tiles.
#[component]
pub fn GridSlider(store: Store, client: Client) -> impl IntoView {
    let tiles = move || format!("{0} \u{d7} {0}", store.grid.get());
    view! {
        <label class="grid-slider">
            <span>{text("plane.grid")} " " <output aria-live="off">{tiles}</output></span>
            <input
                type="range"
                min="5"
                max="40"
                data-label="plane.grid-size"
                aria-valuetext=tiles
                prop:value=move || store.grid.get().to_string()
                on:input:target=move |event| {
                    if let Ok(grid) = event.target().value().parse() {
                        client.set_grid(grid);
                    }
                }
            />
        </label>
    }
}
