//! `cargo xtask test`: every check, in the order in which it is quick to fail.

use std::fs;
use std::process::Command;
use std::thread;

use crate::browsers::{self, Browsers};
use crate::server::Server;
use crate::shell::{command, print_stages, root, run, stage};
use crate::{data, page, pkg, setup, size, tools};

const WASM: [&str; 2] = ["--target", "wasm32-unknown-unknown"];
/// What runs in the browser; the GPU engine has all of the CPU engine in it.
const WEB: [&str; 12] = [
    "-p",
    "latent-protocol",
    "-p",
    "latent-kernels",
    "-p",
    "latent-core",
    "-p",
    "latent-engine",
    "-p",
    "latent-page",
    "--features",
    "latent-engine/gpu",
];
/// What runs natively.
const NATIVE: [&str; 3] = ["--workspace", "--exclude", "latent-page"];

/// Everything.
pub fn all() -> anyhow::Result<()> {
    stage("format", || run(command("cargo").args(["fmt", "--all", "--check"])))?;
    let browsers = setup::tests()?;
    stage("data", data::pack)?;
    stage("clippy, native", || {
        run(command("cargo").arg("clippy").args(NATIVE).args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    stage("clippy, wasm", || {
        run(command("cargo").arg("clippy").args(WEB).args(WASM).args(["--", "-D", "warnings"]))
    })?;
    stage("documentation", || {
        let mut doc = command("cargo");
        doc.args(["doc", "--no-deps"]).args(WEB).args(WASM);
        run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    stage("unit, conformance and golden tests", || run(command("cargo").arg("test").args(NATIVE)))?;
    // By itself: together with it, the others would be built with its features.
    stage("unit tests of the page", || {
        run(command("cargo").args(["test", "-p", "latent-page", "--profile", "plain"]))
    })?;
    stage("conformance for the browser", conformance)?;
    stage("page", page::trunk)?;
    stage("size", size::check)?;
    stage("package", pkg::pack)?;
    stage("browser", || in_browser(&[], &browsers))?;
    print_stages();
    Ok(())
}

/// Only the browser's tests, on the page as built and the package made of it.
pub fn browser(files: &[String]) -> anyhow::Result<()> {
    setup::fetch()?;
    if !root().join("target/conformance/conformance.js").is_file() {
        conformance()?;
    }
    stage("package", pkg::pack)?;
    in_browser(files, &browsers::find()?)
}

/// Run a script that drives the built page.
pub fn node(script: &str, arguments: &[&str]) -> anyhow::Result<()> {
    tools::npm()?;
    let chromium = browsers::chromium()?;
    run(driver()?.env("CHROMIUM", chromium).arg(script).args(arguments))
}

/// Files of tests that measure time, make tabs race, or take every core by their nature.
const ALONE: [&str; 3] = ["lab.test.mjs", "offline.test.mjs", "webgpu.test.mjs"];

/// The browser's tests: two files at a time, since a browser often waits for its clock, and then those that measure time.
fn in_browser(files: &[String], browsers: &Browsers) -> anyhow::Result<()> {
    let mut files = files.to_vec();
    if files.is_empty() {
        for entry in fs::read_dir(root().join("tests/e2e"))? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with(".test.mjs") {
                files.push(path.to_string_lossy().into_owned());
            }
        }
        files.sort();
    }
    let (alone, beside): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| ALONE.iter().any(|name| file.ends_with(name)));
    let python = tools::python()?;
    let run_files = |files: Vec<String>, at_once: &str| {
        if files.is_empty() {
            return Ok(());
        }
        let mut node = driver()?;
        browsers.hand_to(&mut node);
        node.env("PYTHON", &python);
        node.args(["--test", at_once, "--test-force-exit", "--test-reporter=spec"]);
        run(node.args(files))
    };
    let results = [run_files(beside, "--test-concurrency=2"), run_files(alone, "--test-concurrency=1")];
    results.into_iter().collect()
}

/// Node with the page served to it. The server is a thread of this process: its program's file may be replaced by the
/// tests that cargo builds, and then it could not be started a second time.
fn driver() -> anyhow::Result<Command> {
    let server = Server::listen(0)?;
    let mut node = command("node");
    node.env("PAGE_URL", server.url()?).env("PACKAGE", pkg::tarball());
    thread::spawn(move || server.run());
    Ok(node)
}

/// The conformance checks as a wasm module of the engine's crate, with the GPU engine's profile and features.
fn conformance() -> anyhow::Result<()> {
    let mut build = command("cargo");
    build.args([
        "build",
        "--profile",
        "web-gpu",
        "--features",
        "gpu",
        "-p",
        "latent-engine",
        "--bin",
        "conformance",
    ]);
    run(build.args(WASM))?;
    let mut bindgen = command("wasm-bindgen");
    bindgen.args(["--target", "web", "--no-typescript", "--out-dir", "target/conformance"]);
    run(bindgen.arg("target/wasm32-unknown-unknown/web-gpu/conformance.wasm"))
}
