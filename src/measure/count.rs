//! Number of units in a trial. A pilot doubles its count until the warm-up time has passed; the last pilots give the
//! count for the hot phase.

use super::MeasureError;
use crate::clock;
use crate::protocol::Timing;
use crate::record::Window;

/// Slices of the hot phase; at least ten, so that a disturbed one is visible.
pub const WINDOWS: u64 = 20;

/// Result of the warm-up.
pub struct Derived {
    /// Units of work for the hot phase.
    pub count: u64,
    /// `time` or `fixed`.
    pub chosen_by: &'static str,
    /// Duration of the warm-up.
    pub warm_up_ns: u64,
    /// Time per unit, from which the count was derived.
    pub unit_ns: f64,
    /// Time per unit of the fastest pilot, which was least disturbed.
    pub fastest_ns: f64,
}

/// Warms up with growing counts and derives the count.
///
/// A fixed count is used as it is, after the same warm-up.
pub fn derive(
    timing: &Timing,
    mut pilot: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<Derived, MeasureError> {
    derive_any(timing, &mut |count| {
        let before = clock::now_ns();
        pilot(count)?;
        Ok(clock::now_ns() - before)
    })
}

/// Like [`derive()`], for a pilot that returns its working time in nanoseconds.
pub fn derive_by(
    timing: &Timing,
    mut pilot: impl FnMut(u64) -> Result<u64, MeasureError>,
) -> Result<Derived, MeasureError> {
    derive_any(timing, &mut pilot)
}

/// Not generic, so compiled once: `pilot` is called a dozen times, with many units per call.
fn derive_any(
    timing: &Timing,
    pilot: &mut dyn FnMut(u64) -> Result<u64, MeasureError>,
) -> Result<Derived, MeasureError> {
    let mut warm_up_ns = 0;
    let mut count = 1;
    // The median of the last three pilots, so that a single preempted or undisturbed one does not decide.
    let mut unit_ns = [f64::INFINITY; 3];
    let mut fastest_ns = f64::INFINITY;
    loop {
        let lasted_ns = pilot(count)?;
        warm_up_ns += lasted_ns;
        unit_ns.rotate_left(1);
        unit_ns[2] = lasted_ns as f64 / count as f64;
        fastest_ns = fastest_ns.min(unit_ns[2]).max(0.1);
        if warm_up_ns >= timing.warm_up_ns {
            unit_ns.sort_by(f64::total_cmp);
            let unit_ns = if unit_ns[1].is_finite() { unit_ns[1] } else { unit_ns[0] }.max(0.1);
            let fitting = (timing.hot_ns as f64 / unit_ns) as u64;
            let (count, chosen_by) =
                timing.fixed_count.map_or((fitting.max(WINDOWS), "time"), |count| (count, "fixed"));
            return Ok(Derived { count, chosen_by, warm_up_ns, unit_ns, fastest_ns });
        }
        count *= 2;
    }
}

/// `count` in [`WINDOWS`] nearly equal slices, none of them empty.
pub fn slices(count: u64) -> impl Iterator<Item = u64> {
    shares(count, WINDOWS)
}

/// `count` in at most `parts` nearly equal parts, none of them empty.
pub fn shares(count: u64, parts: u64) -> impl Iterator<Item = u64> {
    let parts = parts.min(count);
    (0..parts).map(move |i| count * (i + 1) / parts - count * i / parts)
}

/// Work timed in slices.
pub struct Sliced {
    /// The slices.
    pub windows: Vec<Window>,
    /// Monotonic clock at the start of the first.
    pub started_ns: u64,
    /// Monotonic clock at the end of the last.
    pub ended_ns: u64,
}

/// Windows built from `lengths_ns`, the time of each unit without the time between units.
pub fn windows_of(lengths_ns: &[u64]) -> Vec<Window> {
    let (mut start_ns, mut rest) = (0, lengths_ns);
    let windows = slices(lengths_ns.len() as u64).map(|messages| {
        let (slice, later) = rest.split_at(messages as usize);
        rest = later;
        let window = Window { start_ns, elapsed_ns: slice.iter().sum(), messages };
        start_ns += window.elapsed_ns;
        window
    });
    windows.collect()
}

/// Runs `count` units of `work` in at most [`WINDOWS`] slices, and times each.
pub fn in_slices(count: u64, work: impl FnMut(u64) -> Result<(), MeasureError>) -> Result<Sliced, MeasureError> {
    in_parts(count, WINDOWS, work)
}

/// Like [`in_slices`] with at most `parts` slices, for units that overlap within a part.
pub fn in_parts(
    count: u64,
    parts: u64,
    mut work: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<Sliced, MeasureError> {
    in_parts_any(count, parts, &mut work)
}

/// Not generic, so compiled once: `work` is called once per slice.
fn in_parts_any(
    count: u64,
    parts: u64,
    work: &mut dyn FnMut(u64) -> Result<(), MeasureError>,
) -> Result<Sliced, MeasureError> {
    let mut windows = Vec::with_capacity(WINDOWS as usize);
    let started_ns = clock::now_ns();
    let mut ended_ns = started_ns;
    for messages in shares(count, parts) {
        work(messages)?;
        let now = clock::now_ns();
        windows.push(Window { start_ns: ended_ns - started_ns, elapsed_ns: now - ended_ns, messages });
        ended_ns = now;
    }
    Ok(Sliced { windows, started_ns, ended_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_add_up_and_none_is_empty() {
        for count in [1, 7, 20, 21, 1000, 12_345] {
            let all: Vec<_> = slices(count).collect();
            assert_eq!(all.iter().sum::<u64>(), count);
            assert!(all.iter().all(|n| *n > 0) && all.len() as u64 <= WINDOWS);
        }
    }

    #[test]
    fn the_pilot_doubles_until_the_warm_up_is_over() {
        let timing = Timing { warm_up_ns: 200_000, hot_ns: 1_000_000, floor_ns: 0, fixed_count: None };
        let mut counts = vec![];
        let derived = derive(&timing, |count| {
            counts.push(count);
            let until = clock::now_ns() + count * 1000;
            while clock::now_ns() < until {}
            Ok(())
        })
        .unwrap();
        assert!(counts.windows(2).all(|pair| pair[1] == 2 * pair[0]), "{counts:?}");
        assert!(derived.warm_up_ns >= 200_000 && derived.count >= WINDOWS);
        assert_eq!(derived.chosen_by, "time");
    }
}
