//! The losses over the steps.

use latent_protocol::{LossTerm, ModelCard};
use leptos::html::Div;
use leptos::prelude::*;

use crate::curves::{self, Axes, Curve, Rgb, Stroke};
use crate::format;
use crate::keep::{Kept, Place};
use crate::provenance;
use crate::store::{Sample, Store};
use crate::text::{filled, text};
use crate::width;

/// Distinguishable for colour-blind eyes, and at least 3:1 on both of the page's backgrounds.
const COLORS: [Rgb; 4] = [(0x3b, 0x82, 0xc4), (0xd0, 0x6a, 0x10), (0x2a, 0x92, 0x6a), (0xb8, 0x50, 0x98)];

/// Colour of the loss on the test images.
const TEST: Rgb = COLORS[3];

/// Most runs of the past that are drawn.
pub const MOST_PAST: usize = 4;

/// Colours of the runs of the past.
const PAST: [Rgb; MOST_PAST] =
    [(0x8a, 0x70, 0xd6), (0x8c, 0x7a, 0x2e), (0x3a, 0x8f, 0x9c), (0xc4, 0x52, 0x5a)];

/// Most points of a run of the past.
const PAST_POINTS: usize = 100;

/// A run of the past: its name, and its first loss over the steps.
#[derive(Clone, PartialEq)]
struct Past {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Lines of the card's losses, dots of the loss on the test images, and runs of the past.
#[component]
pub fn Losses(store: Store) -> impl IntoView {
    let past = Memo::new(move |_| {
        let (ids, runs) = (store.overlay.read(), store.runs.read());
        let chosen = ids.iter().filter_map(|id| runs.iter().find(|run| run.id == *id));
        let chosen = chosen.filter(|run| fits(store, run)).take(MOST_PAST);
        chosen.map(|run| Past { name: run.name.clone(), points: points(run) }).collect::<Vec<_>>()
    });
    move || {
        let past = past.get();
        store.card.get().map(|card| view! { <LossChart store=store card=card past=past /> })
    }
}

/// Whether a run can be drawn beside the one of this tab: it is another one, and its loss has the same unit.
pub fn fits(store: Store, run: &Kept) -> bool {
    let unit = |card: &ModelCard| card.losses.first().map(|term| term.unit.clone());
    let families = store.families.read();
    let family = families.iter().find(|card| card.id == run.family);
    run.place != Place::Here && family.and_then(unit) == store.card.read().as_ref().and_then(unit)
}

/// The first loss of a run, at not too many steps.
fn points(run: &Kept) -> Vec<(f64, f64)> {
    let pace = run.history.len().div_ceil(PAST_POINTS).max(1);
    let point = |sample: &Sample| {
        Some((sample.step, sample.losses.first().copied().filter(|loss| loss.is_finite())?))
    };
    run.history.iter().step_by(pace).filter_map(point).collect()
}

#[component]
fn LossChart(store: Store, card: ModelCard, past: Vec<Past>) -> impl IntoView {
    let losses = card.losses.len();
    let entry = |term: &LossTerm| [&term.key, &term.label, &term.help].map(ToString::to_string);
    let legend: Vec<_> = card.losses.iter().map(entry).enumerate().collect();
    let past_legend: Vec<_> = PAST.into_iter().zip(past.iter().map(|past| past.name.clone())).collect();
    let curve =
        |color: Rgb, stroke: Stroke, points: Vec<(f64, f64)>| Curve { color, stroke, dash: 0, points };
    let drawn = move || {
        let history = store.history.read();
        let line = |value: &dyn Fn(&Sample) -> Option<f64>| {
            history.iter().map(|sample| (sample.step, value(sample).unwrap_or(f64::NAN))).collect()
        };
        let past = PAST.into_iter().zip(&past);
        let past = past.map(|(color, past)| curve(color, Stroke::Past, past.points.clone()));
        let test = curve(TEST, Stroke::Marked, line(&|sample| Some(sample.test)));
        // The sum, which is the first loss, lies over its parts.
        let own = (0..losses).rev().map(|index| {
            let points = line(&|sample| sample.losses.get(index).copied());
            Curve { dash: index, ..curve(loss_color(index), Stroke::Plain, points) }
        });
        past.chain([test]).chain(own).collect::<Vec<Curve>>()
    };
    let latest = move |index: usize| {
        let progress = store.progress.get();
        progress
            .and_then(|p| p.losses.get(index).map(|term| format::loss(term.value)))
            .unwrap_or_else(|| "\u{2013}".into())
    };
    let test = move || {
        store.evaluated.read().as_ref().map_or_else(|| "\u{2013}".into(), |e| format::loss(e.loss.total))
    };
    let test_label = move || {
        let evaluated = store.evaluated.read();
        match evaluated.as_ref() {
            Some(evaluated) => filled("chart.test-loss", &[("loss", &evaluated.loss.label)]),
            None => text("chart.test").into(),
        }
    };
    let about_test = move || {
        let about = text("chart.about-test");
        let score =
            store.evaluated.read().as_ref().map(|evaluated| provenance::score_of_run(store, evaluated));
        match score {
            Some(score) => [about, &format::sentence(&score)].join(" "),
            None => about.into(),
        }
    };
    let unit = card.losses.first().map(|term| term.unit.to_string()).unwrap_or_default();
    // A likelihood is one of whole images; errors are per pixel, and their units say so.
    let has_likelihood = card.abilities.likelihood.is_some();
    let unit = if has_likelihood { filled("chart.per-image", &[("unit", &unit)]) } else { unit };
    let has_past = !past_legend.is_empty();
    let is_empty = move || !has_past && store.history.read().len() < 2;
    let (area, wide) = (NodeRef::<Div>::new(), RwSignal::new(0.0));
    Effect::new(move |_| {
        if let Some(area) = area.get() {
            width::follow(&area, wide);
        }
    });
    // It asks for styles: not at every step.
    let across = Memo::new(move |_| width::text_px_from_css_px(wide.get()));
    let picture = move || {
        if is_empty() {
            // Until there is a line.
            [r#"<p class="hint">"#, text("chart.nothing"), "</p>"].concat()
        } else {
            curves::svg(&drawn(), across.get(), Axes::default())
        }
    };
    view! {
        <figure class="chart" data-label="chart.losses">
            <ul class="legend">
                {legend
                    .into_iter()
                    .map(|(index, [key, label, help])| view! {
                        <li title=help>
                            <span class="swatch" style=swatch(loss_color(index), index)></span>
                            {label}
                            " "
                            <output data-loss=key aria-live="off">{move || latest(index)}</output>
                        </li>
                    })
                    .collect_view()}
                <li title=about_test>
                    <span class="swatch diamond" style=["color: ", &curves::rgb(TEST)].concat()></span>
                    {test_label}
                    " "
                    <output data-loss="test" aria-live="off">{test}</output>
                </li>
                {past_legend
                    .into_iter()
                    .map(|(color, name)| view! {
                        <li class="past">
                            <span class="swatch dashed" style=format!("color: {}", curves::rgb(color))></span>
                            {name}
                        </li>
                    })
                    .collect_view()}
                <li class="unit">{unit}</li>
            </ul>
            <div class="chart-area" aria-hidden="true" node_ref=area inner_html=picture></div>
        </figure>
    }
}

/// Colour of the loss with this index on a card.
pub fn loss_color(index: usize) -> Rgb {
    COLORS[index % (COLORS.len() - 1)]
}

/// A colour for a line among others.
pub fn color(index: usize) -> Rgb {
    [COLORS, PAST].concat()[index % (COLORS.len() + PAST.len())]
}

/// A piece of a plain line, as a style of what stands for it.
pub fn swatch(color: Rgb, dash: usize) -> String {
    let (_, border) = curves::DASHES[dash % curves::DASHES.len()];
    ["color: ", &curves::rgb(color), "; border-style: ", border].concat()
}
