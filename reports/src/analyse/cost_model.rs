//! Cost breakdown of a message: declared counts times this machine's floors, and the rest unexplained.
//!
//! A mechanism declares what one message does on each side (system calls, copies, cache lines handed over, ...). Each
//! count has a price among the machine's floors. In a closed loop the two sides take turns, so a round trip is twice
//! the sum of both; in a stream on two CPUs they work at once and the slower side sets the pace; on one CPU they add up
//! again. Prices that depend on how far apart the two CPUs are come from the same repetitions as the case, where those measured
//! them, since virtual CPUs move; the rest come from the machine's floors. What is left of the measured time is unexplained, and it may be negative: then the declaration, or a floor,
//! is too high, which the report shows as such.

use ipcmark_record::{Counts, Floors, Measure, SizedFloor, metric};

use super::statistics::median;
use super::study::CaseStudy;
use super::trials::over_repetitions;

/// A larger share of the measured time left unexplained, or explained in excess, is flagged.
pub const UNEXPLAINED_SHARE: f64 = 0.25;

/// What a slice of the bar pays for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Price {
    /// Writing the payload once and reading it once: the work of the case itself.
    Payload,
    /// Bytes from another core's cache, in bulk.
    MovedBytes,
    /// One cache line from another core, and the wait for it.
    LineTransfers,
    /// Copies by the kernel or a library.
    Copies,
    /// Entries into the kernel.
    SystemCalls,
    /// Giving the CPU to another process.
    ContextSwitches,
    /// Waking a process that sleeps on another CPU.
    Wakes,
    /// Pages touched for the first time.
    PageFaults,
    /// A delay put in on purpose.
    Delay,
    /// Atomic instructions on a line that the core owns already.
    Atomics,
}

impl Price {
    /// Every price, in the order of the bar.
    pub const ALL: [Self; 10] = [
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
    ];

    /// As the legend calls it.
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
        }
    }
}

/// Which side's work counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Both take turns.
    Both,
    /// The sender is the slower side of a stream.
    Sender,
    /// The receiver is.
    Receiver,
}

impl Pace {
    /// For tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Both => "both, in turns",
            Self::Sender => "sender",
            Self::Receiver => "receiver",
        }
    }
}

/// A case's cost, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Priced {
    /// Measured median: nanoseconds a round trip, a message of a stream, a free acquisition or a transfer.
    pub measured_ns: f64,
    /// What each declared count comes to, in the order of [`Price::ALL`]; zeros left out.
    pub slices: Vec<(Price, f64)>,
    /// Which side's work the slices are.
    pub pace: Pace,
}

impl Priced {
    /// Sum of the slices.
    pub fn explained_ns(&self) -> f64 {
        self.slices.iter().map(|(_, ns)| ns).sum()
    }

    /// What no count explains; negative when more is explained than was measured.
    pub fn unexplained_ns(&self) -> f64 {
        self.measured_ns - self.explained_ns()
    }

    /// [`Self::unexplained_ns`] as a share of the measured time.
    pub fn unexplained_share(&self) -> f64 {
        self.unexplained_ns() / self.measured_ns
    }

    /// True when the explanation misses by more than [`UNEXPLAINED_SHARE`] in either direction.
    pub fn flagged(&self) -> bool {
        self.unexplained_share().abs() > UNEXPLAINED_SHARE
    }
}

/// Prices a measured case, of a contended lock one transfer; `None` when it declares nothing, was not timed, or has no floors.
pub fn price(study: &CaseStudy<'_>, floors: &Floors) -> Option<Priced> {
    let cost_model = study.cost_model()?;
    let typical = study.summary.typical?;
    let site = Site {
        floors,
        moment: Moment::of(study),
        bytes: study.bytes(),
        one_cpu: study.one_cpu(),
        measure: study.case.measure,
    };
    let (sender, receiver) = (site.side(&cost_model.sender), site.side(&cost_model.receiver));
    let (measured_ns, pace, slices) = match study.case.measure {
        Measure::RoundTrip => (typical.value, Pace::Both, add(&sender, &receiver, 2.0)),
        Measure::Stream if site.one_cpu => (1e9 / typical.value, Pace::Both, add(&sender, &receiver, 1.0)),
        Measure::Stream if total(&sender) > total(&receiver) => (1e9 / typical.value, Pace::Sender, sender),
        Measure::Stream => (1e9 / typical.value, Pace::Receiver, receiver),
        // Uncontended: all of the cost is on one side.
        Measure::Acquire => (typical.value, Pace::Sender, sender),
        Measure::Contention => {
            (over_repetitions(&study.records, metric::HAND_OFF_NS)?, Pace::Both, add(&sender, &receiver, 1.0))
        }
        _ => return None,
    };
    let slices = slices.into_iter().filter(|&(_, ns)| ns > 0.0).collect();
    Some(Priced { measured_ns, slices, pace })
}

/// Prices measured next to the case, median over its repetitions.
#[derive(Default)]
struct Moment {
    /// Round trip over two lines, in nanoseconds as all of them.
    lines: Option<f64>,
    /// One message of the case's size from the other core, in a stream.
    stream: Option<f64>,
    /// The same in turns, one way.
    serial: Option<f64>,
    /// From ringing a futex to the sleeper being awake.
    futex_hop: Option<f64>,
}

impl Moment {
    fn of(study: &CaseStudy<'_>) -> Self {
        let floors: Vec<_> = study.usable().filter_map(|record| record.outcome.floor.as_ref()).collect();
        let named = |name: &str| median(floors.iter().filter(|floor| floor.name == name).map(|floor| floor.ns));
        Self {
            lines: median(floors.iter().filter_map(|floor| floor.line_round_trip_ns)),
            stream: named("transfer_stream"),
            serial: median(floors.iter().filter_map(|floor| floor.transfer_serial_ns)),
            futex_hop: median(floors.iter().filter_map(|floor| floor.futex_hop_ns)),
        }
    }
}

/// Where and for what size prices hold.
struct Site<'a> {
    floors: &'a Floors,
    moment: Moment,
    bytes: u64,
    one_cpu: bool,
    measure: Measure,
}

impl Site<'_> {
    /// What one message costs one side.
    fn side(&self, counts: &Counts) -> Vec<(Price, f64)> {
        Price::ALL.iter().map(|&price| (price, self.of(price, counts))).collect()
    }

    fn of(&self, price: Price, counts: &Counts) -> f64 {
        let floors = self.floors;
        let between_cpus = |ns: f64| if self.one_cpu { 0.0 } else { ns };
        match price {
            // Half of the touch is the sender's writing, half the receiver's reading.
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
        }
    }

    fn touch_ns(&self) -> f64 {
        at_size(&self.floors.touch, self.bytes)
    }

    /// One line from another core: half of the round trip over two.
    fn line_ns(&self) -> f64 {
        self.moment.lines.or(self.floors.line_round_trip_two_ns).unwrap_or(0.0) / 2.0
    }

    /// What the other CPU adds to a wake-up: the hop between two CPUs less the hop on one.
    fn wake_ns(&self) -> f64 {
        let here = self.moment.futex_hop.map(|hop| (hop - self.floors.futex_hop_one_cpu_ns).max(0.0));
        here.or(self.floors.wake_ns).unwrap_or(0.0)
    }

    /// What it adds to a byte that it was last written by another core, at this size. In turns the line that carries
    /// the news is counted as a transfer of its own; in a stream the receiver's share of the touch is already paid.
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

/// A floor at any size: on the line between its neighbours on log-log axes, and at the nearest end's price per byte
/// outside the sizes measured. 0 without floors, so that a missing price shows as unexplained.
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
