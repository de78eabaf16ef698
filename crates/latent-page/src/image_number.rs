//! A field for the number of a test image.

use leptos::prelude::*;

/// Numbers of test images are below this.
const END: usize = 10_000;

/// The number of a test image. What is none is not taken.
#[component]
pub fn ImageNumber(
    #[prop(into)] label: String,
    #[prop(into)] number: Signal<usize>,
    choose: impl Fn(usize) + 'static,
) -> impl IntoView {
    view! {
        <input
            type="number"
            min="0"
            max=(END - 1).to_string()
            aria-label=label
            prop:value=move || number.get().to_string()
            on:change:target=move |event| {
                if let Some(image) = event.target().value().parse().ok().filter(|image| *image < END) {
                    choose(image);
                } else {
                    // Back to the number that is used.
                    event.target().set_value(&number.get_untracked().to_string());
                }
            }
        />
    }
}
