//! The `argus` binary: arguments → command → exit code.
//!
//! `script` makes steps of a script, `run` carries them out, `watch` stays with each job, `output`
//! prints rows, `service` serves metrics, `demo` puts a whole pipeline together.

mod cli;
mod demo;
mod failure;
mod logging;
mod options;
mod output;
mod progress;
mod run;
mod script;
mod service;
mod signal;
mod watch;
mod zone;

use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start();
    let done = match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Explain(arguments) => run::explain(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Options(arguments) => options::print(arguments.markdown),
    };
    done.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}
