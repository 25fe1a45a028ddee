//! Verified messages a second against message size: what small messages are limited by.

use ipcmark::record::{Measure, Placement};

use super::round_trip::AgainstSize;
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

/// The chart; `None` without streams.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
    let against_size = AgainstSize {
        measure: Measure::Stream,
        placement,
        value: |case| {
            let typical = case.summary.typical?;
            Some((typical.value, typical.interval.map(|i| (i.low, i.high))))
        },
        floor: |ns, _| 1e9 / ns,
        show: format::rate,
        y_name: "verified messages a second",
        title: format!("Messages a second against message size, {}", place(placement)),
        description: "Verified messages a second by message size, on logarithmic axes, one line per mechanism.",
    };
    let columns = (("Rate", "messages_per_s"), ("Low", "low_per_s"), ("High", "high_per_s"));
    let table = against_size.table(study, columns.0, columns.1, columns.2);
    Some(Figure {
        id: "rate".into(),
        note:
            "One sender, one receiver; the clock stops when the receiver has verified the last message. Bands are 95 % \
               intervals over sets of processes."
                .into(),
        ..against_size.figure(study, looks, table)?
    })
}
