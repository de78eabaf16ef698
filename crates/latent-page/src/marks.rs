//! Marks over the plane: the posterior of what is looked at, and the path that is travelled.

use std::fmt::Write;

use leptos::prelude::*;

use crate::store::Store;

/// Means that are remembered.
const TRAIL: usize = 20;

/// Means that are closer than this to the last one are not, so that a trail is long enough to be seen.
const LEAST: f32 = 0.006;

/// Half the size of the diamond and of the cross.
const SIZE: f32 = 0.015;

/// Marks over the plane.
#[component]
pub fn Marks(store: Store) -> impl IntoView {
    let trail = trail(store);
    let seen = move |read: fn(&latent_protocol::Observation) -> String| {
        Memo::new(move |_| store.observed.read().as_ref().map_or_else(String::new, |seen| read(&seen.what)))
    };
    let way = Memo::new(move |_| {
        let mean = store.observed.read().as_ref().map(|seen| seen.what.point);
        line(&trail.read().iter().copied().chain(mean).collect::<Vec<_>>())
    });
    let route = Memo::new(move |_| {
        let route = store.route.read();
        line(route.as_ref().map_or(&[], |route| &route.what.points))
    });
    view! {
        <div class="marks" aria-hidden="true">
            <svg viewBox="0 0 1 1" preserveAspectRatio="none">
                {mark("route", route)}
                {mark("trail", way)}
                {mark("ring", seen(|seen| outline(&seen.rings[0])))}
                {mark("ring far", seen(|seen| outline(&seen.rings[1])))}
                {mark("drawn", seen(|seen| if seen.sigma.is_empty() { String::new() } else { cross(seen.z_point) }))}
                {mark("mean", seen(|seen| diamond(seen.point)))}
            </svg>
            {end(store, "A", |points| points.first().copied())}
            {end(store, "B", |points| points.last().copied())}
        </div>
    }
}

/// A line with a halo, to be seen on ink and on paper.
fn mark(class: &'static str, path: Memo<String>) -> impl IntoView {
    view! {
        <g class=class>
            <path class="halo" d=path />
            <path d=path />
        </g>
    }
}

/// The dot at an end of the route, with its name.
fn end(store: Store, name: &'static str, of: fn(&[[f32; 2]]) -> Option<[f32; 2]>) -> impl IntoView {
    let point = Memo::new(move |_| store.route.read().as_ref().and_then(|route| of(&route.what.points)));
    let percent = |share: f32| format!("{:.3}%", share * 100.0);
    move || {
        point.get().map(|[x, y]| {
            view! { <span class="route-end" style:left=percent(x) style:top=percent(1.0 - y)>{name}</span> }
        })
    }
}

/// Where the mean was before: begun anew when something else is looked at, or on another plane.
fn trail(store: Store) -> RwSignal<Vec<[f32; 2]>> {
    let trail = RwSignal::new(Vec::new());
    let about = Memo::new(move |_| {
        let look = store.look.read();
        (store.subject.get(), look.axes, look.anchors)
    });
    Effect::new(move |before| {
        let about = about.get();
        let mean = store.observed.read().as_ref().map(|seen| seen.what.point);
        let Some([x, y]) = mean.filter(|_| before == Some(about)) else {
            trail.update(Vec::clear);
            return about;
        };
        let is_far = |[last_x, last_y]: &[f32; 2]| (x - last_x).hypot(y - last_y) >= LEAST;
        if trail.read_untracked().last().is_none_or(is_far) {
            trail.update(|trail| {
                if trail.len() == TRAIL {
                    trail.remove(0);
                }
                trail.push([x, y]);
            });
        }
        about
    });
    trail
}

/// An SVG path through points of the unit square, whose second coordinate grows upwards. What is nowhere is left out.
fn line(points: &[[f32; 2]]) -> String {
    let mut path = String::new();
    for [x, y] in points.iter().filter(|point| point.iter().all(|value| value.is_finite())) {
        let step = if path.is_empty() { 'M' } else { 'L' };
        // Writing to a string does not fail.
        let _ = write!(path, "{step}{x:.4} {:.4}", 1.0 - y);
    }
    path
}

/// The same, closed.
fn outline(points: &[[f32; 2]]) -> String {
    let mut path = line(points);
    if !path.is_empty() {
        path.push('Z');
    }
    path
}

fn diamond([x, y]: [f32; 2]) -> String {
    outline(&[[x - SIZE, y], [x, y + SIZE], [x + SIZE, y], [x, y - SIZE]])
}

fn cross([x, y]: [f32; 2]) -> String {
    line(&[[x - SIZE, y], [x + SIZE, y]]) + &line(&[[x, y - SIZE], [x, y + SIZE]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_grow_downwards_and_leave_out_what_is_nowhere() {
        assert_eq!(line(&[[0.0, 0.0], [f32::NAN, 0.5], [0.5, 1.0]]), "M0.0000 1.0000L0.5000 0.0000");
        assert_eq!(outline(&[]), "");
        assert_eq!(outline(&[[0.25, 0.75]]), "M0.2500 0.2500Z");
    }
}
