//! Number of units in a trial. A pilot doubles its count until the warm-up time has passed; the last pilots give the
//! count for the hot phase.

use super::MeasureError;
use crate::clock;
use crate::control::Page;
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

impl Sliced {
    /// Units done.
    pub fn units(&self) -> u64 {
        self.windows.iter().map(|window| window.messages).sum()
    }
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
    sliced(count, parts, &mut work, &mut |_| false)
}

/// Time of a timed phase after which its leader ends it: the processes of a trial may fall into a much slower rhythm than
/// that of the warm-up, such as sleeping for each message, from which the count was derived.
const LEAST_LIMIT_NS: u64 = 500_000_000;

/// Like [`in_slices`], for the leader of a phase that others count along: one slice after its time is over, the part ends on
/// all sides. A fixed count is never cut.
pub fn lead_in_slices(
    page: &Page,
    part: usize,
    (count, timing): (u64, &Timing),
    mut work: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<Sliced, MeasureError> {
    let limit_ns = match timing.fixed_count {
        Some(_) => u64::MAX,
        None => timing.hot_ns.saturating_mul(4).max(LEAST_LIMIT_NS),
    };
    sliced(count, WINDOWS, &mut work, &mut |at| {
        let end = page.end_of(part);
        if end.is_none() && at.elapsed_ns > limit_ns {
            page.set_end_of(part, at.done + at.next);
        }
        end.is_some_and(|end| at.done >= end)
    })
}

/// Counterpart of [`lead_in_slices`]. The last unit of a slice is done on this side after the leader began it, so the end that
/// the leader set before that slice is known here.
pub fn follow_in_slices(
    page: &Page,
    part: usize,
    count: u64,
    mut work: impl FnMut(u64) -> Result<(), MeasureError>,
) -> Result<Sliced, MeasureError> {
    sliced(count, WINDOWS, &mut work, &mut |at| page.end_of(part).is_some_and(|end| at.done >= end))
}

/// Progress before a slice.
struct Before {
    /// Units done.
    done: u64,
    /// Units of the slice.
    next: u64,
    elapsed_ns: u64,
}

/// Not generic, so compiled once: `work` and `over` are called once per slice.
fn sliced(
    count: u64,
    parts: u64,
    work: &mut dyn FnMut(u64) -> Result<(), MeasureError>,
    over: &mut dyn FnMut(&Before) -> bool,
) -> Result<Sliced, MeasureError> {
    let mut windows = Vec::with_capacity(WINDOWS as usize);
    let started_ns = clock::now_ns();
    let (mut ended_ns, mut done) = (started_ns, 0);
    for messages in shares(count, parts) {
        if over(&Before { done, next: messages, elapsed_ns: ended_ns - started_ns }) {
            break;
        }
        work(messages)?;
        done += messages;
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
    fn a_phase_far_beyond_its_time_ends_early_on_both_sides() {
        let (page, _descriptor) = Page::create().unwrap();
        let timing = Timing { warm_up_ns: 0, hot_ns: 1, floor_ns: 0, fixed_count: None };
        // The rhythm slows down in the third slice.
        let until_late = |page: &Page, timing: &Timing| {
            let mut slices = 0;
            let led = lead_in_slices(page, 1, (2_000, timing), |_| {
                slices += 1;
                let until = clock::now_ns() + if slices == 3 { LEAST_LIMIT_NS } else { 0 };
                while clock::now_ns() < until {}
                Ok(())
            });
            led.unwrap().units()
        };
        assert_eq!(until_late(&page, &timing), 400);
        assert_eq!((page.end_of(0), page.end_of(1)), (None, Some(400)));
        assert_eq!(follow_in_slices(&page, 1, 2_000, |_| Ok(())).unwrap().units(), 400);
        assert_eq!(follow_in_slices(&page, 0, 2_000, |_| Ok(())).unwrap().units(), 2_000);

        let (page, _descriptor) = Page::create().unwrap();
        assert_eq!(until_late(&page, &Timing { fixed_count: Some(2_000), ..timing }), 2_000);
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
