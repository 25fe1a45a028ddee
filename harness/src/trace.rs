//! The traced pass: counts the system calls, context switches and page faults of a message and compares them with the
//! declared cost. Nothing is timed here.

mod names;
mod step;

use ipcmark::address::Endpoint;
use ipcmark::family::RoleSpec;
use ipcmark::measure::paired;
use ipcmark::protocol::Report;
use ipcmark::record::{Case, CostModel, Counts, Measure, Metrics, Role};

pub use names::{Call, Calls};
pub use step::Tracer;

/// A count may differ from the declared one by this much a message, or by [`SHARE_OFF_MAX`] if that is more.
const OFF_MAX: f64 = 0.1;
const SHARE_OFF_MAX: f64 = 0.05;

/// A worker's role and endpoints, which the declared counts are multiplied with.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its role.
    pub role: Role,
    /// Its endpoints of the measured channels; none when it created the channels itself and plays both roles.
    pub ends: Vec<Endpoint>,
    /// Number of roles it plays.
    pub slots: u32,
}

impl Post {
    /// The post that a role's description makes.
    pub fn of(spec: &RoleSpec) -> Self {
        let ends = spec.links.iter().filter(|link| link.channel != paired::CHANNEL).map(|link| link.end).collect();
        Self { role: spec.role, ends, slots: spec.slots }
    }

    /// Factors of the sender's and the receiver's declared counts for one message of `case`.
    fn shares(&self, case: &Case) -> (f64, f64) {
        let of = |end| self.ends.iter().filter(|&&own| own == end).count() as f64;
        match case.measure {
            // One way. A worker without endpoints plays both roles.
            Measure::Stream if self.ends.is_empty() => (1.0, 1.0),
            Measure::Stream => (of(Endpoint::Sender), of(Endpoint::Receiver)),
            // Per round trip each role sends once and receives once; per acquisition each contender acquires and releases once.
            _ => (f64::from(self.slots), f64::from(self.slots)),
        }
    }
}

/// Counts of one worker per message, round trip or acquisition.
#[derive(Debug)]
pub struct Seen {
    role: Role,
    /// What they are per, in words.
    unit: &'static str,
    shares: (f64, f64),
    /// Calls that carry messages. Their number does not depend on timing.
    carrying_calls: f64,
    /// Calls that only wait or wake, or fail with EAGAIN. Tracing changes their number: a traced role stops after each call,
    /// so its peer may answer before it would sleep, or may keep it waiting longer than it polls.
    waiting_calls: f64,
    context_switches: f64,
    page_faults: f64,
    /// The calls by name, most frequent first.
    detail: String,
}

/// Counts per message. `calls` come from the traced pass, switches and faults from the `reports` of the untraced one.
pub fn per_message(case: &Case, posts: &[Post], calls: &[Calls], reports: &[Report]) -> Vec<Seen> {
    let one = |((post, calls), report): ((&Post, &Calls), &Report)| {
        let messages = report.messages.max(1) as f64;
        let all: u64 = calls.values().sum();
        let waiting: u64 = calls.iter().filter(|(call, _)| call.waits()).map(|(_, count)| count).sum();
        let sum = |read: &dyn Fn(&ipcmark::record::RoleCost) -> u64| {
            report.roles.iter().map(read).sum::<u64>() as f64 / messages
        };
        Seen {
            role: post.role,
            unit: if case.params.message_bytes.is_some() { "per message" } else { "per acquisition" },
            shares: post.shares(case),
            carrying_calls: (all - waiting) as f64 / messages,
            waiting_calls: waiting as f64 / messages,
            context_switches: sum(&|role| role.voluntary_switches),
            page_faults: sum(&|role| role.minor_faults + role.major_faults),
            detail: detail(calls, messages),
        }
    };
    posts.iter().zip(calls).zip(reports).map(one).collect()
}

/// Metrics by name, as means over the workers of each role.
pub fn metrics(seen: &[Seen]) -> Metrics {
    let alike = |role: Role| seen.iter().filter(|other| other.role == role).count() as f64;
    let mut metrics = Metrics::new();
    for one in seen {
        for (name, value) in one.metrics() {
            *metrics.entry(name).or_default() += value / alike(one.role);
        }
    }
    metrics
}

impl Seen {
    fn metrics(&self) -> [(String, f64); 3] {
        [
            (format!("{}_system_calls", self.role), self.system_calls()),
            (format!("{}_context_switches", self.role), self.context_switches),
            (format!("{}_page_faults", self.role), self.page_faults),
        ]
    }

    /// One sentence for each count that differs from `declared`.
    pub fn against(&self, declared: &CostModel) -> Vec<String> {
        let expected = |read: fn(&Counts) -> f64| {
            self.shares.0 * read(&declared.sender) + self.shares.1 * read(&declared.receiver)
        };
        let exactly = |seen: f64| (seen, seen);
        let (calls, switches) = (self.system_calls(), self.context_switches);
        let compared = [
            (
                "system calls",
                calls,
                self.calls_untraced(),
                expected(|counts| counts.system_calls),
                self.detail.as_str(),
            ),
            ("context switches", switches, exactly(switches), expected(|counts| counts.context_switches), ""),
            ("page faults", self.page_faults, exactly(self.page_faults), expected(|counts| counts.page_faults), ""),
        ];
        compared
            .into_iter()
            .filter(|&(_, _, (least, most), expected, _)| {
                let off = OFF_MAX.max(SHARE_OFF_MAX * expected);
                expected < least - off || expected > most + off
            })
            .map(|(what, seen, _, expected, detail)| {
                let Self { role, unit, .. } = self;
                format!("the {role} shows {seen:.2} {what} {unit}, but {expected:.2} are declared{detail}")
            })
            .collect()
    }

    fn system_calls(&self) -> f64 {
        self.carrying_calls + self.waiting_calls
    }

    /// Bounds of the calls without tracing. The waiting calls lie between those counted and those that the sleeps of the
    /// untraced pass imply, at most three per sleep: one to sleep, one to wake the peer (or one that fails with EAGAIN
    /// before), and one to release a mutex after a condition variable.
    fn calls_untraced(&self) -> (f64, f64) {
        let sleeps = if self.waiting_calls > OFF_MAX { self.context_switches } else { self.waiting_calls };
        let (least, most) = (self.waiting_calls.min(sleeps), self.waiting_calls.max(3.0 * sleeps));
        (self.carrying_calls + least, self.carrying_calls + most)
    }
}

fn detail(calls: &Calls, messages: f64) -> String {
    let mut all: Vec<_> = calls.iter().collect();
    all.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let frequent = all.into_iter().filter(|(_, count)| **count as f64 / messages >= 0.01);
    let words: Vec<_> =
        frequent.map(|(call, count)| format!("{} {:.2}", call.in_words(), *count as f64 / messages)).collect();
    if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(carrying_calls: f64, waiting_calls: f64, context_switches: f64, shares: (f64, f64)) -> Seen {
        let (role, detail) = (Role::Pinger, String::new());
        Seen {
            role,
            unit: "per message",
            shares,
            carrying_calls,
            waiting_calls,
            context_switches,
            page_faults: 0.0,
            detail,
        }
    }

    fn declared(sender_calls: f64, receiver_calls: f64, context_switches: f64) -> CostModel {
        let side = |system_calls, context_switches| Counts { system_calls, context_switches, ..Counts::default() };
        CostModel {
            sender: side(sender_calls, 0.0),
            receiver: side(receiver_calls, context_switches),
            ..CostModel::default()
        }
    }

    #[test]
    fn a_round_trip_costs_each_role_one_send_and_one_receive() {
        let pipe = declared(1.0, 2.0, 1.0);
        assert!(seen(3.05, 0.0, 1.0, (1.0, 1.0)).against(&pipe).is_empty());
        assert!(seen(6.0, 0.0, 2.0, (2.0, 2.0)).against(&pipe).is_empty());
        let why = seen(4.0, 0.0, 1.0, (1.0, 1.0)).against(&pipe);
        assert_eq!(why, ["the pinger shows 4.00 system calls per message, but 3.00 are declared"]);
    }

    #[test]
    fn tracing_may_save_or_add_waiting_but_not_carrying_calls() {
        let (both, parked, spinning) = ((1.0, 1.0), declared(1.0, 1.0, 1.0), declared(0.0, 0.0, 0.0));
        assert!(seen(0.0, 1.2, 1.0, both).against(&parked).is_empty(), "answered before it slept");
        assert!(seen(0.0, 2.0, 0.0, both).against(&spinning).is_empty(), "polled too short for a traced peer");
        assert_eq!(seen(1.0, 0.0, 0.0, both).against(&spinning).len(), 1);
        assert_eq!(seen(0.0, 0.0, 0.0, both).against(&parked).len(), 2, "neither calls nor sleeps");
    }

    #[test]
    fn frequent_calls_are_named() {
        let call = |number: libc::c_long, in_vain| Call { number: number.cast_unsigned(), in_vain };
        let (read, futex) = (libc::SYS_read, libc::SYS_futex);
        let calls = Calls::from([
            (call(read, false), 200),
            (call(read, true), 100),
            (call(futex, false), 300),
            (call(9999, false), 1),
        ]);
        assert_eq!(detail(&calls, 200.0), " (futex 1.50, read 1.00, read in vain 0.50)");
    }
}
