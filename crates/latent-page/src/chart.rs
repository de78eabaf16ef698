//! The losses over the steps.

use latent_protocol::ModelCard;
use leptos::prelude::*;
use leptos_chartistry::{
    AspectRatio, AxisMarker, Chart, Colour, Interpolation, IntoInner, Line, Marker, MarkerShape, Padding,
    Series, TickLabels, XGridLine, YGridLine,
};

use crate::format;
use crate::provenance;
use crate::store::{Sample, Store};

/// Distinguishable for colour-blind eyes, and at least 3:1 on both of the page's backgrounds.
const COLORS: [(u8, u8, u8); 4] =
    [(0x3b, 0x82, 0xc4), (0xd0, 0x6a, 0x10), (0x2a, 0x92, 0x6a), (0xb8, 0x50, 0x98)];

/// Colour of the loss on the test images.
const TEST: (u8, u8, u8) = COLORS[3];

/// Lines of the card's losses, and dots of the loss on the test images.
#[component]
pub fn Losses(store: Store) -> impl IntoView {
    move || store.card.get().map(|card| view! { <LossChart store=store card=card /> })
}

#[component]
fn LossChart(store: Store, card: ModelCard) -> impl IntoView {
    let mut series = Series::new(|sample: &Sample| sample.step).with_min_y(0.0);
    let mut legend = Vec::new();
    for (index, term) in card.losses.iter().enumerate() {
        let color = COLORS[index % (COLORS.len() - 1)];
        let line = Line::new(move |sample: &Sample| sample.losses.get(index).copied().unwrap_or(f64::NAN));
        series = series.line(
            line.with_name(term.label.to_string())
                .with_colour(colour(color))
                .with_width(1.5)
                .with_interpolation(Interpolation::Linear),
        );
        legend.push((color, term.label.to_string(), term.help.to_string(), index));
    }
    let marker = Marker::from_shape(MarkerShape::Diamond).with_colour(colour(TEST)).with_scale(1.6);
    let line = Line::new(|sample: &Sample| sample.test);
    series =
        series.line(line.with_name("Test").with_colour(colour(TEST)).with_width(1.5).with_marker(marker));
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
    let is_empty = move || store.history.read().len() < 2;
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
                        data=store.history
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

fn swatch((r, g, b): (u8, u8, u8)) -> String {
    format!("background: rgb({r} {g} {b})")
}
