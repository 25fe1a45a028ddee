//! Disturbances of a trial by other load or by the system, each with its cause and amount.
//!
//! 1. The hypervisor took more than 1 % of the time of the trial's CPUs.
//! 2. A CPU quota of the own control group or a parent was used up.
//! 3. A pinned role with a CPU of its own waited for it for more than 1 % of its time. Its own wake-ups do not count: after
//!    each, up to [`WAKE_UP_NS`] are allowed for. Neither does time of its process's other threads on this CPU.
//! 4. A pinned role was found on another CPU.
//! 5. The clock frequency of a pinned role's core changed by more than 5 % from the start to the end of its timed part.
//! 6. Another ipcmark was running. One in other namespaces cannot be found by name; rule 3 finds it where it uses the same CPU.
//!
//! A case that asks for sharing, by more roles than CPUs or by hogs, is judged by what it asked for: rule 3 leaves out the
//! CPUs that it gives to more than one. Measures that time nothing are not disturbed.

use std::collections::BTreeSet;
use std::time::Duration;

use ipcmark::record::{Case, Measure, Noise, Role, RoleCost, Throttling};

/// Share of CPU time taken by the hypervisor above which a trial counts as disturbed.
const STOLEN_SHARE_MAX: f64 = 0.01;

/// Share of its time that a role may wait for its own CPU.
const WAITED_SHARE_MAX: f64 = 0.01;

/// Longest wait from a wake-up until the role runs on its idle CPU. Since Linux 6.0 the woken CPU itself makes the role ready,
/// which leaves a context switch. Earlier kernels, and real-time ones, let the waker do that, so that the wait includes the end
/// of an idle state of the woken CPU.
const WAKE_UP_NS: WakeUp = WakeUp { queued_there: 2_000, queued_by_waker: 200_000 };

/// Change of a core's clock frequency, as a share, above which a trial counts as disturbed.
const CLOCK_CHANGE_MAX: f64 = 0.05;

struct WakeUp {
    queued_there: u64,
    queued_by_waker: u64,
}

/// Roles that are one thread. Others start processes or threads that share their CPU.
const SINGLE: [Role; 12] = [
    Role::Pinger,
    Role::Ponger,
    Role::Sender,
    Role::Receiver,
    Role::Solo,
    Role::Contender,
    Role::Accessor,
    Role::Producer,
    Role::Consumer,
    Role::First,
    Role::Second,
    Role::Worker,
];

/// Conditions of a trial.
pub(super) struct Conditions<'a> {
    pub(super) case: &'a Case,
    pub(super) noise: &'a Noise,
    pub(super) elapsed: Duration,
    /// CPUs that the trial may use; empty when unpinned.
    pub(super) cpus: &'a [u32],
    /// CPU of each role, by slot; empty when unpinned.
    pub(super) placed: &'a [u32],
    /// As the system names it, with its version.
    pub(super) kernel: &'a str,
}

impl Conditions<'_> {
    /// A sentence for each disturbance.
    pub(super) fn disturbances(&self, roles: &[RoleCost]) -> Vec<String> {
        if self.case.main_metric().is_none() && self.case.measure != Measure::Floors {
            return vec![];
        }
        let throttled = self.throttled();
        let mut found: Vec<String> = self.stolen().into_iter().collect();
        // A throttled role waits as well, and the quota is why.
        match throttled {
            Some(quota) => found.push(quota),
            None => found.extend(roles.iter().filter_map(|role| self.waited(role))),
        }
        if !self.cpus.is_empty() && self.noise.migrations > 0 {
            found.push(format!("a pinned role was found on another CPU {} times", self.noise.migrations));
        }
        found.extend(roles.iter().filter_map(clock_change));
        if self.noise.other_run {
            found.push("another ipcmark was running on this machine".to_owned());
        }
        found
    }

    fn stolen(&self) -> Option<String> {
        let stolen_ms = self.noise.after.steal_ms.saturating_sub(self.noise.before.steal_ms);
        let share = stolen_ms as f64 / self.cpu_ms().max(1.0);
        (share > STOLEN_SHARE_MAX)
            .then(|| format!("the hypervisor took {:.0} % of the CPU time ({stolen_ms} ms)", 100.0 * share))
    }

    /// CPU time available to the trial, on the CPUs whose stolen time was read.
    fn cpu_ms(&self) -> f64 {
        let pinned: BTreeSet<_> = self.cpus.iter().collect();
        let cpus = match pinned.len() {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            some => some,
        };
        self.elapsed.as_secs_f64() * 1e3 * cpus as f64
    }

    fn throttled(&self) -> Option<String> {
        let (before, after) = (self.noise.before.throttling?, self.noise.after.throttling?);
        let grown = |of: fn(&Throttling) -> u64| of(&after).saturating_sub(of(&before));
        let (some, all) = (grown(|it| it.throttled_periods), grown(|it| it.periods));
        let ms = grown(|it| it.throttled_us) as f64 / 1e3;
        (some > 0 || ms > 0.0).then(|| {
            format!(
                "the CPU quota of its control group stopped it in {some} of {all} periods ({ms:.0} ms over all CPUs)"
            )
        })
    }

    /// Sentence about a role that waited for its CPU because another process used it.
    fn waited(&self, role: &RoleCost) -> Option<String> {
        let cpu = role.cpu.filter(|cpu| self.is_own(*cpu))?;
        if !SINGLE.iter().any(|single| single.word() == role.role) {
            return None;
        }
        let allowed_ns = role.voluntary_switches * self.wake_up_ns() + role.own_threads_ns;
        let waited_ns = role.ready_ns.saturating_sub(allowed_ns);
        let share = waited_ns as f64 / role.wall_ns.max(1) as f64;
        let [waited_ms, wall_ms] = [waited_ns, role.wall_ns].map(|ns| ns as f64 / 1e6);
        (share > WAITED_SHARE_MAX).then(|| {
            format!(
                "another process used CPU {cpu} of the {} for {:.0} % of the time ({waited_ms:.1} of {wall_ms:.1} ms)",
                role.role,
                100.0 * share
            )
        })
    }

    /// Whether the case gives `cpu` to one role only. The hogs take the roles' CPUs in turn.
    fn is_own(&self, cpu: u32) -> bool {
        let hogs = self.case.params.hogs.unwrap_or(0) as usize;
        let users = self.placed.iter().chain(self.placed.iter().cycle().take(hogs));
        users.filter(|placed| **placed == cpu).count() == 1
    }

    fn wake_up_ns(&self) -> u64 {
        let major = self.kernel.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        let there = major >= 6 && !self.kernel.contains("PREEMPT_RT");
        if there { WAKE_UP_NS.queued_there } else { WAKE_UP_NS.queued_by_waker }
    }
}

/// Sentence about a pinned role whose core changed its clock frequency.
fn clock_change(role: &RoleCost) -> Option<String> {
    let (cpu, [before_ns, after_ns]) = (role.cpu?, role.core_step_ns?);
    let change = before_ns / after_ns - 1.0;
    (change.abs() > CLOCK_CHANGE_MAX)
        .then(|| format!("the clock frequency of CPU {cpu} of the {} changed by {:+.0} %", role.role, 100.0 * change))
}

#[cfg(test)]
mod tests {
    use ipcmark::record::{NoiseReading, Placement};

    use super::*;

    const KERNEL: &str = "6.8.0-40-generic #40-Ubuntu SMP PREEMPT_DYNAMIC";

    fn case() -> Case {
        Case { placement: Placement::SameL3, ..Case::new("transport", "pipe", Measure::RoundTrip) }
    }

    fn role(cpu: u32, ready_ms: u64) -> RoleCost {
        RoleCost {
            role: Role::Ponger.to_string(),
            cpu: Some(cpu),
            wall_ns: 60_000_000,
            ready_ns: ready_ms * 1_000_000,
            ..RoleCost::default()
        }
    }

    /// Disturbances of a trial of 100 ms on the CPUs of its roles.
    fn judged(case: &Case, placed: &[u32], noise: &Noise, roles: &[RoleCost], kernel: &str) -> Vec<String> {
        let elapsed = Duration::from_millis(100);
        Conditions { case, noise, elapsed, cpus: placed, placed, kernel }.disturbances(roles)
    }

    fn quiet(roles: &[RoleCost]) -> Vec<String> {
        judged(&case(), &[0, 1], &Noise::default(), roles, KERNEL)
    }

    #[test]
    fn a_role_that_waited_for_its_own_cpu_was_disturbed() {
        let found = quiet(&[role(0, 0), role(1, 29)]);
        assert_eq!(found, ["another process used CPU 1 of the ponger for 48 % of the time (29.0 of 60.0 ms)"]);
        let mut brief = role(1, 0);
        brief.ready_ns = 600_000;
        assert_eq!(quiet(&[brief]), Vec::<String>::new(), "1 % is not more than 1 %");
    }

    #[test]
    fn wake_ups_and_own_threads_explain_waits() {
        let mut woken = role(1, 6);
        woken.voluntary_switches = 3000;
        assert_eq!(quiet(&[woken.clone()]), Vec::<String>::new());
        woken.voluntary_switches = 2000;
        assert_eq!(quiet(&[woken.clone()]).len(), 1);
        for kernel in ["5.15.0-113-generic #1 SMP", "6.6.30-rt30 #1 SMP PREEMPT_RT", "unknown"] {
            let found = judged(&case(), &[0, 1], &Noise::default(), std::slice::from_ref(&woken), kernel);
            assert_eq!(found, Vec::<String>::new(), "{kernel}");
        }
        woken.voluntary_switches = 0;
        woken.own_threads_ns = 6_000_000;
        assert_eq!(quiet(&[woken]), Vec::<String>::new());
    }

    #[test]
    fn a_case_that_asks_for_sharing_is_judged_by_that() {
        let shares = |case: &Case, placed: &[u32]| {
            judged(case, placed, &Noise::default(), &[role(0, 20), role(1, 20)], KERNEL).len()
        };
        assert_eq!(shares(&case(), &[0, 1]), 2);
        assert_eq!(shares(&case(), &[0, 0]), 0, "both roles on CPU 0; no role has CPU 1");
        assert_eq!(shares(&case(), &[0, 1, 0]), 1, "three roles on two CPUs");
        assert_eq!(shares(&case(), &[0, 1, 0, 1]), 0);
        assert_eq!(shares(&case().with(|p| p.hogs = Some(1)), &[0, 1]), 1, "the hog shares CPU 0");
        assert_eq!(shares(&case().with(|p| p.hogs = Some(2)), &[0, 1]), 0);
        assert_eq!(shares(&case(), &[]), 0, "unpinned");
        let parent = RoleCost { role: Role::Parent.to_string(), ..role(1, 20) };
        assert_eq!(quiet(&[parent]), Vec::<String>::new(), "its children share its CPU");
        let untimed = Case::new("transport", "pipe", Measure::Conformance);
        assert_eq!(shares(&untimed, &[0, 1]), 0);
    }

    #[test]
    fn a_used_up_quota_is_the_reason_for_waits() {
        let reading = |periods, throttled_periods, throttled_us| NoiseReading {
            throttling: Some(Throttling { periods, throttled_periods, throttled_us }),
            ..NoiseReading::default()
        };
        let noise = Noise { before: reading(10, 4, 1000), after: reading(14, 7, 91_000), ..Noise::default() };
        let found = judged(&case(), &[0, 1], &noise, &[role(1, 29)], KERNEL);
        let quota = "the CPU quota of its control group stopped it in 3 of 4 periods (90 ms over all CPUs)";
        assert_eq!(found, [quota]);
        let noise = Noise { before: reading(10, 4, 1000), after: reading(14, 4, 1000), ..Noise::default() };
        assert_eq!(judged(&case(), &[0, 1], &noise, &[role(1, 0)], KERNEL), Vec::<String>::new());
    }

    #[test]
    fn a_clock_frequency_that_changed_is_named() {
        let found = |core_step_ns| quiet(&[RoleCost { core_step_ns, ..role(1, 0) }]);
        let slower = found(Some([1.5, 2.0]));
        assert_eq!(slower, ["the clock frequency of CPU 1 of the ponger changed by -25 %"]);
        assert_eq!(found(Some([2.0, 1.5])).len(), 1);
        for steady in [Some([1.5, 1.55]), Some([1.55, 1.5]), None] {
            assert_eq!(found(steady), Vec::<String>::new());
        }
        let unpinned = RoleCost { cpu: None, core_step_ns: Some([1.0, 2.0]), ..role(1, 0) };
        assert_eq!(quiet(&[unpinned]), Vec::<String>::new(), "the thread may have moved to another core");
    }

    #[test]
    fn stolen_time_migrations_and_other_runs_are_named() {
        let after = NoiseReading { steal_ms: 30, ..NoiseReading::default() };
        let noise = Noise { after, migrations: 2, other_run: true, ..Noise::default() };
        let found = judged(&case(), &[0, 1], &noise, &[], KERNEL);
        let stolen = "the hypervisor took 15 % of the CPU time (30 ms)";
        assert_eq!(
            found,
            [stolen, "a pinned role was found on another CPU 2 times", "another ipcmark was running on this machine"]
        );
    }
}
