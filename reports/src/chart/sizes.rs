//! Round trips, rates and bandwidth against message size.

use ipcmark_record::{Measure, Placement};

use super::against::{Against, SIZE};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

/// Round-trip time; `None` without round trips.
pub fn round_trip(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = Against {
        cases: study.measured(Measure::RoundTrip, placement).collect(),
        swept: SIZE,
        value: |case| {
            let typical = case.summary.typical?;
            Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
        },
        floor: Some(|ns, _| ns),
        show: format::time,
        y_name: "round trip",
        columns: [("Round trip", "round_trip_ns"), ("Low", "low_ns"), ("High", "high_ns")],
        id: "round-trip",
        title: format!("Round trip against message size, {}", place(placement)),
        description: "Time for a message out and back by message size, on logarithmic axes, one line per mechanism.",
        note:
            "Closed loop, one message outstanding, every byte written and read on both sides. Bands and bars are 95 % \
               intervals over repetitions; the grey line is the floor measured next to the cases."
                .into(),
    };
    against_size.figure(study, looks)
}

/// Verified messages per second; `None` without streams.
pub fn rate(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = Against {
        cases: study.measured(Measure::Stream, placement).collect(),
        swept: SIZE,
        value: |case| {
            let typical = case.summary.typical?;
            Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
        },
        floor: Some(|ns, _| 1e9 / ns),
        show: format::rate,
        y_name: "verified messages per second",
        columns: [("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "rate",
        title: format!("Messages per second against message size, {}", place(placement)),
        description: "Verified messages per second by message size, on logarithmic axes, one line per mechanism.",
        note:
            "One sender, one receiver; the clock stops when the receiver has verified the last message. Bands are 95 % \
               intervals over repetitions."
                .into(),
    };
    against_size.figure(study, looks)
}

/// Verified bytes per second; `None` without streams of messages that have bytes.
pub fn bandwidth(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = Against {
        cases: study.measured(Measure::Stream, placement).collect(),
        swept: SIZE,
        value: |case| {
            let typical = case.summary.typical.filter(|_| case.bytes() > 0)?;
            let bytes = case.bytes() as f64;
            Some((typical.value * bytes, typical.interval.map(|i| (i.low * bytes, i.high * bytes))))
        },
        floor: Some(|ns, bytes| bytes as f64 * 1e9 / ns),
        show: format::bandwidth,
        y_name: "verified payload per second",
        columns: [("Bandwidth", "bytes_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "bandwidth",
        title: format!("Bytes per second against message size, {}", place(placement)),
        description: "Verified payload bytes per second by message size, on logarithmic axes, one line per mechanism.",
        note: "The same streams as above, counted in payload. Every byte is written by the sender and read by the \
               receiver; decimal units."
            .into(),
    };
    against_size.figure(study, looks)
}
