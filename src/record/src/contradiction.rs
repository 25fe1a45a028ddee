//! Numbers that no trial can measure. The harness refuses them from a worker or participant, and readers from a file.

use super::{Case, Kind, Measure, Outcome, Status, Verdict, Window, metric};

/// Percentiles in ascending order; none is above a later one.
const ASCENDING: [&str; 5] = [metric::P50_NS, metric::P90_NS, metric::P99_NS, metric::P999_NS, metric::MAX_NS];
/// Times that are differences, so that noise can make them negative.
const SIGNED: [&str; 2] = [metric::ACQUIRE_REMOTE_NS, metric::TASK_OVERHEAD_NS];
/// Share by which a metric may differ from the median of its windows, for rounding.
const ROUNDING: f64 = 1e-3;

impl Outcome {
    /// First contradiction in the numbers of a measured trial of `case` over `messages`; `None` for other trials, whose
    /// numbers are not used.
    pub fn contradiction(&self, case: &Case, messages: u64) -> Option<String> {
        if self.status != Status::Measured || self.verdict == Some(Verdict::Invalid) || case.measure == Measure::Floors
        {
            return None;
        }
        let map = || self.core_to_core.as_ref().and_then(|map| map.contradiction());
        self.impossible_metric().or_else(|| self.impossible_main(case)).or_else(map).or_else(|| {
            let timed = case.main_metric().is_some();
            if timed && messages == 0 {
                return Some("it counted no messages".into());
            }
            let floor = self.floor.as_ref().filter(|floor| !is_time(floor.ns));
            let floor = floor.map(|floor| format!("its floor {} is {} ns", floor.name, floor.ns));
            floor.or_else(|| self.windows.as_deref().and_then(|windows| self.windows_off(windows, case, messages)))
        })
    }

    fn impossible_metric(&self) -> Option<String> {
        let metrics = self.metrics.as_ref()?;
        let positive = |name: &str| (name.ends_with("_ns") || name.ends_with("_per_s")) && !SIGNED.contains(&name);
        let impossible = |(name, value): (&String, &f64)| !value.is_finite() || *value < 0.0 && positive(name);
        if let Some((name, value)) = metrics.iter().find(|&(name, value)| impossible((name, value))) {
            return Some(format!("its {name} is {value}"));
        }
        let known: Vec<(&str, f64)> = ASCENDING.iter().filter_map(|&name| Some((name, *metrics.get(name)?))).collect();
        let (low, high) = known.iter().zip(known.iter().skip(1)).find(|(low, high)| low.1 > high.1)?;
        Some(format!("its {} of {} ns is above its {} of {} ns", low.0, low.1, high.0, high.1))
    }

    /// A lock may never be acquired again after a kill, readers may starve, and an idle pool may use no CPU time.
    fn impossible_main(&self, case: &Case) -> Option<String> {
        let main = case.main_metric()?;
        match self.metric(main.name) {
            None if case.measure == Measure::Recover => None,
            None => Some(format!("it has no {}", main.name)),
            Some(_) if matches!(case.measure, Measure::Idle | Measure::ReadMostly) => None,
            // A trial with a rate of zero says why, as when no contender got the lock.
            Some(_) if main.kind == Kind::Rate && self.verdict != Some(Verdict::Stable) => None,
            Some(0.0) => Some(format!("its {} is 0", main.name)),
            Some(_) => None,
        }
    }

    /// Windows that are empty, overlap, hold more messages than were counted, or disagree with the metric made of them.
    fn windows_off(&self, windows: &[Window], case: &Case, messages: u64) -> Option<String> {
        let of_window = |at: usize, what: &str| Some(format!("window {at} {what}"));
        let blocks = case.measure.row().median_of_windows;
        for (at, window) in windows.iter().enumerate() {
            if window.elapsed_ns == 0 {
                return of_window(at, "took no time");
            }
            if blocks && window.messages == 0 {
                return of_window(at, "holds no messages");
            }
            let Some(end) = window.start_ns.checked_add(window.elapsed_ns) else {
                return of_window(at, "ends after the end of time");
            };
            if windows.get(at + 1).is_some_and(|next| next.start_ns < end) {
                return of_window(at, "ends after the next one begins");
            }
        }
        if !blocks || windows.is_empty() {
            return None;
        }
        let held = windows.iter().fold(0_u64, |sum, window| sum.saturating_add(window.messages));
        if held > messages {
            return Some(format!("its windows hold {held} messages, and it counted {messages}"));
        }
        let mut each: Vec<f64> =
            windows.iter().map(|window| window.elapsed_ns as f64 / window.messages as f64).collect();
        each.sort_by(f64::total_cmp);
        let median = f64::midpoint(each[(each.len() - 1) / 2], each[each.len() / 2]);
        let main = case.main_metric()?;
        let stated = self.metric(main.name)?;
        ((stated / median - 1.0).abs() > ROUNDING)
            .then(|| format!("its {} is {stated}, and the median of its windows {median}", main.name))
    }
}

fn is_time(ns: f64) -> bool {
    ns.is_finite() && ns > 0.0
}
