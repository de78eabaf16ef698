//! `cargo xtask build`: the publishable page in `dist/`.

use crate::shell::{command, run, stage};
use crate::{data, tools};

/// Build the page.
pub fn build() -> anyhow::Result<()> {
    stage("tools", tools::for_page)?;
    stage("data", data::pack)?;
    stage("page (the first build takes 10 to 20 minutes)", trunk)
}

/// Trunk finds wasm-bindgen and wasm-opt on the path that `command` sets.
pub fn trunk() -> anyhow::Result<()> {
    run(command("trunk").args(["--config", "trunk.toml", "--skip-version-check", "build", "--release"]))
}
