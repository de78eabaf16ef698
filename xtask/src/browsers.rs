//! The browsers that the tests drive: the system's, else Debian's packages, else (Chromium alone) Playwright's own download.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::shell::{command, online, output, retry, run, tools};

/// Programs that drive, or are, the three engines.
pub struct Browsers {
    chromium: PathBuf,
    firefox: Option<PathBuf>,
    webkit_driver: Option<PathBuf>,
}

impl Browsers {
    /// Hand them to a script in its environment.
    pub fn hand_to(&self, script: &mut Command) {
        script.env("CHROMIUM", &self.chromium);
        script.envs(self.firefox.iter().map(|path| ("FIREFOX", path)));
        script.envs(self.webkit_driver.iter().map(|path| ("WEBKIT_DRIVER", path)));
    }
}

/// Find all three, installing what is missing where that is possible. Chromium is needed; without one of the others its
/// tests are skipped, which is said here, and is a failure where the environment variable `CI` is set.
pub fn find() -> anyhow::Result<Browsers> {
    if ![find_chromium(), find_firefox(), find_webkit_driver()].iter().all(Option::is_some) && has_apt() {
        println!("   installing Debian's packages {}", PACKAGES.join(", "));
        let advice = "apt-get could not install the browsers of the tests; install them and try again";
        if let Err(err) = retry(advice, apt) {
            println!("   {err:#}");
        }
    }
    let found =
        Browsers { chromium: chromium()?, firefox: find_firefox(), webkit_driver: find_webkit_driver() };
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    for (name, path, package) in [
        ("Firefox", &found.firefox, "firefox-esr"),
        ("WebKit", &found.webkit_driver, "webkit2gtk-driver and xvfb"),
    ] {
        if path.is_none() {
            let said = format!("{name} was not found: its tests are skipped (Debian's {package})");
            ensure!(!is_ci, "{said}; continuous integration needs all three engines");
            println!("   {said}");
        }
    }
    Ok(found)
}

/// The one that most tests, the pictures and the benchmarks run in.
pub fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(path) = find_chromium() {
        return Ok(path);
    }
    println!("   downloading Playwright's Chromium");
    let mut install = online("node");
    install.args(["node_modules/playwright-core/cli.js", "install", "chromium"]);
    if let Err(err) = run(install.env("PLAYWRIGHT_BROWSERS_PATH", downloads())) {
        println!("   {err:#}");
    }
    find_chromium().context(
        "there is no Chromium for the browser tests. Install chromium or Google Chrome with your system's package \
         manager, or set CHROMIUM to the path of its program",
    )
}

/// Chromium, Firefox, `WebKitGTK` with its driver, and a display for it.
const PACKAGES: [&str; 4] = ["chromium", "firefox-esr", "webkit2gtk-driver", "xvfb"];

fn has_apt() -> bool {
    let is_root = output(command("id").arg("-u")).is_some_and(|id| id == "0");
    is_root && output(command("apt-get").arg("--version")).is_some()
}

fn apt() -> anyhow::Result<()> {
    run(online("apt-get").args(["update", "-qq"]))?;
    let mut install = online("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(PACKAGES);
    run(install.env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null()))
}

fn find_firefox() -> Option<PathBuf> {
    named("FIREFOX").or_else(|| on_path(&["firefox-esr", "firefox"]))
}

/// Of use only with a display to show its windows on.
fn find_webkit_driver() -> Option<PathBuf> {
    on_path(&["Xvfb"])?;
    named("WEBKIT_DRIVER").or_else(|| on_path(&["WebKitWebDriver"]))
}

fn find_chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    named("CHROMIUM").or_else(|| on_path(&names)).or_else(|| {
        let script = "import('playwright-core').then(p => console.log(p.chromium.executablePath()))";
        let mut ask = command("node");
        ask.args(["-e", script]).env("PLAYWRIGHT_BROWSERS_PATH", downloads());
        output(&mut ask).map(PathBuf::from).filter(|path| path.is_file())
    })
}

/// The path in an environment variable.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .find_map(|name| output(command("which").arg(name)).filter(|path| !path.is_empty()))
        .map(PathBuf::from)
}

fn downloads() -> PathBuf {
    tools().join("browsers")
}
