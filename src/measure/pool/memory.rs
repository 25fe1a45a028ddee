//! What memory a worker has to itself.

use crate::measure::proc;
use crate::pool::Hand;

/// Proportional share of each worker that is a process, in bytes.
pub(super) fn shares(hands: &[Hand]) -> Vec<f64> {
    let share = |hand: &Hand| match hand {
        Hand::Process(pid) => proc::pss_bytes(*pid).map(|bytes| bytes as f64),
        Hand::Thread(_) => None,
    };
    hands.iter().filter_map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_have_a_share() {
        assert!(shares(&[Hand::Thread(1)]).is_empty());
        assert!(shares(&[Hand::Process(std::process::id())]).iter().all(|bytes| *bytes > 0.0));
    }
}
