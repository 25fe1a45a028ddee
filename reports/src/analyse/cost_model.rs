//! Cost breakdown of a message: declared counts times this machine's floors, and an unexplained rest.
//!
//! A mechanism declares the operations of each endpoint for one message (system calls, copies, cache-line transfers,
//! ...); each has a price among the machine's floors. A round trip costs twice the sum of both endpoints. In a stream
//! on two CPUs the slower endpoint sets the pace; on one CPU the costs add up. Prices that depend on the distance of
//! the CPUs come from the same repetitions as the case if measured there, since virtual CPUs move; all others come
//! from the machine's floors. A negative unexplained rest means that a declared count or a floor is too high.
//!
//! A hand-off of a lock is priced with a sleep only if the record shows one; see [`price`]. A breakdown that misses by
//! more than half of the measured time is withheld; see [`Priced::withheld`].

use std::ops::RangeInclusive;

use ipcmark_record::{Case, CostModel, Counts, Floors, Measure, Operation, PairedFloor, SizedFloor, metric};

use super::statistics::median;
use super::study::CaseStudy;
use super::trials::over_repetitions;
use crate::format;

/// Share of the measured time that may stay unexplained, or be explained in excess, without a flag.
pub const UNEXPLAINED_SHARE: f64 = 0.25;

/// Reason of a flagged case whose mechanism declares none.
pub const NO_REASON: &str = "no reason declared";

/// Explained shares of the measured time for which a breakdown is shown.
const PLAUSIBLE: RangeInclusive<f64> = 0.5..=1.5;

/// Cost component shown as one slice of the bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Price {
    /// One write and one read of the payload.
    Payload,
    /// Bulk transfer from another core's cache.
    MovedBytes,
    /// Cache-line transfer from another core, with the wait for it.
    LineTransfers,
    /// Copies by the kernel or a library.
    Copies,
    /// Entries into the kernel.
    SystemCalls,
    /// Switches to another process.
    ContextSwitches,
    /// Wake-up of a process that sleeps on another CPU.
    Wakes,
    /// First accesses to pages.
    PageFaults,
    /// Intentional delay.
    Delay,
    /// Atomic instructions on a line that the core already owns.
    Atomics,
    /// Operations of the kernel and the allocator, beyond their system calls and page faults.
    Operations,
}

impl Price {
    /// Every price, in the order of the bar.
    pub const ALL: [Self; 11] = [
        Self::Payload,
        Self::MovedBytes,
        Self::LineTransfers,
        Self::Copies,
        Self::SystemCalls,
        Self::ContextSwitches,
        Self::Wakes,
        Self::PageFaults,
        Self::Delay,
        Self::Atomics,
        Self::Operations,
    ];

    /// Name in the legend.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payload => "payload written and read",
            Self::MovedBytes => "bytes moved between cores",
            Self::LineTransfers => "line transfers",
            Self::Copies => "copies",
            Self::SystemCalls => "system calls",
            Self::ContextSwitches => "context switches",
            Self::Wakes => "wakes",
            Self::PageFaults => "page faults",
            Self::Delay => "delay on purpose",
            Self::Atomics => "atomic instructions",
            Self::Operations => "sockets, pipes, allocations",
        }
    }
}

/// Endpoint that sets the pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Both endpoints in turn.
    Both,
    /// The sender is the slower side of a stream.
    Sender,
    /// The receiver is the slower side of a stream.
    Receiver,
}

impl Pace {
    /// Name in tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Both => "both, in turns",
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        }
    }
}

/// Cost breakdown of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// Measured median in nanoseconds of one round trip, message, uncontended acquire or hand-off.
    pub measured_ns: f64,
    /// Cost of each declared count, in the order of [`Price::ALL`]; zeros are left out.
    pub slices: Vec<(Price, f64)>,
    /// Endpoint that the slices describe.
    pub pace: Pace,
    /// Declared reason for a large unexplained share.
    pub declared_reason: Option<String>,
}

impl Priced {
    fn of(measured_ns: f64, pace: Pace, slices: Vec<(Price, f64)>, cost_model: &CostModel) -> Self {
        let slices = slices.into_iter().filter(|&(_, ns)| ns > 0.0).collect();
        Self { measured_ns, slices, pace, declared_reason: cost_model.unexplained.clone() }
    }

    /// Sum of the slices.
    pub fn explained_ns(&self) -> f64 {
        self.slices.iter().map(|(_, ns)| ns).sum()
    }

    /// Measured time minus the explained time; may be negative.
    pub fn unexplained_ns(&self) -> f64 {
        self.measured_ns - self.explained_ns()
    }

    /// [`Self::unexplained_ns`] as a share of the measured time.
    pub fn unexplained_share(&self) -> f64 {
        self.unexplained_ns() / self.measured_ns
    }

    /// [`Self::explained_ns`] as a share of the measured time.
    pub fn explained_share(&self) -> f64 {
        self.explained_ns() / self.measured_ns
    }

    /// True if the slices miss the measured time by more than half, so that they describe something else than what
    /// happened. Charts and tables then show only the measured time.
    pub fn withheld(&self) -> bool {
        !PLAUSIBLE.contains(&self.explained_share())
    }

    /// True if the unexplained share exceeds [`UNEXPLAINED_SHARE`] in either direction.
    pub fn flagged(&self) -> bool {
        self.unexplained_share().abs() > UNEXPLAINED_SHARE
    }

    /// Reason for the unexplained share of a flagged case; empty for any other case.
    pub fn reason(&self) -> &str {
        if self.flagged() { self.declared_reason.as_deref().unwrap_or(NO_REASON) } else { "" }
    }
}

/// Sentence about the withheld breakdowns among `cases`; empty without any.
pub fn withheld<'c>(cases: impl IntoIterator<Item = (&'c CaseStudy<'c>, &'c Priced)>) -> String {
    let (mut all, mut hidden) = (0, Vec::new());
    for (case, priced) in cases {
        all += 1;
        hidden.extend(priced.withheld().then(|| (case.series.label(), priced.explained_share())));
    }
    let miss = |share: f64| if share > 0.0 { share.ln().abs() } else { f64::INFINITY };
    let Some((label, share)) = hidden.iter().max_by(|a, b| miss(a.1).total_cmp(&miss(b.1))) else {
        return String::new();
    };
    format!(
        " {} of {all} breakdowns {} withheld, since the counts explain less than 50 % or more than 150 % of the \
         measured time; the largest miss is {}, {label}.",
        hidden.len(),
        if hidden.len() == 1 { "is" } else { "are" },
        format::percent(*share),
    )
}

/// Prices a measured case; `None` if it has no cost model, time or floors.
///
/// Of a contended lock, this is one hand-off to a waiter. The waiter may still be polling, or may have been woken by an
/// earlier release after which another contender was faster; then neither its sleep nor its wake-up is part of the
/// hand-off. Both are counted only if most acquisitions are hand-offs and most hand-offs have a context switch.
pub fn price(study: &CaseStudy<'_>, floors: &Floors) -> Option<Priced> {
    let cost_model = study.cost_model()?;
    let moment = Moment::of(study);
    if study.case.measure != Measure::Contention {
        return price_case(study.case, cost_model, study.one_cpu(), study.cost_ns()?, floors, moment);
    }
    study.summary.typical?;
    let site = Site { floors, moment, bytes: study.bytes(), one_cpu: study.one_cpu(), measure: study.case.measure };
    let slices = if hand_offs_sleep(study)? {
        add(&site.side(&cost_model.sender), &site.side(&cost_model.receiver), 1.0)
    } else {
        add(&site.side(&awake(&cost_model.sender)), &site.side(&awake(&cost_model.receiver)), 1.0)
    };
    let measured_ns = over_repetitions(&study.records, metric::HAND_OFF_NS)?;
    Some(Priced::of(measured_ns, Pace::Both, slices, cost_model))
}

/// Prices a round trip, a message of a stream or an uncontended acquire that took `cost_ns`; `None` for other measures.
pub fn price_case(
    case: &Case,
    cost_model: &CostModel,
    one_cpu: bool,
    cost_ns: f64,
    floors: &Floors,
    moment: Moment,
) -> Option<Priced> {
    let site = Site { floors, moment, bytes: case.params.message_bytes.unwrap_or(0), one_cpu, measure: case.measure };
    let (sender, receiver) = (site.side(&cost_model.sender), site.side(&cost_model.receiver));
    let (pace, slices) = match case.measure {
        Measure::RoundTrip => (Pace::Both, add(&sender, &receiver, 2.0)),
        Measure::Stream if one_cpu => (Pace::Both, add(&sender, &receiver, 1.0)),
        Measure::Stream if total(&sender) > total(&receiver) => (Pace::Sender, sender),
        Measure::Stream => (Pace::Receiver, receiver),
        // All uncontended work is declared for the sender.
        Measure::Acquire => (Pace::Sender, sender),
        _ => return None,
    };
    Some(Priced::of(cost_ns, pace, slices, cost_model))
}

/// Whether the median hand-off of a contended lock includes a sleep; `None` without the counts.
fn hand_offs_sleep(study: &CaseStudy<'_>) -> Option<bool> {
    let handed_off = over_repetitions(&study.records, metric::HANDED_OFF_SHARE)?;
    let switches = over_repetitions(&study.records, metric::SWITCHES_PER_ACQUISITION)?;
    Some(handed_off > 0.5 && switches > 0.5 * handed_off)
}

/// Counts of a hand-off to a waiter that runs.
fn awake(counts: &Counts) -> Counts {
    Counts {
        system_calls: counts.system_calls - counts.calls_to_sleep,
        wakes: 0.0,
        context_switches: 0.0,
        ..counts.clone()
    }
}

/// Prices of one moment, measured beside a trial, or medians over trials.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Round trip over two cache lines, in nanoseconds.
    lines: Option<f64>,
    /// Transfer of one message of the case's size in a stream.
    stream: Option<f64>,
    /// One-way transfer of such a message in a closed loop.
    serial: Option<f64>,
    /// Delay from a futex wake call to the running waiter.
    futex_hop: Option<f64>,
}

impl Moment {
    fn of(study: &CaseStudy<'_>) -> Self {
        Self::median(study.usable().filter_map(|record| record.outcome.floor.as_ref()).map(Self::beside))
    }

    /// Prices beside one trial.
    pub fn beside(floor: &PairedFloor) -> Self {
        Self {
            lines: floor.line_round_trip_ns,
            stream: (floor.name == "transfer_stream").then_some(floor.ns),
            serial: floor.transfer_serial_ns,
            futex_hop: floor.futex_hop_ns,
        }
    }

    /// Medians over trials.
    pub fn median(moments: impl IntoIterator<Item = Self>) -> Self {
        let moments: Vec<Self> = moments.into_iter().collect();
        let of = |price: fn(&Self) -> Option<f64>| median(moments.iter().filter_map(price));
        Self {
            lines: of(|moment| moment.lines),
            stream: of(|moment| moment.stream),
            serial: of(|moment| moment.serial),
            futex_hop: of(|moment| moment.futex_hop),
        }
    }
}

/// Conditions under which prices hold.
struct Site<'a> {
    floors: &'a Floors,
    moment: Moment,
    bytes: u64,
    one_cpu: bool,
    measure: Measure,
}

impl Site<'_> {
    /// Cost of one message for one endpoint.
    fn side(&self, counts: &Counts) -> Vec<(Price, f64)> {
        Price::ALL.iter().map(|&price| (price, self.of(price, counts))).collect()
    }

    fn of(&self, price: Price, counts: &Counts) -> f64 {
        let floors = self.floors;
        let between_cpus = |ns: f64| if self.one_cpu { 0.0 } else { ns };
        match price {
            // The sender's writes and the receiver's reads each take half.
            Price::Payload => self.touch_ns() / 2.0,
            Price::MovedBytes => between_cpus(counts.moved_bytes * self.moved_byte_ns()),
            Price::LineTransfers => between_cpus(counts.line_transfers * self.line_ns()),
            Price::Copies => counts.copied_bytes * self.per_byte(&floors.copy),
            Price::SystemCalls => counts.system_calls * floors.system_call_ns,
            Price::ContextSwitches => counts.context_switches * floors.context_switch_ns,
            Price::Wakes => between_cpus(counts.wakes * self.wake_ns()),
            Price::PageFaults => counts.page_faults * floors.page_fault_ns,
            Price::Delay => counts.delay_ns,
            Price::Atomics => counts.atomics * floors.atomic_ns.unwrap_or(0.0),
            Price::Operations => counts.operations.iter().map(|(&one, times)| times * self.beyond_calls_ns(one)).sum(),
        }
    }

    /// Price of an operation less its system calls, copies and page faults, which are declared and priced on their own; 0 if it
    /// was not measured.
    fn beyond_calls_ns(&self, operation: Operation) -> f64 {
        let all_ns = self.floors.operations.get(&operation).copied().unwrap_or(0.0);
        let calls_ns = operation.system_calls() * self.floors.system_call_ns;
        let copies_ns = operation.copied_bytes() * self.per_byte(&self.floors.copy);
        (all_ns - calls_ns - copies_ns - operation.page_faults() * self.floors.page_fault_ns).max(0.0)
    }

    fn touch_ns(&self) -> f64 {
        at_size(&self.floors.touch, self.bytes)
    }

    /// Transfer of one line from another core: half of the round trip over two lines.
    fn line_ns(&self) -> f64 {
        self.moment.lines.or(self.floors.line_round_trip_two_ns).unwrap_or(0.0) / 2.0
    }

    /// Extra cost of a wake-up on another CPU: the hop between two CPUs minus the hop on one.
    fn wake_ns(&self) -> f64 {
        let here = self.moment.futex_hop.map(|hop| (hop - self.floors.futex_hop_one_cpu_ns).max(0.0));
        here.or(self.floors.wake_ns).unwrap_or(0.0)
    }

    /// Extra cost per byte of data last written by another core. A closed loop counts the notification line as a
    /// separate transfer; a stream already includes the receiver's reads.
    fn moved_byte_ns(&self) -> f64 {
        if self.bytes == 0 {
            return 0.0;
        }
        let floors = self.floors;
        let extra_ns = if self.measure == Measure::RoundTrip {
            let serial_ns = self.moment.serial.unwrap_or_else(|| at_size(&floors.transfer_serial, self.bytes));
            serial_ns - self.touch_ns() - self.line_ns()
        } else {
            let stream_ns = self.moment.stream.unwrap_or_else(|| at_size(&floors.transfer_stream, self.bytes));
            stream_ns - self.touch_ns() / 2.0
        };
        extra_ns.max(0.0) / self.bytes as f64
    }

    fn per_byte(&self, floors: &[SizedFloor]) -> f64 {
        if self.bytes == 0 { 0.0 } else { at_size(floors, self.bytes) / self.bytes as f64 }
    }
}

/// Interpolates a floor on log-log axes; outside the measured sizes the nearest price per byte applies. Returns 0
/// without floors, so that a missing price stays unexplained.
pub fn at_size(floors: &[SizedFloor], bytes: u64) -> f64 {
    let mut known: Vec<(f64, f64)> =
        floors.iter().filter(|f| f.bytes > 0 && f.ns > 0.0).map(|f| (f.bytes as f64, f.ns)).collect();
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let size = bytes as f64;
    let (Some(&first), Some(&last)) = (known.first(), known.last()) else { return 0.0 };
    if bytes == 0 {
        return 0.0;
    }
    if size <= first.0 || size >= last.0 {
        let end = if size <= first.0 { first } else { last };
        return end.1 * size / end.0;
    }
    let above = known.partition_point(|&(known, _)| known < size);
    let ((x0, y0), (x1, y1)) = (known[above - 1], known[above]);
    let share = (size / x0).ln() / (x1 / x0).ln();
    y0 * (y1 / y0).powf(share)
}

fn add(a: &[(Price, f64)], b: &[(Price, f64)], times: f64) -> Vec<(Price, f64)> {
    a.iter().zip(b).map(|(&(price, a), &(_, b))| (price, times * (a + b))).collect()
}

fn total(slices: &[(Price, f64)]) -> f64 {
    slices.iter().map(|(_, ns)| ns).sum()
}
