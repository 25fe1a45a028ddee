//! Who gets the next frame where each worker has a channel of its own, and how many may be ahead of it. Not a mechanism.

use super::Staff;

/// Bytes that are under way to one worker, about: half of what a pipe holds as the kernel makes it.
const AHEAD_BYTES: usize = 32 * 1024;
/// One in hand and one to go on with: a worker that is done need not wait for its dispatcher.
const AHEAD_MIN: usize = 2;

/// Frames that one worker has at a time, the one in hand included: an even share of all that can be out, rounded up, as
/// far as a channel of the kernel holds them, but always one to go on with.
pub(super) fn ahead(staff: &Staff) -> usize {
    let fits = AHEAD_BYTES / staff.frame_bytes.max(1);
    even(staff).min(fits).max(AHEAD_MIN)
}

/// The same for a channel that holds whatever can be out.
pub(super) fn even(staff: &Staff) -> usize {
    (staff.in_flight.div_ceil(staff.workers) as usize).max(AHEAD_MIN)
}

/// The seat with the fewest frames of those that have room for another; the first of several, so that a caller who hands
/// out one at a time keeps to one worker, who is still warm.
#[inline]
pub(super) fn least_loaded(loads: impl Iterator<Item = usize>, ahead: usize) -> Option<usize> {
    loads.enumerate().filter(|(_, load)| *load < ahead).min_by_key(|(_, load)| *load).map(|(seat, _)| seat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_least_gets_the_next_and_nobody_more_than_there_may_be_ahead() {
        assert_eq!(least_loaded([2, 1, 1].into_iter(), 3), Some(1));
        assert_eq!(least_loaded([0, 0].into_iter(), 1), Some(0));
        assert_eq!(least_loaded([3, 3].into_iter(), 3), None);
    }

    #[test]
    fn a_share_is_even_and_fits() {
        let staff = |frame_bytes, workers| Staff { workers, cpus: vec![], frame_bytes, in_flight: 64 };
        assert_eq!(ahead(&staff(100, 2)), 32);
        assert_eq!(ahead(&staff(100, 64)), 2);
        assert_eq!(ahead(&staff(4096, 2)), 8);
        assert_eq!((ahead(&staff(100_000, 1)), even(&staff(100_000, 1))), (2, 64));
    }
}
