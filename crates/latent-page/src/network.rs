//! The networks of the model on show, with what they compute for the code under the handle.

use latent_protocol::{Layer, Theme, Trace};
use leptos::html::Canvas;
use leptos::prelude::*;

use crate::format;
use crate::picture::{PIXELS, put};
use crate::store::{Pictured, Store};
use crate::text::{filled, text};

/// Most units side by side, where they stand in no order.
const COLUMNS: usize = 32;

/// Decoder and encoder, layer by layer.
#[component]
pub fn Network(store: Store) -> impl IntoView {
    // The figure is made anew only when a network has another shape.
    let shapes = Memo::new(move |_| {
        let shapes = |layers: &[Layer]| layers.iter().map(|layer| layer.shape).collect::<Vec<_>>();
        let traced = store.traced.read();
        traced.as_ref().map(|traced| (shapes(&traced.what.decoder), shapes(&traced.what.encoder)))
    });
    let layers = move |shapes: Vec<[usize; 3]>, is_encoder: bool| {
        let last = shapes.len().saturating_sub(1);
        let item = move |(index, shape): (usize, [usize; 3])| {
            let name = match (is_encoder, index) {
                (false, 0) => text("network.code"),
                (true, index) if index == last => text("network.mean"),
                (_, index) if index == 0 || index == last => text("network.image"),
                _ => "",
            };
            view! { <LayerView store=store is_encoder=is_encoder index=index shape=shape name=name /> }
        };
        shapes.into_iter().enumerate().map(item).collect_view()
    };
    move || {
        let (decoder, encoder) = shapes.get()?;
        let has_encoder = !encoder.is_empty();
        Some(view! {
            <figure class="network">
                <figcaption>{text("network.decoder")}</figcaption>
                <ol>{layers(decoder, false)}</ol>
            </figure>
            {has_encoder.then(|| view! {
                <figure class="network">
                    <figcaption>{text("network.encoder")}</figcaption>
                    <ol>{layers(encoder, true)}</ol>
                </figure>
            })}
        })
    }
}

/// A layer: its units as a picture, how many they are and what they are.
#[component]
fn LayerView(
    store: Store,
    is_encoder: bool,
    index: usize,
    shape: [usize; 3],
    /// What it is, where it is no hidden layer.
    name: &'static str,
) -> impl IntoView {
    let canvas = NodeRef::<Canvas>::new();
    Effect::new(move |_| {
        let theme = store.theme.get();
        let traced = store.traced.read();
        let Some((layer, units)) = traced.as_ref().and_then(|traced| part(traced, is_encoder, index)) else {
            return;
        };
        if let Some(canvas) = canvas.get() {
            let (rgba, width, height) = picture(layer.shape, units, theme);
            put(&canvas, &rgba, width, height);
        }
    });
    let [height, width, channels] = shape;
    let units = height * width * channels;
    let size = if height > 1 {
        let sides = [channels, height, width].map(|side| side.to_string());
        if channels > 1 { sides.join(" \u{d7} ") } else { sides[1..].join(" \u{d7} ") }
    } else {
        format::thousands(units as u64)
    };
    let is_hidden = name.is_empty();
    let seen = move || {
        let traced = store.traced.read();
        let (layer, _) = part(traced.as_ref()?, is_encoder, index)?;
        let active = format::thousands(layer.active as u64);
        let (least, most) = (format::number(layer.least.into()), format::number(layer.most.into()));
        Some(if is_hidden {
            filled("network.active", &[("active", &active), ("most", &most)])
        } else {
            filled("network.range", &[("least", &least), ("most", &most)])
        })
    };
    let title = if is_hidden {
        filled("network.hidden", &[("size", &size)])
    } else {
        filled("network.named", &[("name", &name), ("size", &size)])
    };
    view! {
        <li>
            <canvas class=if units == PIXELS { "units image" } else { "units" } aria-hidden="true" node_ref=canvas></canvas>
            <span>{title}</span>
            <span class="help">{seen}</span>
        </li>
    }
}

/// A layer with its units' bytes.
fn part(traced: &Pictured<Trace>, is_encoder: bool, index: usize) -> Option<(&Layer, &[u8])> {
    let Trace { decoder, encoder } = &traced.what;
    let number = if is_encoder { decoder.len() + index } else { index };
    let mut from = 0;
    for (at, layer) in decoder.iter().chain(encoder).enumerate() {
        let units: usize = layer.shape.iter().product();
        if at == number {
            return Some((layer, traced.pixels.get(from..from + units)?));
        }
        from += units;
    }
    None
}

/// Units as RGBA bytes, with width and height: maps side by side, or a unit after the other.
fn picture([height, width, channels]: [usize; 3], units: &[u8], theme: Theme) -> (Vec<u8>, usize, usize) {
    let columns = if height > 1 { square(channels) } else { square(channels).min(COLUMNS) };
    let rows = channels.div_ceil(columns);
    let (across, down) = (columns * width, rows * height);
    let [r, g, b] = theme.paper;
    let mut rgba = [r, g, b, u8::MAX].repeat(across * down);
    for (index, unit) in units.iter().enumerate() {
        let (place, channel) = (index / channels, index % channels);
        let x = channel % columns * width + place % width;
        let y = channel / columns * height + place / width;
        let at = 4 * (y * across + x);
        rgba[at..at + 3].copy_from_slice(&theme.color(f32::from(*unit) / 255.0));
    }
    (rgba, across, down)
}

/// Columns of so many things in a square, or in one twice as wide.
fn square(count: usize) -> usize {
    let mut columns = 1;
    while columns * columns < count {
        columns *= 2;
    }
    columns.min(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_row_by_row_and_maps_side_by_side() {
        let theme = Theme { paper: [0; 3], ink: [255; 3] };
        let (rgba, width, height) = picture([1, 1, 5], &[0, 255, 0, 0, 255], theme);
        assert_eq!((width, height), (4, 2));
        let inked = |rgba: &[u8]| (0..rgba.len() / 4).filter(|at| rgba[4 * at] == 255).collect::<Vec<_>>();
        assert_eq!(inked(&rgba), [1, 4]);
        // Two maps of 2 x 2: the first has ink at its last place, the second at its first.
        let (rgba, width, height) = picture([2, 2, 2], &[0, 255, 0, 0, 0, 0, 255, 0], theme);
        assert_eq!((width, height), (4, 2));
        assert_eq!(inked(&rgba), [2, 5]);
    }

    #[test]
    fn layers_are_nearly_square() {
        assert_eq!([1, 2, 10, 16, 400, 512].map(square), [1, 2, 4, 4, 32, 32]);
    }
}
