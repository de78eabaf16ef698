//! Runs that are kept: their curves, and a way to go on with them.

use std::fmt::Display;
use std::time::Duration;

use latent_protocol::Phase;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::chart;
use crate::client::Client;
use crate::format;
use crate::keep::{self, Kept, MOST, Place, State};
use crate::panel::Panel;
use crate::store::Store;
use crate::text::{filled, text, told};

/// Time after which the runs are looked at once more: a tab that was reloaded lets go of its run late.
const SECOND_LOOK: Duration = Duration::from_millis(1500);

/// Offers to go on with the run of a tab that was lost.
#[component]
pub fn Resume(store: Store, client: Client) -> impl IntoView {
    let look = move || spawn_local(async move { client.keep().refresh().await });
    let has_families = Memo::new(move |_| !store.families.read().is_empty());
    Effect::new(move |_| {
        // The first digit comes first.
        if has_families.get() {
            look();
            set_timeout(look, SECOND_LOOK);
        }
    });
    let listeners = [
        window_event_listener_untyped("focus", move |_| look()),
        window_event_listener_untyped("pagehide", move |_| client.save()),
        window_event_listener_untyped("visibilitychange", move |_| {
            if document().hidden() {
                client.save();
            }
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    let offered = Memo::new(move |_| {
        let runs = store.runs.read();
        let run = runs.iter().find(|run| run.state == State::Open && run.place == Place::Shelf)?;
        let families = store.families.read();
        let name = &families.iter().find(|card| card.id == run.family)?.name;
        let (from, step) = (format::moment(run.begun_ms), format::thousands(run.progress.step));
        let said = filled("runs.stopped", &[("name", name), ("from", &from), ("step", &step)]);
        Some((run.id.clone(), said))
    });
    let later = move |id: &str| client.keep().change(id, |kept| kept.state = State::Left);
    view! {
        <div role="status" data-label="runs.to-go-on-with">
            {move || {
                let (id, said) = offered.get().filter(|_| store.phase.get() == Phase::Idle)?;
                let kept = id.clone();
                Some(view! {
                    <div class="resume">
                        <p>{said}</p>
                        <button class="primary" on:click=move |_| client.resume(id.clone()) data-text="runs.resume"></button>
                        <button on:click=move |_| later(&kept) data-text="runs.keep"></button>
                    </div>
                })
            }}
        </div>
    }
}

/// Runs that are kept: their curves, and a way to go on with them.
#[component]
pub fn Runs(store: Store, client: Client) -> impl IntoView {
    Effect::new(move |_| {
        if store.is_open("runs") {
            spawn_local(async move { client.keep().refresh().await });
        }
    });
    let ids = Memo::new(move |_| store.runs.read().iter().map(|run| run.id.clone()).collect::<Vec<_>>());
    let delete_all = move || {
        let runs = store.runs.get_untracked();
        let free = runs.into_iter().filter(|run| run.place == Place::Shelf).map(|run| run.id).collect();
        spawn_local(async move { client.keep().delete(free).await });
    };
    view! {
        <Panel store=store id="runs" title="runs.title">
            <p class="note">{filled("runs.note", &[("most", &MOST)])}</p>
            {move || {
                store.unkept.get().map(|reason| view! {
                    <p class="note">{filled("runs.unkept", &[("reason", &reason)])}</p>
                })
            }}
            <Show when=move || ids.read().is_empty()>
                <p class="hint" data-text="runs.none"></p>
            </Show>
            <ul class="runs" data-label="runs.kept">
                <For each=move || ids.get() key=String::clone let(id)>
                    <Run store=store client=client id=id />
                </For>
            </ul>
            <Show when=move || store.runs.read().iter().any(|run| run.place == Place::Shelf)>
                <Delete label="runs.delete-all" disabled=false delete=delete_all />
            </Show>
        </Panel>
    }
}

#[component]
fn Run(store: Store, client: Client, id: String) -> impl IntoView {
    let id = StoredValue::new(id);
    // One by one: only what differs at a checkpoint is written anew, and a name that is being typed stays.
    let read = move |read: fn(&Kept) -> String| {
        Memo::new(move |_| {
            let runs = store.runs.read();
            id.with_value(|id| runs.iter().find(|run| run.id == *id).map(read)).unwrap_or_default()
        })
    };
    let (name, facts) = (read(|run| run.name.clone()), read(facts));
    let of = move |is: fn(&Kept) -> bool| {
        Memo::new(move |_| id.with_value(|id| store.runs.read().iter().any(|run| run.id == *id && is(run))))
    };
    let is_free = of(|run| run.place == Place::Shelf);
    let is_finished = of(|run| run.state == State::Finished);
    let is_drawn = Memo::new(move |_| id.with_value(|id| store.overlay.read().contains(id)));
    let can_draw = Memo::new(move |_| {
        let runs = store.runs.read();
        let run = id.with_value(|id| runs.iter().find(|run| run.id == *id));
        run.is_some_and(|run| chart::fits(store, run)) && store.overlay.read().len() < chart::MOST_PAST
    });
    let rename = move |name: String| {
        let name = name.trim().to_string();
        if !name.is_empty() {
            client.keep().change(&id.get_value(), move |kept| kept.name.clone_from(&name));
        }
    };
    let draw = move |is_on: bool| {
        store.overlay.update(|overlay| {
            overlay.retain(|drawn| id.with_value(|id| drawn != id));
            if is_on {
                overlay.push(id.get_value());
            }
        });
    };
    let delete = move || spawn_local(async move { client.keep().delete(vec![id.get_value()]).await });
    view! {
            <li class="run">
                <input
                    type="text"
                    data-label="runs.name"
                    autocomplete="off"
                    prop:value=name
                    on:change:target=move |event| {
                        rename(event.target().value());
                        // An empty name is none.
                        if event.target().value().trim().is_empty() {
                            event.target().set_value(&name.get_untracked());
                        }
                    }
                />
                <p class="facts">{facts}</p>
                <label class="check">
                    <input
                        type="checkbox"
                        prop:checked=is_drawn
                        disabled=move || !is_drawn.get() && !can_draw.get()
                        on:change:target=move |event| draw(event.target().checked())
                    />
    {text("runs.show-curve")}
    </label>
                <div class="run-buttons">
                    <button
                        aria-label=move || {
                            let key = if is_finished.get() { "runs.show-named" } else { "runs.resume-named" };
                            filled(key, &[("name", &name.get())])
                        }
                        aria-disabled=move || (!is_free.get()).to_string()
                        on:click=move |_| client.resume(id.get_value())
                    >
                        {move || text(if is_finished.get() { "runs.show" } else { "runs.resume" })}
                    </button>
                    <Delete label="runs.delete" name=name disabled=Signal::derive(move || !is_free.get()) delete=delete />
                </div>
            </li>
        }
}

/// One line on a run.
fn facts(run: &Kept) -> String {
    let place = match (run.place, run.state) {
        (Place::Here, _) => Some("runs.here"),
        (Place::Elsewhere, _) => Some("runs.elsewhere"),
        (Place::Shelf, State::Finished) => Some("runs.finished"),
        (Place::Shelf, _) => None,
    };
    let progress = &run.progress;
    let (step, epoch) = (format::thousands(progress.step), format::decimal(progress.epoch, 1));
    let values: [(&str, &dyn Display); 3] =
        [("step", &step), ("epoch", &epoch), ("epochs", &progress.epochs)];
    let facts = [
        Some(filled("runs.steps", &values)),
        keep::test_loss(run),
        Some(told(&run.data)),
        Some(format::moment(run.begun_ms)),
        place.map(|place| text(place).into()),
    ];
    facts.into_iter().flatten().collect::<Vec<_>>().join(" \u{b7} ")
}

/// A button that is pressed twice.
#[component]
fn Delete(
    /// A key.
    label: &'static str,
    /// Of what, for those who do not see it.
    #[prop(optional, into)]
    name: Option<Signal<String>>,
    #[prop(into)] disabled: Signal<bool>,
    delete: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let is_sure = RwSignal::new(false);
    let said = move || text(if is_sure.get() { "runs.delete-sure" } else { label });
    let said_in_full = move || match name {
        Some(name) => {
            let key = if is_sure.get() { "runs.delete-sure-named" } else { "runs.delete-named" };
            filled(key, &[("name", &name.get())])
        }
        None => said().into(),
    };
    let press = move |_| {
        if is_sure.get_untracked() {
            delete();
        }
        is_sure.update(|is_sure| *is_sure = !*is_sure);
    };
    view! {
        <button
            class="delete"
            aria-label=said_in_full
            aria-disabled=move || disabled.get().to_string()
            on:click=press
            on:blur=move |_| is_sure.set(false)
        >
            {said}
        </button>
    }
}
