//! The metrics registry: counters, gauges and histograms with unit and help, written out as
//! Prometheus text.
//!
//! Handles are cheap atomics, incremented once a batch. A family is declared once, as a
//! [`MetricSpec`] constant in its crate's `metrics.rs`; label values come from closed sets
//! (tables, partitions, operators).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A family of metrics.
#[derive(Clone, Copy, Debug)]
pub struct MetricSpec {
    /// Full name with unit: `argus_source_records_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
}

/// The kind of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Any number, at any time.
    Gauge,
    /// Observations in seconds, in buckets.
    Histogram,
}

/// Upper bounds in seconds of every histogram's buckets; +Inf follows.
const BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// All metrics of a process. Cloning shares them.
#[derive(Clone, Default)]
pub struct Registry {
    families: Arc<Mutex<BTreeMap<&'static str, Family>>>,
}

struct Family {
    spec: MetricSpec,
    series: BTreeMap<String, Series>,
}

#[derive(Clone)]
enum Series {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

/// A number that only rises.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that is set.
#[derive(Clone)]
pub struct Gauge(Arc<AtomicU64>);

/// Observations in seconds.
#[derive(Clone, Default)]
pub struct Histogram(Arc<HistogramCells>);

#[derive(Default)]
struct HistogramCells {
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_nanos: AtomicU64,
}

impl Registry {
    /// The counter of these labels, made at first use.
    ///
    /// Panics when the family was declared with another kind: that is a mistake in a constant.
    pub fn counter(&self, spec: &MetricSpec, labels: &[(&str, &str)]) -> Counter {
        match self.series(spec, labels, || Series::Counter(Counter::default())) {
            Series::Counter(counter) => counter,
            _ => panic!("{} is no counter", spec.name),
        }
    }

    /// The gauge of these labels, made at first use as NaN, which is not written out.
    pub fn gauge(&self, spec: &MetricSpec, labels: &[(&str, &str)]) -> Gauge {
        let unset = || Series::Gauge(Gauge(Arc::new(AtomicU64::new(f64::NAN.to_bits()))));
        match self.series(spec, labels, unset) {
            Series::Gauge(gauge) => gauge,
            _ => panic!("{} is no gauge", spec.name),
        }
    }

    /// The histogram of these labels, made at first use.
    pub fn histogram(&self, spec: &MetricSpec, labels: &[(&str, &str)]) -> Histogram {
        match self.series(spec, labels, || Series::Histogram(Histogram::default())) {
            Series::Histogram(histogram) => histogram,
            _ => panic!("{} is no histogram", spec.name),
        }
    }

    /// Everything in the Prometheus text format, families and series in order of name.
    pub fn render(&self) -> String {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        for family in families.values() {
            family.render(&mut out);
        }
        out
    }

    /// Sum of a family's counters or gauges whose labels contain all of these; for the progress
    /// line and tests.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(family) = families.get(name) else { return 0.0 };
        let wanted: Vec<String> = labels.iter().map(|label| label_text(*label)).collect();
        let matching =
            family.series.iter().filter(|(key, _)| wanted.iter().all(|label| key.contains(label)));
        matching.map(|(_, series)| series.value()).filter(|value| !value.is_nan()).sum()
    }

    /// Every counter and set gauge of a family with its labels by name, in order of labels.
    pub fn values(&self, name: &str) -> Vec<(BTreeMap<String, String>, f64)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let series = families.get(name).into_iter().flat_map(|family| &family.series);
        let values = series.map(|(key, series)| (labels_of(key), series.value()));
        values.filter(|(_, value)| !value.is_nan()).collect()
    }

    /// Least and greatest set value of a gauge family.
    pub fn min_max(&self, name: &str) -> Option<(f64, f64)> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let values = families.get(name)?.series.values().map(Series::value);
        let set: Vec<f64> = values.filter(|value| !value.is_nan()).collect();
        let least = set.iter().copied().reduce(f64::min)?;
        Some((least, set.iter().copied().fold(least, f64::max)))
    }

    fn series(&self, spec: &MetricSpec, labels: &[(&str, &str)], make: fn() -> Series) -> Series {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families
            .entry(spec.name)
            .or_insert_with(|| Family { spec: *spec, series: BTreeMap::new() });
        let key = labels.iter().map(|label| label_text(*label)).collect::<Vec<_>>().join(",");
        family.series.entry(key).or_insert_with(make).clone()
    }
}

fn label_text((name, value): (&str, &str)) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{escaped}\"")
}

/// The labels of a text that is made of [`label_text`]s.
fn labels_of(key: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = key;
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = after.chars();
        while let Some(c) = chars.next().filter(|c| *c != '"') {
            value.push(match c {
                '\\' => match chars.next() {
                    Some('n') => '\n',
                    escaped => escaped.unwrap_or('\\'),
                },
                plain => plain,
            });
        }
        labels.insert(name.trim_start_matches(',').to_owned(), value);
        rest = chars.as_str();
    }
    labels
}

impl Family {
    fn render(&self, out: &mut String) {
        let MetricSpec { name, help, kind } = self.spec;
        let kind_name = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        let mut lines = String::new();
        for (labels, series) in &self.series {
            series.render(name, labels, &mut lines);
        }
        if !lines.is_empty() {
            let _infallible =
                write!(out, "# HELP {name} {help}\n# TYPE {name} {kind_name}\n{lines}");
        }
    }
}

impl Series {
    fn value(&self) -> f64 {
        match self {
            #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
            Series::Counter(counter) => counter.get() as f64,
            Series::Gauge(gauge) => gauge.get(),
            Series::Histogram(_) => f64::NAN,
        }
    }

    fn render(&self, name: &str, labels: &str, out: &mut String) {
        match self {
            Series::Histogram(histogram) => histogram.render(name, labels, out),
            _ if self.value().is_nan() => {}
            _ => line(out, name, labels, self.value()),
        }
    }
}

fn line(out: &mut String, name: &str, labels: &str, value: f64) {
    let braced = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _infallible = writeln!(out, "{name}{braced} {value}");
}

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Sets the value; NaN takes the series out of the text.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// The value; NaN when never set.
    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

impl Histogram {
    /// Records one observation.
    pub fn observe(&self, duration: std::time::Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        self.0.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.0.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    #[allow(clippy::cast_precision_loss, reason = "Prometheus numbers are doubles")]
    fn render(&self, name: &str, labels: &str, out: &mut String) {
        let comma = if labels.is_empty() { "" } else { "," };
        let mut count = 0;
        for (i, cell) in self.0.buckets.iter().enumerate() {
            count += cell.load(Ordering::Relaxed);
            let bound = BUCKETS.get(i).map_or_else(|| "+Inf".to_owned(), f64::to_string);
            let bucket_labels = format!("{labels}{comma}le=\"{bound}\"");
            line(out, &format!("{name}_bucket"), &bucket_labels, count as f64);
        }
        let sum = self.0.sum_nanos.load(Ordering::Relaxed) as f64 / 1e9;
        line(out, &format!("{name}_sum"), labels, sum);
        line(out, &format!("{name}_count"), labels, count as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROWS: MetricSpec =
        MetricSpec { name: "rows_total", help: "Rows.", kind: MetricKind::Counter };
    const LAG: MetricSpec = MetricSpec { name: "lag", help: "Lag.", kind: MetricKind::Gauge };
    const TIME: MetricSpec =
        MetricSpec { name: "time_seconds", help: "Time.", kind: MetricKind::Histogram };

    #[test]
    fn renders_prometheus_text() {
        let registry = Registry::default();
        registry.counter(&ROWS, &[("source", "a\"b")]).add(2);
        registry.counter(&ROWS, &[("source", "a\"b")]).add(1);
        registry.gauge(&LAG, &[]);
        registry.histogram(&TIME, &[]).observe(Duration::from_millis(3));
        let text = registry.render();
        assert!(
            text.contains("# TYPE rows_total counter\nrows_total{source=\"a\\\"b\"} 3\n"),
            "{text}"
        );
        assert!(!text.contains("lag"), "a gauge that was never set is not shown");
        assert!(text.contains("time_seconds_bucket{le=\"0.0025\"} 0\n"), "{text}");
        assert!(text.contains("time_seconds_bucket{le=\"0.005\"} 1\n"), "{text}");
        assert!(text.contains("time_seconds_bucket{le=\"+Inf\"} 1\n"), "{text}");
        assert!(text.contains("time_seconds_sum 0.003\n"), "{text}");
    }

    #[test]
    fn sums_over_matching_labels() {
        let registry = Registry::default();
        registry.counter(&ROWS, &[("source", "a"), ("partition", "0")]).add(2);
        registry.counter(&ROWS, &[("source", "a"), ("partition", "1")]).add(3);
        registry.counter(&ROWS, &[("source", "b"), ("partition", "0")]).add(4);
        assert_eq!(registry.sum("rows_total", &[("source", "a")]), 5.0);
    }

    #[test]
    fn labels_are_given_back() {
        let registry = Registry::default();
        let labels = [("source", "a\"=\\,b\n"), ("partition", "")];
        registry.counter(&ROWS, &labels).add(7);
        registry.gauge(&LAG, &labels);
        let expected = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(registry.values("rows_total"), [(BTreeMap::from(expected), 7.0)]);
        assert_eq!(registry.values("lag"), [], "it was never set");
    }
}
