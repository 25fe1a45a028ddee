//! Names of metrics. The unit is the last word of the name.

/// Out and back, typical: the median over blocks of elapsed over count.
pub const ROUND_TRIP_NS: &str = "round_trip_ns";
/// Round trip: out and back where the clock is read after every trip, for the distribution; mean.
pub const STAMPED_ROUND_TRIP_NS: &str = "stamped_round_trip_ns";
/// Verified messages a second.
pub const MESSAGES_PER_S: &str = "messages_per_s";
/// Paced: from when a message was due until it was verified, median.
pub const LATENCY_NS: &str = "latency_ns";
/// Paced: messages a second that were due. [`MESSAGES_PER_S`] is what was achieved of them.
pub const OFFERED_PER_S: &str = "offered_per_s";
/// Lossy: share of the messages sent that never arrived.
pub const LOST_SHARE: &str = "lost_share";
/// Wake: from just before the send until the message was verified, median.
pub const WAKE_NS: &str = "wake_ns";
/// Set-up: all of it, from nothing to the first verified message and back to nothing, median.
pub const SET_UP_NS: &str = "set_up_ns";
/// Set-up: making the object.
pub const CREATE_NS: &str = "create_ns";
/// Set-up: both ends.
pub const ATTACH_NS: &str = "attach_ns";
/// Set-up: the first message, page faults included.
pub const FIRST_MESSAGE_NS: &str = "first_message_ns";
/// Set-up: a later message, for comparison.
pub const LATER_MESSAGE_NS: &str = "later_message_ns";
/// Set-up: closing and removing.
pub const TEAR_DOWN_NS: &str = "tear_down_ns";
/// Verified payload bytes a second.
pub const BYTES_PER_S: &str = "bytes_per_s";
/// Median of the distribution.
pub const P50_NS: &str = "p50_ns";
/// 90th percentile.
pub const P90_NS: &str = "p90_ns";
/// 99th percentile.
pub const P99_NS: &str = "p99_ns";
/// 99.9th percentile.
pub const P999_NS: &str = "p999_ns";
/// Smallest step of the clock that stamped the single events of the trial.
pub const CLOCK_STEP_NS: &str = "clock_step_ns";
/// Largest value seen.
pub const MAX_NS: &str = "max_ns";
/// Acquire: uncontended acquire and release, typical.
pub const ACQUIRE_NS: &str = "acquire_ns";
/// Acquire: uncontended acquire and release after another core held the lock. A difference, so noise can make it negative.
pub const ACQUIRE_REMOTE_NS: &str = "acquire_remote_ns";
/// Acquire: the same by a try that never waits.
pub const TRY_LOCK_NS: &str = "try_lock_ns";
/// Contention: acquisitions a second of all contenders together.
pub const ACQUISITIONS_PER_S: &str = "acquisitions_per_s";
/// Contention: how long the lock was held, median.
pub const HOLD_NS: &str = "hold_ns";
/// Contention: from the release until a waiter has the lock, median.
pub const HAND_OFF_NS: &str = "hand_off_ns";
/// Contention: share of acquisitions by another contender than the last holder.
pub const HANDED_OFF_SHARE: &str = "handed_off_share";
/// Contention: Jain's index over the whole window.
pub const JAIN: &str = "jain";
/// Contention: longest time that a contender went without the lock.
pub const STARVED_NS: &str = "starved_ns";
/// Contention: the most consecutive acquisitions by one contender.
pub const LONGEST_RUN: &str = "longest_run_acquisitions";
/// Contention: user and system time of all contenders, per acquisition.
pub const CPU_NS_PER_ACQUISITION: &str = "cpu_ns_per_acquisition";
/// Contention: voluntary and involuntary switches of all contenders, per acquisition.
pub const SWITCHES_PER_ACQUISITION: &str = "switches_per_acquisition";
/// Contention, read-mostly and access: acquisitions, or accesses, for each one that was stamped.
pub const SAMPLED_EVERY: &str = "sampled_every_acquisitions";
/// Contention and tickets: updates of the protected counter that vanished.
pub const LOST_UPDATES: &str = "lost_updates";
/// Contention: failed attempts per successful update.
pub const RETRIES_PER_UPDATE: &str = "retries_per_update";
/// Read-mostly: reads a second of all together.
pub const READS_PER_S: &str = "reads_per_s";
/// Read-mostly: writes a second of all together.
pub const WRITES_PER_S: &str = "writes_per_s";
/// Read-mostly: failed attempts per successful read.
pub const RETRIES_PER_READ: &str = "retries_per_read";
/// Read-mostly: from asking for a read until the look that was accepted began, median.
pub const READ_P50_NS: &str = "read_p50_ns";
/// The same, 99th percentile.
pub const READ_P99_NS: &str = "read_p99_ns";
/// Read-mostly: the longest that a read, of those looked at, had to wait.
pub const READ_STARVED_NS: &str = "read_starved_ns";
/// Read-mostly: from asking for a write until it began, median.
pub const WRITE_P50_NS: &str = "write_p50_ns";
/// The same, 99th percentile.
pub const WRITE_P99_NS: &str = "write_p99_ns";
/// Read-mostly: the longest that a write, of those looked at, had to wait.
pub const WRITE_STARVED_NS: &str = "write_starved_ns";
/// Tickets: time the whole sale took, over tickets sold.
pub const SALE_NS: &str = "sale_ns";
/// Tickets: sold beyond the stock.
pub const OVERSOLD: &str = "oversold_tickets";
/// Recover: from the death, or the last release after it, until the next owner has the lock, median.
pub const RECOVERY_NS: &str = "recovery_ns";
/// Recover: share of deaths after which the next in line got the lock within the time limit.
pub const RECOVERED_SHARE: &str = "recovered_share";
/// Recover: share of deaths that were reported to the next owner.
pub const TOLD_SHARE: &str = "told_share";
/// Recover: until a process that comes later has the lock, if the next in line did not get it, median.
pub const NEWCOMER_NS: &str = "newcomer_ns";
/// Start-up: from the call until the first message of the new process or thread has arrived, median.
pub const START_UP_NS: &str = "start_up_ns";
/// Start-up: until the call has returned, median.
pub const CALL_NS: &str = "call_ns";
/// Start-up: from the call until a message went there and back, median.
pub const MESSAGE_NS: &str = "message_ns";
/// Start-up: from the request to exit until the exit was seen, median.
pub const EXIT_NS: &str = "exit_ns";
/// Start-up and watch: reaping the child, median.
pub const REAP_NS: &str = "reap_ns";
/// Start-up: from the call until it was reaped, median.
pub const LIFE_NS: &str = "life_ns";
/// Start-up: processes a second, from call to reap, where several are started at once.
pub const STARTS_PER_S: &str = "starts_per_s";
/// Watch: from the end of the child, or of its parent, until it is known, median.
pub const NOTICE_NS: &str = "notice_ns";
/// Watch: one check whether the child is alive, typical.
pub const ALIVE_NS: &str = "alive_ns";
/// First write: writing to a page for the first time since it is shared, typical.
pub const FIRST_WRITE_NS: &str = "first_write_ns";
/// First write: writing there again, typical.
pub const LATER_WRITE_NS: &str = "later_write_ns";
/// Dispatch: the whole time over the tasks done in it.
pub const TASK_NS: &str = "task_ns";
/// Dispatch: tasks a second whose results were checked.
pub const TASKS_PER_S: &str = "tasks_per_s";
/// Dispatch: worker time for each task beyond its own work, (workers x whole time - tasks x grain) / tasks.
pub const TASK_OVERHEAD_NS: &str = "task_overhead_ns";
/// Dispatch: share of worker time that went into the tasks' own work.
pub const EFFICIENCY: &str = "efficiency";
/// Dispatch: from handing a task over until a worker begins it, median.
pub const SUBMIT_TO_START_NS: &str = "submit_to_start_ns";
/// Dispatch: from the end of a task until its result is read, median.
pub const FINISH_TO_VISIBLE_NS: &str = "finish_to_visible_ns";
/// Idle: CPU time of all roles in a second without work.
pub const IDLE_CPU_NS_PER_S: &str = "idle_cpu_ns_per_s";
/// Idle: switches of all roles in a second without work, voluntary and not.
pub const IDLE_SWITCHES_PER_S: &str = "idle_switches_per_s";
/// Set-up of a pool: terminating it, workers reaped, median.
pub const TERMINATE_NS: &str = "terminate_ns";
/// Set-up of a pool: proportional share of memory of one worker.
pub const PSS_BYTES_PER_WORKER: &str = "pss_bytes_per_worker";
/// Recover: tasks reported lost, for each worker killed.
pub const TASKS_LOST: &str = "tasks_lost";
/// Recover: tasks done by another worker after all, for each worker killed.
pub const TASKS_RETRIED: &str = "tasks_retried";
/// Drain: from the end of the last put until `join` has returned, median.
pub const DRAIN_NS: &str = "drain_ns";
/// Drain: a put that finds room, typical.
pub const PUT_NS: &str = "put_ns";
/// Drain: a get that finds an item, typical.
pub const GET_NS: &str = "get_ns";
/// Drain: a non-blocking put that finds no room, typical.
pub const PUT_FULL_NS: &str = "put_full_ns";
/// Drain: a non-blocking get that finds no item, typical.
pub const GET_EMPTY_NS: &str = "get_empty_ns";
/// Drain: how long after its time a put or get gives up, median.
pub const TIME_OUT_LATE_NS: &str = "time_out_late_ns";
/// Access: reads and writes a second of all accessors together.
pub const ACCESSES_PER_S: &str = "accesses_per_s";
/// Serve: requests a second that were answered and checked.
pub const REQUESTS_PER_S: &str = "requests_per_s";
/// Serve: connecting until the first answer, median.
pub const CONNECT_NS: &str = "connect_ns";
/// Serve: proportional share of memory of the server per connection.
pub const PSS_BYTES_PER_CONNECTION: &str = "pss_bytes_per_connection";
/// Parallel: from the start until both have done their work.
pub const WORK_NS: &str = "work_ns";
/// Parallel: the work of both one after the other, over the time both took together.
pub const SPEED_UP: &str = "speed_up";
/// User and system time of all roles together, per message (a round trip is two messages). Paced and wake: of the
/// receiver alone, since the sender keeps its CPU busy between messages whatever the mechanism. Access: per access.
pub const CPU_NS_PER_MESSAGE: &str = "cpu_ns_per_message";

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
