//! The project's tasks: `cargo xtask <task>`. Each sets up what it needs and is quick when nothing changed.

#![expect(clippy::disallowed_methods, reason = "runs natively, where clocks and threads are")]

mod bench;
mod browsers;
mod data;
mod models;
mod page;
mod pkg;
mod server;
mod setup;
mod shell;
mod size;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::server::Server;

#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up, build the optimised page and serve it on this machine.
    Serve {
        /// Port on 127.0.0.1.
        #[arg(long, default_value_t = 8080)]
        port: u16,
        /// Serve `dist/` as it is.
        #[arg(long)]
        no_build: bool,
    },
    /// Set up and build the publishable page into `dist/`.
    Build,
    /// Set up, build the page and pack its engines as an npm package into `target/pkg/`.
    Pkg {
        /// Take `dist/` as it is.
        #[arg(long)]
        no_build: bool,
    },
    /// Set up and run every check.
    Test {
        /// Only the browser's tests, on the page as built; files of tests/e2e may be named.
        #[arg(long, num_args = 0.., value_name = "FILE")]
        browser: Option<Vec<String>>,
    },
    /// Pack MNIST into `www/data/mnist/`.
    Data,
    /// Train the judge and the shipped models into `www/models/`: about ten minutes.
    Models {
        /// Only this family, or `judge`.
        family: Option<String>,
    },
    /// Train every family with the settings of its gates into `docs/results.md`: about twenty minutes.
    Gates,
    /// Measure the built page and the package in a real browser, beside other libraries, into `docs/benchmarks.md`.
    Bench {
        /// Measure only these parts; the figures of the others are kept.
        #[arg(long, num_args = 1.., value_name = "PART")]
        only: Vec<bench::Part>,
    },
    /// Measure the bytes of the built page; fails when a budget is broken.
    Size,
    /// Make the pictures of the README from the built page.
    Screenshots {
        /// Instead, picture the page in every width, theme and state into `target/screenshots/`; fails when one of
        /// them scrolls sideways.
        #[arg(long)]
        all: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // One sentence with its causes. `Debug` would add a stack trace where RUST_BACKTRACE is set.
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Serve { port, no_build } => {
            if !no_build {
                page::build()?;
            }
            let server = Server::listen(port)?;
            println!("{}", server.url()?);
            server.run();
            Ok(())
        }
        Task::Build => page::build(),
        Task::Pkg { no_build } => pkg::build(no_build),
        Task::Test { browser: Some(files) } => test::browser(&files),
        Task::Test { browser: None } => test::all(),
        Task::Data => {
            setup::fetch()?;
            data::pack()
        }
        Task::Models { family } => models::train(family.as_deref()),
        Task::Gates => models::gates(),
        Task::Bench { only } => bench::run(&only),
        Task::Size => size::check(),
        Task::Screenshots { all } => test::node("tests/screenshots.mjs", if all { &["all"] } else { &[] }),
    }
}
