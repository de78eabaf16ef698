//! The page: what a visitor sees and touches. It computes nothing; it talks to an engine in a worker.

#![expect(
    clippy::large_types_passed_by_value,
    reason = "the store is a bundle of handles, which components take whole"
)]

mod app;
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
mod files;
mod format;
mod gif;
mod image_number;
mod images;
mod keep;
mod keepsake;
mod laboratory;
mod lapse;
mod marks;
mod measure;
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
mod timing;
mod training;
mod width;
mod worker;

use wasm_bindgen::JsCast;

fn main() {
    console_error_panic_hook::set_once();
    let document = leptos::prelude::document();
    let Some(root) = document.get_element_by_id("app") else { return };
    // The static first paint makes way for the live page, which looks the same.
    root.set_inner_html("");
    leptos::mount::mount_to(root.unchecked_into(), app::App).forget();
}
