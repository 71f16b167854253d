//! Mutated and cut scripts through a whole session: nothing panics, nothing hangs, and no secret
//! shows.
//!
//! Runs `ARGUS_FUZZ_SECONDS` (2 by default) from the seed `ARGUS_FUZZ_SEED`, or from one of its
//! own, which is printed.

#![allow(clippy::disallowed_methods, reason = "the fuzzer's time and seed are the world's")]

mod common;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use common::{Connectors, session};

/// Longest time one script may take in a test build.
const PATIENCE: Duration = Duration::from_secs(10);
/// Part of the variable's value that must never be printed.
const SECRET: &str = "a secret";

/// Pieces that mean something in SQL.
const PIECES: &[&str] = &[
    "(",
    ")",
    ",",
    ";",
    "'",
    "`",
    "--",
    "/*",
    "*/",
    "/*+",
    "${PASSWORD}",
    "${X:1}",
    "${",
    "}",
    "[",
    "]",
    "<",
    ">",
    ".",
    "*",
    "-",
    "+",
    "=",
    "=>",
    "||",
    "SELECT",
    "FROM",
    "(SELECT * FROM (",
    "WHERE",
    "GROUP BY",
    "CASE WHEN",
    "END",
    "CAST(",
    "AS",
    "ROW<",
    "ARRAY<",
    "INTERVAL '1' DAY",
    "TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), ",
    "NOT",
    "AND",
    "UNION ALL",
    "VALUES",
    "NULL",
    "1",
    "'x'",
    "E'\\",
    "U&'\\",
    "JOIN",
    "ON",
    "OVER (",
    "INSERT INTO t",
    "CREATE TABLE t (",
    "WITH (",
    "LIKE t (",
    "SET 'a' = 'b'",
    "EXECUTE STATEMENT SET BEGIN",
    "WATERMARK FOR",
    "EXPLAIN",
    "DESCRIBE",
    "\u{e4}",
    "\u{1f600}",
    "\0",
    "\n",
    "9999999999999999999999",
    "1e999",
    "MATCH_RECOGNIZE (",
    "PATTERN (A",
    "DAY",
    "BETWEEN SYMMETRIC",
];

/// A source of numbers: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as usize % bound.max(1)
    }
}

#[test]
fn scripts() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("ARGUS_FUZZ_SECONDS").unwrap_or(2);
    let seed = number("ARGUS_FUZZ_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        now.as_nanos() as u64 | 1
    });
    println!("ARGUS_FUZZ_SEED={seed}");
    let corpus = corpus();
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut n_scripts = 0;
    while Instant::now() < end {
        let script = mutated(&corpus, &mut random);
        let start = Instant::now();
        run(&script);
        assert!(start.elapsed() < PATIENCE, "too slow, seed {seed}:\n{script}");
        n_scripts += 1;
    }
    println!("{n_scripts} scripts");
}

/// The golden scripts, and some of what they do not use.
fn corpus() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).expect("the folder is there");
    let files = files.map(|entry| entry.expect("it can be listed").path());
    let scripts = files.filter(|path| path.extension().is_some_and(|e| e == "sql"));
    let mut corpus: Vec<String> =
        scripts.map(|path| fs::read_to_string(path).expect("it is text")).collect();
    corpus.extend(PIECES.iter().map(|piece| (*piece).to_owned()));
    corpus
}

fn mutated(corpus: &[String], random: &mut Random) -> String {
    let mut script = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(6) {
        let at = boundary(&script, random);
        match random.below(6) {
            0 => script.truncate(at),
            1 => {
                let end = boundary(&script, random).max(at);
                script.replace_range(at..end.min(floor(&script, at + 40)), "");
            }
            2 => {
                let end = boundary(&script, random).max(at);
                let part = script[at..end].to_owned();
                script.insert_str(at, &part);
            }
            3 => {
                let piece = PIECES[random.below(PIECES.len())];
                script.insert_str(at, &format!(" {piece} ").repeat(1 + random.below(300)));
            }
            4 => {
                let other = &corpus[random.below(corpus.len())];
                let start = boundary(other, random);
                script.insert_str(at, &other[start..]);
            }
            _ => script.insert_str(at, PIECES[random.below(PIECES.len())]),
        }
        script.truncate(floor(&script, 20_000));
    }
    script
}

fn boundary(text: &str, random: &mut Random) -> usize {
    floor(text, random.below(text.len() + 1))
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn run(script: &str) {
    let connectors = Connectors::new();
    if let Err(error) = session(&connectors).run_script(script) {
        let shown = error.render("fuzz.sql", script, true);
        let is_shown = shown.contains(SECRET) && !script.contains(SECRET);
        assert!(!is_shown, "{shown}");
    }
}
