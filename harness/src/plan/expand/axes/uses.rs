//! Which measures have a use for which list of a block.

use ipcmark::record::Measure;

/// Measures that offer messages at a rate.
pub(in super::super) fn paces(measure: Measure) -> bool {
    measure == Measure::Paced
}

/// Measures that pause before each message.
pub(in super::super) fn pauses(measure: Measure) -> bool {
    measure == Measure::Wake
}

/// Measures whose ends may leave bytes alone.
pub(in super::super) fn touches(measure: Measure) -> bool {
    matches!(measure, Measure::RoundTrip | Measure::Stream)
}

/// Measures that several of each side can take part in.
pub(in super::super) fn has_sides(measure: Measure) -> bool {
    matches!(measure, Measure::Stream | Measure::Drain)
}

/// Measures that somebody else's load can disturb.
pub(in super::super) fn runs_beside_hogs(measure: Measure) -> bool {
    let of_messages = matches!(measure, Measure::RoundTrip | Measure::Stream | Measure::Paced | Measure::Wake);
    of_messages || shares_a_lock(measure)
}

/// Measures of several holders of one lock.
pub(in super::super) fn shares_a_lock(measure: Measure) -> bool {
    matches!(measure, Measure::Contention | Measure::ReadMostly | Measure::Tickets)
}

/// Measures whose holders work inside and outside of the lock.
pub(in super::super) fn works(measure: Measure) -> bool {
    matches!(measure, Measure::Contention | Measure::ReadMostly)
}

/// Measures that change lines under the lock.
pub(in super::super) fn changes_lines(measure: Measure) -> bool {
    measure == Measure::Contention
}

/// Measures that tell readers from writers.
pub(in super::super) fn reads(measure: Measure) -> bool {
    matches!(measure, Measure::ReadMostly | Measure::Access)
}

/// Measures that sell tickets.
pub(in super::super) fn sells(measure: Measure) -> bool {
    measure == Measure::Tickets
}

/// Measures that kill.
pub(in super::super) fn kills(measure: Measure) -> bool {
    measure == Measure::Recover
}

/// Measures of pools.
pub(in super::super) fn employs(measure: Measure) -> bool {
    let of_pools_and_others =
        matches!(measure, Measure::SetUp | Measure::Paced | Measure::Recover | Measure::Conformance);
    of_pools_and_others || matches!(measure, Measure::Dispatch | Measure::Idle)
}

/// Measures that hand out tasks.
pub(in super::super) fn dispatches(measure: Measure) -> bool {
    measure == Measure::Dispatch
}

/// Measures whose units of work take a known time.
pub(in super::super) fn has_grain(measure: Measure) -> bool {
    matches!(measure, Measure::Dispatch | Measure::Paced | Measure::Serve | Measure::Parallel)
}

/// Measures that start processes.
pub(in super::super) fn starts(measure: Measure) -> bool {
    measure == Measure::StartUp
}

/// Measures that wait for an end.
pub(in super::super) fn watches(measure: Measure) -> bool {
    measure == Measure::Watch
}

/// Measures of shared state.
pub(in super::super) fn accesses(measure: Measure) -> bool {
    measure == Measure::Access
}

/// Measures that several can hold or use one thing in.
pub(in super::super) fn shares(measure: Measure) -> bool {
    shares_a_lock(measure) || accesses(measure)
}

/// Measures that have clients.
pub(in super::super) fn serves(measure: Measure) -> bool {
    matches!(measure, Measure::Serve | Measure::Paced)
}
