//! The `argus` binary: arguments → command → exit code.
//!
//! `run` reads a script and runs its jobs one after another, `watch` stays with each, `output`
//! prints rows, `service` serves metrics, `demo` puts a whole pipeline together.

mod cli;
mod failure;
mod logging;
mod output;
mod progress;
mod service;
mod signal;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use cli::{Arguments, Command};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    logging::start();
    ExitCode::SUCCESS
}
