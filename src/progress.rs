//! The line that says how a job is getting on: rows a second, lag, watermark.

use std::io::IsTerminal;
use std::time::Duration;

use argus_base::Env;
use argus_base::metrics::Registry;
use argus_engine::metrics::{SOURCE_LAG, SOURCE_RECORDS, SOURCE_WATERMARK};

use crate::failure::eprint_quietly;
use crate::output::write_time;

/// Distance of two lines on a terminal, where each takes the place of the one before.
const ON_TERMINAL: Duration = Duration::from_secs(1);
/// Distance of two lines in a log.
const IN_LOG: Duration = Duration::from_secs(10);
/// Watermarks beyond the year 9999 mean the end of the input.
const LAST_WATERMARK_SECONDS: f64 = 253_402_300_800.0;

/// Prints the line when it is due.
pub struct Progress {
    env: Env,
    metrics: Registry,
    job_name: String,
    style: Style,
    next: Duration,
    last: Sample,
    has_printed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The line is rewritten.
    Terminal,
    /// Each line stays.
    Log,
    /// The rows themselves are printed on this terminal.
    Silent,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    n_rows: f64,
}

impl Progress {
    /// The progress of a job that begins now. `prints_rows` says whether it prints rows on
    /// standard output.
    pub fn new(env: &Env, metrics: &Registry, job_name: &str, prints_rows: bool) -> Progress {
        let to_terminal = std::io::stderr().is_terminal();
        let style = match (to_terminal, prints_rows && std::io::stdout().is_terminal()) {
            (true, true) => Style::Silent,
            (true, false) => Style::Terminal,
            (false, _) => Style::Log,
        };
        let now = env.elapsed();
        let mut progress = Progress {
            env: env.clone(),
            metrics: metrics.clone(),
            job_name: job_name.to_owned(),
            style,
            next: now,
            last: Sample { at: now, n_rows: 0.0 },
            has_printed: false,
        };
        progress.next = now + progress.interval();
        progress
    }

    /// Prints the line if it is time to.
    pub fn tick(&mut self) {
        let now = self.env.elapsed();
        if self.style == Style::Silent || now < self.next {
            return;
        }
        let sample = Sample { at: now, n_rows: self.metrics.sum(SOURCE_RECORDS.name, &[]) };
        let seconds = (now - self.last.at).as_secs_f64().max(1e-3);
        let rate = (sample.n_rows - self.last.n_rows) / seconds;
        self.last = sample;
        self.next = now + self.interval();
        self.print(&self.line(rate, sample.n_rows));
        self.has_printed = true;
    }

    /// Leaves the last line standing, so that what is printed next begins a line of its own.
    pub fn finish(&self) {
        if self.has_printed && self.style == Style::Terminal {
            eprint_quietly("\n");
        }
    }

    fn interval(&self) -> Duration {
        if self.style == Style::Terminal { ON_TERMINAL } else { IN_LOG }
    }

    fn print(&self, line: &str) {
        match self.style {
            Style::Terminal => eprint_quietly(&format!("\r\x1b[K{line}")),
            Style::Log => eprint_quietly(&format!("{line}\n")),
            Style::Silent => {}
        }
    }

    fn line(&self, rate: f64, n_rows: f64) -> String {
        let lag = match self.metrics.min_max(SOURCE_LAG.name) {
            Some(_) => grouped(self.metrics.sum(SOURCE_LAG.name, &[])),
            None => "-".to_owned(),
        };
        let watermark = self.metrics.min_max(SOURCE_WATERMARK.name).map(|(least, _)| least);
        let watermark = watermark.map_or_else(|| "-".to_owned(), |seconds| self.behind(seconds));
        let (name, rate, n_rows) = (&self.job_name, grouped(rate), grouped(n_rows));
        format!("argus: {name}: {rate} rows/s, {n_rows} rows, lag {lag}, watermark {watermark}")
    }

    #[allow(clippy::cast_precision_loss, reason = "seconds for people")]
    fn behind(&self, seconds: f64) -> String {
        if !(0.0..LAST_WATERMARK_SECONDS).contains(&seconds) {
            return "-".to_owned();
        }
        let behind = self.env.now().0 as f64 / 1e3 - seconds;
        let shown = write_time(seconds as i64);
        if (0.0..86_400.0).contains(&behind) {
            format!("{shown} ({behind:.1} s behind)")
        } else {
            shown
        }
    }
}

/// A whole number with a comma between thousands.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands() {
        assert_eq!(grouped(0.0), "0");
        assert_eq!(grouped(999.4), "999");
        assert_eq!(grouped(1_234_567.0), "1,234,567");
        assert_eq!(grouped(-1.0), "0");
    }

    #[test]
    fn the_line_says_what_is_known() {
        let env = Env::system();
        let metrics = Registry::default();
        let progress = Progress::new(&env, &metrics, "orders", false);
        let nothing = "argus: orders: 5 rows/s, 1,000 rows, lag -, watermark -";
        assert_eq!(progress.line(5.0, 1000.0), nothing);
        metrics.gauge(&SOURCE_LAG, &[("partition", "0")]).set(3.0);
        metrics.gauge(&SOURCE_WATERMARK, &[("partition", "0")]).set(1_577_836_800.0);
        let all = "argus: orders: 5 rows/s, 1,000 rows, lag 3, watermark 2020-01-01 00:00:00";
        assert_eq!(progress.line(5.0, 1000.0), all);
    }
}
