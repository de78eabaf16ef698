//! The code under the handle, number by number, and what of the latent space is held still.

use latent_protocol::{Abilities, PlaneLook, Strip, number_f32};
use leptos::prelude::*;

use crate::client::Client;
use crate::format;
use crate::image_number::ImageNumber;
use crate::normal::{normal_from_unit, unit_from_normal};
use crate::store::Store;
use crate::strip;
use crate::text::text;

/// Classes of digits.
const CLASSES: usize = 10;

/// With more sliders than this they stand in two columns.
const FEW: usize = 4;

/// Pixels of width from which on there is room to begin with the panel open.
const WIDE: f64 = 640.0;

/// Exact control of the code.
#[component]
pub fn Code(store: Store, client: Client) -> impl IntoView {
    // Which controls there are; their values change far more often.
    let shape = Memo::new(move |_| {
        let abilities = store.card.read().as_ref()?.abilities;
        Some((abilities, store.model.read().as_ref()?.latent_dim))
    });
    let is_wide = window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|w| w >= WIDE);
    let controls = move || {
        shape.get().map(|(abilities, latent_dim)| {
            view! {
                {abilities.classes.then(|| view! { <Classes store=store client=client /> })}
                {(latent_dim > 2).then(|| view! { <Axes store=store client=client latent_dim=latent_dim /> })}
                <Latents store=store client=client latent_dim=latent_dim />
                {(abilities.encode && latent_dim > 2)
                    .then(|| view! { <Anchors store=store client=client /> })}
                <Beside store=store client=client abilities=abilities latent_dim=latent_dim />
            }
        })
    };
    view! {
        <details class="code-place" open=is_wide>
            <summary data-text="code.title"></summary>
            {controls}
        </details>
    }
}

#[component]
fn Classes(store: Store, client: Client) -> impl IntoView {
    let choose = move |class: usize| client.change_look(|look| look.class = class);
    let button = |class: usize| {
        view! {
            <label>
                <input
                    type="radio"
                    name="class"
                    aria-label=class.to_string()
                    prop:checked=move || store.look.read().class == class
                    on:change=move |_| choose(class)
                />
                <span aria-hidden="true">{class}</span>
            </label>
        }
    };
    view! {
        <fieldset class="classes" role="radiogroup">
            <legend data-text="code.class"></legend>
            {(0..CLASSES).map(button).collect_view()}
        </fieldset>
    }
}

/// The latents along the plane's sides.
#[component]
fn Axes(store: Store, client: Client, latent_dim: usize) -> impl IntoView {
    let select = |side: usize, name: &'static str| {
        let option = move |index: usize| {
            let selected = move || store.look.read().axes[side] == index;
            view! { <option value=index.to_string() selected=selected>{format::latent(index)}</option> }
        };
        let name = text(name);
        view! {
            <label>
                <span>{name}</span>
                <select
                    aria-label=name
                    prop:value=move || store.look.read().axes[side].to_string()
                    disabled=move || store.look.read().anchors.is_some()
                    on:change:target=move |event| {
                        if let Ok(index) = event.target().value().parse() {
                            turn(store, client, latent_dim, side, index);
                        }
                    }
                >
                    {(0..latent_dim).map(option).collect_view()}
                </select>
            </label>
        }
    };
    view! { <div class="axes">{select(0, "code.across")} {select(1, "code.up")}</div> }
}

/// Put a latent along a side of the plane. The code stays: the plane turns around it.
fn turn(store: Store, client: Client, latent_dim: usize, side: usize, index: usize) {
    let values: Vec<f32> = (0..latent_dim).map(|index| untrack(|| value(store, index))).collect();
    let mut axes = store.look.read_untracked().axes;
    if axes[1 - side] == index {
        axes.swap(0, 1);
    } else {
        axes[side] = index;
    }
    let point = axes.map(|axis| unit_from_normal(values.get(axis).copied().unwrap_or(0.0)));
    client.change_look(|look| (look.axes, look.held) = (axes, values));
    client.move_to(point);
}

#[component]
fn Latents(store: Store, client: Client, latent_dim: usize) -> impl IntoView {
    let centre = move |_| {
        client.change_look(|look| look.held.clear());
        client.move_to([0.5; 2]);
    };
    view! {
        <div class="latents" class:many={latent_dim > FEW} role="group" data-label="code.latents">
            {(0..latent_dim).map(|index| view! { <Latent store=store client=client index=index /> }).collect_view()}
        </div>
        <button type="button" class="centre" title=text("code.to-centre") on:click=centre data-text="code.centre"></button>
    }
}

#[component]
fn Latent(store: Store, client: Client, index: usize) -> impl IntoView {
    let value = Memo::new(move |_| value(store, index));
    let shown = move || format::decimal(f64::from(value.get()), 2);
    let set = move |value: f32| {
        let look = store.look.get_untracked();
        if let Some(side) = side_of(&look, index) {
            let mut point = store.point.get_untracked();
            point[side] = unit_from_normal(value);
            client.move_to(point);
        } else {
            client.change_look(|look| {
                look.held.resize(look.held.len().max(index + 1), 0.0);
                look.held[index] = value;
            });
        }
    };
    view! {
        <label class="latent">
            <span>{format::latent(index)} " " <output aria-live="off">{shown}</output></span>
            <input
                type="range"
                min="-3"
                max="3"
                step="0.05"
                aria-label=format::latent(index)
                aria-valuetext=shown
                prop:value=move || value.get().to_string()
                disabled=move || store.look.read().anchors.is_some()
                on:input:target=move |event| {
                    if let Some(value) = number_f32(&event.target().value()) {
                        set(value);
                    }
                }
            />
        </label>
    }
}

/// The side of the plane that a latent lies along, if it does.
fn side_of(look: &PlaneLook, index: usize) -> Option<usize> {
    look.axes.iter().position(|axis| *axis == index)
}

/// The value of a latent: the handle's along a side of the plane, else the one at which it is held. Where the plane
/// goes through anchors, only the engine knows.
fn value(store: Store, index: usize) -> f32 {
    let look = store.look.read();
    if look.anchors.is_some() {
        return store.z.read().get(index).copied().unwrap_or(0.0);
    }
    match side_of(&look, index) {
        Some(side) => normal_from_unit(store.point.read()[side]),
        None => look.held.get(index).copied().unwrap_or(0.0),
    }
}

/// The plane through the codes of three test images.
#[component]
fn Anchors(store: Store, client: Client) -> impl IntoView {
    let chosen = RwSignal::new(store.look.get_untracked().anchors.unwrap_or([0, 1, 2]));
    let has_anchors = Memo::new(move |_| store.look.read().anchors.is_some());
    let look_through = move || client.change_look(|look| look.anchors = Some(chosen.get_untracked()));
    let toggle = move |is_on: bool| {
        if is_on { look_through() } else { client.change_look(|look| look.anchors = None) }
    };
    let input = move |place: usize, name: &'static str| {
        view! {
            <ImageNumber
                label=text(name)
                number=Signal::derive(move || chosen.get()[place])
                choose=move |image| {
                    chosen.update(|chosen| chosen[place] = image);
                    look_through();
                }
            />
        }
    };
    view! {
            <label class="check">
                <input
                    type="checkbox"
                    prop:checked=has_anchors
                    on:change:target=move |event| toggle(event.target().checked())
                />
    {text("code.through-digits")}
    </label>
            <Show when=move || has_anchors.get()>
                <div class="anchors" role="group" data-label="code.digits" aria-describedby="anchors-help">
                    {input(0, "code.first-digit")} {input(1, "code.second-digit")} {input(2, "code.third-digit")}
                </div>
                <p id="anchors-help" class="help" data-text="code.digits-help"></p>
            </Show>
        }
}

/// What is drawn beside the digit.
#[component]
fn Beside(store: Store, client: Client, abilities: Abilities, latent_dim: usize) -> impl IntoView {
    let choices = strip::choices(abilities, latent_dim);
    if choices == [Strip::None] {
        return None;
    }
    let option = |choice: &Strip| {
        let choice = *choice;
        let selected = move || store.strip.get() == choice;
        view! { <option value=strip::name(choice) selected=selected>{text(strip::name(choice))}</option> }
    };
    let options = choices.iter().map(option).collect_view();
    let choose = move |name: &str| {
        if let Some(choice) = choices.iter().find(|choice| strip::name(**choice) == name) {
            client.set_strip(*choice);
        }
    };
    Some(view! {
        <label class="beside">
            <span data-text="code.beside"></span>
            <select
                data-label="code.beside"
                prop:value=move || strip::name(store.strip.get())
                on:change:target=move |event| choose(&event.target().value())
            >
                {options}
            </select>
        </label>
    })
}
