//! The settings of a family, made from its card.

use latent_protocol::{Control, Hyperparameter, ModelCard};
use leptos::prelude::*;

use crate::store::Store;

/// One control per hyperparameter, each with its help and a way back to its default.
#[component]
pub fn Settings(store: Store) -> impl IntoView {
    let controls = move || {
        let card = store.card.get()?;
        let all = card.hyperparameters.clone();
        let make =
            |h: &Hyperparameter| view! { <Setting store=store card=card.clone() hyperparameter=h.clone() /> };
        Some(all.iter().map(make).collect_view())
    };
    view! { <div class="settings">{controls}</div> }
}

#[component]
fn Setting(store: Store, card: ModelCard, hyperparameter: Hyperparameter) -> impl IntoView {
    let h = StoredValue::new(hyperparameter.clone());
    let card = StoredValue::new(card);
    let error = RwSignal::new(None::<String>);
    let key = hyperparameter.key.to_string();
    let id = format!("setting-{key}");
    let (help_id, error_id) = (format!("{id}-help"), format!("{id}-error"));
    let described = format!("{help_id} {error_id}");
    let value = Memo::new({
        let key = key.clone();
        move |_| {
            store.settings.with(|settings| settings.get(&key).map(ToString::to_string).unwrap_or_default())
        }
    });
    let default = hyperparameter.default_value().to_string();
    let is_default = {
        let default = default.clone();
        move || value.get() == default
    };
    let set = move |text: String| {
        let key = h.with_value(|h| h.key.to_string());
        let mut settings = store.settings.get_untracked();
        match card.with_value(|card| settings.set(card, &key, &text)) {
            Ok(()) => {
                error.set(None);
                store.settings.set(settings);
            }
            // The text is still in the field; what is missing is what would fit.
            Err(_) => error.set(Some(h.with_value(|h| format!("Not used: it takes {}.", h.accepted())))),
        }
    };
    let input = match &hyperparameter.control {
        Control::Pick { options, .. } => {
            let options: Vec<(String, String)> =
                options.iter().map(|option| (option.id.to_string(), option.label.to_string())).collect();
            view! {
                <select
                    id=id.clone()
                    aria-describedby=described
                    prop:value=value
                    on:change:target=move |event| set(event.target().value())
                >
                    {options
                        .into_iter()
                        .map(|(id, label)| {
                            let selected = {
                                let id = id.clone();
                                move || value.get() == id
                            };
                            view! { <option value=id selected=selected>{label}</option> }
                        })
                        .collect_view()}
                </select>
            }
            .into_any()
        }
        control => {
            let mode = match control {
                Control::Real { .. } => "decimal",
                Control::Whole { .. } => "numeric",
                _ => "text",
            };
            view! {
                <input
                    id=id.clone()
                    type="text"
                    inputmode=mode
                    autocomplete="off"
                    aria-describedby=described
                    aria-invalid=move || error.get().is_some().to_string()
                    prop:value=value
                    on:change:target=move |event| set(event.target().value())
                />
            }
            .into_any()
        }
    };
    let label = hyperparameter.label.to_string();
    let back = format!("Set {label} back to {default}");
    view! {
        <div class="setting">
            <label for=id>{label}</label>
            {input}
            <button
                type="button"
                class="quiet"
                title=back.clone()
                aria-label=back
                disabled=is_default
                on:click=move |_| set(default.clone())
            >
                "\u{21ba}"
            </button>
            <p id=help_id class="help">{hyperparameter.help.to_string()}</p>
            <p id=error_id class="error" role="status">{move || error.get()}</p>
        </div>
    }
}
