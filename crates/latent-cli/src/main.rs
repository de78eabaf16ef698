//! `latent`: train, evaluate and render models natively, with the code that runs in the tab.

#![expect(clippy::disallowed_methods, reason = "runs natively, where clocks and threads are")]

mod data;
mod evaluate;
mod export;
mod gates;
mod judge;
mod lab;
mod render;
mod train;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Train, evaluate and render latent-variable models of handwritten digits.
#[derive(Parser)]
#[command(name = "latent", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the model families and their settings.
    Families,
    /// Train a model; Ctrl-C keeps the last checkpoint, --resume goes on from it.
    Train(train::Arguments),
    /// Measure a model on the test images: likelihoods, reconstructions, codes, samples.
    Evaluate(evaluate::Arguments),
    /// Run an experiment of the laboratory on a model and a test image.
    Lab(lab::Arguments),
    /// Train the judge, the classifier that sees samples.
    Judge(judge::Arguments),
    /// Train every family with the settings of its gates and write down what was reached.
    Gates(gates::Arguments),
    /// Draw the manifold of a model as a PNG picture.
    Render(render::Arguments),
    /// Write a checkpoint as the two files of a shipped model, with its poster.
    Export(export::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            // One sentence with its causes. `Debug` would add a stack trace where RUST_BACKTRACE is set.
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Families => {
            families();
            Ok(())
        }
        Command::Train(arguments) => train::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Lab(arguments) => lab::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Gates(arguments) => gates::run(&arguments),
        Command::Render(arguments) => render::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}

fn families() {
    for family in latent_core::models::FAMILIES {
        let card = &family.card;
        println!("{} - {} ({})\n  {}", card.id, card.name, card.paper.citation, card.summary);
        for h in card.hyperparameters.iter() {
            println!("  --set {}={}\n      {} It takes {}.", h.key, h.default_value(), h.help, h.accepted());
        }
    }
}
