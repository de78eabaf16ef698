//! Setting up what the project needs beside Rust, Node and a C compiler. Each step is skipped when it is done.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context as _, anyhow, bail};
use sha2::{Digest as _, Sha256};

use crate::shell::{command, online, output, retry, root, run, tools};

/// The last Trunk that builds with our Rust.
const TRUNK: &str = "0.21.14";

const GECKODRIVER: &str = "0.37.1";

const TARGET: &str = "wasm32-unknown-unknown";

/// Fetches the crates of the lock file, for every target and feature, unless all are there.
pub fn crates() -> anyhow::Result<()> {
    let fetch = ["fetch", "--locked"];
    if output(command("cargo").args(fetch)).is_some() {
        return Ok(());
    }
    println!("   fetching the crates of Cargo.lock");
    retry("cargo could not fetch the crates of Cargo.lock; check the network", || {
        run(online("cargo").args(fetch))
    })
}

/// Fetches and builds Trunk and wasm-bindgen, side by side: one of Trunk's dependencies keeps one core for over a minute.
pub fn cargo_tools() -> anyhow::Result<()> {
    let bindgen = wasm_bindgen_version()?;
    thread::scope(|scope| {
        let trunk = scope.spawn(|| cargo_tool("trunk", TRUNK, &["--locked"]));
        // `--locked` fails for this one: its lock file lags behind its manifest.
        let bindgen = scope.spawn(|| cargo_tool("wasm-bindgen-cli", &bindgen, &["--bin", "wasm-bindgen"]));
        for tool in [trunk, bindgen] {
            tool.join().map_err(|_| anyhow!("setting up a tool panicked"))??;
        }
        Ok(())
    })
}

/// What of npm is published with the page, with its licence: from where in `node_modules`, and as what. Scripts end in
/// `.js`, since not every server knows `.mjs`.
const VENDORED: [(&str, &str); 5] = [
    ("gifenc/dist/gifenc.esm.js", "gifenc.esm.js"),
    ("gifenc/LICENSE.md", "gifenc.LICENSE.md"),
    ("driver.js/dist/driver.js.mjs", "driver.esm.js"),
    ("driver.js/dist/driver.css", "driver.css"),
    ("driver.js/license", "driver.LICENSE.md"),
];

/// Copies those files into `www/vendor/`.
pub fn vendor() -> anyhow::Result<()> {
    let folder = root().join("www/vendor");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for (from, to) in VENDORED {
        let from = root().join("node_modules").join(from);
        let bytes = fs::read(&from)
            .with_context(|| format!("cannot read {}; remove node_modules and try again", from.display()))?;
        // Written only when it changed, so that Trunk sees nothing new.
        if fs::read(folder.join(to)).ok().as_ref() != Some(&bytes) {
            fs::write(folder.join(to), bytes).with_context(|| format!("cannot write www/vendor/{to}"))?;
        }
    }
    Ok(())
}

/// The version pinned in the workspace: the tool must be exactly as old as the library.
fn wasm_bindgen_version() -> anyhow::Result<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("wasm-bindgen = \"="));
    let version = line.and_then(|rest| rest.split('"').next());
    Ok(version.context("Cargo.toml must pin wasm-bindgen as \"=x.y.z\"")?.to_string())
}

/// The compiler's target for the web.
pub fn target() -> anyhow::Result<()> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"])).context("`rustc` does not run")?;
    if PathBuf::from(sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(());
    }
    println!("   adding the Rust target {TARGET}");
    retry("rustup could not add the target; check the network, or install it by hand", || {
        run(online("rustup").args(["target", "add", TARGET]))
    })
}

/// Builds the driver of Firefox, which Debian does not package.
pub fn geckodriver() -> anyhow::Result<()> {
    cargo_tool("geckodriver", GECKODRIVER, &["--locked"])
}

/// How the tools are compiled: they run for seconds, so compiling them is what counts.
const TOOL_PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "false"),
];

/// A program of crates.io in `.tools`. Without its default features it needs no TLS, of which we have no use.
fn cargo_tool(package: &str, version: &str, options: &[&str]) -> anyhow::Result<()> {
    let program = package.trim_end_matches("-cli");
    let wanted = format!("{program} {version}");
    let is_there = |found: String| found.lines().next() == Some(&*wanted);
    if output(command(program).arg("--version")).is_some_and(is_there) {
        return Ok(());
    }
    println!("   building {package} {version} into .tools (some minutes, once)");
    let advice = format!("{package} could not be built; check the network and the C compiler");
    let built = root().join("target/tools").join(program);
    retry(&advice, || {
        let mut install = online("cargo");
        install.args(["install", package, "--version", version, "--no-default-features", "--root"]);
        // The page's flags are not the tool's.
        install.arg(tools()).args(options).env("CARGO_TARGET_DIR", &built).env_remove("RUSTFLAGS");
        run(install.envs(TOOL_PROFILE))
    })?;
    // It is never built again.
    fs::remove_dir_all(&built).with_context(|| format!("cannot remove {}", built.display()))
}

/// `npm ci` of what the build and the tests take.
pub fn npm() -> anyhow::Result<()> {
    npm_in(&root(), "the data set, wasm-opt, playwright-core, gifenc, driver.js")
}

/// `npm ci` of what the benchmark compares the engine with.
pub fn peers() -> anyhow::Result<()> {
    npm_in(&root().join("tests/bench"), "what the engine is compared with (240 MB, once)")
}

/// `npm ci` in a folder, skipped while its lock file is the one that was installed.
fn npm_in(folder: &Path, what: &str) -> anyhow::Result<()> {
    let lock = fs::read(folder.join("package-lock.json"))?;
    let wanted = hex(&Sha256::digest(&lock));
    let stamp = folder.join("node_modules/.installed");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let version = output(command("node").arg("--version")).unwrap_or_default();
    let mut numbers = version.trim_start_matches('v').split('.').map(|v| v.parse::<u32>().unwrap_or(0));
    if (numbers.next(), numbers.next()) < (Some(20), Some(19)) {
        bail!("Node.js 20.19 or newer is needed (found: `{version}`); install it and try again");
    }
    println!("   npm ci: {what}");
    retry("npm could not install the packages of package-lock.json; check the network", || {
        let mut install = online("npm");
        run(install.current_dir(folder).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]))
    })?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// A Python that has what `tests/python/requirements.txt` names, in a virtual environment of its own.
pub fn python() -> anyhow::Result<PathBuf> {
    let folder = tools().join("python");
    let python = folder.join("bin/python3");
    let stamp = folder.join(".installed");
    let wanted = hex(&Sha256::digest(fs::read(root().join("tests/python/requirements.txt"))?));
    if python.is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!("   making a Python environment for the tests in .tools/python");
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder)).context(
        "the browser tests read the page's weights with Python: install Python 3.11 or newer with its module venv \
         (on Debian: python3 and python3-venv) and try again",
    )?;
    retry("pip could not install the packages of tests/python/requirements.txt; check the network", || {
        let mut install = online(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
        ]);
        run(install.args(["-r", "tests/python/requirements.txt"]))
    })?;
    fs::write(stamp, wanted).context("cannot write into .tools/python")?;
    Ok(python)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
