//! Round trip against message size: the price of an answer, and where copying takes over from waking.

use ipcmark_record::{Measure, Placement};

use super::against::{Against, SIZE};
use super::{Figure, Looks};
use crate::analyse::answer::place;
use crate::analyse::study::Study;
use crate::format;

/// The chart; `None` without round trips.
pub fn figure(study: &Study<'_>, looks: &Looks, placement: Placement) -> Option<Figure> {
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
               intervals over sets of processes; the grey line is the floor measured next to the cases."
                .into(),
    };
    against_size.figure(study, looks)
}

/// A floor's name in records as a label.
pub fn floor_name(name: &str) -> String {
    format!("floor: {}", name.replace('_', " "))
}
