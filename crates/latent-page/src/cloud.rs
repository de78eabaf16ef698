//! Test images on the plane, where they are encoded.

use std::sync::Arc;

use latent_protocol::Theme;
use leptos::html::Canvas;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

use crate::cells::{Cells, is_known};
use crate::client::{Client, POINTS};
use crate::palette;
use crate::picture::{self, Mosaic, PIXELS, SIDE, context};
use crate::store::{PlaneView, Store, TestImages};
use crate::text::{filled, text};
use crate::width;

/// Size of a cell in which one small picture is shown, in CSS pixels.
const CELL: f64 = 30.0;

/// How far from the pointer an image is still found, in CSS pixels. Not more than a cell.
const REACH: f32 = 12.0;

/// Classes that can be chosen: a bit each.
const CLASSES: u8 = 32;

/// What is on the plane, by the key of the name in its control.
const VIEWS: [(PlaneView, &str); 4] = [
    (PlaneView::Digits, "cloud.digits"),
    (PlaneView::Points, "cloud.points"),
    (PlaneView::Both, "cloud.both"),
    (PlaneView::Thumbnails, "cloud.thumbnails"),
];

/// Whether a class is shown; those without a bit always are.
fn has_class(classes: u32, class: u8) -> bool {
    classes.checked_shr(class.into()).is_none_or(|bits| bits & 1 == 1)
}

/// Which test image is shown large beside its point, and how it is found. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Spotlight {
    store: Store,
    image: RwSignal<Option<usize>>,
    /// Side of the plane in CSS pixels; 0 while there are no points on it.
    side: RwSignal<f64>,
    /// The points that are shown. Sorted when something is looked for, if they changed since.
    cells: Memo<Cells>,
}

impl Spotlight {
    /// On nothing yet.
    pub fn new(store: Store) -> Self {
        let side = RwSignal::new(0.0);
        let cells = Memo::new(move |_| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a screen is small")]
            let cells = (side.get() / CELL) as usize;
            let (classes, images) = (store.classes.get(), store.images.get());
            Cells::new(cells.max(1), &store.points.read(), |number| {
                is_shown(images.as_deref(), classes, number)
            })
        });
        Self { store, image: RwSignal::new(None), side, cells }
    }

    /// Show the image at a place of the plane, if there is one.
    pub fn point_at(self, place: [f32; 2]) {
        let view = self.store.view.get_untracked();
        if view == PlaneView::Digits {
            return;
        }
        let points = self.store.points.read_untracked();
        let cells = self.cells.read_untracked();
        self.show(if view == PlaneView::Thumbnails {
            cells.middle(&points, cells.at(place))
        } else {
            #[expect(clippy::cast_possible_truncation, reason = "a screen is small")]
            let side = self.side.get_untracked().max(1.0) as f32;
            cells.nearest(&points, place, REACH / side)
        });
    }

    /// Show the next image in the order of their numbers, or the one before; where it lies.
    pub fn step(self, forward: bool) -> Option<[f32; 2]> {
        if self.store.view.get_untracked() == PlaneView::Digits {
            return None;
        }
        let (classes, images) = (self.store.classes.get_untracked(), self.store.images.get_untracked());
        let points = self.store.points.read_untracked();
        let accept = |number: usize| is_known(points[number]) && is_shown(images.as_deref(), classes, number);
        let number = neighbour(self.image.get_untracked(), points.len(), forward, accept)?;
        self.show(Some(number));
        points.get(number).copied()
    }

    /// Show none any more.
    pub fn leave(self) {
        self.show(None);
    }

    fn show(self, image: Option<usize>) {
        // The pointer moves far more often than that changes.
        if self.image.get_untracked() != image {
            self.image.set(image);
        }
    }
}

fn is_shown(images: Option<&TestImages>, classes: u32, number: usize) -> bool {
    images.and_then(|images| images.labels.get(number)).is_some_and(|class| has_class(classes, *class))
}

/// The next number that is accepted, around the end; from none, the first or the last.
fn neighbour(
    from: Option<usize>,
    count: usize,
    forward: bool,
    accept: impl Fn(usize) -> bool,
) -> Option<usize> {
    let from = from.filter(|number| *number < count);
    (0..count)
        .map(|away| match (forward, from) {
            (true, from) => (from.map_or(0, |from| from + 1) + away) % count,
            (false, from) => (from.unwrap_or(0) + 2 * count - 1 - away) % count,
        })
        .find(|number| accept(*number))
}

/// What lies over the plane: test images as points or small pictures, and one of them large.
#[component]
pub fn Cloud(store: Store, spotlight: Spotlight) -> impl IntoView {
    let node = NodeRef::<Canvas>::new();
    let marks = StoredValue::new_local(None::<Marks>);
    let is_waiting = StoredValue::new(false);
    Effect::new(move |_| {
        if let Some(canvas) = node.get() {
            width::follow(&canvas, spotlight.side);
        }
    });
    Effect::new(move |_| {
        let view = store.view.get();
        // All that changes the picture.
        store.points.track();
        store.images.track();
        store.classes.track();
        store.theme.track();
        let is_empty = spotlight.side.get() < 1.0 || view == PlaneView::Digits;
        if is_empty || is_waiting.get_value() {
            return;
        }
        is_waiting.set_value(true);
        request_animation_frame(move || {
            is_waiting.set_value(false);
            if let Some(canvas) = node.get_untracked() {
                draw(&canvas, store, spotlight, marks);
            }
        });
    });
    // What is shown large is one of those that are shown small.
    Effect::new(move |_| {
        store.view.track();
        store.classes.track();
        store.images.track();
        spotlight.leave();
    });
    view! {
        <canvas
            class="cloud"
            class:veil=move || store.view.get() == PlaneView::Both
            aria-hidden="true"
            hidden=move || store.view.get() == PlaneView::Digits
            node_ref=node
        ></canvas>
        <Tip store=store spotlight=spotlight />
    }
}

/// The test image that is pointed at.
#[component]
fn Tip(store: Store, spotlight: Spotlight) -> impl IntoView {
    let image = spotlight.image;
    let pixels = Signal::derive(move || {
        let images = store.images.get();
        let at = image.get().map(|number| number * PIXELS..(number + 1) * PIXELS);
        at.and_then(|at| images.as_ref()?.pixels.get(at).map(<[u8]>::to_vec)).unwrap_or_default()
    });
    let said = Signal::derive(move || {
        let number = image.get()?;
        let class = store.images.read().as_ref()?.labels.get(number).copied()?;
        let class = store.class_label(class);
        Some(filled("cloud.test-image-of-class", &[("number", &number), ("class", &class)]))
    });
    // Of another model it is not known yet.
    let point = Memo::new(move |_| {
        let point = image.get().and_then(|number| store.points.read().get(number).copied());
        point.filter(|point| is_known(*point))
    });
    let place = move |side: usize| point.get().map_or(0.5, |point| point[side]);
    let (is_right, is_high) = (move || place(0) > 0.5, move || place(1) > 0.5);
    let percent = |place: f32| format!("{:.2}%", place * 100.0);
    view! {
        <div
            class="cloud-tip"
            class:leftwards=is_right
            class:downwards=is_high
            role="status"
            data-label="cloud.test-image"
            style:left=move || percent(place(0))
            style:top=move || percent(1.0 - place(1))
        >
            <Show when=move || point.get().is_some()>
                // What it shows stands beside it.
                <div aria-hidden="true">
                    <Mosaic store=store pixels=pixels columns=1 label=Signal::derive(move || said.get().unwrap_or_default()) />
                </div>
                <span>{said}</span>
            </Show>
        </div>
    }
}

/// A small picture of each class's mark.
struct Marks {
    /// What they were made for.
    size: f64,
    theme: Theme,
    sprites: Vec<HtmlCanvasElement>,
}

impl Marks {
    fn new(size: f64, theme: Theme) -> Self {
        // The last one is for all classes that are not told apart.
        let sprites = (0..=CLASSES).filter_map(|class| sprite(class, size, theme)).collect();
        Self { size, theme, sprites }
    }
}

/// The mark of a class in its colour, with an edge of paper where marks lie on each other.
fn sprite(class: u8, size: f64, theme: Theme) -> Option<HtmlCanvasElement> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
    canvas.set_width(device(size));
    canvas.set_height(device(size));
    let context = context(&canvas)?;
    context.set_font(&format!("700 {size:.0}px system-ui, sans-serif"));
    context.set_text_align("center");
    context.set_text_baseline("middle");
    context.set_line_join("round");
    context.set_line_width(size / 5.0);
    context.set_stroke_style_str(&palette::css(theme.paper));
    context.set_fill_style_str(&palette::css(palette::color(class, theme)));
    let mark = palette::mark(class).to_string();
    // What a canvas cannot write is missing, and nothing else.
    let _ = context.stroke_text(&mark, size / 2.0, size / 2.0);
    let _ = context.fill_text(&mark, size / 2.0, size / 2.0);
    Some(canvas)
}

/// A length in pixels.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a screen is small")]
fn device(length: f64) -> u32 {
    length.round() as u32
}

fn draw(
    canvas: &HtmlCanvasElement,
    store: Store,
    spotlight: Spotlight,
    marks: StoredValue<Option<Marks>, LocalStorage>,
) {
    let (Some(images), theme) = (store.images.get_untracked(), store.theme.get_untracked()) else {
        // Nothing is known: a canvas that is given a size is empty.
        canvas.set_width(1);
        return;
    };
    if store.view.get_untracked() == PlaneView::Thumbnails {
        draw_thumbnails(
            canvas,
            &images,
            &store.points.read_untracked(),
            &spotlight.cells.read_untracked(),
            theme,
        );
        return;
    }
    let side = spotlight.side.get_untracked();
    let scale = window().device_pixel_ratio();
    let em = ((side / 60.0).clamp(8.0, 12.0) * scale).round();
    let is_fresh = |marks: &Option<Marks>| {
        marks.as_ref().is_some_and(|marks| device(marks.size) == device(em) && marks.theme == theme)
    };
    if !marks.with_value(is_fresh) {
        marks.set_value(Some(Marks::new(em, theme)));
    }
    canvas.set_width(device(side * scale));
    canvas.set_height(device(side * scale));
    let Some(context) = context(canvas) else { return };
    marks.with_value(|marks| {
        let Some(marks) = marks else { return };
        let classes = store.classes.get_untracked();
        for (point, class) in store.points.read_untracked().iter().zip(&images.labels) {
            let sprite = marks.sprites.get(usize::from(*class)).or(marks.sprites.last());
            if let Some(sprite) = sprite.filter(|_| is_known(*point) && has_class(classes, *class)) {
                // On whole pixels: sprites between pixels are smoothed, which takes longer.
                let left = (f64::from(point[0]) * side * scale - em / 2.0).round();
                let top = (f64::from(1.0 - point[1]) * side * scale - em / 2.0).round();
                let _ = context.draw_image_with_html_canvas_element(sprite, left, top);
            }
        }
    });
}

/// In each cell the image nearest to its middle: ink alone, on what is below the canvas.
fn draw_thumbnails(
    canvas: &HtmlCanvasElement,
    images: &Arc<TestImages>,
    points: &[[f32; 2]],
    cells: &Cells,
    theme: Theme,
) {
    let [r, g, b] = theme.ink;
    let width = cells.side() * SIDE;
    let mut rgba = [r, g, b, 0].repeat(width * width);
    for cell in 0..cells.side() * cells.side() {
        let image = cells
            .middle(points, cell)
            .and_then(|number| images.pixels.get(number * PIXELS..(number + 1) * PIXELS));
        // Cells are counted upwards, rows of pixels downwards.
        let (left, top) = (cell % cells.side() * SIDE, (cells.side() - 1 - cell / cells.side()) * SIDE);
        for (row, greys) in image.into_iter().flat_map(|image| image.chunks_exact(SIDE)).enumerate() {
            let start = 4 * ((top + row) * width + left);
            for (pixel, grey) in rgba[start..].chunks_exact_mut(4).zip(greys) {
                pixel[3] = *grey;
            }
        }
    }
    picture::put(canvas, &rgba, width, width);
}

/// What is drawn on the plane, and of which classes.
#[component]
pub fn CloudControls(store: Store, client: Client) -> impl IntoView {
    let encodes = Memo::new(move |_| store.card.read().as_ref().is_some_and(|card| card.abilities.encode));
    let has_points = Memo::new(move |_| store.view.get() != PlaneView::Digits);
    let choose = move |view: PlaneView| {
        let before = store.view.get_untracked();
        store.view.set(view);
        match (before, view) {
            (_, PlaneView::Digits) => client.want_points(0),
            (PlaneView::Digits, _) => client.want_points(POINTS),
            _ => {}
        }
    };
    Effect::new(move |_| {
        // A family that cannot encode has no points.
        if store.card.read().is_some() && !encodes.get() && has_points.get_untracked() {
            choose(PlaneView::Digits);
        }
    });
    let option = |(view, name): (PlaneView, &'static str)| {
        let name = text(name);
        view! {
            <label>
                <input
                    type="radio"
                    name="view"
                    aria-label=name
                    prop:checked=move || store.view.get() == view
                    on:change=move |_| choose(view)
                />
                <span aria-hidden="true">{name}</span>
            </label>
        }
    };
    view! {
        <div class="cloud-controls" hidden=move || !encodes.get()>
            <fieldset class="segments" role="radiogroup">
                <legend data-text="cloud.on-the-plane"></legend>
                {VIEWS.map(option).into_iter().collect_view()}
            </fieldset>
            <Show when=move || has_points.get()>
                <Classes store=store />
                <p id="cloud-help" class="hint" data-text="cloud.help"></p>
            </Show>
        </div>
    }
}

/// The classes that are shown, a button each.
#[component]
fn Classes(store: Store) -> impl IntoView {
    let found = Memo::new(move |_| match store.images.get() {
        Some(images) => (0..CLASSES).filter(|class| images.labels.contains(class)).collect(),
        // Those of digits, until it is known.
        None => (0..10).collect::<Vec<u8>>(),
    });
    let has_all = Memo::new(move |_| found.read().iter().all(|class| has_class(store.classes.get(), *class)));
    let button = move |class: u8| {
        view! {
            <button
                type="button"
                aria-label=filled("cloud.class", &[("class", &class)])
                title=move || store.class_label(class)
                aria-pressed=move || has_class(store.classes.get(), class).to_string()
                style=("--mark", move || palette::css(palette::color(class, store.theme.get())))
                on:click=move |_| store.classes.update(|classes| *classes ^= 1 << class)
            >
                {palette::mark(class)}
            </button>
        }
    };
    view! {
        <div class="class-filter" role="group" data-label="cloud.classes">
            {move || found.get().into_iter().map(button).collect_view()}
            <button
                type="button"
                data-label="cloud.all-classes"
                aria-pressed=move || has_all.get().to_string()
                on:click=move |_| store.classes.set(if has_all.get_untracked() { 0 } else { u32::MAX }) data-text="cloud.all"></button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_a_bit_are_always_shown() {
        assert!(has_class(0b10, 1) && !has_class(0b10, 0) && has_class(0, 32));
    }

    #[test]
    fn neighbours_go_around_the_end() {
        let accept = |number: usize| number != 1;
        assert_eq!(neighbour(None, 3, true, accept), Some(0));
        assert_eq!(neighbour(Some(0), 3, true, accept), Some(2));
        assert_eq!(neighbour(Some(2), 3, true, accept), Some(0));
        assert_eq!(neighbour(Some(0), 3, false, accept), Some(2));
        assert_eq!(neighbour(Some(2), 3, false, accept), Some(0));
        assert_eq!(neighbour(None, 3, false, accept), Some(2));
        assert_eq!(neighbour(None, 0, true, accept), None);
    }
}
