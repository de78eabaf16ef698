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
use bench::Bench;

/// Experiments on the model on show and one image.
#[component]
pub fn Laboratory(store: Store, client: Client) -> impl IntoView {
    view! {
        <Panel store=store id="lab" title="Laboratory">
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
        Some(reason) => format!("The laboratory is closed: {reason}."),
        None if bench.cards.read().is_empty() => "The laboratory is loading\u{2026}".into(),
        None => bench.said.get(),
    };
    let number = Signal::derive(move || match bench.subject() {
        Subject::Image(number) => number,
        _ => 0,
    });
    let subject = move || match bench.subject() {
        Subject::Image(number) => format!(
            "The subject is test image {number}. Draw one under \u{201c}Draw a digit\u{201d}, and that one is."
        ),
        _ => "The subject is your drawing under \u{201c}Draw a digit\u{201d}.".into(),
    };
    view! {
        <p class="help">
            "Measured on the model on show, in a worker beside it: the digit stays under your hand. Each panel shows what is found, not what is told."
        </p>
        <div class="lab-subject">
            <label>
                "Test image "
                <ImageNumber
                    label="Number of the image that is examined"
                    number=number
                    choose=move |number| client.observe(Subject::Image(number))
                />
            </label>
            <output aria-label="Subject">{subject}</output>
        </div>
        <p class="hint" role="status" aria-label="State of the laboratory">{state}</p>
        <button type="button" hidden=move || bench.fault.read().is_none() on:click=move |_| bench.open()>
            "Open it again"
        </button>
        <div class="experiments">{cards}</div>
    }
}

/// An experiment: what it asks, a button, and what it found.
#[component]
fn Experiment(bench: Bench, index: usize, card: ExperimentCard) -> impl IntoView {
    let store = bench.store;
    let id = format!("experiment-{}", card.id);
    let (name, summary) = (card.name.to_string(), card.summary.to_string());
    let obstacle = Signal::derive(move || {
        let latent_dim = store.model.read().as_ref().map(|model| model.latent_dim)?;
        let reason = card.obstacle(store.card.read().as_ref()?, latent_dim)?;
        Some(["Not with this model: ", reason, "."].concat())
    });
    let is_mine = move || bench.running.get() == Some(index);
    let cannot = move || {
        !is_mine()
            && (bench.running.get().is_some() || store.model.read().is_none() || bench.fault.read().is_some())
    };
    let press = move |_| if untrack(is_mine) { bench.stop() } else { bench.begin(index) };
    view! {
        <article class="experiment" id=id>
            <h3>{name}</h3>
            <p>{summary}</p>
            <p class="hint" hidden=move || obstacle.read().is_none()>{obstacle}</p>
            <div class="experiment-bar" hidden=move || obstacle.read().is_some()>
                <button type="button" disabled=cannot on:click=press>
                    {move || if is_mine() { "Stop" } else { "Run" }}
                </button>
                <progress
                    aria-label="Experiment"
                    max="1"
                    hidden=move || !is_mine()
                    prop:value=move || bench.done.get()
                ></progress>
            </div>
            <div class="finding" node_ref=bench.place(index)></div>
        </article>
    }
}
