//! `cargo xtask pkg`: the engine as an npm package. Its engines are those of the page in `dist/`.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};

use crate::shell::{command, root, run, stage};
use crate::{page, tools};

/// What the page's build makes for it.
const ENGINES: [&str; 4] = ["engine_cpu.js", "engine_cpu_bg.wasm", "engine_gpu.js", "engine_gpu_bg.wasm"];
const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Build the page, unless it is to be taken as it is, and pack.
pub fn build(no_build: bool) -> anyhow::Result<()> {
    if no_build {
        tools::npm()?;
    } else {
        page::build()?;
    }
    stage("package", pack)?;
    println!("{}", tarball().display());
    Ok(())
}

/// The packed package.
pub fn tarball() -> PathBuf {
    root().join("target/pkg").join(concat!("latent-explorer-", env!("CARGO_PKG_VERSION"), ".tgz"))
}

/// Put `pkg/` together and pack it into `target/pkg/`.
pub fn pack() -> anyhow::Result<()> {
    let (root, folder) = (root(), root().join("pkg"));
    check_manifest(&fs::read_to_string(folder.join("package.json"))?)?;
    let built = ENGINES.map(|name| (root.join("dist").join(name), name));
    let licences = LICENCES.map(|name| (root.join(name), name));
    for (from, name) in built.into_iter().chain(licences) {
        fs::copy(&from, folder.join(name))
            .with_context(|| format!("cannot copy {}; run `cargo xtask build`", from.display()))?;
    }
    let packed = root.join("target/pkg");
    fs::create_dir_all(&packed).with_context(|| format!("cannot make the folder {}", packed.display()))?;
    let mut npm = command("npm");
    npm.args(["pack", "--loglevel=error", "--pack-destination"]).arg(&packed).current_dir(folder);
    run(&mut npm)?;
    ensure!(tarball().is_file(), "npm packed something, but not {}", tarball().display());
    Ok(())
}

/// The package is of the workspace's version and licence.
fn check_manifest(text: &str) -> anyhow::Result<()> {
    let manifest: serde_json::Value = serde_json::from_str(text).context("pkg/package.json is not JSON")?;
    let ours = [("version", env!("CARGO_PKG_VERSION")), ("license", env!("CARGO_PKG_LICENSE"))];
    for (key, wanted) in ours {
        let found = &manifest[key];
        ensure!(found == wanted, "pkg/package.json says {key} {found}; Cargo.toml says {wanted:?}");
    }
    ensure!(manifest.get("dependencies").is_none(), "the package has no dependencies");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_manifest;
    use crate::shell::root;

    #[test]
    fn the_package_is_of_the_workspace() {
        let text = std::fs::read_to_string(root().join("pkg/package.json")).expect("there is one");
        check_manifest(&text).expect("it fits");
        let other = text.replace(env!("CARGO_PKG_VERSION"), "9.9.9");
        let err = check_manifest(&other).expect_err("another version").to_string();
        assert!(err.contains("9.9.9") && err.contains(env!("CARGO_PKG_VERSION")), "{err}");
        assert!(check_manifest("{").is_err());
    }
}
