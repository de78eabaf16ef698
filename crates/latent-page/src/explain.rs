//! The panel that explains the chosen family: what it is, its objective with the numbers of the run in it, its networks at
//! work, its paper, and the mistakes that people make with it. The words lie in `www/explain/<family>/`.

use latent_protocol::ModelCard;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use crate::chart;
use crate::client::Client;
use crate::controls::written;
use crate::curves;
use crate::format;
use crate::network;
use crate::panel::Panel;
use crate::store::Store;
use crate::text::{language, text};
use crate::worker::fetch_text;

/// Name of the panel in the link.
pub const PANEL: &str = "how";

const MATHML: &str = "http://www.w3.org/1998/Math/MathML";

/// How the chosen model works.
#[component]
pub fn Explain(store: Store, client: Client) -> impl IntoView {
    view! {
        <Panel store=store id=PANEL title="explain.title">
            <Explanation store=store client=client />
        </Panel>
    }
}

#[component]
fn Explanation(store: Store, client: Client) -> impl IntoView {
    let (words, networks) = (NodeRef::<Div>::new(), NodeRef::<Div>::new());
    let numbers = RwSignal::new_local(Vec::<(Number, Element)>::new());
    Effect::new(move |_| {
        let (Some(words), Some(card)) = (words.get(), store.card.get()) else { return };
        spawn_local(async move {
            let html = html(&card).await.unwrap_or_else(|_| text("explain.missing").into());
            // Meanwhile another family may have been chosen.
            if store.card.read_untracked().as_ref().is_some_and(|chosen| chosen.id == card.id) {
                words.set_inner_html(&html);
                paint(&words, &card);
                numbers.try_set(places(&words, &card).unwrap_or_default());
            }
        });
    });
    Effect::new(move |_| {
        let (progress, settings, card) = (store.progress.read(), store.settings.read(), store.card.read());
        let Some(card) = card.as_ref() else { return };
        for (number, place) in &*numbers.read() {
            let text = match number {
                Number::Loss(index) => progress
                    .as_ref()
                    .and_then(|progress| progress.losses.get(*index))
                    .map(|term| format::loss(term.value)),
                Number::Setting(key) => card
                    .hyperparameter(key)
                    .zip(settings.get(key))
                    .map(|(h, value)| written(&h.control, &value.to_string())),
            };
            place.set_text_content(Some(text.as_deref().unwrap_or("\u{2013}")));
        }
    });
    // As long as this can be seen, the encoder is wanted, and whatever was decoded is followed.
    Effect::new(move |_| {
        store.model.track();
        if store.is_open(PANEL) {
            client.want_encoder();
        }
    });
    Effect::new(move |_| {
        store.z.track();
        if store.is_open(PANEL) {
            client.trace();
        }
    });
    Effect::new(move |_| {
        if let (Some(place), Some(traced)) = (networks.get(), store.traced.read().as_ref()) {
            network::show(&place, traced, store.theme.get());
        }
    });
    view! {
        <div class="words" node_ref=words></div>
        <h3 data-text="network.title"></h3>
        <p class="help" data-text="network.about"></p>
        <div node_ref=networks></div>
    }
}

/// What is told of a family: what it is, then its objective before the rest, and its paper.
async fn html(card: &ModelCard) -> Result<String, JsValue> {
    let file = |name: &str| ["explain/", &card.id, "/", name, ".html"].concat();
    let (formulas, told) = (file("objective"), file(&language()));
    let (formulas, told) = (fetch_text(&formulas).await?, fetch_text(&told).await?);
    let (what, rest) = told.split_once("</p>").unwrap_or(("", &told));
    let (symbols, mistakes) = rest.split_once("<ul").unwrap_or((rest, ""));
    let paper = &card.paper;
    Ok([
        what,
        "</p><div class='objective' tabindex='0' role='region' data-label='explain.objective'>",
        &formulas,
        "</div><p class='help' data-text='explain.numbers'></p>",
        symbols,
        "<h3 data-text='explain.mistakes'></h3><ul",
        mistakes,
        "<p>",
        text("explain.paper"),
        " <a target='_blank' rel='noreferrer' lang='en' href='",
        &paper.url,
        "'>",
        &paper.citation,
        ": <cite>",
        &paper.title,
        "</cite></a></p>",
    ]
    .concat())
}

/// What stands under a part of the formula.
enum Number {
    /// The latest value of the loss with this index.
    Loss(usize),
    /// The value of a setting.
    Setting(String),
}

/// Parts of a formula, and of what is said of it, that speak of a loss have the colour of its line.
fn paint(within: &HtmlElement, card: &ModelCard) {
    for element in all(within, "[data-term]") {
        let term = element.get_attribute("data-term");
        let index = card.losses.iter().position(|loss| Some(loss.key.as_ref()) == term.as_deref());
        if let Some(index) = index {
            let style = ["--term: ", &curves::rgb(chart::loss_color(index))].concat();
            // Only what is no name of an attribute is refused.
            let _ = element.set_attribute("style", &style);
        }
    }
}

/// Makes room for a number under each part that has one.
fn places(within: &HtmlElement, card: &ModelCard) -> Result<Vec<(Number, Element)>, JsValue> {
    let mut places = Vec::new();
    for element in all(within, ".objective [data-term], .objective [data-setting]") {
        let number = match (element.get_attribute("data-term"), element.get_attribute("data-setting")) {
            (Some(key), _) => card.losses.iter().position(|loss| loss.key == key).map(Number::Loss),
            (None, Some(key)) => Some(Number::Setting(key)),
            (None, None) => None,
        };
        let Some(number) = number else { continue };
        let document = document();
        let [under, text] = ["munder", "mtext"].map(|name| document.create_element_ns(Some(MATHML), name));
        let (under, text) = (under?, text?);
        text.set_attribute("class", "live")?;
        if let Some(style) = element.get_attribute("style") {
            text.set_attribute("style", &style)?;
        }
        element.replace_with_with_node_1(&under)?;
        under.append_child(&element)?;
        under.append_child(&text)?;
        places.push((number, text));
    }
    Ok(places)
}

/// All elements that a selector finds.
fn all(within: &HtmlElement, selector: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|index| found.get(index)?.dyn_into().ok()).collect()
}
