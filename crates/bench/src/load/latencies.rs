//! Latencies, and their quantiles.

use std::time::Duration;

/// A sorted list of latencies, shortest first.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// Returns the quantile of the given share; 0.5 is the median. Zero if there are no latencies.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a count that fits in memory"
        )]
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        let index = rank.clamp(1, self.0.len().max(1)) - 1;
        self.0.get(index).copied().unwrap_or_default()
    }

    /// Returns the median in milliseconds.
    pub(crate) fn p50_ms(&self) -> f64 {
        self.quantile(0.5).as_secs_f64() * 1e3
    }

    /// Returns the 99th percentile in milliseconds.
    pub(crate) fn p99_ms(&self) -> f64 {
        self.quantile(0.99).as_secs_f64() * 1e3
    }

    /// Returns the number of latencies.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<Duration> for Latencies {
    fn from_iter<T: IntoIterator<Item = Duration>>(times: T) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_times_that_were_measured() {
        let times: Latencies = (1..=100).rev().map(Duration::from_millis).collect();
        assert_eq!(times.quantile(0.5), Duration::from_millis(50));
        assert_eq!(times.quantile(0.99), Duration::from_millis(99));
        assert_eq!(times.quantile(1.0), Duration::from_millis(100));
        let none: Latencies = [].into_iter().collect();
        assert_eq!(none.quantile(0.5), Duration::ZERO);
    }
}
