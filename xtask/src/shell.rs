//! Running other programs, and saying what is being done.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context as _, bail};

/// The repository's root.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map_or_else(|| manifest.to_path_buf(), Path::to_path_buf)
}

/// The folder of programs that the project builds for itself.
pub fn tools() -> PathBuf {
    root().join(".tools")
}

/// A program, run in the root, with the project's own tools before the machine's. Cargo is offline: a crate that set-up
/// does not fetch fails at once on a machine with an empty registry.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = online(program);
    command.env("CARGO_NET_OFFLINE", "true");
    command
}

/// Returns the same with the network, for set-up.
pub fn online(program: impl AsRef<OsStr>) -> Command {
    let mut paths = vec![tools().join("bin"), root().join("node_modules/.bin")];
    paths.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let mut command = Command::new(program);
    command.current_dir(root()).env("PATH", env::join_paths(paths).unwrap_or_default());
    // Trunk reads NO_COLOR as a bool and stops at the usual "1"; the others only lose colours.
    command.env_remove("NO_COLOR");
    command
}

/// Run a program to its end.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = describe(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`; is it installed?"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// What a program prints, if it runs and succeeds.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
}

/// Run a step that may meet a slow network: three tries.
pub fn retry(advice: &str, mut step: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    for attempt in 1..=3 {
        match step() {
            Ok(()) => return Ok(()),
            Err(err) if attempt < 3 => println!("   {err:#}; trying again ({attempt} of 2)"),
            Err(err) => return Err(err.context(advice.to_string())),
        }
    }
    Ok(())
}

/// The stages that ended, with their seconds.
static STAGES: Mutex<Vec<(String, f64)>> = Mutex::new(Vec::new());

/// Say what is done, do it, say how long it took.
pub fn stage<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("== {name}");
    let start = Instant::now();
    let result = work();
    let verb = if result.is_ok() { "done" } else { "FAILED" };
    let seconds = start.elapsed().as_secs_f64();
    println!("== {name}: {verb} in {seconds:.0} s");
    if let Ok(mut stages) = STAGES.lock() {
        stages.push((name.to_string(), seconds));
    }
    result
}

/// Prints the seconds of each stage and their sum.
pub fn print_stages() {
    let Ok(stages) = STAGES.lock() else { return };
    println!("{:>7}  stage", "seconds");
    for (name, seconds) in stages.iter() {
        println!("{seconds:>7.0}  {name}");
    }
    let all: f64 = stages.iter().map(|(_, seconds)| seconds).sum();
    println!("{all:>7.0}  all: {:.1} minutes", all / 60.0);
}

fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{command, online};
    use std::ffi::OsStr;

    #[test]
    fn only_set_up_reaches_the_network() {
        let offline = (OsStr::new("CARGO_NET_OFFLINE"), Some(OsStr::new("true")));
        assert!(command("cargo").get_envs().any(|variable| variable == offline));
        assert!(!online("cargo").get_envs().any(|variable| variable == offline));
    }
}
