//! The panel in which a model is chosen, trained and watched.

use latent_protocol::{Phase, Provenance};
use leptos::prelude::*;

use crate::chart::Losses;
use crate::client::Client;
use crate::controls::{Live, Settings};
use crate::explain;
use crate::format;
use crate::provenance;
use crate::store::Store;
use crate::text::{filled, text};

/// Everything about training.
#[component]
pub fn Training(store: Store, client: Client) -> impl IntoView {
    let is_busy = move || matches!(store.phase.get(), Phase::Running | Phase::Waiting);
    let cannot_begin = move || (is_busy() || store.card.read().is_none()).to_string();
    let has_run = move || store.progress.read().is_some() || store.phase.get() != Phase::Idle;
    view! {
        <section class="training" data-label="training.training">
            <FamilyMenu store=store client=client />
            <div class="buttons">
                <button class="primary" aria-disabled=cannot_begin on:click=move |_| client.train() data-text="training.train"></button>
                <button aria-disabled=move || (!is_busy()).to_string() on:click=move |_| client.pause() data-text="training.pause"></button>
                <button aria-disabled=cannot_begin on:click=move |_| client.step() data-text="training.step"></button>
                <button aria-disabled=move || (!has_run()).to_string() on:click=move |_| client.reset() data-text="training.reset"></button>
            </div>
            <Live store=store client=client />
            <State store=store />
            <Counters store=store />
            <Losses store=store />
            <details class="more">
                <summary data-text="training.settings"></summary>
                <Seed store=store />
                <Settings store=store client=client />
            </details>
        </section>
    }
}

#[component]
fn FamilyMenu(store: Store, client: Client) -> impl IntoView {
    let choose = move |id: String| {
        let families = store.families.get_untracked();
        if let Some(card) = families.into_iter().find(|card| card.id == id) {
            client.choose(card);
        }
    };
    let options = move || {
        let chosen = store.card.get().map(|card| card.id);
        let option = |card: latent_protocol::ModelCard| {
            let selected = chosen.as_ref() == Some(&card.id);
            view! { <option value=card.id.to_string() selected=selected>{card.name.to_string()}</option> }
        };
        store.families.get().into_iter().map(option).collect_view()
    };
    let about = move || {
        let card = store.card.get()?;
        Some(view! {
            <p class="about">
                {card.summary.to_string()}
                " "
                <a lang="en" href=card.paper.url.to_string() target="_blank" rel="noreferrer" title=card.paper.title.to_string()>
                    {card.paper.citation.to_string()}
                </a>
            </p>
        })
    };
    view! {
        <label class="family">
            <span data-text="training.model"></span>
            <select on:change:target=move |event| choose(event.target().value())>{options}</select>
        </label>
        <details class="about-place">
            <summary data-text="training.what"></summary>
            {about}
            <a
                href="#panel-how"
                on:click=move |_| store.set_open(explain::PANEL, true) data-text="training.how"></a>
        </details>
    }
}

/// One sentence on what is going on.
#[component]
fn State(store: Store) -> impl IntoView {
    let sentence = move || {
        text(match store.phase.get() {
            Phase::Idle => match provenance::score_of_file(store) {
                Some(score) => return filled("training.shipped", &[("score", &score)]),
                None => "training.idle",
            },
            Phase::Waiting => "training.waiting",
            Phase::Running => "training.running",
            Phase::Paused if is_changed(store) => "training.changed",
            Phase::Paused => "training.paused",
            Phase::Finished => "training.finished",
        })
        .into()
    };
    let data = move || {
        let data = store.data.get()?;
        let images = [data.images, data.images_total].map(|count| format::thousands(count as u64));
        let bytes = [data.received, data.total].map(format::megabytes);
        (data.received < data.total).then(|| {
            view! {
                <label class="download">
                    {filled("training.images", &[("done", &images[0]), ("all", &images[1])])}
                    <progress
                        data-label="training.download"
                        max=data.total.to_string()
                        value=data.received.to_string()
                    ></progress>
                    {filled("training.bytes", &[("done", &bytes[0]), ("all", &bytes[1])])}
                </label>
            }
        })
    };
    view! {
        <p class="state" role="status" data-label="training.state">{sentence}</p>
        {data}
    }
}

/// Whether the seed or a setting is another than the run's, those aside that the run follows.
fn is_changed(store: Store) -> bool {
    let (model, card) = (store.model.read(), store.card.read());
    let of_run = model.as_ref().filter(|model| model.provenance == Provenance::Run);
    let (Some(model), Some(card)) = (of_run, card.as_ref()) else { return false };
    let chosen = store.settings.read();
    let has_other = provenance::settings(model, card).with_live(card, &chosen) != *chosen;
    let seed = provenance::entry(model, "seed");
    has_other || seed.is_some_and(|seed| seed != store.seed.get().to_string())
}

#[component]
fn Counters(store: Store) -> impl IntoView {
    let of = move |read: fn(&latent_protocol::Progress) -> String| {
        move || store.progress.get().map_or_else(|| "\u{2013}".into(), |progress| read(&progress))
    };
    let test = move || {
        let evaluated = store.evaluated.get()?;
        Some(format::sentence(&provenance::score_of_run(store, &evaluated)))
    };
    view! {
        <dl class="counters">
            <div><dt data-text="training.epoch"></dt><dd>{of(|p| format!("{} / {}", format::decimal(p.epoch, 2), p.epochs))}</dd></div>
            <div><dt data-text="training.step"></dt><dd><output data-label="training.step" aria-live="off">{of(|p| format::thousands(p.step))}</output></dd></div>
            <div><dt data-text="training.speed"></dt><dd>{of(|p| format!("{:.0}", p.images_per_s))}</dd></div>
            <div><dt data-text="training.time"></dt><dd>{of(|p| format::clock(p.elapsed_ms))}</dd></div>
        </dl>
        <p class="test">{test}</p>
    }
}

#[component]
fn Seed(store: Store) -> impl IntoView {
    let back = filled("controls.set-back", &[("setting", &text("training.seed")), ("value", &1)]);
    view! {
        <div class="setting">
            <label for="setting-seed" data-text="training.seed"></label>
            <input
                id="setting-seed"
                type="number"
                min="0"
                max="4294967295"
                aria-describedby="setting-seed-help"
                prop:value=move || store.seed.get().to_string()
                on:change:target=move |event| {
                    if let Ok(seed) = event.target().value().parse() {
                        store.seed.set(seed);
                    } else {
                        event.target().set_value(&store.seed.get_untracked().to_string());
                        store.toast(text("training.seed-refused"));
                    }
                }
            />
            <button
                type="button"
                class="quiet"
                title=back.clone()
                aria-label=back
                aria-disabled=move || (store.seed.get() == 1).to_string()
                on:click=move |_| store.seed.set(1)
            >
                "\u{21ba}"
            </button>
            <p id="setting-seed-help" class="help" data-text="training.seed-help"></p>
        </div>
    }
}
