//! The losses over the steps.

use latent_protocol::ModelCard;
use leptos::prelude::*;
use leptos_chartistry::{
    AspectRatio, AxisMarker, Chart, Colour, Interpolation, IntoInner, Line, Marker, MarkerShape, Padding,
    Series, TickLabels, XGridLine, YGridLine,
};

use crate::format;
use crate::keep::{Kept, Place};
use crate::provenance;
use crate::store::{Sample, Store};

/// Distinguishable for colour-blind eyes, and at least 3:1 on both of the page's backgrounds.
const COLORS: [(u8, u8, u8); 4] =
    [(0x3b, 0x82, 0xc4), (0xd0, 0x6a, 0x10), (0x2a, 0x92, 0x6a), (0xb8, 0x50, 0x98)];

/// Colour of the loss on the test images.
const TEST: (u8, u8, u8) = COLORS[3];

/// Most runs of the past that are drawn.
pub const MOST_PAST: usize = 4;

/// Colours of the runs of the past.
const PAST: [(u8, u8, u8); MOST_PAST] =
    [(0x8a, 0x70, 0xd6), (0x8c, 0x7a, 0x2e), (0x3a, 0x8f, 0x9c), (0xc4, 0x52, 0x5a)];

/// Width of their lines, by which `www/tools.css` finds them to dash them.
const PAST_WIDTH: f64 = 1.25;

/// Most points of a run of the past.
const PAST_POINTS: usize = 100;

/// A row of the chart: a sample of the run, or of a run of the past.
#[derive(Clone)]
struct Row {
    sample: Sample,
    /// Which run of the past.
    past: Option<usize>,
}

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
    let mut series = Series::new(|row: &Row| row.sample.step).with_min_y(0.0);
    let mut legend = Vec::new();
    for (index, term) in card.losses.iter().enumerate() {
        let color = COLORS[index % (COLORS.len() - 1)];
        let line = Line::new(move |row: &Row| value(row, None, index));
        series = series.line(
            line.with_name(term.label.to_string())
                .with_colour(colour(color))
                .with_width(1.5)
                .with_interpolation(Interpolation::Linear),
        );
        legend.push((color, term.label.to_string(), term.help.to_string(), index));
    }
    let marker = Marker::from_shape(MarkerShape::Diamond).with_colour(colour(TEST)).with_scale(1.6);
    let line = Line::new(|row: &Row| row.sample.test);
    series =
        series.line(line.with_name("Test").with_colour(colour(TEST)).with_width(1.5).with_marker(marker));
    let mut past_legend = Vec::new();
    let mut past_rows = Vec::new();
    for (index, Past { name, points }) in past.into_iter().enumerate() {
        let line = Line::new(move |row: &Row| value(row, Some(index), 0)).with_name(name.clone());
        series = series.line(
            line.with_colour(colour(PAST[index]))
                .with_width(PAST_WIDTH)
                .with_interpolation(Interpolation::Linear),
        );
        past_legend.push((PAST[index], name));
        let row = |(step, loss)| Row {
            sample: Sample { step, losses: vec![loss], test: f64::NAN },
            past: Some(index),
        };
        past_rows.extend(points.into_iter().map(row));
    }
    // One after the other: a line is broken where it has no number, and the chart does not mind the order.
    let data = Signal::derive(move || {
        let history = store.history.read();
        let own = history.iter().map(|sample| Row { sample: sample.clone(), past: None });
        own.chain(past_rows.iter().cloned()).collect::<Vec<_>>()
    });
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
        evaluated.as_ref().map_or_else(|| "Test".into(), |e| format!("Test {}", e.loss.label))
    };
    let about_test = move || {
        let about = "The loss on all test images, measured the same way each time. Training never sees them.";
        let score =
            store.evaluated.read().as_ref().map(|evaluated| provenance::score_of_run(store, evaluated));
        score.map_or_else(|| about.into(), |score| format!("{about} {}", format::sentence(&score)))
    };
    let unit = card.losses.first().map(|term| term.unit.to_string()).unwrap_or_default();
    let per_image = if unit.contains("per ") { "" } else { " per image" };
    let has_past = !past_legend.is_empty();
    let is_empty = move || !has_past && store.history.read().len() < 2;
    view! {
        <figure class="chart" aria-label="Losses">
            <ul class="legend">
                {legend
                    .into_iter()
                    .map(|(color, label, help, index)| view! {
                        <li title=help>
                            <span class="swatch" style=swatch(color)></span>
                            {label.clone()}
                            " "
                            <output data-loss=label.to_lowercase()>{move || latest(index)}</output>
                        </li>
                    })
                    .collect_view()}
                <li title=about_test>
                    <span class="swatch diamond" style=swatch(TEST)></span>
                    {test_label}
                    " "
                    <output data-loss="test">{test}</output>
                </li>
                {past_legend
                    .into_iter()
                    .map(|(color, name)| view! {
                        <li class="past">
                            <span class="swatch dashed" style=format!("color: {}", rgb(color))></span>
                            {name}
                        </li>
                    })
                    .collect_view()}
                <li class="unit">{unit} {per_image}</li>
            </ul>
            <div class="chart-area" aria-hidden="true">
                <Show when=is_empty>
                    <p class="hint">"The losses are drawn here while the model learns."</p>
                </Show>
                <Show when=move || !is_empty()>
                    <Chart
                        aspect_ratio=AspectRatio::from_env_width(176.0)
                        font_height=12.0
                        font_width=7.2
                        padding=Padding::sides(8.0, 18.0, 0.0, 0.0)
                        left=TickLabels::aligned_floats()
                        bottom=TickLabels::aligned_floats()
                        inner=[
                            AxisMarker::left_edge().with_colour(GREY).into_inner(),
                            AxisMarker::bottom_edge().with_colour(GREY).into_inner(),
                            XGridLine::default().with_colour(FAINT).into_inner(),
                            YGridLine::default().with_colour(FAINT).into_inner(),
                        ]
                        series=series.clone()
                        data=data
                    />
                </Show>
            </div>
        </figure>
    }
}

const GREY: Colour = Colour::from_rgb(0x88, 0x8c, 0x99);
const FAINT: Colour = Colour::from_rgb(0x88, 0x8c, 0x99);

fn colour((r, g, b): (u8, u8, u8)) -> Colour {
    Colour::from_rgb(r, g, b)
}

fn swatch(color: (u8, u8, u8)) -> String {
    format!("background: {}", rgb(color))
}

fn rgb((r, g, b): (u8, u8, u8)) -> String {
    format!("rgb({r} {g} {b})")
}

/// A loss of a row, if it is of this run.
fn value(row: &Row, past: Option<usize>, index: usize) -> f64 {
    let losses = (row.past == past).then_some(&row.sample.losses);
    losses.and_then(|losses| losses.get(index)).copied().unwrap_or(f64::NAN)
}
