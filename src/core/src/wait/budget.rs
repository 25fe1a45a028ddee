//! Times to spin of the wait strategies, rings and locks. The lengths were chosen on an EPYC whose pause hint takes
//! 25 ns.

use crate::clock::pause::Budget;
use crate::record::SpinBudget;

/// [`SpinYield`](super::SpinYield), before it yields the CPU: a few cache line transfers, so that a message in transit
/// arrives before the first system call.
pub static BEFORE_YIELD: Budget = Budget::new("before_yield", 2_000);

/// [`Hybrid`](super::Hybrid), before it sleeps: about the cost of one sleep and wake, so that waiting costs at most twice
/// the better choice. Source of the bound: Karlin, Manasse, Rudolph, Sleator, Competitive Snoopy Caching, 1988.
pub static BEFORE_SLEEP: Budget = Budget::new("before_sleep", 10_000);

/// Reader of a stream, between two polls of a ring: several messages, and a few line transfers between distant cores.
pub static GATHER: Budget = Budget::new("gather", 800);

/// Reader of a closed loop, before its first poll at most: beyond it, one poll more or less makes no difference.
pub static FIRST_POLL: Budget = Budget::new("first_poll", 1_600);

/// Mutex that polls a few times before it sleeps, before each poll: the owner keeps the line for several critical
/// sections meanwhile, and four polls take as long as [`BEFORE_SLEEP`].
pub static MUTEX_POLL: Budget = Budget::new("mutex_poll", 2_500);

/// Exponential backoff, range of the first pause: about a line transfer.
pub static BACKOFF_FIRST: Budget = Budget::new("backoff_first", 100);

/// Exponential backoff, range of the longest pause: longer than any hand-off and far shorter than a time slice.
pub static BACKOFF_LONGEST: Budget = Budget::new("backoff_longest", 6_400);

/// Proportional backoff, for each contender ahead: less than a hand-off between two cores takes, so that no waiter misses
/// its turn even with empty critical sections.
pub static PER_TICKET: Budget = Budget::new("per_ticket", 50);

static ALL: [&Budget; 8] =
    [&BEFORE_YIELD, &BEFORE_SLEEP, &GATHER, &FIRST_POLL, &MUTEX_POLL, &BACKOFF_FIRST, &BACKOFF_LONGEST, &PER_TICKET];

/// Budgets that this process has used so far.
pub fn used() -> Vec<SpinBudget> {
    ALL.iter().filter_map(|budget| budget.used()).collect()
}
