//! Figures of a running engine: rows, CPU and memory between the end of a warm-up and the last look
//! at which there was still something to read.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::process::usage;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);
/// An engine that reads nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long is measured.
pub struct Span {
    /// From the first row.
    pub warm_up: Duration,
    /// After that.
    pub window: Duration,
}

impl Span {
    /// All that is there, but for a warm-up.
    pub fn whole() -> Span {
        Span { warm_up: Duration::from_secs(5), window: Duration::from_secs(3_600) }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Rows read.
    pub n_rows: f64,
    /// User and system CPU of the engine's process.
    pub cpu_seconds: f64,
    /// Wall clock.
    pub seconds: f64,
    /// Mean resident memory in the first quarter after the warm-up; fetch queues make it swing.
    pub first_mib: f64,
    /// Mean resident memory in the last quarter.
    pub last_mib: f64,
    /// Most resident memory after the warm-up.
    pub most_mib: f64,
}

impl Figures {
    /// Rows per CPU second.
    pub fn rows_per_core(&self) -> f64 {
        self.n_rows / self.cpu_seconds
    }

    /// Rows per second of wall clock.
    pub fn rows_per_second(&self) -> f64 {
        self.n_rows / self.seconds
    }
}

/// One look.
#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    n_rows: f64,
    cpu_seconds: f64,
}

/// Measures a process until it has read all rows or the span is over.
pub fn measure(
    process_id: u32,
    n_rows: u64,
    span: &Span,
    mut rows_read: impl FnMut() -> Result<f64>,
) -> Result<Figures> {
    #[allow(clippy::cast_precision_loss, reason = "a count of rows")]
    let n_rows = n_rows as f64;
    let clock = Instant::now();
    let mut began: Option<Duration> = None;
    let mut first: Option<Sample> = None;
    let mut last: Option<Sample> = None;
    let mut resident = Vec::new();
    loop {
        let n_read = rows_read()?;
        let at = clock.elapsed();
        let used = usage(process_id)?;
        if n_read == 0.0 {
            ensure!(at < PATIENCE, "no row was read");
        } else if n_read >= n_rows {
            break;
        } else {
            let began = *began.get_or_insert(at);
            let sample = Sample { at, n_rows: n_read, cpu_seconds: used.cpu_seconds };
            if at - began >= span.warm_up {
                resident.push(used.resident_mib);
                let first = *first.get_or_insert(sample);
                last = Some(sample);
                if at - first.at >= span.window {
                    break;
                }
            }
        }
        std::thread::sleep(PAUSE);
    }
    let (Some(first), Some(last)) = (first, last) else {
        anyhow::bail!("everything was read before the warm-up ended: too few rows");
    };
    let seconds = (last.at - first.at).as_secs_f64();
    ensure!(seconds > 1.0, "everything was read at once: too few rows");
    let quarter = resident.len().div_ceil(4);
    Ok(Figures {
        n_rows: last.n_rows - first.n_rows,
        cpu_seconds: last.cpu_seconds - first.cpu_seconds,
        seconds,
        first_mib: mean(&resident[..quarter]),
        last_mib: mean(&resident[resident.len() - quarter..]),
        most_mib: resident.iter().copied().fold(0.0, f64::max),
    })
}

#[allow(clippy::cast_precision_loss, reason = "a number of samples")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
