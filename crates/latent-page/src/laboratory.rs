//! The laboratory: experiments on the model on show and one image.

mod bench;
mod finding;

use latent_protocol::Subject;
use latent_protocol::lab::ExperimentCard;
use leptos::prelude::*;

use crate::client::Client;
use crate::image_number::ImageNumber;
use crate::panel::Panel;
use crate::store::Store;
use crate::text::{filled, text, told};
use bench::Bench;

/// Experiments on the model on show and one image.
#[component]
pub fn Laboratory(store: Store, client: Client) -> impl IntoView {
    view! {
        <Panel store=store id="lab" title="laboratory.title">
            <Experiments bench=Bench::new(store, client) client=client />
        </Panel>
    }
}

#[component]
fn Experiments(bench: Bench, client: Client) -> impl IntoView {
    bench.open();
    let cards = move || {
        let cards = bench.cards.get().into_iter().enumerate();
        cards.map(|(index, card)| view! { <Experiment bench=bench index=index card=card /> }).collect_view()
    };
    let state = move || match bench.fault.get() {
        Some(reason) => filled("laboratory.closed", &[("reason", &reason)]),
        None if bench.cards.read().is_empty() => text("laboratory.loading").into(),
        None => bench.said.get(),
    };
    let number = Signal::derive(move || match bench.subject() {
        Subject::Image(number) => number,
        _ => 0,
    });
    let subject = move || match bench.subject() {
        Subject::Image(number) => filled("laboratory.subject-image", &[("number", &number)]),
        _ => text("laboratory.subject-drawing").into(),
    };
    view! {
        <p class="help" data-text="laboratory.help"></p>
        <div class="lab-subject">
            <label>
                {text("laboratory.test-image")}
                " "
                <ImageNumber
                    label=text("laboratory.image-number")
                    number=number
                    choose=move |number| client.observe(Subject::Image(number))
                />
            </label>
            <output data-label="laboratory.subject">{subject}</output>
        </div>
        <p class="hint" role="status" data-label="laboratory.state">{state}</p>
        <Show when=move || bench.fault.read().is_some()>
            <button type="button" on:click=move |_| bench.open() data-text="laboratory.open-again"></button>
        </Show>
        <div class="experiments">{cards}</div>
    }
}

/// An experiment: what it asks, a button, and what it found.
#[component]
fn Experiment(bench: Bench, index: usize, card: ExperimentCard) -> impl IntoView {
    let store = bench.store;
    let id = format!("experiment-{}", card.id);
    let name_id = id.clone() + "-name";
    let (name, summary) = (card.name.to_string(), card.summary.to_string());
    let obstacle = Signal::derive(move || {
        let latent_dim = store.model.read().as_ref().map(|model| model.latent_dim)?;
        let reason = card.obstacle(store.card.read().as_ref()?, latent_dim)?;
        Some(filled("laboratory.obstacle", &[("reason", &told(reason))]))
    });
    let is_mine = move || bench.running.get() == Some(index);
    let cannot = move || {
        let is_closed = store.model.read().is_none() || bench.fault.read().is_some();
        (!is_mine() && (is_closed || bench.running.get().is_some())).to_string()
    };
    let press = move |_| if untrack(is_mine) { bench.stop() } else { bench.begin(index) };
    view! {
        <article class="experiment" id=id>
            <h3 id=name_id.clone()>{name}</h3>
            <p>{summary}</p>
            <p class="hint" hidden=move || obstacle.read().is_none()>{obstacle}</p>
            <div class="experiment-bar" hidden=move || obstacle.read().is_some()>
                <button type="button" aria-disabled=cannot aria-describedby=name_id on:click=press>
                    {move || text(if is_mine() { "laboratory.stop" } else { "laboratory.run" })}
                </button>
                <progress
                    data-label="laboratory.experiment"
                    max="1"
                    hidden=move || !is_mine()
                    prop:value=move || bench.done.get()
                ></progress>
            </div>
            <div class="finding" node_ref=bench.place(index)></div>
        </article>
    }
}
