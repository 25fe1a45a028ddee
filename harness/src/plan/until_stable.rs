//! How far a run goes beyond the repetitions of its plan: the interval that is narrow enough, and the time it may take.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Share used when only a budget is given.
pub const USUAL_SHARE: Share = Share(0.05);
/// Limit of a budget. A longer one has confused minutes with months.
const BUDGET_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Repetitions are added until every timed case is within the share, or the budget is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UntilStable {
    /// Largest distance between the median and the ends of its interval.
    pub share: Share,
    /// Time beyond the plan's repetitions.
    pub budget: Duration,
}

impl UntilStable {
    /// `None` if neither is asked for. A share alone may take as long again as the plan, which is predicted to take
    /// `plan_ns`; a budget alone aims at [`USUAL_SHARE`].
    pub(super) fn of(share: Option<Share>, budget: Option<Budget>, plan_ns: u64) -> Option<Self> {
        (share.is_some() || budget.is_some()).then(|| Self {
            share: share.unwrap_or(USUAL_SHARE),
            budget: budget.map_or(Duration::from_nanos(plan_ns), |budget| budget.0),
        })
    }
}

/// A share of a median, written as a percentage: `5%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl Share {
    /// The share as a fraction: 0.05 is 5 %.
    pub fn fraction(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no percentage; write one with its sign, such as 5% or 2.5%");
        let number = text.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
        let percent: f64 = number.parse().map_err(|_| wrong())?;
        if !(percent > 0.0 && percent < 100.0) {
            return Err(format!("`{text}` is out of range; write more than 0% and less than 100%"));
        }
        Ok(Self(percent / 100.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 5 % is 5.000000000000001 % in binary.
        write!(f, "{} %", (self.0 * 1e8).round() / 1e6)
    }
}

/// Time for repetitions, written with its unit: `90s`, `10m`, `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget(Duration);

impl Budget {
    /// Length in milliseconds.
    pub fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }

    /// The part of the budget for `part` of `whole`.
    pub(super) fn shared(self, part: u64, whole: u64) -> Self {
        Self(self.0.mul_f64(part as f64 / whole.max(1) as f64))
    }
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let time = humantime::parse_duration(text.trim())
            .map_err(|_| format!("`{text}` is no time; write one with its unit, such as 90s, 10m or 1h 30m"))?;
        if time < Duration::from_secs(1) || time > BUDGET_MAX {
            return Err(format!("`{text}` is out of range; write at least 1s and at most 24h"));
        }
        Ok(Self(time))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_budgets_are_read_as_they_are_shown() {
        for (text, fraction, shown) in [("5%", 0.05, "5 %"), (" 2.5 % ", 0.025, "2.5 %"), ("10%", 0.1, "10 %")] {
            let share: Share = text.parse().expect(text);
            assert!((share.fraction() - fraction).abs() < 1e-12);
            assert_eq!(share.to_string(), shown);
            assert_eq!(shown.parse(), Ok(share));
        }
        for (text, shown) in [("90s", "1m 30s"), ("10m", "10m"), ("1h 30m", "1h 30m"), ("1500ms", "1s 500ms")] {
            let budget: Budget = text.parse().expect(text);
            assert_eq!(budget.to_string(), shown);
            assert_eq!(shown.parse(), Ok(budget));
        }
    }

    #[test]
    fn wrong_shares_and_budgets_are_refused_with_the_accepted_form() {
        for (text, part) in [("5", "no percentage"), ("%", "no percentage"), ("x%", "no percentage"), ("", "5%")] {
            assert!(text.parse::<Share>().expect_err(text).contains(part), "{text}");
        }
        for text in ["0%", "-1%", "100%", "inf%", "NaN%"] {
            assert!(text.parse::<Share>().expect_err(text).contains("out of range"), "{text}");
        }
        for text in ["10", "", "soon", "10 minuets"] {
            assert!(text.parse::<Budget>().expect_err(text).contains("no time"), "{text}");
        }
        for text in ["0s", "10ms", "10M", "25h"] {
            assert!(text.parse::<Budget>().expect_err(text).contains("out of range"), "{text}");
        }
    }

    #[test]
    fn one_of_share_and_budget_implies_the_other() {
        let (share, budget) = ("1%".parse().expect("a share"), "3s".parse().expect("a budget"));
        let seconds = Duration::from_secs;
        assert_eq!(UntilStable::of(None, None, 1), None);
        let both = UntilStable::of(Some(share), Some(budget), 1);
        assert_eq!(both, Some(UntilStable { share, budget: seconds(3) }));
        let share_alone = UntilStable::of(Some(share), None, 7_000_000_000);
        assert_eq!(share_alone, Some(UntilStable { share, budget: seconds(7) }));
        let budget_alone = UntilStable::of(None, Some(budget), 1);
        assert_eq!(budget_alone, Some(UntilStable { share: USUAL_SHARE, budget: seconds(3) }));
        assert_eq!(budget.shared(1, 3), Budget(seconds(1)));
    }
}
