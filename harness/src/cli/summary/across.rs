//! Columns of a summary table, and what distinguishes tables of one measure.

use ipcmark::record::{Case, Measure, Touch};
use ipcmark_reports::analyse::crowd::Crowd;
use ipcmark_reports::{CaseSummary, format};

use super::super::table;

/// The parameter that a table has in its columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Across {
    Rates,
    Pauses,
    Patterns,
    Depths,
    Sizes,
    Contenders,
    Reads,
    Stocks,
    KillPoints,
    /// Parent RSS and batch size.
    Parents,
    Endings,
    /// Calls of a pool.
    Calls,
    /// Workers of a pool, for measures without calls.
    Workers,
    /// Clients of a server.
    Clients,
    Placements,
    /// An uncontended lock, a page, or a map of all CPUs.
    Single,
}

impl Across {
    pub fn of(summary: &CaseSummary) -> Self {
        let case = &summary.case;
        let several = case.params.pairs.is_some() || case.params.hogs.is_some() || endpoints(case) != (1, 1);
        match case.measure {
            Measure::Paced => Self::Rates,
            Measure::Wake => Self::Pauses,
            Measure::Acquire | Measure::FirstWrite | Measure::CoreToCore => Self::Single,
            Measure::Recover | Measure::SetUp if case.params.workers.is_some() => Self::Workers,
            Measure::Idle => Self::Workers,
            Measure::StartUp => Self::Parents,
            Measure::Watch => Self::Endings,
            Measure::Dispatch => Self::Calls,
            Measure::Serve => Self::Clients,
            Measure::Parallel => Self::Placements,
            Measure::Drain => Self::Patterns,
            Measure::Contention => Self::Contenders,
            Measure::ReadMostly | Measure::Access => Self::Reads,
            Measure::Tickets => Self::Stocks,
            Measure::Recover => Self::KillPoints,
            _ if several => Self::Patterns,
            // Records name every depth, keys only one that the plan sets.
            _ if summary.case_key.contains("/depth=") => Self::Depths,
            _ => Self::Sizes,
        }
    }

    /// Heading of the only column.
    const fn single(measure: Measure) -> &'static str {
        match measure {
            Measure::FirstWrite => "a page",
            Measure::CoreToCore => "median pair",
            _ => "acquire and release",
        }
    }

    /// The column of a case, in order, with its heading.
    pub fn column(self, case: &Case) -> (u64, String) {
        let bytes = case.params.message_bytes.unwrap_or(0);
        match self {
            Self::Rates => {
                let rate = case.params.rate_per_s.unwrap_or(0);
                (rate, table::plain(format::rate(rate as f64).trimmed().to_string()))
            }
            Self::Pauses => {
                let gap_ns = case.params.gap_ns.unwrap_or(0);
                (gap_ns, table::plain(format::time(gap_ns as f64).trimmed().to_string()))
            }
            Self::Patterns => pattern_or_hogs(case),
            Self::Depths => {
                (u64::from(case.params.depth.unwrap_or(0)), format!("depth {}", case.params.depth.unwrap_or(0)))
            }
            Self::Sizes => (bytes, table::plain(format::bytes(bytes))),
            Self::Contenders => contenders(case),
            Self::Reads => {
                let reads = case.params.reads_percent.unwrap_or(0);
                (u64::from(reads), format!("{reads} % reads"))
            }
            Self::Stocks => case.params.stock.map_or((0, String::new()), |stock| (stock as u64, stock.to_string())),
            Self::KillPoints => {
                case.params.kill_point.map_or((0, String::new()), |point| (point as u64, format!("killed {point}")))
            }
            Self::Parents => parents(case),
            Self::Endings => {
                case.params.ending.map_or((0, String::new()), |ending| (ending as u64, ending.to_string()))
            }
            Self::Calls => case.params.call.map_or((0, String::new()), |call| (call as u64, call.to_string())),
            Self::Workers => {
                (u64::from(case.params.workers.unwrap_or(1)), counted(case.params.workers.unwrap_or(1), "worker"))
            }
            Self::Clients => {
                (u64::from(case.params.clients.unwrap_or(1)), counted(case.params.clients.unwrap_or(1), "client"))
            }
            Self::Placements => (case.placement as u64, case.placement.to_string()),
            Self::Single => (0, Self::single(case.measure).into()),
        }
    }
}

fn endpoints(case: &Case) -> (u32, u32) {
    (case.pattern().senders, case.pattern().receivers)
}

/// Patterns first, then pairs, then hogs.
fn pattern_or_hogs(case: &Case) -> (u64, String) {
    let (senders, receivers) = endpoints(case);
    match (case.params.pairs, case.params.hogs) {
        (Some(pairs), _) => ((1 << 40) + u64::from(pairs), counted(pairs, "pair")),
        (None, Some(hogs)) => ((1 << 41) + u64::from(hogs), counted(hogs, "hog")),
        (None, None) => (u64::from(senders + receivers) << 20 | u64::from(receivers), format!("{senders}:{receivers}")),
    }
}

/// By contenders, then by hogs.
fn contenders(case: &Case) -> (u64, String) {
    let (contenders, hogs) = (case.params.contenders.unwrap_or(2), case.params.hogs.unwrap_or(0));
    let beside = if hogs > 0 { format!(" + {}", counted(hogs, "hog")) } else { String::new() };
    (u64::from(contenders) << 20 | u64::from(hogs), format!("{}{beside}", counted(contenders, "contender")))
}

/// By batch size, then by parent RSS.
fn parents(case: &Case) -> (u64, String) {
    let bytes = case.params.parent_rss_bytes.unwrap_or(0);
    let (mib, batch) = (bytes >> 20, case.params.batch.unwrap_or(1));
    let words: Vec<String> =
        [(bytes > 0).then(|| table::plain(format::bytes(bytes))), (batch > 1).then(|| format!("batches of {batch}"))]
            .into_iter()
            .flatten()
            .collect();
    let told = if words.is_empty() { "single, small parent".into() } else { words.join(", ") };
    (u64::from(batch) << 32 | mib, told)
}

fn counted(number: u32, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// What distinguishes a table from others of its measure and placement.
pub(super) fn apart(summary: &CaseSummary) -> String {
    let case = &summary.case;
    let bytes = match Across::of(summary) {
        Across::Sizes
        | Across::Single
        | Across::KillPoints
        | Across::Parents
        | Across::Endings
        | Across::Workers
        | Across::Placements => String::new(),
        Across::Contenders => work(case),
        Across::Clients => served(case),
        Across::Calls => employed(case),
        Across::Rates if case.params.workers.is_some() => employed(case),
        Across::Rates if case.params.clients.is_some() => {
            format!("{}, {}", served(case), counted(case.params.clients.unwrap_or(1), "client"))
        }
        Across::Reads if case.measure == Measure::Access => {
            let bytes = table::plain(format::bytes(case.params.message_bytes.unwrap_or(0)));
            format!(", {}, {bytes}", counted(case.params.contenders.unwrap_or(2), "user"))
        }
        Across::Reads | Across::Stocks => format!(", {}", counted(case.params.contenders.unwrap_or(2), "contender")),
        across => {
            let bytes = table::plain(format::bytes(case.params.message_bytes.unwrap_or(0)));
            match Crowd::of(case) {
                crowd if across == Across::Rates && !crowd.plain() => format!(", {bytes}, {crowd}"),
                _ => format!(", {bytes}"),
            }
        }
    };
    let arrivals = case.params.arrivals.map_or_else(String::new, |arrivals| format!(", {arrivals} arrivals"));
    let burst = case.params.burst.map_or_else(String::new, |burst| format!(" of {burst}"));
    let touch = match case.params.touch {
        Some(Touch::Sample) => ", a word a page read",
        Some(Touch::None) => ", only the first word read",
        _ => "",
    };
    let prefault = if case.params.prefault == Some(true) { ", pages brought in first" } else { "" };
    let think = case.params.think_time_ns.filter(|&ns| ns > 0 && case.measure == Measure::RoundTrip);
    let think = think.map_or_else(String::new, |ns| {
        let time = table::plain(format::time(ns as f64).trimmed().to_string());
        format!(", the answering side thinks for {time} in the mean")
    });
    format!("{bytes}{arrivals}{burst}{touch}{prefault}{think}")
}

/// Service and work of a server per request.
fn served(case: &Case) -> String {
    let bytes = table::plain(format::bytes(case.params.message_bytes.unwrap_or(0)));
    let service = case.params.service.map_or_else(String::new, |service| format!(", {service}"));
    format!(", {bytes}{service}{}", grain(case))
}

/// Workers and task size of a pool.
fn employed(case: &Case) -> String {
    let bytes = table::plain(format::bytes(case.params.message_bytes.unwrap_or(0)));
    let chunk = case.params.chunk.map_or_else(String::new, |chunk| format!(", chunks: {chunk}"));
    format!(", {}, {bytes}{}{chunk}", counted(case.params.workers.unwrap_or(1), "worker"), grain(case))
}

/// Work of a task or request, if any.
fn grain(case: &Case) -> String {
    let grain = case.params.grain_ns.filter(|&ns| ns > 0);
    grain.map_or_else(String::new, |ns| {
        format!(", {} each", table::plain(format::time(ns as f64).trimmed().to_string()))
    })
}

/// Critical section and think time of each contender.
fn work(case: &Case) -> String {
    let (critical_ns, think_ns) =
        (case.params.critical_section_ns.unwrap_or(0), case.params.think_time_ns.unwrap_or(0));
    if (critical_ns, think_ns, case.params.lines.unwrap_or(1)) == (0, 0, 1) {
        return String::new();
    }
    let time = |ns: u64| table::plain(format::time(ns as f64).trimmed().to_string());
    let lines =
        case.params.lines.filter(|lines| *lines > 1).map_or_else(String::new, |lines| format!(", {lines} lines"));
    let spacing =
        case.params.spacing.filter(|_| think_ns > 0).map_or_else(String::new, |spacing| format!(" ({spacing})"));
    format!(", critical section {}, think time {}{spacing}{lines}", time(critical_ns), time(think_ns))
}
