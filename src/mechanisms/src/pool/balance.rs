//! Load balancing for pools with one channel per worker. Shared by several rows.

use super::PoolConfig;

/// Bytes queued for one worker, about: half the capacity that a pipe has by default.
const QUEUE_BYTES: usize = 32 * 1024;
/// One request being executed and one queued, so that a worker that is done need not wait for the dispatcher.
const QUEUE_LIMIT_MIN: usize = 2;

/// Most requests of one worker at a time, including the one being executed: an even share of all requests in flight,
/// rounded up, but no more than fit a kernel channel, and at least [`QUEUE_LIMIT_MIN`].
pub(super) fn queue_limit(config: &PoolConfig) -> usize {
    let fits = QUEUE_BYTES / config.frame_bytes.max(1);
    even_share(config).min(fits).max(QUEUE_LIMIT_MIN)
}

/// The same for a channel that has room for all requests in flight.
pub(super) fn even_share(config: &PoolConfig) -> usize {
    (config.in_flight.div_ceil(config.workers) as usize).max(QUEUE_LIMIT_MIN)
}

/// The worker with the fewest requests, if it may have another one. The first of several, so that a caller with one
/// request at a time always uses the same worker, whose caches are warm.
#[inline]
pub(super) fn least_loaded(loads: impl Iterator<Item = usize>, queue_limit: usize) -> Option<usize> {
    loads.enumerate().filter(|(_, load)| *load < queue_limit).min_by_key(|(_, load)| *load).map(|(worker, _)| worker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_loaded_worker_is_chosen_unless_all_are_full() {
        assert_eq!(least_loaded([2, 1, 1].into_iter(), 3), Some(1));
        assert_eq!(least_loaded([0, 0].into_iter(), 1), Some(0));
        assert_eq!(least_loaded([3, 3].into_iter(), 3), None);
    }

    #[test]
    fn shares_are_even_and_fit_the_channel() {
        let config = |frame_bytes, workers| PoolConfig { workers, cpus: vec![], frame_bytes, in_flight: 64 };
        assert_eq!(queue_limit(&config(100, 2)), 32);
        assert_eq!(queue_limit(&config(100, 64)), 2);
        assert_eq!(queue_limit(&config(4096, 2)), 8);
        assert_eq!((queue_limit(&config(100_000, 1)), even_share(&config(100_000, 1))), (2, 64));
    }
}
