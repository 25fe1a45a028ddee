//! Verified messages a second against message size: what small messages are limited by.

use ipcmark_record::{Measure, Placement};

use super::against::{Against, SIZE};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

/// The chart; `None` without streams.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = Against {
        cases: study.measured(Measure::Stream, placement).collect(),
        swept: SIZE,
        value: |case| {
            let typical = case.summary.typical?;
            Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
        },
        floor: Some(|ns, _| 1e9 / ns),
        show: format::rate,
        y_name: "verified messages a second",
        columns: [("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s")],
        id: "rate",
        title: format!("Messages a second against message size, {}", place(placement)),
        description: "Verified messages a second by message size, on logarithmic axes, one line per mechanism.",
        note:
            "One sender, one receiver; the clock stops when the receiver has verified the last message. Bands are 95 % \
               intervals over sets of processes."
                .into(),
    };
    against_size.figure(study, looks)
}
