//! The networks of the model on show, with what they compute for the code under the handle.

use latent_protocol::{Layer, Theme, Trace};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use crate::format;
use crate::picture::{PIXELS, put};
use crate::store::Pictured;
use crate::text::{filled, text};

/// Most units side by side, where they stand in no order.
const COLUMNS: usize = 32;

/// Show the decoder, and the encoder if there is one, layer by layer.
pub fn show(place: &HtmlElement, traced: &Pictured<Trace>, theme: Theme) {
    let Trace { decoder, encoder } = &traced.what;
    let sizes =
        |layers: &[Layer]| layers.iter().map(|layer| size(layer.shape)).collect::<Vec<_>>().join(", ");
    let shape = [sizes(decoder), sizes(encoder)].join("; ");
    // Made anew only when a network has another shape.
    if place.get_attribute("data-shape").as_ref() != Some(&shape) {
        let figures = [
            figure(decoder, "network.decoder", "network.code", "network.image"),
            figure(encoder, "network.encoder", "network.image", "network.mean"),
        ];
        place.set_inner_html(&figures.concat());
        // It is an attribute's name.
        let _ = place.set_attribute("data-shape", &shape);
    }
    let Ok(items) = place.query_selector_all("li") else { return };
    let mut from = 0;
    for (index, layer) in (0..).zip(decoder.iter().chain(encoder)) {
        let to = from + layer.shape.iter().product::<usize>();
        let item = items.get(index).map(JsCast::unchecked_into::<Element>);
        if let (Some(item), Some(units)) = (item, traced.pixels.get(from..to)) {
            tell(&item, layer, units, theme);
        }
        from = to;
    }
}

/// A network's figure, without what it computes.
fn figure(layers: &[Layer], title: &'static str, first: &'static str, last: &'static str) -> String {
    let Some(end) = layers.len().checked_sub(1) else { return String::new() };
    let item = |(index, layer): (usize, &Layer)| {
        let units: usize = layer.shape.iter().product();
        let size = size(layer.shape);
        let class = if units == PIXELS { " class='image'" } else { "" };
        let name = match index {
            0 => filled("network.named", &[("name", &text(first)), ("size", &size)]),
            index if index == end => filled("network.named", &[("name", &text(last)), ("size", &size)]),
            _ => filled("network.hidden", &[("size", &size)]),
        };
        let hidden = if index == 0 || index == end { "" } else { " data-hidden" };
        [
            "<li",
            hidden,
            "><canvas",
            class,
            " aria-hidden='true'></canvas><span>",
            &name,
            "</span><span class='help'></span></li>",
        ]
        .concat()
    };
    let items: String = layers.iter().enumerate().map(item).collect();
    ["<figure class='network'><figcaption>", text(title), "</figcaption><ol>", &items, "</ol></figure>"]
        .concat()
}

/// Height and width and channels, or how many units.
fn size([height, width, channels]: [usize; 3]) -> String {
    let sides = [channels, height, width].map(|side| side.to_string());
    match (height, channels) {
        (1, _) => format::thousands(channels as u64),
        (_, 1) => sides[1..].join(" \u{d7} "),
        _ => sides.join(" \u{d7} "),
    }
}

/// What a layer computed: its units as a picture, and in numbers.
fn tell(item: &Element, layer: &Layer, units: &[u8], theme: Theme) {
    if let Some(canvas) = item.first_element_child() {
        let (rgba, width, height) = picture(layer.shape, units, theme);
        put(&canvas.unchecked_into(), &rgba, width, height);
    }
    let [least, most] = [layer.least, layer.most].map(|number| format::number(number.into()));
    let seen = if item.has_attribute("data-hidden") {
        let active = format::thousands(layer.active as u64);
        filled("network.active", &[("active", &active), ("most", &most)])
    } else {
        filled("network.range", &[("least", &least), ("most", &most)])
    };
    if let Some(place) = item.last_element_child() {
        place.set_text_content(Some(&seen));
    }
}

/// Units as RGBA bytes, with width and height: maps side by side, or a unit after the other.
fn picture([height, width, channels]: [usize; 3], units: &[u8], theme: Theme) -> (Vec<u8>, usize, usize) {
    let columns = if height > 1 { square(channels) } else { square(channels).min(COLUMNS) };
    let rows = channels.div_ceil(columns);
    let (across, down) = (columns * width, rows * height);
    let [red, green, blue] = theme.paper;
    let mut rgba = [red, green, blue, u8::MAX].repeat(across * down);
    for (index, unit) in units.iter().enumerate() {
        let (place, channel) = (index / channels, index % channels);
        let column = channel % columns * width + place % width;
        let row = channel / columns * height + place / width;
        let at = 4 * (row * across + column);
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
