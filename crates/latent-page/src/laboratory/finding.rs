//! What an experiment found, as a page: it never changes in part, so it is written as text.

use latent_protocol::Theme;
use latent_protocol::lab::{Chart, ChartKind, Fact, Finding, Mark, Picture, Series};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::chart::{color, swatch};
use crate::curves::{self, Axes, Curve, Stroke};
use crate::picture::SIDE;
use crate::text::{counted, filled, text};
use crate::{format, picture, width};

/// Numbers that are seen at once; the rest is folded away.
const FIRST: usize = 6;

/// Pictures wider than this are seen large.
const LARGE: usize = 2 * SIDE;

/// What is seen of an experiment.
#[derive(Default)]
pub struct Shown {
    /// What was found, maybe nothing yet.
    pub finding: Finding,
    /// Model, image and time, or why there is nothing.
    pub text: String,
    /// Greys of the image, once it is complete.
    pub image: Vec<u8>,
}

/// Show it in an element. What was unfolded there stays so, and keeps the focus.
pub fn show(place: &HtmlElement, shown: &Shown, theme: Theme) {
    let has = |selector| matches!(place.query_selector(selector), Ok(Some(_)));
    let (is_unfolded, has_focus) = (has("details[open]"), has("summary:focus-visible"));
    place.set_inner_html(&html(shown, width::text_px_from_css_px(f64::from(place.client_width()))));
    if is_unfolded && let Ok(Some(rest)) = place.query_selector("details") {
        // It is an attribute's name.
        let _ = rest.set_attribute("open", "");
    }
    if has_focus && let Ok(Some(title)) = place.query_selector("summary") {
        // Where it cannot be had, it is nowhere.
        let _ = title.unchecked_into::<HtmlElement>().focus();
    }
    let own = (!shown.image.is_empty()).then_some((SIDE, &shown.image));
    let pictures = shown.finding.pictures.iter().map(|picture| (picture.width, &picture.greys));
    let Ok(canvases) = place.query_selector_all("canvas") else { return };
    for (index, (width, greys)) in (0..).zip(own.into_iter().chain(pictures)) {
        let Some(canvas) = canvases.get(index).and_then(|node| node.dyn_into().ok()) else { continue };
        let mut rgba = Vec::with_capacity(4 * greys.len());
        for grey in greys {
            rgba.extend_from_slice(&theme.color(f32::from(*grey) / 255.0));
            rgba.push(u8::MAX);
        }
        picture::put(&canvas, &rgba, width, greys.len() / width.max(1));
    }
}

/// The text, with a canvas for each picture.
fn html(Shown { finding, text: said, image }: &Shown, width: f64) -> String {
    let mut html = String::new();
    if !said.is_empty() {
        html += "<p class='origin'>";
        if !image.is_empty() {
            let label = escaped(text("laboratory.image"));
            html += &["<canvas class='mosaic' role='img' aria-label='", &label, "'></canvas>"].concat();
        }
        html += &["<span>", &escaped(said), "</span></p>"].concat();
    }
    for chart in &finding.charts {
        html += &chart_html(chart, width);
    }
    html += "<div class='exhibits'>";
    for picture in &finding.pictures {
        html += &picture_html(picture);
    }
    html += "</div>";
    let (first, rest) = finding.facts.split_at(FIRST.min(finding.facts.len()));
    html += &table(first);
    if !rest.is_empty() {
        let more = counted("laboratory.more", rest.len() as u64, &[]);
        html += &["<details><summary>", &more, "</summary>", &table(rest), "</details>"].concat();
    }
    for note in &finding.notes {
        html += &["<p class='note'>", &escaped(note), "</p>"].concat();
    }
    html
}

fn table(facts: &[Fact]) -> String {
    let mut html = String::from("<table class='facts'><tbody>");
    for Fact { key, label, unit, value } in facts {
        // What belongs to the number above is indented.
        let class = if label.starts_with(' ') { " class='part'" } else { "" };
        html +=
            &["<tr data-fact='", key, "'><th scope='row'", class, ">", &escaped(label.trim_start())].concat();
        html += &["</th><td class='number value'>", &format::number(*value), "</td><td>", unit, "</td></tr>"]
            .concat();
    }
    html + "</tbody></table>"
}

fn chart_html(chart: &Chart, width: f64) -> String {
    let Chart { title, kind, x, y, series } = chart;
    let drawn = match kind {
        ChartKind::Bars => [&bars(series, false), "<p class='axis-names'>", y, "</p>"].concat(),
        ChartKind::LogarithmicBars => {
            let y = filled("laboratory.logarithmic", &[("what", y)]);
            [&bars(series, true), "<p class='axis-names'>", &y, "</p>"].concat()
        }
        ChartKind::Lines | ChartKind::LinesOverLogarithm | ChartKind::Histogram => {
            let axes = ["<p class='axis-names'>", x, " \u{2192}, ", y, " \u{2191}</p>"].concat();
            lines(series, *kind, width) + &axes
        }
    };
    ["<figure class='chart'><figcaption>", &escaped(title), "</figcaption>", &drawn, "</figure>"].concat()
}

fn lines(series: &[Series], kind: ChartKind, width: f64) -> String {
    let is_histogram = kind == ChartKind::Histogram;
    let axes = Axes { from_zero: is_histogram, logarithmic: kind != ChartKind::Lines };
    let mut html = String::from("<ul class='legend'>");
    let mut curves = Vec::with_capacity(series.len());
    for (index, Series { name, points }) in series.iter().enumerate() {
        let is_place = is_histogram && index > 0;
        let place = points.first().filter(|_| is_place).map(|(x, _)| format::number(*x));
        let style = swatch(color(index), index);
        html += &["<li><span class='swatch' style='", &style, "'></span>", &escaped(name)].concat();
        html += &[" <output aria-live='off'>", &place.unwrap_or_default(), "</output></li>"].concat();
        let stroke = match (is_histogram, is_place) {
            (false, _) => Stroke::Plain,
            (true, false) => Stroke::Bars,
            (true, true) => Stroke::Place,
        };
        curves.push(Curve { color: color(index), stroke, dash: index, points: points.clone() });
    }
    [&html, "</ul><div class='chart-area' aria-hidden='true'>", &curves::svg(&curves, width, axes), "</div>"]
        .concat()
}

/// A bar for each series.
fn bars(series: &[Series], is_logarithmic: bool) -> String {
    let values: Vec<f64> =
        series.iter().map(|series| series.points.first().map_or(f64::NAN, |(_, value)| *value)).collect();
    let mut html = String::from("<ul class='bars'>");
    for ((series, value), share) in series.iter().zip(&values).zip(lengths(&values, is_logarithmic)) {
        let percent = format::decimal(100.0 * share, 0);
        html += &["<li><span>", &escaped(&series.name), "</span><output aria-live='off'>"].concat();
        html += &format::number(*value);
        html += &["</output><span class='bar' style='width: ", &percent, "%'></span></li>"].concat();
    }
    html + "</ul>"
}

/// How long bars are, from 0 to 1. On a logarithmic scale the least one still has a tenth.
fn lengths(values: &[f64], is_logarithmic: bool) -> Vec<f64> {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let range = (most / least).ln();
    let length = |value: &f64| match is_logarithmic {
        true if range > 0.0 => 0.1 + 0.9 * (value / least).ln() / range,
        true => 1.0,
        false => value / most,
    };
    values.iter().map(length).map(|share| if share.is_finite() { share } else { 0.0 }).collect()
}

fn picture_html(picture: &Picture) -> String {
    let title = escaped(&picture.title);
    let large = if picture.width > LARGE { " large" } else { "" };
    let mut html =
        ["<figure class='exhibit", large, "'><div><canvas class='mosaic' role='img' aria-label='"].concat();
    html += &[&title, "'></canvas>"].concat();
    if !picture.marks.is_empty() {
        html += "<svg viewBox='0 0 1 1' preserveAspectRatio='none' aria-hidden='true'>";
        for mark in &picture.marks {
            html += &drawn(mark);
        }
        html += "</svg>";
    }
    [&html, "</div><figcaption>", &title, "</figcaption></figure>"].concat()
}

fn drawn(mark: &Mark) -> String {
    let number = |value: f64| format!("{value:.4}");
    match mark {
        // A line without length is drawn as a dot, whose size does not follow that of the picture.
        Mark::Point([x, y]) => ["<path d='M", &number(*x), " ", &number(*y), "h0'/>"].concat(),
        Mark::Ellipse([x, y], [rx, ry]) => {
            let places = [*x, *y, *rx, *ry].map(number);
            let [x, y, rx, ry] = &places;
            let place = ["cx='", x, "' cy='", y, "' rx='", rx, "' ry='", ry, "'/>"].concat();
            // A rim in the colour of the paper keeps it apart from what is under it.
            ["<ellipse class='rim' ", &place, "<ellipse class='line' ", &place].concat()
        }
    }
}

/// Text between tags and in attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        assert_eq!(lengths(&[1.0, 4.0, 2.0], false), [0.25, 1.0, 0.5]);
        let logarithmic = lengths(&[1.0, 100.0, 10.0], true);
        assert!(
            logarithmic.iter().zip([0.1, 1.0, 0.55]).all(|(a, b)| (a - b).abs() < 1e-12),
            "{logarithmic:?}"
        );
        assert_eq!(lengths(&[3.0, 3.0], true), [1.0, 1.0]);
        assert_eq!(lengths(&[f64::NAN, 2.0], false), [0.0, 1.0]);
    }

    #[test]
    fn numbers_beyond_the_first_are_folded_away() {
        let fact = |key: usize| Fact {
            key: format!("f{key}"),
            label: if key == 1 { "  of <it>".into() } else { "What".into() },
            unit: "nats".into(),
            value: -1.5,
        };
        let finding = Finding { facts: (0..FIRST + 2).map(fact).collect(), ..Finding::default() };
        let text = html(&Shown { finding, ..Shown::default() }, 300.0);
        assert!(text.contains("<tr data-fact='f1'><th scope='row' class='part'>of &lt;it></th>"), "{text}");
        assert!(text.contains("<td class='number value'>\u{2212}1.500</td><td>nats</td>"), "{text}");
        let (seen, folded) =
            text.split_once("<details><summary>laboratory.more.other</summary>").expect("details");
        assert_eq!([seen, folded].map(|part| part.matches("data-fact").count()), [FIRST, 2]);
    }
}
