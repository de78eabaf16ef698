//! A second model beside the first, at the same code.

use latent_protocol::{DevicePreference, Link, ModelCard, Phase, PlaneLook};
use leptos::html::Div;
use leptos::prelude::*;

use crate::client::{Client, same};
use crate::controls::{Live, Settings};
use crate::device::{Alert, Speeds};
use crate::format;
use crate::panel::Panel;
use crate::plane::Plane;
use crate::provenance;
use crate::store::Store;
use crate::text::{filled, text};

/// Name of the panel in the link.
pub const PANEL: &str = "compare";

/// A second model beside the first, at the same code.
#[component]
pub fn Compare(store: Store, client: Client) -> impl IntoView {
    view! {
        <Panel store=store id=PANEL title="compare.title">
            <Explorer store=store client=client />
        </Panel>
    }
}

/// The second model: a store and an engine of its own. Cheap to copy.
#[derive(Clone, Copy)]
struct Second {
    first: Store,
    store: Store,
    client: Client,
    hosts: [NodeRef<Div>; 3],
    /// Whether its engine was started.
    is_begun: RwSignal<bool>,
    /// Family whose shipped weights were asked for last; none for a copy of the first model.
    shipped: RwSignal<Option<String>>,
}

impl Second {
    fn new(first: Store) -> Self {
        let link = Link {
            device: DevicePreference::Cpu,
            seed: Some(first.seed.get_untracked()),
            grid: Some(first.grid.get_untracked()),
            point: Some(first.point.get_untracked()),
            ..Link::default()
        };
        let store = Store { prefix: "second-", ..Store::new(link) };
        store.theme.set(first.theme.get_untracked());
        Self {
            first,
            store,
            client: Client::new(store),
            // One by one: a copy of a reference is the same reference.
            hosts: [(); 3].map(|()| NodeRef::new()),
            is_begun: RwSignal::new(false),
            shipped: RwSignal::new(None),
        }
    }

    /// Show the shipped model of a family.
    fn show_shipped(self, card: ModelCard) {
        self.shipped.set(Some(card.id.to_string()));
        if self.is_begun.get_untracked() {
            self.client.choose(card);
        } else {
            self.begin(&card);
        }
    }

    /// Show the first model as it is now; its settings come along.
    fn copy(self, first: Client) {
        let Some(card) = self.first.card.get_untracked() else { return };
        first.export(move |bytes, _| {
            let settings = self.first.settings.get_untracked();
            self.shipped.set(None);
            self.first.second.set(None);
            if self.is_begun.get_untracked() {
                self.client.turn_to(card);
                self.store.settings.set(settings);
            } else {
                let rest = settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
                self.store.link.update_value(|link| link.rest = rest);
                self.begin(&card);
            }
            self.client.load(&bytes);
        });
    }

    fn begin(self, card: &ModelCard) {
        let [Some(plane), Some(digit), Some(strip)] = self.hosts.map(|host| host.get_untracked()) else {
            return;
        };
        self.store.link.update_value(|link| link.family = Some(card.id.to_string()));
        self.client.start([plane.into(), digit.into(), strip.into()]);
        self.is_begun.set(true);
    }

    fn train(self) {
        if self.store.phase.get_untracked() == Phase::Idle {
            // Runs from the same seed can be compared.
            self.store.seed.set(self.first.seed.get_untracked());
        }
        self.client.train();
    }
}

/// Tie the two together for as long as the panel is open: one handle, one look, one data set.
fn tie(second: Second, first_client: Client) {
    let Second { first, store, client, hosts, is_begun, shipped } = second;
    let is_open = Memo::new(move |_| is_begun.get() && first.is_open(PANEL));
    let is_mounted = move || hosts.iter().all(|host| host.get().is_some());
    Effect::new(move |_| {
        let Some(id) = first.second.get().filter(|_| is_mounted()) else { return };
        let card = first.families.with(|cards| cards.iter().find(|card| card.id == id).cloned());
        let is_shown = shipped.read_untracked().as_ref() == Some(&id);
        if let Some(card) = card.filter(|_| !is_shown) {
            second.show_shipped(card);
        }
    });
    // Each follows the other only where they differ, so nothing goes round in circles.
    Effect::new(move |_| {
        let point = first.point.get();
        if is_open.get() && !same(store.point.get_untracked(), point) {
            client.move_to(point);
        }
    });
    Effect::new(move |_| {
        let point = store.point.get();
        if is_open.get_untracked() && !same(first.point.get_untracked(), point) {
            first_client.move_to(point);
        }
    });
    let latents =
        |store: Store| Memo::new(move |_| store.model.read().as_ref().map(|model| model.latent_dim));
    let dims = [latents(first), latents(store)];
    Effect::new(move |_| {
        let (look, [Some(of_first), Some(of_second)]) = (first.look.get(), dims.map(|dim| dim.get())) else {
            return;
        };
        let own = store.look.get_untracked();
        // Axes and held latents mean nothing where there are others.
        let wanted =
            if of_first == of_second { look } else { PlaneLook { class: look.class, ..own.clone() } };
        if is_open.get() && wanted != own {
            client.change_look(|look| *look = wanted);
        }
    });
    Effect::new(move |_| {
        let grid = first.grid.get();
        if is_open.get() && store.grid.get_untracked() != grid {
            client.set_grid(grid);
        }
    });
    Effect::new(move |_| {
        let theme = first.theme.get();
        if store.theme.get_untracked() != theme {
            store.theme.set(theme);
            client.recolor();
        }
    });
    Effect::new(move |_| {
        first.data_facts.track();
        let (own, mine) = (first_client.own_data(), client.own_data());
        // A new engine says again what it has.
        let is_other = own.as_ref().map(|(own, _)| own) != mine.as_ref().map(|(mine, _)| mine);
        if is_begun.get() && is_other {
            client.use_data(own);
        }
    });
}

/// The second model: which one, its plane and its digit, and its training.
#[component]
fn Explorer(store: Store, client: Client) -> impl IntoView {
    let second = Second::new(store);
    tie(second, client);
    let Second { store: own, client: own_client, hosts: [plane, digit, strip], is_begun, .. } = second;

    let is_busy = |store: Store| matches!(store.phase.get(), Phase::Running | Phase::Waiting);
    let has_run = move || own.progress.read().is_some() || own.phase.get() != Phase::Idle;
    let state = move || match (own.phase.get(), own.progress.get()) {
        (Phase::Waiting, _) => text("compare.waiting").to_string(),
        (_, Some(progress)) => filled(
            "compare.state",
            &[
                ("step", &format::thousands(progress.step)),
                ("epoch", &format::decimal(progress.epoch, 2)),
                ("epochs", &progress.epochs),
            ],
        ),
        _ => text("compare.untrained").into(),
    };
    view! {
        <p class="help" data-text="compare.help"></p>
        <Choice second=second client=client />
        <div class="compare" hidden=move || !is_begun.get()>
            <Alert store=own client=own_client />
            <div class="compare-stage">
                <div><Plane store=own client=own_client surface=plane is_second=true /></div>
                <div class="compare-digit">
                    <div class="surface" role="img" data-label="compare.digit" node_ref=digit></div>
                    <p class="code">
                        <span aria-hidden="true">"z = "</span>
                        <output data-label="compare.z" aria-live="off">{move || format::code(&own.latents())}</output>
                    </p>
                    <Speeds store=own />
                </div>
                <div hidden node_ref=strip></div>
            </div>
            <div class="compare-buttons">
                <button type="button" aria-disabled=move || is_busy(own).to_string() on:click=move |_| second.train() data-text="compare.train"></button>
                <button type="button" aria-disabled=move || (!is_busy(own)).to_string() on:click=move |_| own_client.pause() data-text="compare.pause"></button>
                <button type="button" aria-disabled=move || (!has_run()).to_string() on:click=move |_| own_client.reset() data-text="compare.reset"></button>
                <button
                    type="button"
                    aria-disabled=move || (is_busy(store) && is_busy(own)).to_string()
                    on:click=move |_| {
                        if !untrack(|| is_busy(store)) {
                            client.train();
                        }
                        if !untrack(|| is_busy(own)) {
                            second.train();
                        }
                    } data-text="compare.train-both"></button>
            </div>
            <p class="compare-state" role="status" aria-live=move || own.live() data-label="compare.state-label">{state}</p>
            <Live store=own client=own_client />
            <details>
                <summary data-text="compare.settings"></summary>
                <Settings store=own client=own_client />
            </details>
            <dl class="scores">
                <dt data-text="compare.first"></dt>
                <dd>{move || described(store)}</dd>
                <dt data-text="compare.second"></dt>
                <dd>{move || described(own)}</dd>
            </dl>
        </div>
    }
}

/// Which model the second one is.
#[component]
fn Choice(second: Second, client: Client) -> impl IntoView {
    let Second { first, is_begun, .. } = second;
    let option = move |card: ModelCard| {
        let id = card.id.to_string();
        let selected = {
            let id = id.clone();
            move || first.second.read().as_ref() == Some(&id)
        };
        view! { <option value=id selected=selected>{card.name.to_string()}</option> }
    };
    let shipped = move || first.families.get().into_iter().filter(|card| card.shipped);
    let none = move || if is_begun.get() { text("compare.copy-of-first") } else { text("compare.choose") };
    view! {
        <div class="compare-choice">
            <label>
                <span data-text="compare.second-model"></span>
                <select
                    data-label="compare.second-model"
                    prop:value=move || first.second.get().unwrap_or_default()
                    on:change:target=move |event| {
                        first.second.set(Some(event.target().value()).filter(|id| !id.is_empty()));
                    }
                >
                    <option value="" hidden selected=move || first.second.read().is_none()>{none}</option>
                    {move || shipped().map(option).collect_view()}
                </select>
            </label>
            <button
                type="button"
                disabled=move || first.model.read().is_none()
                on:click=move |_| second.copy(client) data-text="compare.copy"></button>
        </div>
    }
}

/// The score of a model with all that it depends on, or where it comes from.
fn described(store: Store) -> String {
    let name = store.card.get().map(|card| card.name.to_string());
    let known = provenance::score(store).or_else(|| provenance::origin(&store.model.get()?));
    match (name, known) {
        (Some(name), Some(known)) => filled("compare.described", &[("model", &name), ("known", &known)]),
        (name, known) => name.or(known).unwrap_or_default(),
    }
}
