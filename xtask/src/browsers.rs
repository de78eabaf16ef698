//! The browsers that the tests drive: the system's, else Debian's packages, else (Chromium alone) Playwright's own download.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::shell::{self, command, online, output, retry, run};
use crate::tools;

/// Chromium and the drivers of three browser engines.
pub struct Browsers {
    chromium: PathBuf,
    /// Each with the environment variable by which a script gets it.
    drivers: Vec<(&'static str, PathBuf)>,
}

impl Browsers {
    /// Sets the environment variables of a script that drives them.
    pub fn hand_to(&self, script: &mut Command) {
        script.env("CHROMIUM", &self.chromium).envs(self.drivers.iter().map(|(name, path)| (name, path)));
    }
}

/// Finds all, installing missing packages where that is possible. Without the driver of an engine its journeys are skipped,
/// with a message; where the environment variable `CI` is set, that is an error.
///
/// # Errors
/// When there is no Chromium.
pub fn find() -> anyhow::Result<Browsers> {
    let is_missing = |programs: Programs| programs.iter().any(|(_, names)| on_path(names).is_none());
    if (find_chromium().is_none() || ENGINES.iter().any(|(_, programs)| is_missing(programs))) && has_apt() {
        println!("   installing Debian's packages {}", PACKAGES.join(", "));
        let advice = "apt-get could not install the browsers of the tests; install them and try again";
        if let Err(err) = retry(advice, apt) {
            println!("   {err:#}");
        }
    }
    let mut found = Browsers { chromium: chromium()?, drivers: Vec::new() };
    let is_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    for (engine, programs) in ENGINES {
        if is_missing(programs) {
            let names: Vec<&str> = programs.iter().map(|(_, names)| names[0]).collect();
            let said = format!("the journeys in {engine} are skipped: they need {}", names.join(", "));
            ensure!(!is_ci, "{said}; continuous integration runs all of them");
            println!("   {said}");
            continue;
        }
        found.drivers.extend(programs.iter().filter_map(|(name, names)| Some((*name, on_path(names)?))));
        if engine == FIREFOX {
            tools::geckodriver()?;
            found.drivers.push(("GECKODRIVER", shell::tools().join("bin/geckodriver")));
        }
    }
    Ok(found)
}

/// Programs by the environment variable that a script finds them in, each with the names that it may have.
type Programs = &'static [(&'static str, &'static [&'static str])];

const FIREFOX: &str = "Firefox";

/// The engines that the journeys run in, with what each needs; `Xvfb` is the screen that their windows are on.
const ENGINES: [(&str, Programs); 3] = [
    ("Chromium", &[("CHROMEDRIVER", &["chromedriver"]), ("XVFB", &["Xvfb"])]),
    (FIREFOX, &[("FIREFOX", &["firefox-esr", "firefox"]), ("XVFB", &["Xvfb"])]),
    ("WebKit", &[("WEBKIT_DRIVER", &["WebKitWebDriver"]), ("XVFB", &["Xvfb"])]),
];

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

/// The three engines, drivers of two of them, and a screen.
const PACKAGES: [&str; 5] = ["chromium", "chromium-driver", "firefox-esr", "webkit2gtk-driver", "xvfb"];

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

fn find_chromium() -> Option<PathBuf> {
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let given = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()).map(PathBuf::from);
    given.or_else(|| on_path(&names)).or_else(|| {
        let script = "import('playwright-core').then(p => console.log(p.chromium.executablePath()))";
        let mut ask = command("node");
        ask.args(["-e", script]).env("PLAYWRIGHT_BROWSERS_PATH", downloads());
        output(&mut ask).map(PathBuf::from).filter(|path| path.is_file())
    })
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    names
        .iter()
        .find_map(|name| output(command("which").arg(name)).filter(|path| !path.is_empty()))
        .map(PathBuf::from)
}

fn downloads() -> PathBuf {
    shell::tools().join("browsers")
}
