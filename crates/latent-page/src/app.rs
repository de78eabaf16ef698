//! The page's frame, and what ties its parts together.

use std::time::Duration;

use latent_protocol::{Link, Theme};
use leptos::html::Div;
use leptos::prelude::*;
use leptos_use::use_preferred_dark;
use wasm_bindgen::JsValue;

use crate::client::Client;
use crate::cloud::CloudControls;
use crate::code::Code;
use crate::compare::Compare;
use crate::device::{Alert, Badge, Speeds};
use crate::digit::Digit;
use crate::draw::Draw;
use crate::explain::Explain;
use crate::files::Files;
use crate::images::Images;
use crate::judge::JudgeLine;
use crate::laboratory::Laboratory;
use crate::lapse::TimeLapse;
use crate::measure::Measure;
use crate::paths::Paths;
use crate::plane::{GridSlider, Plane};
use crate::runs::{Resume, Runs};
use crate::share::{CopyLink, Presets, Toasts};
use crate::slow::SlowMotion;
use crate::store::Store;
use crate::strip::StripPlace;
use crate::timing::at_rest;
use crate::training::Training;

/// How long nothing changes before the address bar takes it over.
const LINK_REST: Duration = Duration::from_millis(300);

/// Ink on paper, as in `www/style.css`.
const LIGHT: Theme = Theme { paper: [0xff, 0xff, 0xff], ink: [0x17, 0x1a, 0x2b] };
/// Chalk on a board.
const DARK: Theme = Theme { paper: [0x10, 0x13, 0x20], ink: [0xf2, 0xf4, 0xff] };

fn theme(is_dark: bool) -> Theme {
    if is_dark { DARK } else { LIGHT }
}

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let query = window().location().search().unwrap_or_default();
    let store = Store::new(Link::parse(&query));
    let client = Client::new(store);
    let is_dark = use_preferred_dark();
    store.theme.set(theme(is_dark.get_untracked()));

    // One by one: a copy of a reference is the same reference.
    let surfaces = [(); 3].map(|()| NodeRef::<Div>::new());
    let [plane, digit, strip] = surfaces;
    Effect::new(move |started: Option<bool>| {
        let [Some(plane), Some(digit), Some(strip)] = surfaces.map(|surface| surface.get()) else {
            return false;
        };
        if started != Some(true) {
            client.start([plane.into(), digit.into(), strip.into()]);
        }
        true
    });
    Effect::new(move |_| {
        let theme = theme(is_dark.get());
        if store.theme.get_untracked() != theme {
            store.theme.set(theme);
            client.recolor();
        }
    });
    keep_link(store);

    view! {
        <header class="top">
            <h1 data-text="app.title"></h1>
            <p class="lead" data-text="app.lead"></p>
            <Badge store=store />
            <CopyLink store=store />
            // Filled by `www/words.js`.
            <select class="language" data-label="language.label"></select>
        </header>
        <Alert store=store client=client />
        <Resume store=store client=client />
        <main>
            <section class="explore" data-label="app.exploration">
                <div class="plane-place">
                    <Plane store=store client=client surface=plane />
                    <CloudControls store=store client=client />
                </div>
                <div class="digit-place">
                    <Digit store=store surface=digit />
                    <JudgeLine store=store client=client />
                    <GridSlider store=store client=client />
                    <Speeds store=store />
                    <Code store=store client=client />
                </div>
                <StripPlace store=store surface=strip />
            </section>
            // Before Reset, which it undoes, on the way by keyboard.
            <Toasts store=store client=client />
            <Training store=store client=client />
            <div class="panels">
                <Explain store=store client=client />
                <Draw store=store client=client />
                <Paths store=store client=client />
                <SlowMotion store=store client=client />
                <TimeLapse store=store client=client />
                <Compare store=store client=client />
                <Runs store=store client=client />
                <Laboratory store=store client=client />
                <Images store=store client=client />
                <Files store=store client=client />
            </div>
            <Measure store=store client=client />
            <Presets store=store />
        </main>
        <footer>
            <p data-text="app.privacy"></p>
            <button type="button" data-tour data-text="footer.tour"></button>
        </footer>
    }
}

/// Keep the address bar at a link to what is on screen. Browsers refuse more than a hundred changes in half a
/// minute, so the link waits for a pause in the dragging.
fn keep_link(store: Store) {
    let link = StoredValue::new(None::<String>);
    let keep = at_rest(LINK_REST, move || {
        if let Some(query) = link.get_value()
            && let Ok(history) = window().history()
        {
            // A page opened from a file has no link to keep.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&query));
        }
    });
    Effect::new(move |_| {
        link.set_value(store.query());
        keep();
    });
}
