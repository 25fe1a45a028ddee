//! Names of metrics: one table. The unit is the last word of the name, see [`unit()`]. Columns of exports follow from it.

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in records.
    pub name: &'static str,
    /// Documentation, one line.
    pub doc: &'static str,
}

/// Declares the names and [`ALL`] together.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])+ $constant:ident = $name:literal,)*) => {
        $($(#[doc = $doc])+ pub const $constant: &str = $name;)*

        /// Every metric, in order.
        pub const ALL: &[Metric] = &[$(Metric { name: $name, doc: concat!($($doc),+) }),*];
    };
}

/// Share of [`OFFERED_PER_S`] below which a rate is missed.
pub const ACHIEVED_SHARE_MIN: f64 = 0.99;

metrics! {
    /// Out and back, typical: the median over blocks of elapsed over count.
    ROUND_TRIP_NS = "round_trip_ns",
    /// Round trip: out and back where the clock is read after every trip, for the distribution; mean.
    STAMPED_ROUND_TRIP_NS = "stamped_round_trip_ns",
    /// Verified messages a second.
    MESSAGES_PER_S = "messages_per_s",
    /// Paced: from when a message was due until it was verified, median.
    LATENCY_NS = "latency_ns",
    /// Paced: messages a second that were due. [`MESSAGES_PER_S`] is what was achieved of them.
    OFFERED_PER_S = "offered_per_s",
    /// Lossy: share of the messages sent that never arrived.
    LOST_SHARE = "lost_share",
    /// Wake: from just before the send until the message was verified, median.
    WAKE_NS = "wake_ns",
    /// Set-up: all of it, from nothing to the first verified message and back to nothing, median.
    SET_UP_NS = "set_up_ns",
    /// Set-up: making the object.
    CREATE_NS = "create_ns",
    /// Set-up: both ends.
    ATTACH_NS = "attach_ns",
    /// Set-up: the first message, page faults included.
    FIRST_MESSAGE_NS = "first_message_ns",
    /// Set-up: a later message, for comparison.
    LATER_MESSAGE_NS = "later_message_ns",
    /// Set-up: closing and removing.
    TEAR_DOWN_NS = "tear_down_ns",
    /// Verified payload bytes a second.
    BYTES_PER_S = "bytes_per_s",
    /// Median of the distribution.
    P50_NS = "p50_ns",
    /// 90th percentile.
    P90_NS = "p90_ns",
    /// 99th percentile.
    P99_NS = "p99_ns",
    /// 99.9th percentile.
    P999_NS = "p999_ns",
    /// Smallest step of the clock that stamped the single events of the trial.
    CLOCK_STEP_NS = "clock_step_ns",
    /// Largest value seen.
    MAX_NS = "max_ns",
    /// Acquire: uncontended acquire and release, typical.
    ACQUIRE_NS = "acquire_ns",
    /// Acquire: uncontended acquire and release after another core held the lock. A difference, so noise can make it
    /// negative.
    ACQUIRE_REMOTE_NS = "acquire_remote_ns",
    /// Acquire: the same by a try that never waits.
    TRY_LOCK_NS = "try_lock_ns",
    /// Contention: acquisitions a second of all contenders together.
    ACQUISITIONS_PER_S = "acquisitions_per_s",
    /// Contention: how long the lock was held, median.
    HOLD_NS = "hold_ns",
    /// Contention: from the release until a waiter has the lock, median.
    HAND_OFF_NS = "hand_off_ns",
    /// Contention: share of acquisitions by another contender than the last holder.
    HANDED_OFF_SHARE = "handed_off_share",
    /// Contention: Jain's index over the whole window.
    JAIN = "jain",
    /// Contention: longest time that a contender went without the lock.
    STARVED_NS = "starved_ns",
    /// Contention: the most consecutive acquisitions by one contender.
    LONGEST_RUN = "longest_run_acquisitions",
    /// Contention: user and system time of all contenders, per acquisition.
    CPU_NS_PER_ACQUISITION = "cpu_ns_per_acquisition",
    /// Contention: voluntary and involuntary switches of all contenders, per acquisition.
    SWITCHES_PER_ACQUISITION = "switches_per_acquisition",
    /// Contention, read-mostly and access: acquisitions, or accesses, for each one that was stamped.
    SAMPLED_EVERY = "sampled_every_acquisitions",
    /// Contention and tickets: updates of the protected counter that vanished.
    LOST_UPDATES = "lost_updates",
    /// Contention: failed attempts per successful update.
    RETRIES_PER_UPDATE = "retries_per_update",
    /// Read-mostly: reads a second of all together.
    READS_PER_S = "reads_per_s",
    /// Read-mostly: writes a second of all together.
    WRITES_PER_S = "writes_per_s",
    /// Read-mostly: failed attempts per successful read.
    RETRIES_PER_READ = "retries_per_read",
    /// Read-mostly: from asking for a read until the look that was accepted began, median.
    READ_P50_NS = "read_p50_ns",
    /// The same, 99th percentile.
    READ_P99_NS = "read_p99_ns",
    /// Read-mostly: the longest that a read, of those looked at, had to wait.
    READ_STARVED_NS = "read_starved_ns",
    /// Read-mostly: from asking for a write until it began, median.
    WRITE_P50_NS = "write_p50_ns",
    /// The same, 99th percentile.
    WRITE_P99_NS = "write_p99_ns",
    /// Read-mostly: the longest that a write, of those looked at, had to wait.
    WRITE_STARVED_NS = "write_starved_ns",
    /// Tickets: time the whole sale took, over tickets sold.
    SALE_NS = "sale_ns",
    /// Tickets: sold beyond the stock.
    OVERSOLD = "oversold_tickets",
    /// Recover: from the death, or the last release after it, until the next owner has the lock, median.
    RECOVERY_NS = "recovery_ns",
    /// Recover: share of deaths after which the next in line got the lock within the time limit.
    RECOVERED_SHARE = "recovered_share",
    /// Recover: share of deaths that were reported to the next owner.
    TOLD_SHARE = "told_share",
    /// Recover: until a process that comes later has the lock, if the next in line did not get it, median.
    NEWCOMER_NS = "newcomer_ns",
    /// Start-up: from the call until the first message of the new process or thread has arrived, median.
    START_UP_NS = "start_up_ns",
    /// Start-up: until the call has returned, median.
    CALL_NS = "call_ns",
    /// Start-up: from the call until a message went there and back, median.
    MESSAGE_NS = "message_ns",
    /// Start-up: from the request to exit until the exit was seen, median.
    EXIT_NS = "exit_ns",
    /// Start-up and watch: reaping the child, median.
    REAP_NS = "reap_ns",
    /// Start-up: from the call until it was reaped, median.
    LIFE_NS = "life_ns",
    /// Start-up: processes a second, from call to reap, where several are started at once.
    STARTS_PER_S = "starts_per_s",
    /// Watch: from the end of the child, or of its parent, until it is known, median.
    NOTICE_NS = "notice_ns",
    /// Watch: one check whether the child is alive, typical.
    ALIVE_NS = "alive_ns",
    /// First write: writing to a page for the first time since it is shared, typical.
    FIRST_WRITE_NS = "first_write_ns",
    /// First write: writing there again, typical.
    LATER_WRITE_NS = "later_write_ns",
    /// Dispatch: the whole time over the tasks done in it.
    TASK_NS = "task_ns",
    /// Dispatch: tasks a second whose results were checked.
    TASKS_PER_S = "tasks_per_s",
    /// Dispatch: worker time for each task beyond its own work, (workers x whole time - tasks x grain) / tasks.
    TASK_OVERHEAD_NS = "task_overhead_ns",
    /// Dispatch: share of worker time that went into the tasks' own work.
    EFFICIENCY = "efficiency",
    /// Dispatch: from handing a task over until a worker begins it, median.
    SUBMIT_TO_START_NS = "submit_to_start_ns",
    /// Dispatch: from the end of a task until its result is read, median.
    FINISH_TO_VISIBLE_NS = "finish_to_visible_ns",
    /// Idle: CPU time of all roles in a second without work.
    IDLE_CPU_NS_PER_S = "idle_cpu_ns_per_s",
    /// Idle: switches of all roles in a second without work, voluntary and not.
    IDLE_SWITCHES_PER_S = "idle_switches_per_s",
    /// Set-up of a pool: terminating it, workers reaped, median.
    TERMINATE_NS = "terminate_ns",
    /// Set-up of a pool: proportional share of memory of one worker.
    PSS_BYTES_PER_WORKER = "pss_bytes_per_worker",
    /// Recover: tasks reported lost, for each worker killed.
    TASKS_LOST = "tasks_lost",
    /// Recover: tasks done by another worker after all, for each worker killed.
    TASKS_RETRIED = "tasks_retried",
    /// Drain: from the end of the last put until `join` has returned, median.
    DRAIN_NS = "drain_ns",
    /// Drain: a put that finds room, typical.
    PUT_NS = "put_ns",
    /// Drain: a get that finds an item, typical.
    GET_NS = "get_ns",
    /// Drain: a non-blocking put that finds no room, typical.
    PUT_FULL_NS = "put_full_ns",
    /// Drain: a non-blocking get that finds no item, typical.
    GET_EMPTY_NS = "get_empty_ns",
    /// Drain: how long after its time a put or get gives up, median.
    TIME_OUT_LATE_NS = "time_out_late_ns",
    /// Access: reads and writes a second of all accessors together.
    ACCESSES_PER_S = "accesses_per_s",
    /// Serve: requests a second that were answered and checked.
    REQUESTS_PER_S = "requests_per_s",
    /// Serve: connecting until the first answer, median.
    CONNECT_NS = "connect_ns",
    /// Serve: proportional share of memory of the server per connection.
    PSS_BYTES_PER_CONNECTION = "pss_bytes_per_connection",
    /// Parallel: from the start until both have done their work.
    WORK_NS = "work_ns",
    /// Parallel: the work of both one after the other, over the time both took together.
    SPEED_UP = "speed_up",
    /// Core to core: round trip over two cache lines, median over the pairs of CPUs.
    LINE_ROUND_TRIP_NS = "line_round_trip_ns",
    /// Core to core: the same of the fastest pair.
    NEAREST_ROUND_TRIP_NS = "nearest_round_trip_ns",
    /// Core to core: the same of the slowest pair.
    FARTHEST_ROUND_TRIP_NS = "farthest_round_trip_ns",
    /// User and system time of all roles together, per message (a round trip is two messages). Paced and wake: of the
    /// receiver alone, since the sender keeps its CPU busy between messages whatever the mechanism. Access: per access.
    CPU_NS_PER_MESSAGE = "cpu_ns_per_message",
    /// Cycles of the roles that [`CPU_NS_PER_MESSAGE`] counts, per message.
    CYCLES_PER_MESSAGE = "cycles_per_message",
    /// Instructions of the same roles, per message.
    INSTRUCTIONS_PER_MESSAGE = "instructions_per_message",
    /// Misses of the last cache level, of the same roles, per message.
    CACHE_MISSES_PER_MESSAGE = "cache_misses_per_message",
    /// Mispredicted branches of the same roles, per message.
    BRANCH_MISSES_PER_MESSAGE = "branch_misses_per_message",
}

/// Unit of a number by the end of its name: `round_trip_ns` is in `ns`. Empty for a count or a ratio.
///
/// ```
/// use ipcmark_record::metric;
/// assert_eq!(metric::unit(metric::ROUND_TRIP_NS), "ns");
/// assert_eq!(metric::unit(metric::MESSAGES_PER_S), "1/s");
/// assert_eq!(metric::unit(metric::JAIN), "");
/// ```
pub fn unit(name: &str) -> &'static str {
    const UNITS: [(&str, &str); 12] = [
        ("_ns_per_s", "ns/s"),
        ("bytes_per_s", "B/s"),
        ("_per_s", "1/s"),
        ("_ns", "ns"),
        ("_us", "us"),
        ("_ms", "ms"),
        ("_s", "s"),
        ("_bytes", "B"),
        ("_percent", "%"),
        ("_hz", "Hz"),
        ("_share", "0 to 1"),
        ("_cpus", "CPUs"),
    ];
    // `cpu_ns_per_message`, `pss_bytes_per_worker`: of one message, of one worker.
    let per = |unit: &str| name.contains(unit) && !name.ends_with("_per_s");
    if per("_ns_per_") {
        "ns"
    } else if per("_bytes_per_") {
        "B"
    } else {
        UNITS.iter().find(|(end, _)| name.ends_with(end)).map_or("", |(_, unit)| unit)
    }
}

/// Metrics made of the times between two single stamps. A report withholds one that the clock cannot
/// tell, and marks it if it is the main metric.
pub const OF_SINGLE_EVENTS: [&str; 20] = [
    P50_NS,
    P90_NS,
    P99_NS,
    P999_NS,
    READ_P50_NS,
    READ_P99_NS,
    WRITE_P50_NS,
    WRITE_P99_NS,
    HAND_OFF_NS,
    SUBMIT_TO_START_NS,
    FINISH_TO_VISIBLE_NS,
    CONNECT_NS,
    LATER_MESSAGE_NS,
    LATENCY_NS,
    WAKE_NS,
    SET_UP_NS,
    RECOVERY_NS,
    START_UP_NS,
    NOTICE_NS,
    DRAIN_NS,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Measure;

    #[test]
    fn names_are_unique_documented_and_include_those_that_answer_a_measure() {
        for (at, row) in ALL.iter().enumerate() {
            assert!(ALL[..at].iter().all(|other| other.name != row.name), "{} twice", row.name);
            assert!(row.doc.trim().ends_with('.'), "{}", row.name);
        }
        let known = |name: &str| ALL.iter().any(|row| row.name == name);
        assert!(Measure::ALL.iter().filter_map(|measure| measure.row().main).all(|main| known(main.name)));
        assert!(OF_SINGLE_EVENTS.iter().all(|name| known(name)));
    }

    #[test]
    fn units_are_the_end_of_a_name() {
        for (name, due) in [
            (CPU_NS_PER_MESSAGE, "ns"),
            (IDLE_CPU_NS_PER_S, "ns/s"),
            (PSS_BYTES_PER_WORKER, "B"),
            (BYTES_PER_S, "B/s"),
            (LOST_SHARE, "0 to 1"),
            (RETRIES_PER_READ, ""),
            (LONGEST_RUN, ""),
        ] {
            assert_eq!(unit(name), due, "{name}");
        }
    }
}
