//! `cargo xtask build`: the publishable page in `dist/`.

use crate::shell::{command, print_stages, run, stage};
use crate::{data, setup};

/// Set up and build the page.
pub fn build() -> anyhow::Result<()> {
    setup::page()?;
    stage("data", data::pack)?;
    stage("page (the first build takes 10 to 20 minutes)", trunk)?;
    print_stages();
    Ok(())
}

/// Trunk finds wasm-bindgen and wasm-opt on the path that `command` sets.
pub fn trunk() -> anyhow::Result<()> {
    run(command("trunk").args(["--config", "trunk.toml", "--skip-version-check", "build", "--release"]))
}
