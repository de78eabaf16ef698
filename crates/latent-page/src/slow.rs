//! A training step, stage by stage.

use std::time::Duration;

use latent_protocol::{Dissection, Phase, TensorChange};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent};

use crate::client::Client;
use crate::format;
use crate::panel::Panel;
use crate::picture::{Mosaic, PIXELS};
use crate::play::{PlayButton, while_playing};
use crate::store::{Pictured, Store};
use crate::text::{filled, is_mirrored, text};

/// Keys of what happens in a training step.
const STAGES: [&str; 7] =
    ["slow.batch", "slow.encode", "slow.sample", "slow.decode", "slow.loss", "slow.gradient", "slow.update"];

/// Most images that are shown.
const MOST_IMAGES: usize = 8;

/// Most numbers of a code that are shown.
const MOST_LATENTS: usize = 2;

/// Each end of the number line of codes.
const LINE_END: f64 = 4.0;

/// How long a stage is shown while they are played.
const STAGE_TIME: Duration = Duration::from_millis(2500);

/// A training step, stage by stage.
#[component]
pub fn SlowMotion(store: Store, client: Client) -> impl IntoView {
    let prefers_stillness = leptos_use::use_media_query("(prefers-reduced-motion: reduce)");
    let is_busy = move || matches!(store.phase.get(), Phase::Running | Phase::Waiting);
    view! {
        <Panel store=store id="slow" title="slow.title">
            <p class="help" data-text="slow.help"></p>
            <button
                type="button"
                class="slow-do"
                aria-disabled=move || (is_busy() || store.card.read().is_none()).to_string()
                aria-describedby=move || is_busy().then_some("slow-wait")
                on:click=move |_| client.dissect() data-text="slow.do"></button>
            <p id="slow-wait" class="help" hidden=move || !is_busy() data-text="slow.wait"></p>
            {move || {
                let seen = store.dissected.get()?;
                Some(view! { <Stages store=store seen=seen plays=!prefers_stillness.get_untracked() /> })
            }}
        </Panel>
    }
}

#[component]
fn Stages(
    store: Store,
    seen: Pictured<Dissection>,
    /// Whether the stages go on by themselves.
    plays: bool,
) -> impl IntoView {
    let facts = facts(&seen.what);
    let seen = StoredValue::new(seen);
    let last = STAGES.len() - 1;
    let stage = RwSignal::new(0);
    let is_playing = RwSignal::new(plays);
    let go = move |to: usize| {
        is_playing.set(false);
        stage.set(to.min(last));
    };
    while_playing(
        is_playing,
        || STAGE_TIME,
        move || {
            stage.update(|stage| *stage = (*stage + 1).min(last));
            if stage.get_untracked() == last {
                is_playing.set(false);
            }
        },
    );
    let play = move || {
        if !is_playing.get_untracked() && stage.get_untracked() == last {
            stage.set(0);
        }
        is_playing.update(|is_playing| *is_playing = !*is_playing);
    };
    let previous = move || go(stage.get_untracked().saturating_sub(1));
    let next = move || go(stage.get_untracked() + 1);
    let key = move |event: KeyboardEvent| {
        // In a table that is wider than its place, arrows scroll.
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        if target.is_some_and(|target| target.class_list().contains("table-place")) {
            return;
        }
        match event.key().as_str() {
            _ if event.alt_key() || event.ctrl_key() || event.meta_key() => return,
            "ArrowLeft" if is_mirrored() => next(),
            "ArrowRight" if is_mirrored() => previous(),
            "ArrowLeft" => previous(),
            "ArrowRight" => next(),
            _ => return,
        }
        event.prevent_default();
    };
    let number = move || filled("slow.stage-of", &[("stage", &(stage.get() + 1)), ("stages", &STAGES.len())]);
    // Nobody who lets them play should have to listen to their numbers.
    let live = move || if is_playing.get() { "off" } else { "polite" };
    let item = move |index: usize| {
        let is_open = Memo::new(move |_| stage.get() == index);
        view! {
            <li aria-current=move || is_open.get().then_some("step")>
                <button
                    type="button"
                    class="stage"
                    aria-expanded=move || is_open.get().to_string()
                    on:click=move |_| go(index)
                >
                    {index + 1}
                    " "
                    {text(STAGES[index])}
                </button>
                {move || {
                    is_open.get().then(|| {
                        let body = seen.with_value(|seen| body(store, seen, index));
                        view! { <div class="stage-body" data-stage=index + 1>{body}</div> }
                    })
                }}
            </li>
        }
    };
    view! {
        <div class="slow" role="group" data-label="slow.stages" on:keydown=key>
            <p class="slow-facts">{facts}</p>
            <div class="slow-bar">
                <button
                    type="button"
                    aria-disabled=move || (stage.get() == 0).to_string()
                    on:click=move |_| previous() data-text="slow.previous"></button>
                <PlayButton is_playing=is_playing play="slow.play" stop="slow.stop" on_press=play />
                <button
                    type="button"
                    aria-disabled=move || (stage.get() == last).to_string()
                    on:click=move |_| next() data-text="slow.next"></button>
                <output aria-live=live>{number}</output>
            </div>
            <ol class="stages" on:focusin=move |_| is_playing.set(false)>{(0..=last).map(item).collect_view()}</ol>
        </div>
    }
}

/// Which step it was.
fn facts(what: &Dissection) -> String {
    let mut facts = vec![filled("slow.step", &[("step", &format::thousands(what.step))])];
    // What is computed in closed form has none.
    if what.learning_rate > 0.0 {
        facts.push(filled("slow.learning-rate", &[("rate", &rate(what.learning_rate))]));
    }
    facts.push(filled("slow.batch-of", &[("images", &format::thousands(what.batch as u64))]));
    facts.join(" \u{b7} ")
}

/// A positive number as its control shows it, with at most four digits.
fn rate(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of digits")]
    let decimals = (3.0 - value.log10().floor()).clamp(1.0, 12.0) as usize;
    format::plain(format!("{value:.decimals$}").trim_end_matches('0').trim_end_matches('.'))
}

/// What there is to see of a stage.
fn body(store: Store, seen: &Pictured<Dissection>, stage: usize) -> AnyView {
    match stage {
        0 => batch(store, seen).into_any(),
        1 => encode(store, seen).into_any(),
        2 => sample(store, seen).into_any(),
        3 => decode(store, seen).into_any(),
        4 => loss(store, &seen.what).into_any(),
        5 => gradient(&seen.what).into_any(),
        _ => update(store, seen).into_any(),
    }
}

/// A sentence above what is shown.
fn say(sentence: impl Into<String>) -> impl IntoView {
    view! { <p class="help">{sentence.into()}</p> }
}

fn shown(what: &Dissection) -> usize {
    what.images.min(MOST_IMAGES)
}

/// The images of a group: targets, decoded before, decoded after.
fn group(seen: &Pictured<Dissection>, group: usize) -> &[u8] {
    let from = group * seen.what.images * PIXELS;
    seen.pixels.get(from..from + shown(&seen.what) * PIXELS).unwrap_or_default()
}

fn images(store: Store, caption: &'static str, pixels: &[u8]) -> impl IntoView {
    let (count, pixels) = (pixels.len() / PIXELS, pixels.to_vec());
    view! {
        <figure>
            <figcaption>{caption}</figcaption>
            <Mosaic
                store=store
                pixels=Signal::stored(pixels)
                columns=Signal::stored(count)
                label=Signal::stored(caption.to_string())
            />
        </figure>
    }
}

fn batch(store: Store, seen: &Pictured<Dissection>) -> impl IntoView {
    let (batch, shown) = (seen.what.batch, shown(&seen.what));
    let key = if batch > shown { "slow.batch-help-first" } else { "slow.batch-help" };
    let images_of_batch = format::thousands(batch as u64);
    (
        say(filled(key, &[("images", &images_of_batch), ("shown", &shown)])),
        images(store, text("slow.targets"), group(seen, 0)),
    )
}

fn encode(store: Store, seen: &Pictured<Dissection>) -> AnyView {
    let what = &seen.what;
    if what.mu.is_empty() {
        return say(text("slow.skipped-no-encoder")).into_any();
    }
    if what.sigma.is_empty() {
        return (say(text("slow.encode-points")), codes(store, seen, &[("\u{3bc}", &what.mu)], Some(&[])))
            .into_any();
    }
    let columns: [Column; 2] = [("\u{3bc}", &what.mu), ("\u{3c3}", &what.sigma)];
    (say(text("slow.encode-clouds")), codes(store, seen, &columns, Some(&what.sigma))).into_any()
}

fn sample(store: Store, seen: &Pictured<Dissection>) -> AnyView {
    let what = &seen.what;
    if what.sigma.is_empty() {
        return say(text("slow.skipped-points")).into_any();
    }
    let columns: [Column; 4] =
        [("z", &what.z), ("= \u{3bc}", &what.mu), ("+ \u{3c3}", &what.sigma), ("\u{d7} \u{3b5}", &what.eps)];
    (say(text("slow.noise")), codes(store, seen, &columns, None)).into_any()
}

/// Heading and numbers, image by image.
type Column<'a> = (&'static str, &'a [f32]);

/// The number of an image's code, in an array of as many numbers for each image.
fn number(of: &[f32], what: &Dissection, image: usize, latent: usize) -> Option<f64> {
    of.get(image * (of.len() / what.images.max(1)) + latent).copied().map(f64::from)
}

/// Numbers of the first images' codes, a row per latent. With `spread`, the first column is also drawn on a line,
/// with so much to either side.
fn codes(
    store: Store,
    seen: &Pictured<Dissection>,
    columns: &[Column],
    spread: Option<&[f32]>,
) -> impl IntoView + use<> {
    let what = &seen.what;
    let latents = what.latent_dim.min(MOST_LATENTS);
    let targets = group(seen, 0);
    let row = |image: usize, latent: usize| {
        let picture = (latent == 0).then(|| {
            let pixels = targets.chunks_exact(PIXELS).nth(image).unwrap_or_default().to_vec();
            let label = filled("slow.image", &[("number", &(image + 1))]);
            view! {
                <th scope="row" rowspan=latents>
                    <Mosaic
                        store=store
                        pixels=Signal::stored(pixels)
                        columns=Signal::stored(1)
                        label=Signal::stored(label)
                    />
                </th>
            }
        });
        let cell = |(_, of): &Column| {
            let number = number(of, what, image, latent).map_or_else(|| "\u{2013}".into(), format::number);
            view! { <td class="number">{number}</td> }
        };
        let line = spread.map(|spread| {
            let at = columns.first().and_then(|(_, of)| number(of, what, image, latent)).unwrap_or(0.0);
            let spread = number(spread, what, image, latent).unwrap_or(0.0);
            view! { <td class="line"><Interval from=at - spread to=at + spread /></td> }
        });
        view! {
            <tr>
                {picture}
                <th scope="row">{format::latent(latent)}</th>
                {columns.iter().map(cell).collect_view()}
                {line}
            </tr>
        }
    };
    let rows: Vec<_> =
        (0..shown(what)).flat_map(|image| (0..latents).map(move |latent| (image, latent))).collect();
    let headings = columns.iter().map(|(name, _)| view! { <th scope="col" class="number">{*name}</th> });
    let scale = spread.is_some().then(|| view! { <th scope="col" class="line" data-text="slow.scale"></th> });
    let rest = (what.latent_dim > latents)
        .then(|| say(filled("slow.first-numbers", &[("shown", &latents), ("all", &what.latent_dim)])));
    view! {
        <div class="table-place" tabindex="0" role="region" data-label="slow.codes">
            <table>
                <thead>
                    <tr>
                        <th scope="col" colspan="2" data-text="slow.code-of"></th>
                        {headings.collect_view()}
                        {scale}
                    </tr>
                </thead>
                <tbody>{rows.into_iter().map(|(image, latent)| row(image, latent)).collect_view()}</tbody>
            </table>
        </div>
        {rest}
    }
}

/// A stretch of the number line of codes; a point when both ends are one.
#[component]
fn Interval(from: f64, to: f64) -> impl IntoView {
    let percent = |value: f64| (value / LINE_END + 1.0).clamp(0.0, 2.0) * 50.0;
    let (left, right) = (percent(from), percent(to));
    view! {
        <span class="interval" aria-hidden="true">
            <i style:left=format!("{left:.1}%") style:width=format!("{:.1}%", right - left)></i>
        </span>
    }
}

fn decode(store: Store, seen: &Pictured<Dissection>) -> impl IntoView {
    (
        say(text("slow.decode-help")),
        images(store, text("slow.targets"), group(seen, 0)),
        images(store, text("slow.decoded"), group(seen, 1)),
    )
}

fn loss(store: Store, what: &Dissection) -> impl IntoView {
    let card = store.card.get_untracked();
    let term = |term: &latent_protocol::TermValue| {
        let of_card = card.as_ref().and_then(|card| card.losses.iter().find(|of| of.key == term.key));
        let (label, unit, help) = of_card.map_or_else(
            || (term.key.clone(), String::new(), String::new()),
            |of| (of.label.to_string(), of.unit.to_string(), of.help.to_string()),
        );
        view! {
            <div data-term=term.key.clone()>
                <dt>{label}</dt>
                <dd><output aria-live="off">{format::loss(term.value)}</output> " " {unit}</dd>
                <dd class="help">{help}</dd>
            </div>
        }
    };
    (
        say(text("slow.loss-help")),
        view! { <dl class="terms">{what.losses.iter().map(term).collect_view()}</dl> },
    )
}

fn gradient(what: &Dissection) -> AnyView {
    let bars: Vec<Bar> = what.tensors.iter().map(|tensor| Bar::new(tensor, tensor.gradient)).collect();
    if bars.iter().all(|bar| bar.value.is_none()) {
        return say(text("slow.skipped-no-gradients")).into_any();
    }
    (say(text("slow.gradient-help")), bar_list(bars)).into_any()
}

fn update(store: Store, seen: &Pictured<Dissection>) -> impl IntoView {
    let what = &seen.what;
    // Of weights that were all 0, no share changed.
    let share = |tensor: &TensorChange| (tensor.weight > 0.0).then(|| tensor.change / tensor.weight);
    let bars = what.tensors.iter().map(|tensor| Bar::new(tensor, share(tensor))).collect();
    let card = store.card.get_untracked();
    let label = |key: &str| {
        let of_card = card.as_ref().and_then(|card| card.losses.iter().find(|of| of.key == key));
        of_card.map_or_else(|| key.to_string(), |of| of.label.to_string())
    };
    let term = |before: &latent_protocol::TermValue| {
        let after = what.losses_after.iter().find(|after| after.key == before.key)?.value;
        let difference = after - before.value;
        let sign = if difference > 0.0 { "+" } else { "" };
        let change = format!(
            "{} \u{2192} {} ({sign}{})",
            format::loss(before.value),
            format::loss(after),
            format::scientific(difference),
        );
        Some(view! {
            <div data-term=before.key.clone()>
                <dt>{label(&before.key)}</dt>
                <dd><output aria-live="off">{change}</output></dd>
            </div>
        })
    };
    let (gain, difference) = difference(group(seen, 1), group(seen, 2));
    let change = if gain > 0 {
        let key = if gain > 1 { "slow.differs-stronger" } else { "slow.differs" };
        (say(filled(key, &[("times", &gain)])), images(store, text("slow.difference"), &difference))
            .into_any()
    } else {
        say(text("slow.no-difference")).into_any()
    };
    (
        say(text("slow.update-help")),
        bar_list(bars),
        say(text("slow.before-and-after")),
        view! { <dl class="terms">{what.losses.iter().filter_map(term).collect_view()}</dl> },
        images(store, text("slow.decoded-after"), group(seen, 2)),
        change,
    )
}

/// How much two pictures differ, with the strongest difference made full ink by this factor; 0 where there is none.
fn difference(before: &[u8], after: &[u8]) -> (u8, Vec<u8>) {
    let differences: Vec<u8> = before.iter().zip(after).map(|(a, b)| a.abs_diff(*b)).collect();
    let most = differences.iter().copied().max().unwrap_or(0);
    let gain = u8::MAX.checked_div(most).unwrap_or(0);
    (gain, differences.into_iter().map(|difference| difference.saturating_mul(gain)).collect())
}

/// A tensor of weights with a number.
struct Bar {
    name: String,
    shape: String,
    value: Option<f64>,
}

impl Bar {
    fn new(tensor: &TensorChange, value: Option<f64>) -> Self {
        let shape: Vec<String> = tensor.shape.iter().map(usize::to_string).collect();
        Self { name: tensor.name.clone(), shape: shape.join(" \u{d7} "), value }
    }
}

/// Bars on a logarithmic scale between two powers of ten.
fn bar_list(bars: Vec<Bar>) -> impl IntoView {
    let scale = decades(bars.iter().filter_map(|bar| bar.value));
    let caption = scale.map(|(low, high)| {
        say(filled("slow.bars", &[("low", &format::power(low)), ("high", &format::power(high))]))
    });
    let item = |bar: Bar| {
        let share = match (scale, bar.value) {
            (Some((low, high)), Some(value)) if value > 0.0 => {
                // What is at the very beginning of the scale is something, too.
                ((value.log10() - f64::from(low)) / f64::from(high - low)).clamp(0.01, 1.0)
            }
            _ => 0.0,
        };
        let value = bar.value.map_or_else(|| "\u{2013}".into(), format::scientific);
        view! {
            <li>
                <span class="bar-name">{bar.name} " " <small>{bar.shape}</small></span>
                <output aria-live="off">{value}</output>
                <span class="bar" aria-hidden="true">
                    <i style:width=format!("{:.1}%", share * 100.0)></i>
                </span>
            </li>
        }
    };
    view! {
        <ul class="bars">{bars.into_iter().map(item).collect_view()}</ul>
        {caption}
    }
}

/// Exponents of the powers of ten around positive numbers.
fn decades(values: impl Iterator<Item = f64>) -> Option<(i32, i32)> {
    let logs = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
    let (low, high) = logs.map(|log| (log, log)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
    #[expect(clippy::cast_possible_truncation, reason = "exponents of numbers")]
    let (low, high) = (low.floor() as i32, high.ceil() as i32);
    Some((low, high.max(low + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_holds_all_numbers() {
        assert_eq!(decades([0.0, 2e-5, 3e-3].into_iter()), Some((-5, -2)));
        assert_eq!(decades([0.01].into_iter()), Some((-2, -1)));
        assert_eq!(decades([0.0].into_iter()), None);
    }

    #[test]
    fn a_rate_looks_as_in_its_control() {
        assert_eq!([0.001, 1e-5, 0.5, 0.000_987_654].map(rate), ["0.001", "0.00001", "0.5", "0.0009877"]);
    }

    #[test]
    fn a_difference_is_as_strong_as_it_is_said_to_be() {
        assert_eq!(difference(&[10, 20, 30], &[10, 15, 32]), (51, vec![0, 255, 102]));
        assert_eq!(difference(&[7], &[7]), (0, vec![0]));
    }
}
