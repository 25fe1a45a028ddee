//! Hardware counters of the calling thread, where the kernel grants them: perf_event_open(2).

use std::io;
use std::sync::OnceLock;

use nix::errno::Errno;
use perf_event::events::Hardware;
use perf_event::{Builder, Counter, CounterData};

use super::tree::Tree;
use crate::record::Counters;

/// Events that are counted, each by a counter of its own: a processor with too few takes turns, and the count is scaled.
const EVENTS: [Hardware; 4] =
    [Hardware::CPU_CYCLES, Hardware::INSTRUCTIONS, Hardware::CACHE_MISSES, Hardware::BRANCH_MISSES];

/// Counters of the calling thread, opened but not counting yet.
pub struct Opened {
    each: [Option<Counter>; EVENTS.len()],
    with_kernel: bool,
}

impl Opened {
    /// Opens the counters; `None` where [`missing`] says why there are none.
    pub fn open() -> Option<Self> {
        let with_kernel = *granted().as_ref().ok()?;
        Some(Self { each: EVENTS.map(|event| builder(event, with_kernel).build().ok()), with_kernel })
    }

    /// Starts to count from zero.
    pub fn start(&mut self) {
        for counter in self.each.iter_mut().flatten() {
            // A counter that cannot start reads as one that never ran.
            let _ = counter.reset().and_then(|()| counter.enable());
        }
    }

    /// Stops counting and reads.
    pub fn stop(mut self) -> Counters {
        self.each.iter_mut().flatten().for_each(|counter| drop(counter.disable()));
        let [cycles, instructions, cache_misses, branch_misses] =
            self.each.map(|counter| counter?.read_full().ok().and_then(|data| scaled(&data)));
        Counters { cycles, instructions, cache_misses, branch_misses, user_only: !self.with_kernel }
    }
}

/// Count over the whole time, from the part of it in which the counter ran; `None` if it never did.
fn scaled(data: &CounterData) -> Option<u64> {
    extrapolated(data.count(), data.time_enabled()?.as_nanos(), data.time_running()?.as_nanos())
}

fn extrapolated(count: u64, enabled_ns: u128, running_ns: u128) -> Option<u64> {
    if running_ns == 0 {
        return None;
    }
    u64::try_from(u128::from(count) * enabled_ns.max(running_ns) / running_ns).ok()
}

/// Why this process has no hardware counters, and what would help; `None` if it has.
pub fn missing(is_virtual: bool) -> Option<String> {
    let error = granted().as_ref().err()?;
    let paranoid = Tree::system().text("proc/sys/kernel/perf_event_paranoid").and_then(|level| level.parse().ok());
    Some(reason(error, paranoid, is_virtual))
}

/// Whether the kernel's part of the work is counted as well, or the error of the kernel. Asked once per process.
fn granted() -> &'static io::Result<bool> {
    static GRANTED: OnceLock<io::Result<bool>> = OnceLock::new();
    GRANTED.get_or_init(|| {
        let open = |with_kernel| builder(EVENTS[0], with_kernel).build().map(|_| with_kernel);
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
        open(true).or_else(|error| if refused(&error) { open(false) } else { Err(error) })
    })
}

fn builder(event: Hardware, with_kernel: bool) -> Builder<'static> {
    let mut builder = Builder::new(event);
    builder.exclude_kernel(!with_kernel).exclude_hv(true);
    builder
}

/// Cause of a refusal, and the remedy.
fn reason(error: &io::Error, paranoid: Option<i32>, is_virtual: bool) -> String {
    let known = error.raw_os_error().map(Errno::from_raw);
    match (known, paranoid) {
        (Some(Errno::ENOENT | Errno::EOPNOTSUPP | Errno::ENODEV), _) if is_virtual => {
            "this virtual machine has no performance counters; give it a virtual PMU, or measure on the host".to_owned()
        }
        (Some(Errno::ENOENT | Errno::EOPNOTSUPP | Errno::ENODEV), _) => {
            "the kernel knows no performance counters of this processor; a newer kernel may".to_owned()
        }
        (Some(Errno::EACCES | Errno::EPERM), Some(level)) if level > 2 => format!(
            "kernel.perf_event_paranoid is {level}, which forbids counters without privileges; run `sysctl \
             kernel.perf_event_paranoid=1`, or give the program CAP_PERFMON"
        ),
        (Some(Errno::EACCES | Errno::EPERM), _) => {
            "a seccomp filter or a security module forbids perf_event_open, as in most containers; allow the call, or add \
             the capability PERFMON"
                .to_owned()
        }
        (Some(Errno::ENOSYS), _) => {
            "this kernel has no perf_event_open (CONFIG_PERF_EVENTS), or a seccomp filter hides it".to_owned()
        }
        _ => format!("the kernel refuses performance counters: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_scaled_to_the_time_that_was_enabled() {
        assert_eq!(extrapolated(1_000, 400, 400), Some(1_000));
        assert_eq!(extrapolated(1_000, 400, 100), Some(4_000), "it ran a quarter of the time");
        assert_eq!(extrapolated(1_000, 0, 0), None, "it never ran");
        assert_eq!(extrapolated(u64::MAX, 1 << 40, 1 << 40), Some(u64::MAX));
        assert_eq!(extrapolated(u64::MAX, 4, 1), None, "no number");
    }

    #[test]
    fn each_refusal_has_its_cause_and_its_remedy() {
        let of = |errno: Errno, paranoid, is_virtual| reason(&io::Error::from(errno), paranoid, is_virtual);
        assert!(of(Errno::ENOENT, Some(2), true).contains("virtual machine has no performance counters; give it"));
        assert!(of(Errno::ENOENT, Some(2), false).contains("this processor"));
        let paranoid = of(Errno::EACCES, Some(4), false);
        assert!(paranoid.contains("perf_event_paranoid is 4") && paranoid.contains("sysctl"), "{paranoid}");
        for refused in [of(Errno::EPERM, Some(2), true), of(Errno::EACCES, None, false)] {
            assert!(refused.contains("seccomp") && refused.contains("PERFMON"), "{refused}");
        }
        assert!(of(Errno::ENOSYS, None, false).contains("CONFIG_PERF_EVENTS"));
        assert!(of(Errno::EMFILE, Some(1), false).starts_with("the kernel refuses performance counters: "));
    }

    #[test]
    fn this_machine_counts_or_says_why_not() {
        let opened = Opened::open();
        assert_eq!(opened.is_none(), missing(false).is_some());
        let Some(mut opened) = opened else {
            println!("skipped: {}", missing(false).unwrap_or_default());
            return;
        };
        opened.start();
        let mut number = 1u64;
        for step in 0..1_000_000u64 {
            number = std::hint::black_box(number.wrapping_mul(3).wrapping_add(step));
        }
        let counted = opened.stop();
        assert!(counted.instructions.is_none_or(|count| count >= 1_000_000), "{counted:?}");
    }
}
