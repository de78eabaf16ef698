//! What a machine that has nothing yet needs: first all that comes over the network, then what is built of it. Afterwards
//! every task works offline; `shell::command` holds cargo to that. Each step is skipped when it is done.

use crate::browsers::{self, Browsers};
use crate::shell::stage;
use crate::tools;

/// What building the page takes.
pub fn page() -> anyhow::Result<()> {
    stage("fetch", fetch)?;
    build()
}

/// What every check takes.
pub fn tests() -> anyhow::Result<Browsers> {
    stage("fetch", fetch)?;
    stage("python", tools::python)?;
    let browsers = stage("browsers", browsers::find)?;
    build()?;
    Ok(browsers)
}

/// What comes over the network but for the tools and the browsers.
pub fn fetch() -> anyhow::Result<()> {
    tools::target()?;
    tools::crates()?;
    tools::npm()?;
    tools::vendor()
}

fn build() -> anyhow::Result<()> {
    stage("tools", tools::cargo_tools)
}
