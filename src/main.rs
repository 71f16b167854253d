//! The `argus` binary: arguments → command → exit code.
//!
//! `script` makes steps of a script, `jobs` gives its jobs their names, `run` carries them out,
//! `watch` stays with each job, `control` lets others reach it, `output` prints rows, `service`
//! serves metrics, `inspect` looks at stored state, `demo` puts a whole pipeline together.

mod cli;
mod control;
mod demo;
mod failure;
mod faults;
mod inspect;
mod jobs;
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

use clap::{CommandFactory, Parser};

use cli::worker::StateCommand;
use cli::{Arguments, Command};
use failure::Failure;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start();
    let done = match &arguments.command {
        Some(command) => carry_out(command),
        None if arguments.fault_points => faults::print(),
        None => {
            let usage = Arguments::command().render_usage();
            Err(Failure::Arguments(format!("say what to do\n\n{usage}")))
        }
    };
    done.map_or_else(|failure| failure.report(), |()| ExitCode::SUCCESS)
}

fn carry_out(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Run(arguments) => run::run(arguments),
        Command::Stop(arguments) => control::stop(arguments),
        Command::Savepoint(arguments) => control::savepoint(arguments),
        Command::Status(arguments) => control::print_status(arguments),
        Command::State(arguments) => match &arguments.command {
            StateCommand::Show(arguments) => inspect::show(arguments),
        },
        Command::Explain(arguments) => run::explain(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Options(arguments) => options::print(arguments.markdown),
    }
}
