//! Chores of the project: `cargo xtask tidy|bench|kill|record|compat|errors|options`.

mod bench;
mod compat;
mod kill;
mod record;
mod reference;
mod tidy;
mod tree;

use std::process::ExitCode;

use anyhow::{Result, bail};

const HELP: &str = "\
cargo xtask COMMAND
  tidy             the house rules, as a test; --ratchet lowers what is no longer needed
  bench [OPTION…]  throughput, memory and start-up time; --help
  kill [OPTION…]   kills jobs 200 times, at named points and random moments; --help
  record [CASE…]   records tests/sql/**/*.sql, or these cases, from a real Flink
  compat           writes COMPAT.md from the SQL cases
  errors           writes docs/error/README.md from the pages
  options          writes docs/options.md from the declarations";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else { bail!("{HELP}") };
    match command.as_str() {
        "tidy" => tidy::run(rest.iter().any(|argument| argument == "--ratchet")),
        "bench" => bench::run(rest),
        "kill" => kill::run(rest),
        "record" => record::run(rest),
        "compat" => compat::run(),
        "errors" => reference::write_errors(),
        "options" => reference::write_options(),
        _ => bail!("unknown command '{command}'\n{HELP}"),
    }
}
