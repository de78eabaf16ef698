//! The page: what a visitor sees and touches. It computes nothing; it talks to an engine in a worker.

#![expect(
    clippy::large_types_passed_by_value,
    reason = "the store is a bundle of handles, which components take whole"
)]

mod app;
mod button;
mod cells;
mod chart;
mod client;
mod cloud;
mod code;
mod compare;
mod controls;
mod curves;
mod device;
mod digit;
mod draw;
mod drop;
mod explain;
mod files;
mod format;
mod gif;
mod image_number;
mod images;
mod judge;
mod keep;
mod keepsake;
mod laboratory;
mod lapse;
mod marks;
mod measure;
mod network;
mod normal;
mod normalise;
mod order;
mod pad;
mod palette;
mod panel;
mod paths;
mod pick;
mod picture;
mod plane;
mod play;
mod pointer;
mod provenance;
mod runs;
mod share;
mod sheet;
mod sketch;
mod slow;
mod store;
mod strip;
mod text;
mod timing;
mod told;
mod training;
mod width;
mod worker;

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::spawn_local;

fn main() {
    console_error_panic_hook::set_once();
    spawn_local(async {
        // Without its words the page is hard to read, but it can still be used.
        if let Err(err) = text::load().await {
            leptos::logging::error!("the words of the page could not be fetched: {err:?}");
        }
        mount();
    });
}

fn mount() {
    let document = leptos::prelude::document();
    let Some(root) = document.get_element_by_id("app") else { return };
    // The static first paint makes way for the live page, which looks the same.
    root.set_inner_html("");
    button::guard();
    leptos::mount::mount_to(root.unchecked_into(), app::App).forget();
}
