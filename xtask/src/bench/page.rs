//! What a job's metrics said at one moment.

use std::collections::BTreeMap;

/// A page of metrics.
pub struct Page(pub String);

/// What a histogram has counted, by upper bound in seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Observations up to the bound, those of smaller bounds included.
    buckets: Vec<(f64, f64)>,
    sum_seconds: f64,
}

impl Page {
    /// The sum of a metric over all its labels; 0 where it is not there.
    pub fn sum(&self, name: &str) -> f64 {
        self.series(name).map(|(_, value)| value).sum()
    }

    /// A histogram over all its labels.
    pub fn histogram(&self, name: &str) -> Histogram {
        let mut buckets: BTreeMap<u64, f64> = BTreeMap::new();
        for (labels, n) in self.series(&format!("{name}_bucket")) {
            let bound = labels.rsplit_once("le=\"").and_then(|(_, rest)| rest.split('"').next());
            let bound = bound.and_then(|bound| bound.parse().ok()).unwrap_or(f64::INFINITY);
            // The bits of positive numbers are in the order of the numbers.
            *buckets.entry(bound.to_bits()).or_default() += n;
        }
        let buckets = buckets.into_iter().map(|(bits, n)| (f64::from_bits(bits), n)).collect();
        Histogram { buckets, sum_seconds: self.sum(&format!("{name}_sum")) }
    }

    fn series<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> + 'a {
        self.0.lines().filter_map(move |line| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let is_whole_name = labels.is_empty() || labels.starts_with('{');
            Some((labels, value.parse().ok()?)).filter(|_| is_whole_name)
        })
    }
}

impl Histogram {
    /// What has come since an earlier look.
    pub fn since(&self, before: &Histogram) -> Histogram {
        let n_before = |bound: f64| {
            before.buckets.iter().find(|(known, _)| *known == bound).map_or(0.0, |(_, n)| *n)
        };
        let buckets = self.buckets.iter().map(|(bound, n)| (*bound, n - n_before(*bound)));
        let sum_seconds = self.sum_seconds - before.sum_seconds;
        Histogram { buckets: buckets.collect(), sum_seconds }
    }

    /// Number of observations.
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, n)| *n)
    }

    /// Mean in seconds.
    pub fn mean(&self) -> f64 {
        if self.count() == 0.0 { 0.0 } else { self.sum_seconds / self.count() }
    }

    /// The least bound that no observation is above.
    pub fn bound(&self) -> f64 {
        let n = self.count();
        self.buckets.iter().find(|(_, up_to)| *up_to >= n).map_or(0.0, |(bound, _)| *bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_are_added_up_and_compared() {
        let page = |n: &str| {
            Page(format!(
                "t_bucket{{a=\"1\",le=\"0.5\"}} 1\nt_bucket{{a=\"1\",le=\"+Inf\"}} {n}\n\
                 t_bucket{{a=\"2\",le=\"0.5\"}} 3\nt_bucket{{a=\"2\",le=\"+Inf\"}} 3\n\
                 t_sum{{a=\"1\"}} 2\nt_sum{{a=\"2\"}} 1\nt_sums 9\n"
            ))
        };
        let (before, after) = (page("1").histogram("t"), page("2").histogram("t"));
        assert_eq!((before.count(), before.mean(), before.bound()), (4.0, 0.75, 0.5));
        assert_eq!((after.count(), after.bound()), (5.0, f64::INFINITY));
        assert_eq!((after.since(&before).count(), after.since(&before).mean()), (1.0, 0.0));
        assert_eq!(page("1").sum("t_sum"), 3.0);
    }
}
