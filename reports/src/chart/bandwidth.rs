//! Verified bytes a second against message size: what large messages are limited by.

use ipcmark_record::{Measure, Placement};

use super::against::{Against, SIZE};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

/// The chart; `None` without streams of messages that have bytes.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
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
        y_name: "verified payload a second",
        columns: [("Bandwidth", "bytes_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "bandwidth",
        title: format!("Bytes a second against message size, {}", place(placement)),
        description: "Verified payload bytes a second by message size, on logarithmic axes, one line per mechanism.",
        note: "The same streams as above, counted in payload. Every byte is written by the sender and read by the \
               receiver; decimal units."
            .into(),
    };
    against_size.figure(study, looks)
}
