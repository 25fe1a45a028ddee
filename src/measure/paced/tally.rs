//! Metrics of a paced trial: latencies, and the rate that the mechanism achieved. Several receivers of one trial have a tally
//! each, and the metrics are computed from the [`ArrivalFinding`]s of all.
//!
//! The *achieved* rate is the offered rate times two shares: received by sent messages, and planned by actual time. The
//! actual time adds the increase of the median latency from the first tenth to the last, which shows a growing backlog.
//! Messages divided by elapsed time would depend on the last message only: one delayed wake-up would look like
//! overload, and Poisson arrivals as a whole may come early or late.

use hdrhistogram::Histogram;

use super::super::histogram;
use super::super::schedule::Schedule;
use crate::clock::Anchor;
use crate::protocol::ArrivalFinding;
use crate::record::{Metrics, metric};

/// Stamp of a lost message.
pub(in crate::measure) const NEVER: u64 = u64::MAX;

/// Received message; times in nanoseconds from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrival {
    due_ns: u64,
    verified_ns: u64,
}

impl Arrival {
    /// Latency, at least 1 ns: clocks read on two CPUs may differ by the cost of a read.
    fn latency_ns(self) -> u64 {
        self.verified_ns.saturating_sub(self.due_ns).max(1)
    }
}

/// Messages of the hot phase at one receiver.
pub(in crate::measure) struct Tally {
    /// In order of due time.
    arrivals: Vec<Arrival>,
    sent: u64,
    burst: u64,
    offered_per_s: f64,
    clock_step_ns: f64,
}

impl Tally {
    /// Computes arrivals from `stamps`, one tick per message: as many of each producer, by producer and sequence. The anchors
    /// enclose them; `start_ns` is the begin of the producers' `schedules`.
    pub(in crate::measure) fn new(
        stamps: &[u64],
        anchors: (Anchor, Anchor),
        start_ns: u64,
        schedules: &[Schedule],
    ) -> Self {
        let ns_per_tick = anchors.0.ns_per_tick(&anchors.1);
        let since_start = |tick: u64| {
            let since_anchor = tick.saturating_sub(anchors.0.tick) as f64 * ns_per_tick;
            (anchors.0.ns + since_anchor.round() as u64).saturating_sub(start_ns)
        };
        let each = (stamps.len() / schedules.len().max(1)).max(1);
        let mut arrivals: Vec<Arrival> = stamps
            .chunks(each)
            .zip(schedules)
            .flat_map(|(stamps, schedule)| stamps.iter().zip(schedule.clone()))
            .filter(|(tick, _)| **tick != NEVER)
            .map(|(tick, due_ns)| Arrival { due_ns, verified_ns: since_start(*tick) })
            .collect();
        if schedules.len() > 1 {
            // Stable, so that bursts stay whole.
            arrivals.sort_by_key(|arrival| arrival.due_ns);
        }
        Self {
            arrivals,
            sent: stamps.len() as u64,
            burst: schedules.first().map_or(1, Schedule::burst),
            offered_per_s: schedules.iter().map(|schedule| 1e9 / schedule.interval_ns()).sum(),
            clock_step_ns: anchors.0.step_ns(&anchors.1),
        }
    }

    /// Distribution of all latencies.
    pub(in crate::measure) fn distribution(&self) -> Histogram<u64> {
        let mut all = histogram::empty();
        for arrival in &self.arrivals {
            all.saturating_record(arrival.latency_ns());
        }
        all
    }

    /// Metrics by name, of the only receiver of a trial that loses nothing.
    pub(in crate::measure) fn metrics(&self, distribution: &Histogram<u64>, message_bytes: usize) -> Metrics {
        let arrived = self.arrivals.len() as f64 / self.sent.max(1) as f64;
        let rates = (self.offered_per_s, self.offered_per_s * arrived * self.share_of_pace());
        metrics(rates, distribution, self.clock_step_ns, message_bytes)
    }

    /// What this receiver saw.
    pub(in crate::measure) fn finding(&self) -> Option<ArrivalFinding> {
        Some(ArrivalFinding {
            arrived: self.arrivals.len() as u64,
            pace: self.share_of_pace(),
            clock_step_ns: self.clock_step_ns,
            histogram: histogram::encode(&self.distribution())?,
        })
    }

    /// Planned time divided by actual time, between the middles of the first and the last tenth. Tenths hold whole
    /// bursts, since latency grows within a burst.
    fn share_of_pace(&self) -> f64 {
        let count = self.arrivals.len();
        let burst = self.burst as usize;
        let tenth = (count / 10 / burst * burst).max(burst).min(count / 2);
        if tenth == 0 {
            return 1.0;
        }
        let (first, last) = (&self.arrivals[..tenth], &self.arrivals[count - tenth..]);
        let planned_ns = (last[tenth / 2].due_ns - first[tenth / 2].due_ns) as f64;
        let behind_ns = median_latency_ns(last).saturating_sub(median_latency_ns(first)) as f64;
        if planned_ns > 0.0 { planned_ns / (planned_ns + behind_ns) } else { 1.0 }
    }
}

/// Metrics by name; `rates` are those offered and achieved.
pub(in crate::measure) fn metrics(
    (offered_per_s, achieved_per_s): (f64, f64),
    distribution: &Histogram<u64>,
    clock_step_ns: f64,
    message_bytes: usize,
) -> Metrics {
    let mut metrics = Metrics::from([
        (metric::OFFERED_PER_S.into(), offered_per_s),
        (metric::MESSAGES_PER_S.into(), achieved_per_s),
        (metric::BYTES_PER_S.into(), achieved_per_s * message_bytes as f64),
    ]);
    metrics.extend(histogram::typical(distribution).map(|ns| (metric::LATENCY_NS.into(), ns)));
    histogram::percentiles(distribution, clock_step_ns, &mut metrics);
    metrics
}

fn median_latency_ns(arrivals: &[Arrival]) -> u64 {
    let mut all: Vec<u64> = arrivals.iter().map(|arrival| arrival.latency_ns()).collect();
    let middle = all.len() / 2;
    *all.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Arrivals, Case, Measure};

    const START_NS: u64 = 1_000_000;

    fn schedule(arrivals: Arrivals) -> Schedule {
        let case = Case::new("transport", "any", Measure::Paced).with(|p| {
            p.rate_per_s = Some(1_000_000);
            p.arrivals = Some(arrivals);
            p.burst = Some(50);
        });
        Schedule::of(&case, 1, 9).expect("it has a rate")
    }

    /// Tally of a receiver with two ticks per nanosecond and the latency `latency_ns(i)` for message `i`, or `None` if
    /// it is lost.
    fn tally(arrivals: Arrivals, count: u64, latency_ns: impl Fn(u64) -> Option<u64>) -> Tally {
        let schedule = schedule(arrivals);
        let stamp = |(i, due_ns): (u64, u64)| latency_ns(i).map_or(NEVER, |ns| 77 + 2 * (START_NS + due_ns + ns));
        let stamps: Vec<u64> = (0..count).zip(schedule.clone()).map(stamp).collect();
        let anchor = |ns: u64| Anchor { ns, tick: 77 + 2 * ns };
        Tally::new(&stamps, (anchor(0), anchor(1 << 40)), START_NS, &[schedule])
    }

    fn achieved(tally: &Tally) -> f64 {
        tally.metrics(&tally.distribution(), 8)[metric::MESSAGES_PER_S]
    }

    #[test]
    fn a_lost_message_shifts_no_other() {
        let lossy = tally(Arrivals::Poisson, 1000, |i| (i % 10 != 3).then_some(500 + i % 7));
        assert_eq!(lossy.arrivals.len(), 900);
        let latencies = lossy.distribution();
        assert!(latencies.min() >= 499 && latencies.max() <= 507, "{} to {}", latencies.min(), latencies.max());
        let metrics = lossy.metrics(&latencies, 8);
        assert!((metrics[metric::MESSAGES_PER_S] - 900_000.0).abs() < 1000.0);
        assert!((metrics[metric::LATENCY_NS] - 503.0).abs() < 2.0);
        assert_eq!(lossy.finding().expect("a histogram").arrived, 900);
    }

    #[test]
    fn messages_of_several_producers_are_one_series_in_due_order() {
        for arrivals in Arrivals::ALL.iter().copied() {
            let schedules: Vec<Schedule> = (0..4).map(|index| schedule(arrivals).share(index, 4)).collect();
            // A receiver that falls behind by a quarter: seen only if the messages are in order.
            let stamp = |due_ns: u64| START_NS + due_ns + 300 + due_ns / 4;
            let stamps: Vec<u64> =
                schedules.iter().flat_map(|schedule| schedule.clone().take(2500).map(stamp)).collect();
            let anchor = |ns: u64| Anchor { ns, tick: ns };
            let tally = Tally::new(&stamps, (anchor(0), anchor(1 << 40)), START_NS, &schedules);
            assert!((tally.offered_per_s - 1e6).abs() < 1e-3);
            assert!((achieved(&tally) - 800_000.0).abs() < 8000.0, "{arrivals}: {}", achieved(&tally));
        }
    }

    #[test]
    fn a_receiver_that_keeps_up_achieves_the_offered_rate() {
        for arrivals in Arrivals::ALL.iter().copied() {
            let steady = tally(arrivals, 2000, |i| Some(300 + 20 * (i % 50)));
            assert!((achieved(&steady) - 1e6).abs() < 1e3, "{arrivals}: {}", achieved(&steady));
            let hiccup = tally(arrivals, 2000, |i| Some(if i >= 1990 { 900_000 } else { 300 }));
            assert!((achieved(&hiccup) - 1e6).abs() < 1e3, "{arrivals}: {}", achieved(&hiccup));
        }
    }

    #[test]
    fn a_slow_receiver_achieves_its_own_rate() {
        // One message every 1250 ns where one every 1000 ns is due.
        for arrivals in [Arrivals::Constant, Arrivals::Burst] {
            let behind = tally(arrivals, 10_000, |i| Some(300 + 250 * i));
            assert!((achieved(&behind) - 800_000.0).abs() < 8000.0, "{arrivals}: {}", achieved(&behind));
        }
    }
}
