//! The kill -9 loop at full length: runs the test `kill` and adds up what its jobs print.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::tree;

const HELP: &str = "\
cargo xtask kill [--rounds N] [--seed S] [TEST…]
  --rounds N  kills of all jobs together; 200 where not given
  --seed S    the deaths of a run that was printed
  TEST        only tests of tests/kill.rs whose name has it";

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    n_rounds: u64,
    seed: Option<u64>,
    tests: Vec<String>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Wanted> {
        let mut wanted = Wanted { n_rounds: 200, seed: None, tests: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut number = || -> Result<u64> {
                let text = arguments.next().with_context(|| format!("{argument} N"))?;
                text.parse().with_context(|| format!("{argument} {text}"))
            };
            match argument.as_str() {
                "--rounds" => wanted.n_rounds = number()?,
                "--seed" => wanted.seed = Some(number()?),
                option if option.starts_with('-') => bail!("{HELP}"),
                test => wanted.tests.push(test.to_owned()),
            }
        }
        Ok(wanted)
    }
}

/// Kills added up over jobs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    kills: BTreeMap<String, u64>,
    n_rows: u64,
    n_lost: u64,
    n_doubled: u64,
}

impl Sum {
    /// Takes a line such as `kill: JOB (seed 1): 2 kills: seal:after 2, 9 rows, 0 lost, 0 doubled`.
    fn add(&mut self, line: &str) -> Option<()> {
        let (_, parts) = line.strip_prefix("kill: ")?.split_once(" kills: ")?;
        for part in parts.split(", ") {
            let (name, number) = match part.split_once(' ') {
                Some((number, name)) if number.parse::<u64>().is_ok() => (name, number),
                _ => part.rsplit_once(' ')?,
            };
            let number: u64 = number.parse().ok()?;
            match name {
                "rows" => self.n_rows += number,
                "lost" => self.n_lost += number,
                "doubled" => self.n_doubled += number,
                "lives resumed" => {}
                place => *self.kills.entry(place.to_owned()).or_default() += number,
            }
        }
        Some(())
    }

    fn print(&self) {
        println!("\n{} kills", self.kills.values().sum::<u64>());
        for (place, n) in &self.kills {
            println!("  {place:<34} {n:>5}");
        }
        let Sum { n_rows, n_lost, n_doubled, .. } = self;
        println!("{n_rows} rows compared, {n_lost} lost, {n_doubled} doubled");
    }
}

/// Runs the loop.
pub fn run(arguments: &[String]) -> Result<()> {
    let wanted = Wanted::parse(arguments)?;
    let mut command = Command::new("cargo");
    command.args(["test", "--test", "kill", "--", "--nocapture"]).args(&wanted.tests);
    command.env("ARGUS_KILL_ROUNDS", wanted.n_rounds.to_string());
    if let Some(seed) = wanted.seed {
        command.env("ARGUS_KILL_SEED", seed.to_string());
    }
    let mut tests =
        command.current_dir(tree::root()).stdout(Stdio::piped()).spawn().context("run cargo")?;
    let said = tests.stdout.take().context("what the tests say")?;
    let mut sum = Sum::default();
    for line in BufReader::new(said).lines() {
        let line = line?;
        println!("{line}");
        // Other lines are the test runner's.
        let _is_account = sum.add(&line);
    }
    sum.print();
    ensure!(tests.wait()?.success(), "a row was lost or doubled, or a job did something odd");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_added_up() {
        let mut sum = Sum::default();
        let line = "kill: a (seed 1): 5 kills: at random 2, seal:after 3, 5 lives resumed, \
                    9 rows, 1 lost, 2 doubled";
        assert_eq!(sum.add(line), Some(()));
        assert_eq!(sum.add(line), Some(()));
        assert_eq!(sum.add("test kill ... ok"), None);
        let kills = [("at random".to_owned(), 4), ("seal:after".to_owned(), 6)].into();
        assert_eq!(sum, Sum { kills, n_rows: 18, n_lost: 2, n_doubled: 4 });
    }

    #[test]
    fn arguments() {
        let parse = |text: &str| {
            Wanted::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        let wanted = parse("--rounds 9 kafka --seed 3").unwrap();
        let tests = vec!["kafka".to_owned()];
        assert_eq!(wanted, Wanted { n_rounds: 9, seed: Some(3), tests });
        assert!(parse("--rounds").is_err());
        assert!(parse("--turns 3").is_err());
    }
}
