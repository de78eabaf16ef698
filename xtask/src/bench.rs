//! `cargo xtask bench`: the built page and the package, timed in a real browser beside what a user would pick instead.

use clap::ValueEnum;

use crate::{pkg, test, tools};

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The page as a visitor uses it.
    Page,
    /// The engine and other libraries, in turns.
    Peers,
    /// The engine alone: work that grows, drags while training, memory.
    Engine,
}

/// Measure the parts, all if none is named, and write `docs/benchmarks.md` and `docs/benchmarks.json`. What is not
/// measured keeps its figures.
pub fn run(parts: &[Part]) -> anyhow::Result<()> {
    let parts = if parts.is_empty() { Part::value_variants() } else { parts };
    if parts.contains(&Part::Peers) {
        tools::peers()?;
    }
    if parts != [Part::Page] {
        // Or an older package would be measured beside the page.
        pkg::pack()?;
    }
    let names: Vec<String> = parts.iter().map(|part| format!("{part:?}").to_lowercase()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    test::node("tests/bench/bench.mjs", &names)
}
