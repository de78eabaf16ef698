//! The settings of a family, made from its card.

use std::fmt::Display;

use latent_protocol::{Control, Hyperparameter, ModelCard, number};
use leptos::prelude::*;

use crate::client::Client;
use crate::store::Store;
use crate::text::{filled, marks, told};

/// Steps of a slider.
const STEPS: f64 = 200.0;

/// What needs a fresh run: one control per hyperparameter, each with its help and a way back to its default.
#[component]
pub fn Settings(store: Store, client: Client) -> impl IntoView {
    let make = move |field: Field| view! { <Setting field=field /> };
    let controls = move || fields(store, client, |h| !is_slid(h)).map(make).collect_view();
    view! { <div class="settings">{controls}</div> }
}

/// What may change while training: a slider for each number.
#[component]
pub fn Live(store: Store, client: Client) -> impl IntoView {
    let all = move || fields(store, client, is_slid);
    let make = |field: Field| view! { <Slider field=field /> };
    let help = |field: Field| {
        view! { <p id=field.help_id() class="help"><b>{field.label()}</b> ": " {field.help()}</p> }
    };
    view! {
        <Show when=move || all().next().is_some()>
            <fieldset class="live">
                <legend data-text="controls.live"></legend>
                {move || all().map(make).collect_view()}
                <details>
                    <summary data-text="controls.what"></summary>
                    {move || all().map(help).collect_view()}
                </details>
            </fieldset>
        </Show>
    }
}

fn is_slid(h: &Hyperparameter) -> bool {
    h.live && scale(&h.control).is_some()
}

fn fields(
    store: Store,
    client: Client,
    accept: impl Fn(&Hyperparameter) -> bool,
) -> impl Iterator<Item = Field> {
    let card = store.card.get();
    let chosen: Vec<Field> = card.map_or_else(Vec::new, |card| {
        let chosen = card.hyperparameters.iter().filter(|h| accept(h));
        chosen.map(|h| Field::new(store, client, &card, h)).collect()
    });
    chosen.into_iter()
}

/// The value of a setting as the visitor reads it: what its menu says, or a number with the language's point.
pub fn written(control: &Control, value: &str) -> String {
    match control {
        Control::Pick { options, .. } => options
            .iter()
            .find(|option| option.id == value)
            .map_or_else(|| value.into(), |option| option.label.to_string()),
        Control::Real { .. } => value.replace('.', marks().point),
        _ => value.into(),
    }
}

/// A setting on the page. Cheap to copy.
#[derive(Clone, Copy)]
struct Field {
    store: Store,
    client: Client,
    card: StoredValue<ModelCard>,
    h: StoredValue<Hyperparameter>,
    /// As text.
    value: Memo<String>,
    /// Why the text in the field is not used.
    error: RwSignal<Option<String>>,
}

impl Field {
    fn new(store: Store, client: Client, card: &ModelCard, h: &Hyperparameter) -> Self {
        let key = h.key.to_string();
        let value = Memo::new(move |_| {
            store.settings.with(|settings| settings.get(&key).map(ToString::to_string).unwrap_or_default())
        });
        let (card, h) = (StoredValue::new(card.clone()), StoredValue::new(h.clone()));
        Self { store, client, card, h, value, error: RwSignal::new(None) }
    }

    fn written(self, value: &str) -> String {
        self.h.with_value(|h| written(&h.control, value))
    }

    /// Take a value over that is written in the visitor's language, or as programs write it.
    fn type_in(self, text: &str) {
        let is_real = self.h.with_value(|h| matches!(h.control, Control::Real { .. }));
        self.set(&if is_real { text.replace(marks().point, ".") } else { text.into() });
    }

    fn set(self, text: &str) {
        let h = self.h.get_value();
        let mut settings = self.store.settings.get_untracked();
        if self.card.with_value(|card| settings.set(card, &h.key, text)).is_err() {
            // The text is still in the field; what is missing is what would fit.
            let accepted = told(&h.accepted());
            self.error.set(Some(filled("controls.not-used", &[("accepted", &accepted)])));
            return;
        }
        self.error.set(None);
        self.store.settings.set(settings);
        if h.live {
            self.client.adjust();
        }
    }

    fn id(self) -> String {
        self.h.with_value(|h| format!("{}setting-{}", self.store.prefix, h.key))
    }

    fn help_id(self) -> String {
        self.id() + "-help"
    }

    fn error_id(self) -> String {
        self.id() + "-error"
    }

    fn label(self) -> String {
        self.h.with_value(|h| h.label.to_string())
    }

    fn help(self) -> String {
        self.h.with_value(|h| h.help.to_string())
    }
}

#[component]
fn Setting(field: Field) -> impl IntoView {
    let control = field.h.with_value(|h| h.control.clone());
    let input = match control {
        Control::Pick { options, .. } => {
            let option = |option: &latent_protocol::Choice| {
                let id = option.id.to_string();
                let selected = {
                    let id = id.clone();
                    move || field.value.get() == id
                };
                view! { <option value=id selected=selected>{option.label.to_string()}</option> }
            };
            view! {
                <select
                    id=field.id()
                    aria-describedby=field.help_id()
                    prop:value=field.value
                    on:change:target=move |event| field.set(&event.target().value())
                >
                    {options.iter().map(option).collect_view()}
                </select>
            }
            .into_any()
        }
        Control::Real { .. } => view! { <Text field=field mode="decimal" /> }.into_any(),
        Control::Whole { .. } => view! { <Text field=field mode="numeric" /> }.into_any(),
        Control::Widths { .. } => view! { <Text field=field mode="text" /> }.into_any(),
    };
    view! {
        <div class="setting">
            <label for=field.id()>{field.label()}</label>
            {input}
            <Back field=field />
            <p id=field.help_id() class="help">{field.help()}</p>
            <Refusal field=field />
        </div>
    }
}

/// A number with a slider beside it.
#[component]
fn Slider(field: Field) -> impl IntoView {
    let control = StoredValue::new(field.h.with_value(|h| h.control.clone()));
    let is_whole = control.with_value(|control| matches!(control, Control::Whole { .. }));
    let place = move || control.with_value(|control| place_from_text(control, &field.value.get()));
    let slide = move |place: f64| {
        let text = control.with_value(|control| text_from_place(control, place));
        field.set(&text);
    };
    view! {
        <div class="setting">
            <label for=field.id()>{field.label()}</label>
            <input
                type="range"
                min="0"
                max=STEPS.to_string()
                aria-label=filled("controls.slider", &[("setting", &field.label())])
                aria-valuetext=move || field.written(&field.value.get())
                aria-describedby=field.help_id()
                prop:value=move || place().to_string()
                on:input:target=move |event| {
                    if let Some(place) = number(&event.target().value()) {
                        slide(place);
                    }
                }
            />
            <Text field=field mode=if is_whole { "numeric" } else { "decimal" } />
            <Back field=field />
            <Refusal field=field />
        </div>
    }
}

#[component]
fn Text(field: Field, mode: &'static str) -> impl IntoView {
    view! {
        <input
            id=field.id()
            type="text"
            inputmode=mode
            autocomplete="off"
            aria-describedby=format!("{} {}", field.help_id(), field.error_id())
            aria-invalid=move || field.error.read().is_some().to_string()
            prop:value=move || field.written(&field.value.get())
            on:change:target=move |event| field.type_in(&event.target().value())
        />
    }
}

/// The way back to the default.
#[component]
fn Back(field: Field) -> impl IntoView {
    let default = StoredValue::new(field.h.with_value(|h| h.default_value().to_string()));
    let values: [(&str, &dyn Display); 2] =
        [("setting", &field.label()), ("value", &field.written(&default.get_value()))];
    let what = filled("controls.set-back", &values);
    view! {
        <button
            type="button"
            class="quiet"
            title=what.clone()
            aria-label=what
            aria-disabled=move || (field.value.get() == default.get_value()).to_string()
            on:click=move |_| field.set(&default.get_value())
        >
            "\u{21ba}"
        </button>
    }
}

#[component]
fn Refusal(field: Field) -> impl IntoView {
    view! { <p id=field.error_id() class="error" role="status">{move || field.error.get()}</p> }
}

/// Least and largest value of a number, and whether equal steps of its slider multiply.
fn scale(control: &Control) -> Option<(f64, f64, bool)> {
    match *control {
        Control::Real { min, max, logarithmic, .. } => Some((min, max, logarithmic && min > 0.0)),
        Control::Whole { min, max, .. } => Some((min.into(), max.into(), min > 0 && max / min > 100)),
        Control::Pick { .. } | Control::Widths { .. } => None,
    }
}

/// A value near this place of a slider, with few digits.
fn text_from_place(control: &Control, place: f64) -> String {
    let Some((min, max, is_logarithmic)) = scale(control) else { return String::new() };
    let share = place / STEPS;
    let (value, grain) = if is_logarithmic {
        let value = min * (max / min).powf(share);
        (value, value / 10.0)
    } else {
        (min + (max - min) * share, (max - min) / STEPS)
    };
    // As many decimals as it takes to tell neighbours apart.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of digits")]
    let decimals = match control {
        Control::Real { .. } => (-grain.log10().floor()).max(0.0) as usize,
        _ => 0,
    };
    let value = number(&format!("{value:.decimals$}")).unwrap_or(value);
    value.clamp(min, max).to_string()
}

/// Where a slider stands for a value.
fn place_from_text(control: &Control, text: &str) -> f64 {
    let Some((min, max, is_logarithmic)) = scale(control) else { return 0.0 };
    let value = number(text).unwrap_or(min);
    let share =
        if is_logarithmic { (value / min).ln() / (max / min).ln() } else { (value - min) / (max - min) };
    (share.clamp(0.0, 1.0) * STEPS).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slider_of_whole_numbers_gives_whole_numbers() {
        let batch = Control::Whole { default: 128, min: 1, max: 1024 };
        assert_eq!(text_from_place(&batch, 0.0), "1");
        assert_eq!(text_from_place(&batch, STEPS), "1024");
        assert_eq!(text_from_place(&batch, place_from_text(&batch, "128")), "128");
        assert_eq!(text_from_place(&batch, STEPS / 2.0), "32", "equal steps multiply");
        let few = Control::Whole { default: 2, min: 0, max: 8 };
        assert_eq!(text_from_place(&few, STEPS / 2.0), "4", "equal steps add");
    }

    #[test]
    fn a_slider_of_real_numbers_has_few_digits() {
        let rate = Control::Real { default: 0.001, min: 0.000_01, max: 1.0, logarithmic: true };
        assert_eq!(text_from_place(&rate, place_from_text(&rate, "0.001")), "0.001");
        assert_eq!(text_from_place(&rate, STEPS), "1");
    }
}
