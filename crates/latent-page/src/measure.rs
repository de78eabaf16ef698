//! The panel in which the model on show is measured.

use latent_protocol::{MeasureGroup, MeasureTable, ModelSummary, Phase, Provenance};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::provenance;
use crate::store::{Measured, Store};
use crate::text::{filled, text, told};

/// A button, its progress, and the numbers.
#[component]
pub fn Measure(store: Store, client: Client) -> impl IntoView {
    let is_busy = Memo::new(move |_| store.measuring.read().is_some());
    let has_model = move || store.model.read().is_some() || store.phase.get() != Phase::Idle;
    // Whether there are numbers since the last press.
    let is_done = RwSignal::new(false);
    let press = move |_| {
        is_done.set(false);
        if is_busy.get_untracked() { client.stop_measuring() } else { client.measure() }
    };
    Effect::new(move |before: Option<()>| {
        let has_numbers = store.measured.read().is_some();
        is_done.set(has_numbers && before.is_some());
    });
    view! {
        <section class="measure" aria-labelledby="measure-title">
            <h2 id="measure-title" data-text="measure.measure"></h2>
            <p class="about" data-text="measure.about"></p>
            <div class="measure-bar">
                <button disabled=move || !is_busy.get() && !has_model() on:click=press>
                    {move || text(if is_busy.get() { "measure.stop" } else { "measure.measure" })}
                </button>
                <Show when=move || is_busy.get()>
                    <progress
                        data-label="measure.measuring"
                        max="1"
                        prop:value=move || store.measuring.get().unwrap_or_default()
                    ></progress>
                </Show>
            </div>
            <p class="unseen" role="status" data-label="measure.measuring">
                {move || is_done.get().then(|| text("measure.done"))}
            </p>
            {move || store.measured.get().map(|measured| view! { <Numbers store=store measured=measured /> })}
        </section>
    }
}

#[component]
fn Numbers(store: Store, measured: Measured) -> impl IntoView {
    let Measured { table: MeasureTable { groups, .. }, step, facts } = measured;
    let weights = move || match step {
        None => text("measure.shipped").to_string(),
        Some(step) => {
            let is_past = store.progress.read().as_ref().is_some_and(|progress| progress.step > step);
            let key = if is_past { "measure.past-step" } else { "measure.step" };
            filled(key, &[("step", &format::thousands(step))])
        }
    };
    let origin = move || [&[weights()], facts.as_slice()].concat().join(" \u{b7} ");
    view! {
        <p class="origin">{origin}</p>
        {groups.into_iter().map(|group| view! { <Group group=group /> }).collect_view()}
    }
}

#[component]
fn Group(group: MeasureGroup) -> impl IntoView {
    let has_real = group.measures.iter().any(|measure| measure.real.is_some());
    let has_baseline = group.measures.iter().any(|measure| measure.baseline.is_some());
    let row = |measure: latent_protocol::Measure| {
        let decimals = measure.decimals();
        let number = move |value: f64| format::decimal(value, decimals);
        let cell = move |value: Option<f64>| view! { <td class="number">{value.map(number)}</td> };
        view! {
            <tr data-measure=measure.key.clone()>
                <th scope="row">{measure.label.clone()}</th>
                <td class="number value">{number(measure.value)}</td>
                {has_real.then(|| cell(measure.real))}
                {has_baseline.then(|| cell(measure.baseline))}
                <td>{measure.unit.clone()}</td>
                <td class="number">{format::thousands(measure.count)}</td>
            </tr>
        }
    };
    let rows = group.measures.into_iter().map(row).collect_view();
    view! {
        <h3>{group.title.clone()}</h3>
        <p class="note">{group.note}</p>
        <div class="table-place" tabindex="0" role="region" aria-label=group.title>
            <table>
                <thead>
                    <tr>
                        <th scope="col" data-text="measure.what"></th>
                        <th scope="col" class="number" data-text="measure.this-model"></th>
                        {has_real.then(|| view! { <th scope="col" class="number" data-text="measure.real"></th> })}
                        {has_baseline.then(|| view! {
                            <th scope="col" class="number" title=text("measure.baseline-help") data-text="measure.baseline"></th>
                        })}
                        <th scope="col" data-text="measure.unit"></th>
                        <th scope="col" class="number" data-text="measure.images"></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// What is known of the model that was just measured, apart from its step: device, data, seed, epochs.
pub fn facts(store: Store, is_run: bool) -> Vec<String> {
    // Nothing that a file says holds for a run that began afterwards.
    let model = store.model.get_untracked().filter(|model| (model.provenance == Provenance::Run) == is_run);
    let of_file = |read: &dyn Fn(&ModelSummary) -> Option<String>| model.as_ref().and_then(read);
    let device = store.device.read_untracked().as_ref().map(|device| device.name.clone());
    let data = of_file(&|model| provenance::entry(model, "data").or_else(|| provenance::said(model, "data")));
    let seed = of_file(&|model| provenance::entry(model, "seed"))
        .or_else(|| is_run.then(|| store.seed.get_untracked().to_string()));
    let epochs = if is_run {
        store.progress.read_untracked().as_ref().map(|progress| provenance::part_of_epochs(progress.epoch))
    } else {
        of_file(&provenance::epochs)
    };
    let seed = seed.map(|seed| filled("provenance.seed", &[("seed", &seed)]));
    [device, data.map(|data| told(&data)), seed, epochs].into_iter().flatten().collect()
}
