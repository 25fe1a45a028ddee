//! Findings of several receivers as one result.

use super::*;
use crate::record::Measure;

fn case(pattern: &str) -> Case {
    Case::new("transport", "any", Measure::Paced).with(|p| {
        (p.rate_per_s, p.message_bytes, p.pattern) = (Some(10_000), Some(64), pattern.parse().ok());
    })
}

/// Report of a receiver of `arrived` messages, each `latency_ns` late.
fn report(arrived: u64, pace: f64, latency_ns: u64) -> Report {
    let mut latencies = histogram::empty();
    latencies.record_n(latency_ns, arrived).expect("within the bounds");
    let histogram = histogram::encode(&latencies).expect("it encodes");
    let finding = ArrivalFinding { arrived, pace, clock_step_ns: 1.0, histogram };
    Report { messages: 1000, arrivals: vec![finding], ..Report::default() }
}

#[test]
fn receivers_of_a_queue_add_up() {
    let leader = Report { messages: 1000, ..Report::default() };
    let all = [leader, report(600, 1.0, 1_000), report(400, 0.5, 9_000)];
    let found = conclude(&case("1:2"), &all, false, false);
    assert!((found.metrics[metric::OFFERED_PER_S] - 10_000.0).abs() < 1e-9);
    assert!((found.metrics[metric::MESSAGES_PER_S] - 8_000.0).abs() < 1e-6, "0.6 and half of 0.4");
    assert!((found.metrics[metric::BYTES_PER_S] - 512_000.0).abs() < 1e-3);
    assert!((found.metrics[metric::LATENCY_NS] - 1_000.0).abs() < 2.0);
    assert!((found.metrics[metric::P90_NS] - 9_000.0).abs() < 10.0);
    assert!(!found.metrics.contains_key(metric::LOST_SHARE));
    let latencies = histogram::decode(&found.histogram.expect("a histogram")).expect("it decodes");
    assert_eq!(latencies.len(), 1000);
}

#[test]
fn a_broadcast_message_counts_once_at_the_rate_of_the_slowest() {
    let found = conclude(&case("1:2"), &[report(1000, 1.0, 500), report(1000, 0.9, 500)], true, false);
    assert!((found.metrics[metric::MESSAGES_PER_S] - 9_000.0).abs() < 1e-6);
    let lossy = conclude(&case("1:2"), &[report(1000, 1.0, 500), report(500, 1.0, 500)], true, true);
    assert!((lossy.metrics[metric::LOST_SHARE] - 0.25).abs() < 1e-9);
    assert!((lossy.metrics[metric::MESSAGES_PER_S] - 5_000.0).abs() < 1e-6);
    assert!(conclude(&case("1:1"), &[Report::default()], false, false).metrics.is_empty());
}

#[test]
fn a_trial_ends_with_a_whole_burst() {
    let mut case = Case::new("transport", "any", Measure::Paced);
    assert_eq!([1, 2, 7].map(|count| whole_bursts(count, &case)), [2, 2, 7]);
    case.params.burst = Some(100);
    assert_eq!([1, 250, 1000].map(|count| whole_bursts(count, &case)), [200, 200, 1000]);
}
