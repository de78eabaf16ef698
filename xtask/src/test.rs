//! `cargo xtask test`: every check, in the order in which it is quick to fail.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

use crate::shell::{command, root, run, stage};
use crate::{data, page, pkg, size, tools};

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
    let start = Instant::now();
    stage("format", || run(command("cargo").args(["fmt", "--all", "--check"])))?;
    stage("tools", tools::for_page)?;
    stage("data", data::pack)?;
    let chromium = stage("chromium", tools::chromium)?;
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
    stage("unit tests of the page", || run(command("cargo").args(["test", "-p", "latent-page"])))?;
    stage("conformance for the browser", conformance)?;
    stage("page", page::trunk)?;
    stage("size", size::check)?;
    stage("package", pkg::pack)?;
    stage("browser", || in_browser(&[], chromium.as_os_str()))?;
    println!("== all: done in {:.1} minutes", start.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

/// Only the browser's tests, on the page as built and the package made of it.
pub fn browser(files: &[String]) -> anyhow::Result<()> {
    tools::npm()?;
    if !root().join("target/conformance/conformance.js").is_file() {
        conformance()?;
    }
    stage("package", pkg::pack)?;
    in_browser(files, tools::chromium()?.as_os_str())
}

/// Run a script that drives the built page.
pub fn node(script: &str, arguments: &[&str]) -> anyhow::Result<()> {
    tools::npm()?;
    let chromium = tools::chromium()?;
    let server = Page::serve()?;
    run(driver(&server, chromium.as_os_str()).arg(script).args(arguments))
}

fn in_browser(files: &[String], chromium: &std::ffi::OsStr) -> anyhow::Result<()> {
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
    let python = tools::python()?;
    let server = Page::serve()?;
    // One after the other: on two cores, timings of two browsers would disturb each other.
    run(driver(&server, chromium)
        .env("PYTHON", python)
        .args(["--test", "--test-concurrency=1", "--test-force-exit", "--test-reporter=spec"])
        .args(files))
}

fn driver(server: &Page, chromium: &std::ffi::OsStr) -> Command {
    let mut node = command("node");
    node.env("PAGE_URL", &server.url).env("CHROMIUM", chromium).env("PACKAGE", pkg::tarball());
    node
}

/// The conformance checks as a wasm module of the engine's crate, with the GPU engine's profile and features.
fn conformance() -> anyhow::Result<()> {
    let mut build = command("cargo");
    build.args([
        "build",
        "--profile",
        "web",
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
    run(bindgen.arg("target/wasm32-unknown-unknown/web/conformance.wasm"))
}

/// The server of `cargo xtask serve`, on a free port, ended with this value.
struct Page {
    process: Child,
    url: String,
}

impl Page {
    fn serve() -> anyhow::Result<Self> {
        let program: OsString = std::env::current_exe()?.into();
        let mut process = command(program)
            .args(["serve", "--no-build", "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let mut url = String::new();
        let output = process.stdout.take().context("the server has no output")?;
        BufReader::new(output).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_string() })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to do about it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
