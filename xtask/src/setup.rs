//! Set-up of a machine that has nothing yet: fetching first, then building the tools. Afterwards every task works offline, which
//! `shell::command` enforces for cargo. Each step is skipped when it is done.

use crate::browsers::{self, Browsers};
use crate::shell::stage;
use crate::tools;

/// Sets up the build of the page.
pub fn page() -> anyhow::Result<()> {
    stage("fetch", fetch)?;
    build()
}

/// Sets up every check.
pub fn tests() -> anyhow::Result<Browsers> {
    stage("fetch", fetch)?;
    stage("python", tools::python)?;
    let browsers = stage("browsers", browsers::find)?;
    build()?;
    Ok(browsers)
}

/// Fetches everything but the tools and the browsers.
pub fn fetch() -> anyhow::Result<()> {
    tools::target()?;
    tools::crates()?;
    tools::npm()?;
    tools::vendor()
}

fn build() -> anyhow::Result<()> {
    stage("tools", tools::cargo_tools)
}
