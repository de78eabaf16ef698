//! A path that is drawn on the plane by hand.

use latent_protocol::Path;
use leptos::prelude::*;

use crate::client::Client;
use crate::store::Store;

/// Codes along a path that was drawn.
const STEPS: usize = 60;

/// A drag leaves a point when it is so far from the last one, as a share of the plane's side.
const GRAIN: f32 = 0.01;

/// What is being drawn, and whether the path is played. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Sketch {
    /// Whether a drag over the plane draws, instead of moving the handle.
    pub is_on: RwSignal<bool>,
    /// What was drawn, in the unit square.
    pub points: RwSignal<Vec<[f32; 2]>>,
    /// Whether the handle runs along the path.
    pub is_playing: RwSignal<bool>,
}

impl Sketch {
    /// Nothing was drawn yet.
    pub fn new() -> Self {
        Self {
            is_on: RwSignal::new(false),
            points: RwSignal::new(Vec::new()),
            is_playing: RwSignal::new(false),
        }
    }

    /// A drag begins.
    pub fn begin(self) {
        self.is_playing.set(false);
        self.points.set(Vec::new());
    }

    /// A drag goes on.
    pub fn drag(self, point: [f32; 2]) {
        self.push(point.map(|place| place.clamp(0.0, 1.0)), GRAIN);
    }

    /// A drag ended: travel along it. After a mere tap there is nothing to travel along.
    pub fn finish(self, store: Store, client: Client) {
        if self.points.read_untracked().len() < 2 {
            return;
        }
        self.is_on.set(false);
        // What is played next is the path that was drawn, not the one before.
        store.route.set(None);
        self.travel(client);
        self.is_playing.set(!prefers_less_motion());
    }

    /// Add a point.
    pub fn add(self, point: [f32; 2], client: Client) {
        self.is_playing.set(false);
        // The same point twice is no way.
        self.push(point, f32::EPSILON);
        self.travel(client);
    }

    /// Nothing is drawn any more.
    pub fn clear(self) {
        self.is_playing.set(false);
        self.points.set(Vec::new());
    }

    fn push(self, point: [f32; 2], grain: f32) {
        let is_far = |last: &[f32; 2]| (last[0] - point[0]).hypot(last[1] - point[1]) >= grain;
        if self.points.read_untracked().last().is_none_or(is_far) {
            self.points.update(|points| points.push(point));
        }
    }

    fn travel(self, client: Client) {
        let points = self.points.get_untracked();
        if points.len() > 1 {
            client.travel(Some(Path::Through { points, steps: STEPS }));
        }
    }
}

fn prefers_less_motion() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)");
    query.ok().flatten().is_some_and(|query| query.matches())
}

/// What was drawn, until the path itself is there.
#[component]
pub fn SketchLine(store: Store) -> impl IntoView {
    let is_seen = move || store.sketch.is_on.get() || store.route.read().is_none();
    let line = move || {
        let points = store.sketch.points.read();
        let points = if is_seen() { points.as_slice() } else { &[] };
        let pairs: Vec<String> = points.iter().map(|[x, y]| format!("{x:.3},{:.3}", 1.0 - y)).collect();
        pairs.join(" ")
    };
    view! {
        <svg class="sketch" viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
            <polyline points=line></polyline>
        </svg>
    }
}
