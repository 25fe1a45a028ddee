//! Resource use of a role between hot start and hot end: CPU time, switches, faults, run states and clock frequency.
//! Source: CPU clocks and getrusage(2), see `cpu_time.rs`; /proc/thread-self/schedstat, documented in the kernel's
//! sched-stats.
//!
//! The states, switches and faults are those of the role's thread. So is its CPU time where the roles are threads of one
//! process; a role that is a process has the CPU time of all its threads, since a library may work for it in others.

use std::io;

use nix::sys::resource::{Usage, UsageWho, getrusage};

use super::schedule::spin_until;
use super::{Task, cpu_time, own_threads, proc, window};
use crate::clock;
use crate::machine::counters::Opened;
use crate::machine::{energy, pin};
use crate::record::{Isolation, RoleCost};

/// Folder of the calling thread in /proc.
const THREAD: &str = "/proc/thread-self";

/// Counters of a role at hot start.
pub struct Meter {
    usage: Option<Usage>,
    ready_ns: u64,
    own_threads_ns: u64,
    cpu: u32,
    others_ns: u64,
    core_step_ns: f64,
    wall_ns: u64,
    cpu_time_ns: u64,
    counters: Option<Opened>,
    energy: Option<energy::Reading>,
}

impl Meter {
    /// Reads the counters of the calling thread and its process. Takes some 30 us, so call it outside the timed part.
    pub fn start() -> Self {
        let mut counters = Opened::open();
        Self {
            core_step_ns: clock::core_step_ns(),
            usage: getrusage(UsageWho::RUSAGE_THREAD).ok(),
            ready_ns: proc::ready_ns(THREAD),
            own_threads_ns: own_threads::running_ns(),
            cpu: pin::current_cpu(),
            others_ns: cpu_time::other_threads_ns(),
            energy: energy::Reading::now(),
            // Just before the wall time, so that little but the work is counted.
            counters: {
                counters.iter_mut().for_each(Opened::start);
                counters
            },
            // The wall time spans the thread's CPU time, so that this never exceeds it.
            wall_ns: clock::now_ns(),
            cpu_time_ns: cpu_time::this_thread_ns(),
        }
    }

    /// Begins the time of the meter now, after a wait that the other counters include.
    fn begin(&mut self) {
        self.wall_ns = clock::now_ns();
        self.cpu_time_ns = cpu_time::this_thread_ns();
    }

    /// Reads the counters again and returns the difference.
    pub fn stop(self, task: &Task, messages: u64) -> RoleCost {
        let cpu_time_ns = cpu_time::this_thread_ns();
        let wall_ns = clock::now_ns() - self.wall_ns;
        let counters = self.counters.map(Opened::stop);
        let leads = task.slot == 0;
        let energy = self.energy.filter(|_| leads).and_then(|before| Some(energy::Reading::now()?.since(&before)));
        let others_ns = cpu_time::other_threads_ns();
        let after = getrusage(UsageWho::RUSAGE_THREAD).ok();
        let ready_ns = proc::ready_ns(THREAD);
        let running_ns = cpu_time_ns.saturating_sub(self.cpu_time_ns).min(wall_ns);
        let ready_ns = ready_ns.saturating_sub(self.ready_ns).min(wall_ns - running_ns);
        let of_others_ns = match task.case.isolation {
            Isolation::Process => others_ns.saturating_sub(self.others_ns),
            Isolation::Thread => 0,
        };
        let usage = self.usage.as_ref().zip(after.as_ref());
        let (user_ns, system_ns) = usage.map_or((0, 0), |(before, after)| cpu_time::estimates(before, after));
        let (user_ns, system_ns) = cpu_time::split(running_ns + of_others_ns, user_ns, system_ns);
        let grown = |read: fn(&Usage) -> i64| {
            usage.map_or(0, |(before, after)| u64::try_from(read(after) - read(before)).unwrap_or(0))
        };
        RoleCost {
            role: task.role.to_string(),
            cpu: task.cpu,
            messages,
            wall_ns,
            user_ns,
            system_ns,
            voluntary_switches: grown(Usage::voluntary_context_switches),
            involuntary_switches: grown(Usage::involuntary_context_switches),
            minor_faults: grown(Usage::minor_page_faults),
            major_faults: grown(Usage::major_page_faults),
            running_ns,
            ready_ns,
            blocked_ns: wall_ns - running_ns - ready_ns,
            own_threads_ns: own_threads::running_ns().saturating_sub(self.own_threads_ns),
            migrations: u64::from(pin::current_cpu() != task.cpu.unwrap_or(self.cpu)),
            core_step_ns: Some([self.core_step_ns, clock::core_step_ns()]),
            counters,
            package_energy_uj: energy,
            ..RoleCost::default()
        }
    }
}

/// Meter of a window that begins at an agreed time.
#[derive(Default)]
pub(crate) struct Gauge {
    meter: Option<Meter>,
    cost: Option<RoleCost>,
}

impl Gauge {
    /// Waits for the begin of a window and starts the meter there; returns the time.
    pub(crate) fn wait_for(&mut self, start_ns: u64) -> io::Result<u64> {
        window::sleep_until_near(start_ns);
        let mut meter = Meter::start();
        let started_ns = spin_until(start_ns)?;
        meter.begin();
        self.meter = Some(meter);
        Ok(started_ns)
    }

    /// Stops the meter at the end of the window, before its results are summarised.
    pub(crate) fn stop(&mut self, task: &Task) {
        self.cost = self.meter.take().map(|meter| meter.stop(task, 0));
    }

    /// Cost of the window, in which the role completed so many `messages`.
    pub(crate) fn cost(self, messages: u64) -> Option<RoleCost> {
        self.cost.map(|cost| RoleCost { messages, ..cost })
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::protocol::Timing;
    use crate::record::{Case, Measure, Params, Placement, Role};

    fn task(isolation: Isolation) -> Task {
        let case = Case {
            family: "transport".into(),
            mechanism: "null".into(),
            group: None,
            program: None,
            wait: None,
            measure: Measure::Stream,
            isolation,
            placement: Placement::Unpinned,
            params: Params::default(),
        };
        let timing = Timing { warm_up_ns: 0, hot_ns: 0, floor_ns: 0, fixed_count: Some(1) };
        Task {
            case,
            timing,
            fault: None,
            role: Role::Sender,
            slot: 0,
            cpu: None,
            trial_cpus: vec![],
            ticks_trusted: false,
        }
    }

    #[test]
    fn ticks_are_compared_between_all_cpus_of_the_trial() {
        // A pinned role once compared its own CPU with itself. The thread ends pinned.
        let pinned = || {
            pin::pin_this_thread(pin::allowed_cpus().expect("CPUs")[0]).expect("pinned");
            let own = pin::current_cpu();
            let of = |trial_cpus| Task { trial_cpus, cpu: Some(own), ticks_trusted: true, ..task(Isolation::Thread) };
            assert!(of(vec![own]).ticks_agree());
            assert!(!of(vec![own, 1_000_000]).ticks_agree());
            assert!(!Task { ticks_trusted: false, ..of(vec![own]) }.ticks_agree());
        };
        thread::scope(|scope| scope.spawn(pinned).join()).expect("no failed assertion");
    }

    #[test]
    fn what_precedes_the_window_is_not_counted() {
        let task = task(Isolation::Thread);
        let mut gauge = Gauge::default();
        let start_ns = clock::now_ns() + 3_000_000;
        let started_ns = gauge.wait_for(start_ns).expect("not aborted");
        work_for(200_000);
        gauge.stop(&task);
        let after_ns = clock::now_ns();
        // Encoding the result is not part of the window either.
        work_for(50_000_000);
        let cost = gauge.cost(7).expect("a window");
        assert!(started_ns >= start_ns && cost.wall_ns <= after_ns - start_ns, "{cost:?}");
        assert!(cost.running_ns >= 200_000 && cost.running_ns <= cost.wall_ns, "{cost:?}");
        assert_eq!(cost.messages, 7);
    }

    /// Keeps the thread busy for `ns` of its own CPU time.
    fn work_for(ns: u64) {
        let start_ns = cpu_time::this_thread_ns();
        while cpu_time::this_thread_ns() < start_ns + ns {}
    }

    /// Windows far shorter than a tick: a counter that moves in ticks shows 0 in most and a whole tick in some.
    #[test]
    fn windows_shorter_than_a_tick_are_counted_and_fit_the_wall_time() {
        for _ in 0..20 {
            let meter = Meter::start();
            work_for(100_000);
            let cost = meter.stop(&task(Isolation::Thread), 1);
            assert!(cost.running_ns >= 100_000, "{cost:?}");
            assert_eq!(cost.user_ns + cost.system_ns, cost.running_ns);
            assert_eq!(cost.running_ns + cost.ready_ns + cost.blocked_ns, cost.wall_ns);
        }
    }

    #[test]
    fn a_role_that_is_a_process_pays_for_the_threads_of_its_libraries() {
        let cost_of = |isolation| {
            let meter = Meter::start();
            thread::scope(|scope| drop(scope.spawn(|| work_for(3_000_000)).join()));
            meter.stop(&task(isolation), 1)
        };
        let cost = cost_of(Isolation::Process);
        assert!(cost.user_ns + cost.system_ns >= 3_000_000, "{cost:?}");
        let cost = cost_of(Isolation::Thread);
        assert_eq!(cost.user_ns + cost.system_ns, cost.running_ns);
    }
}
