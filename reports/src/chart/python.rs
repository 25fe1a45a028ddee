//! Comparison with Python: speed-up of the counterparts of each Python mechanism.

use ipcmark_record::{Case, Measure};

use super::canvas::Marker;
use super::points::{Entry, Points};
use super::table::Table;
use super::{Figure, Looks};
use crate::analyse::answer::place_word;
use crate::analyse::beside::{Beside, beside};
use crate::analyse::families::{LAUNCH, POOL, QUEUE, SERVER, SHARED_STATE};
use crate::analyse::ground::asked;
use crate::analyse::series::LOCKS;
use crate::analyse::statistics::{Estimate, median};
use crate::analyse::study::{CaseStudy, Study};
use crate::format;

/// Families with their headings, in section order.
const SECTIONS: [(&str, &str); 7] = [
    ("transport", "messages"),
    (LOCKS, "locks"),
    (POOL, "pools"),
    (QUEUE, "queues of work"),
    (SHARED_STATE, "shared state"),
    (LAUNCH, "starting processes"),
    (SERVER, "servers"),
];

/// Longest note beside a row, in letters.
const LONGEST_NOTE: usize = 48;

/// Builds the chart; empty without counterparts.
pub fn figures(study: &Study<'_>, looks: &Looks) -> Vec<Figure> {
    let all = beside(study);
    let drawn = drawn(&all);
    let section = |(family, heading): &(&str, &str)| {
        let members = drawn.iter().filter(|one| one.python.case.family == *family);
        ((*heading).to_owned(), members.map(|one| entry(one)).collect())
    };
    let chart = Points {
        id: "beside-python".into(),
        title: "Speed-up over Python".into(),
        description: "Speed-up of the counterparts of each Python mechanism, on a logarithmic axis.",
        answer: answer(&drawn),
        note: format!(
            "Cost of the Python mechanism divided by that of its counterpart in the same run: ratio of medians \
                 with its interval. Circle: the fastest counterpart. Diamond: the counterpart of the same \
                 kind. Payload, counts and checks are equal; Python uses its standard library, and its time \
                 includes the interpreter. The fastest counterpart may poll and keep a CPU busy; its name \
                 contains the wait strategy.{}",
            if drawn.len() < all.len() {
                " Of each only the smallest payload and task are drawn; the numbers behind it hold all."
            } else {
                ""
            }
        ),
        x_name: "times as fast as Python (log scale)",
        show: format::ratio,
        references: vec![("as fast as Python".into(), 1.0)],
        sections: SECTIONS.iter().map(section).collect(),
        table: table(&all),
    };
    chart.figure(study, looks).into_iter().collect()
}

/// Comparison with the smallest payload and task for each mechanism, measure and call.
fn drawn<'b, 's, 'a>(all: &'b [Beside<'s, 'a>]) -> Vec<&'b Beside<'s, 'a>> {
    let asked = |case: &Case| (case.family.clone(), case.mechanism.clone(), case.measure, case.params.call);
    let burden = |case: &Case| {
        let sides = case.pattern().roles();
        (
            case.params.grain_ns.unwrap_or(0),
            case.params.message_bytes,
            sides,
            case.params.clients,
            case.params.contenders,
            case.params.workers,
            case.params.chunk,
        )
    };
    let mut drawn: Vec<&Beside<'_, '_>> = Vec::new();
    for one in all {
        match drawn.iter_mut().find(|known| asked(known.python.case) == asked(one.python.case)) {
            Some(known) if burden(one.python.case) < burden(known.python.case) => *known = one,
            Some(_) => {}
            None => drawn.push(one),
        }
    }
    drawn
}

/// Mechanism without wait strategy, and measure.
fn name(case: &Case) -> String {
    let what = match (case.params.call, case.measure) {
        (Some(call), _) => call.word().replace('-', " "),
        (None, Measure::RoundTrip) => "round trip".into(),
        (None, measure) => measure.word().replace('_', " "),
    };
    format!("{} {what}", case.mechanism)
}

fn entry<'s, 'a>(one: &Beside<'s, 'a>) -> Entry<'s, 'a> {
    let describe =
        |(case, times): &(&CaseStudy<'_>, Estimate)| format!("{} × {}", format::ratio(times.value), case.series.row());
    let natural = one.natural.filter(|natural| natural.0.key != one.best.0.key);
    let best = describe(&one.best);
    let note = match natural.as_ref() {
        None => best,
        // A name that leaves no space for the chart is in the table only.
        Some(like) if best.len() + describe(like).len() > LONGEST_NOTE => {
            format!("{best}, {} × its like", format::ratio(like.1.value))
        }
        Some(like) => format!("{best}, {}", describe(like)),
    };
    let marks = natural.map(|natural| (natural.1, Marker::Diamond)).into_iter().chain([(one.best.1, Marker::Circle)]);
    Entry { case: one.python, label: Some(name(one.python.case)), note, marks: marks.collect() }
}

/// Median speed-up with the smallest and the largest.
fn answer(drawn: &[&Beside<'_, '_>]) -> String {
    let mut sorted = drawn.to_vec();
    sorted.sort_by(|a, b| a.best.1.value.total_cmp(&b.best.1.value));
    let (Some(least), Some(most)) = (sorted.first(), sorted.last()) else { return String::new() };
    let describe = |one: &Beside<'_, '_>| {
        let (case, times) = &one.best;
        format!("{} times (`{}` against {})", format::ratio(times.value), name(one.python.case), case.series.quoted())
    };
    if sorted.len() == 1 {
        let (case, times) = &least.best;
        return format!(
            "The fastest counterpart of `{}`, {}, is {} times as fast.",
            name(least.python.case),
            case.series.quoted(),
            format::ratio(times.value)
        );
    }
    let middle = median(sorted.iter().map(|one| one.best.1.value)).unwrap_or(f64::NAN);
    format!(
        "In {} comparisons with Python the fastest counterpart is {} times as fast (median), from {} to {}.",
        sorted.len(),
        format::ratio(middle),
        describe(least),
        describe(most)
    )
}

fn table(all: &[Beside<'_, '_>]) -> Table {
    let rows = all.iter().flat_map(|one| {
        let natural = one.natural.filter(|natural| natural.0.key != one.best.0.key);
        let same = one.natural.is_some_and(|natural| natural.0.key == one.best.0.key);
        let best = (one, one.best, if same { "fastest, and does the same" } else { "fastest" });
        std::iter::once(best).chain(natural.map(|natural| (one, natural, "does the same")))
    });
    let words = |case: &Case| {
        let mut words = asked(case);
        words.extend(case.params.message_bytes.map(format::bytes));
        words.push(place_word(case.placement));
        words.join(", ")
    };
    Table::of(rows)
        .text("Python", "python", |row| name(row.0.python.case))
        .text("Parameters", "asked", |row| words(row.0.python.case))
        .time("Its cost", "python_ns", |row| row.0.python.cost_ns())
        .text("Counterpart", "counterpart", |row| row.1.0.series.label())
        .time("Its cost", "counterpart_ns", |row| row.1.0.cost_ns())
        .number("Times as fast", "times_count", format::ratio, |row| Some(row.1.1.value))
        .number("Low", "low_count", format::ratio, |row| Some(row.1.1.interval?.low))
        .number("High", "high_count", format::ratio, |row| Some(row.1.1.interval?.high))
        .text("Which", "which", |row| row.2)
        .table()
}
