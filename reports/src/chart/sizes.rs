//! Round trips, rates and bandwidth against message size.

use ipcmark_record::{Measure, Placement};

use super::parameter::SIZE;
use super::sweep::{MESSAGES_PER_S, Sweep, TYPICAL, Value};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

const ROUND_TRIP: Value = Value {
    name: "round trip",
    of: TYPICAL,
    show: format::time,
    columns: [("Round trip", "round_trip_ns"), ("Low", "low_ns"), ("High", "high_ns")],
};

const BANDWIDTH: Value = Value {
    name: "verified payload per second",
    of: |case| {
        let typical = case.summary.typical.filter(|_| case.bytes() > 0)?;
        let bytes = case.bytes() as f64;
        Some((typical.value * bytes, typical.interval.map(|i| (i.low * bytes, i.high * bytes))))
    },
    show: format::bandwidth,
    columns: [("Bandwidth", "bytes_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
};

/// Round-trip time; `None` without round trips.
pub fn round_trip(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let sweep = Sweep {
        id: "round-trip".into(),
        title: format!("Round trip against message size, {}", place(placement)),
        description: "Time for a message out and back by message size, on logarithmic axes, one line per mechanism.",
        note: "Closed loop, one message outstanding, every byte written and read on both sides. Bands and bars are \
               intervals over repetitions; the grey line is the floor measured next to the cases."
            .into(),
        floor: Some(|ns, _| ns),
        ..Sweep::of(study.measured(Measure::RoundTrip, placement).collect(), SIZE, ROUND_TRIP)
    };
    sweep.figure(study, looks)
}

/// Verified messages per second; `None` without streams.
pub fn rate(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let sweep = Sweep {
        id: "rate".into(),
        title: format!("Messages per second against message size, {}", place(placement)),
        description: "Verified messages per second by message size, on logarithmic axes, one line per mechanism.",
        note: "One sender, one receiver; the clock stops when the receiver has verified the last message. Bands are \
               intervals over repetitions."
            .into(),
        floor: Some(|ns, _| 1e9 / ns),
        ..Sweep::of(study.measured(Measure::Stream, placement).collect(), SIZE, MESSAGES_PER_S)
    };
    sweep.figure(study, looks)
}

/// Verified bytes per second; `None` without streams of messages that have bytes.
pub fn bandwidth(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let sweep = Sweep {
        id: "bandwidth".into(),
        title: format!("Bytes per second against message size, {}", place(placement)),
        description: "Verified payload bytes per second by message size, on logarithmic axes, one line per mechanism.",
        note: "The same streams as above, counted in payload. Every byte is written by the sender and read by the \
               receiver; decimal units."
            .into(),
        floor: Some(|ns, bytes| bytes as f64 * 1e9 / ns),
        ..Sweep::of(study.measured(Measure::Stream, placement).collect(), SIZE, BANDWIDTH)
    };
    sweep.figure(study, looks)
}
