//! From reports to an outcome: checks the counts, computes what takes all reports, and gives the verdict.

use ipcmark::family;
use ipcmark::measure::floors;
use ipcmark::measure::locks::{Concluded, Expected};
use ipcmark::protocol::Report;
use ipcmark::record::{
    Case, Counters, Measure, Metrics, Outcome, PairedFloor, Role, RoleCost, Status, Verdict, metric,
};

use super::attempt::Attempt;
use super::disturbance::Conditions;
use crate::trace;

/// Remark for a program that does not use the control page.
const WITHOUT_PAGE: &str = "started by a protocol message, without the control page";

/// Outcome of a trial whose workers all reported that their checks passed; invalid if its numbers cannot be true.
pub(super) fn outcome(case: &Case, attempt: &Attempt, conditions: &Conditions<'_>) -> Outcome {
    let outcome = reported(case, attempt, conditions);
    let messages = attempt.reports.first().map_or(0, |leader| leader.messages);
    match outcome.contradiction(case, messages) {
        Some(why) => Outcome::failed(format!("the numbers reported cannot be true: {why}")),
        None => outcome,
    }
}

fn reported(case: &Case, attempt: &Attempt, conditions: &Conditions<'_>) -> Outcome {
    if let Some(why) = disagreement(case, attempt) {
        return Outcome::failed(why);
    }
    let Some(leader) = attempt.reports.first() else { return Outcome::failed("no worker reported") };
    if let Some(why) = &leader.skipped {
        return Outcome::skipped(why);
    }

    let roles: Vec<RoleCost> = attempt.roles().cloned().collect();
    // Only one role computes them: the leader, or the receiver that knows when messages arrived.
    let mut metrics: Metrics = attempt.reports.iter().flat_map(|report| report.metrics.clone()).collect();
    let together: Concluded = family::conclude(case, &attempt.reports);
    metrics.extend(together.metrics);
    metrics.extend(per_message(case, leader.messages, &roles, &metrics));
    let disturbances = conditions.disturbances(&roles);
    let mut doubts = together.doubts;
    let declared = family::cost_model(case);
    if let (Some(calls), Some(declared)) = (&attempt.calls, &declared) {
        let seen = trace::per_message(case, &attempt.posts, calls, &attempt.reports);
        doubts.extend(seen.iter().flat_map(|seen| seen.against(declared)));
        metrics = trace::metrics(&seen);
    }
    // A disturbed trial says nothing about a missed rate or a check that found nothing: the disturbance may be the cause.
    let disturbed = !disturbances.is_empty();
    let (verdict, first) = match (together.expected, overload(&metrics)) {
        (Some(Expected::Caught(what)), _) => (Verdict::Caught, Some(what)),
        (Some(Expected::Missed(what)), _) if !disturbed => (Verdict::Noisy, Some(what)),
        (_, missed) if disturbed => (Verdict::Disturbed, missed),
        (_, Some(overload)) => (Verdict::Overloaded, Some(overload)),
        (_, None) if doubts.is_empty() => (Verdict::Stable, None),
        _ => (Verdict::Noisy, None),
    };
    let started = without_page(case, attempt).then(|| WITHOUT_PAGE.to_owned());
    let remarks = leader.remark.clone().into_iter().chain(started);
    let reasons: Vec<String> = first.into_iter().chain(remarks).chain(disturbances).chain(doubts).collect();
    // Windows are stamped by the role that verifies, or computed from all reports.
    let windows = attempt.reports.iter().map(|report| &report.windows).chain([&together.windows]);
    let windows = windows.into_iter().find(|windows| !windows.is_empty());
    let histogram = attempt.reports.iter().find_map(|report| report.histogram.as_ref()).or(together.histogram.as_ref());
    let distributions = attempt.reports.iter().flat_map(|report| report.distributions.clone());
    let distributions = distributions.chain(together.distributions).collect();
    Outcome {
        status: Status::Measured,
        verdict: Some(verdict),
        why: (!reasons.is_empty()).then(|| reasons.join("; ")),
        metrics: Some(metrics.into_iter().map(|(name, value)| (name, rounded(value))).collect()),
        windows: windows.filter(|_| attempt.calls.is_none()).cloned(),
        histogram: histogram.filter(|_| attempt.calls.is_none()).cloned(),
        distributions,
        floor: leader.floor.clone().map(|floor| PairedFloor { ns: rounded(floor.ns), ..floor }),
        roles: Some(roles),
        cost_model: declared,
        contest: together.contest,
        core_to_core: leader.core_to_core.clone(),
    }
}

/// Nine significant digits: no clock of a trial has more, and the rest would be a tenth of a recording.
fn rounded(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

/// A participant in another language may start without the control page and choose its own count.
fn without_page(case: &Case, attempt: &Attempt) -> bool {
    case.program.is_some() && attempt.page_count == 0
}

/// Checks that every worker counted what the control page says.
fn disagreement(case: &Case, attempt: &Attempt) -> Option<String> {
    if case.family == floors::FAMILY {
        return None;
    }
    let agreed = attempt.page_count;
    if without_page(case, attempt) {
        return None;
    }
    let differs = |report: &Report| {
        let roles = report.roles.iter().map(|role| role.messages).filter(|_| family::counts_agree(case));
        std::iter::once(report.messages).chain(roles).find(|&own| own != agreed)
    };
    // Several senders or receivers have shares of the count, whose sum the leader has checked.
    let pair = family::counts_agree(case);
    let taking_part = attempt.reports.iter().zip(&attempt.posts).filter(|(_, post)| post.slots > 0);
    taking_part.take(if pair { usize::MAX } else { 1 }).find_map(|(report, post)| {
        differs(report).map(|own| format!("the {} reports {own} messages, but {agreed} were agreed on", post.role))
    })
}

/// Reason why a paced trial is overloaded: fewer messages arrived than were due. Other trials offer no rate.
fn overload(metrics: &Metrics) -> Option<String> {
    let (offered, achieved) = (metrics.get(metric::OFFERED_PER_S)?, metrics.get(metric::MESSAGES_PER_S)?);
    (*achieved < metric::ACHIEVED_SHARE_MIN * offered)
        .then(|| format!("{achieved:.0} messages per second arrived of {offered:.0} that were due"))
}

/// CPU time and hardware counts per message of the roles whose work the mechanism decides; a round trip is two messages.
fn per_message(case: &Case, count: u64, roles: &[RoleCost], metrics: &Metrics) -> Metrics {
    let one_way = matches!(case.measure, Measure::Stream | Measure::Paced | Measure::Wake | Measure::Drain);
    // The sender or dispatcher of these measures keeps its CPU busy until the next message is due.
    let generates_load = matches!(case.measure, Measure::Paced | Measure::Wake);
    let busy =
        |role: &RoleCost| generates_load && [Role::Sender, Role::Dispatcher].iter().any(|it| it.word() == role.role);
    let counted: Vec<&RoleCost> = roles.iter().filter(|role| !busy(role)).collect();
    let messages = match case.measure {
        _ if one_way => count,
        Measure::RoundTrip | Measure::CostModel if case.params.message_bytes.is_some() => 2 * count,
        // No messages, or set-up dominates: the family has metrics of its own.
        _ => 0,
    };
    // Lost messages do not count: a lossy mechanism pays for them with those that arrive.
    let lost = metrics.get(metric::LOST_SHARE).copied().unwrap_or(0.0);
    let messages = messages as f64 * (1.0 - lost);
    if messages <= 0.0 || counted.is_empty() {
        return Metrics::new();
    }
    let spent: u64 = counted.iter().map(|role| role.user_ns + role.system_ns).sum();
    let mut found = Metrics::from([(metric::CPU_NS_PER_MESSAGE.to_owned(), spent as f64 / messages)]);
    // An event that one of the roles did not count has no sum.
    for index in 0..Counters::default().named().len() {
        let count = |role: &&RoleCost| role.counters.as_ref().and_then(|counters| counters.named()[index].1);
        let sum: Option<u64> = counted.iter().map(count).sum();
        let name = Counters::default().named()[index].0.to_owned();
        found.extend(sum.map(|sum| (name, sum as f64 / messages)));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipcmark::record::Noise;

    use super::*;

    fn judged(report: Report) -> Outcome {
        let case = Case::new("transport", "pipe", Measure::RoundTrip);
        let page_count = report.messages;
        let attempt = Attempt { reports: vec![report], posts: vec![], cpus: vec![], page_count, calls: None };
        let noise = Noise::default();
        let elapsed = Duration::from_secs(1);
        let conditions = Conditions { case: &case, noise: &noise, elapsed, cpus: &[], placed: &[], kernel: "unknown" };
        outcome(&case, &attempt, &conditions)
    }

    fn report(round_trip_ns: f64) -> Report {
        let metrics = Metrics::from([(metric::ROUND_TRIP_NS.to_owned(), round_trip_ns)]);
        Report { messages: 1_000, metrics, ..Report::default() }
    }

    #[test]
    fn hardware_counts_are_per_message_and_only_of_events_that_all_roles_counted() {
        let role = |cycles, branch_misses| RoleCost {
            counters: Some(Counters { cycles: Some(cycles), branch_misses, ..Counters::default() }),
            ..RoleCost::default()
        };
        let both = Report { roles: vec![role(600_000, Some(8)), role(1_400_000, None)], ..report(400.0) };
        let metrics = judged(both).metrics.expect("measured");
        assert!(!metrics.contains_key(metric::CYCLES_PER_MESSAGE), "no messages without a size");
        let sized = Case::new("transport", "pipe", Measure::RoundTrip).with(|p| p.message_bytes = Some(8));
        let found = per_message(&sized, 1_000, &[role(600_000, Some(8)), role(1_400_000, None)], &Metrics::new());
        // A round trip is two messages.
        assert_eq!(found.get(metric::CYCLES_PER_MESSAGE), Some(&1_000.0));
        assert!(
            !found.contains_key(metric::BRANCH_MISSES_PER_MESSAGE)
                && !found.contains_key(metric::INSTRUCTIONS_PER_MESSAGE)
        );
    }

    #[test]
    fn a_worker_with_numbers_that_cannot_be_true_makes_the_trial_invalid() {
        let fine = judged(report(400.0));
        assert_eq!((fine.status, fine.verdict), (Status::Measured, Some(Verdict::Stable)), "{:?}", fine.why);
        // A difference of two times may be negative.
        let mut difference = report(400.0);
        difference.metrics.insert(metric::ACQUIRE_REMOTE_NS.into(), -3.0);
        assert_eq!(judged(difference).status, Status::Measured);
        let lies = [report(0.0), report(-1.0), report(f64::NAN), report(f64::INFINITY)];
        let silent = Report { messages: 1_000, ..Report::default() };
        let uncounted = Report { messages: 0, ..report(400.0) };
        for lie in lies.into_iter().chain([silent, uncounted]) {
            let refused = judged(lie);
            assert_eq!((refused.status, refused.verdict), (Status::Failed, Some(Verdict::Invalid)));
            assert!(refused.metrics.is_none() && refused.why.is_some_and(|why| why.contains("cannot be true: it")));
        }
    }
}
