//! A field to choose files with.

use leptos::prelude::*;
use web_sys::{File, FileList};

/// Opens files that the visitor chooses.
#[component]
pub fn Pick(
    #[prop(into)] label: String,
    /// Names of files end like this.
    #[prop(optional)]
    accept: Option<&'static str>,
    #[prop(optional)] multiple: bool,
    open: impl Fn(Vec<File>) + 'static,
) -> impl IntoView {
    view! {
        <label class="pick">
            <span>{label}</span>
            <input
                type="file"
                accept=accept
                multiple=multiple
                on:change:target=move |event| {
                    open(listed(event.target().files()));
                    // So that the same file can be chosen again.
                    event.target().set_value("");
                }
            />
        </label>
    }
}

/// The files of a list.
pub fn listed(list: Option<FileList>) -> Vec<File> {
    list.map(|list| (0..list.length()).filter_map(|index| list.get(index)).collect()).unwrap_or_default()
}
