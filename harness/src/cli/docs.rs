//! `ipcmark docs`: the reference pages, made from the registries and tables.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ipcmark::family::Variant;
use ipcmark::record::{Group, Isolation, Kind, MainMetric, Measure, PARAMETERS, Parameter, Unit, Values, Wait};

use ipcmark_reports::export;

use crate::participants::Participants;
use crate::plan::{EMBEDDED, Text, distinct};

/// Write the reference pages: mechanisms, measures, parameters, plans and columns of exports, as Markdown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ipcmark docs docs")]
pub(super) struct Docs {
    /// Directory for the pages, made if it is missing
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Docs {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let directory = self.directory.display();
        std::fs::create_dir_all(&self.directory).with_context(|| format!("cannot make the directory `{directory}`"))?;
        for (name, page) in pages()? {
            let path = self.directory.join(name);
            std::fs::write(&path, page).with_context(|| format!("cannot write `{}`", path.display()))?;
            writeln!(out, "{}", path.display())?;
        }
        Ok(super::FINE)
    }
}

/// Every page with its file name.
fn pages() -> anyhow::Result<[(&'static str, String); 5]> {
    Ok([
        ("mechanisms.md", mechanisms(&Participants::embedded().all_variants())),
        ("measures.md", measures()),
        ("parameters.md", parameters()),
        ("plans.md", plans()?),
        ("export.md", columns()),
    ])
}

/// A page with a heading, a text and a table.
fn page(title: &str, text: &str, columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    format!("# {title}\n\n{text}\n\n{}", table(columns, rows))
}

fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(out, "| {} |", cells.join(" | ")).expect("a string takes any text");
    }
    out
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn codes<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(code).collect::<Vec<_>>().join(", ")
}

fn mechanisms(all: &[Variant]) -> String {
    let text = "`ipcmark list` prints these rows, and why a row cannot run on this machine. A plan names them as `mechanism` or \
                `mechanism/wait`. The wait is what an idle endpoint does:";
    let mut out = format!("# Mechanisms\n\n{text}\n\n");
    let waits = Wait::ALL.iter().map(|wait| vec![code(wait.word()), wait.doc().trim().to_owned()]);
    out.push_str(&table(&["wait", "an idle endpoint"], waits));
    let budgets = "How long our own queues and locks poll before they sleep or yield is a time. Each process measures the price of \
                   a pause hint before its trial; a record has the price (`pause_ns`) and each time with its number of hints \
                   (`spin_budgets`) for each role.";
    write!(out, "\n{budgets}\n").expect("a string takes any text");
    for family in distinct(all.iter().map(|row| row.family)) {
        write!(out, "\n## {}\n\n", family.replace('_', " ")).expect("a string takes any text");
        let of_family: Vec<&Variant> = all.iter().filter(|row| row.family == family).collect();
        let rows = distinct(of_family.iter().map(|row| row.mechanism)).into_iter().map(|mechanism| {
            let forms: Vec<&Variant> = of_family.iter().copied().filter(|row| row.mechanism == mechanism).collect();
            vec![
                code(mechanism),
                codes(distinct(forms.iter().filter_map(|row| row.wait).map(Wait::word))),
                distinct(forms.iter().map(|row| row.isolation).map(Isolation::word)).join(", "),
                distinct(forms.iter().map(|row| row.group).map(Group::word)).join(", "),
                forms[0].summary.to_owned(),
            ]
        });
        out.push_str(&table(&["mechanism", "waits", "between", "kind", "what it is"], rows));
    }
    out
}

fn measures() -> String {
    let text = "What can be asked of a mechanism. A trial is checked before its numbers count.";
    let rows = Measure::ALL.iter().map(|measure| {
        let row = measure.row();
        let main = |main: MainMetric| {
            let unit = if main.kind == Kind::Cost { "time, less is better" } else { "rate, more is better" };
            format!("{}, {unit}", code(main.name))
        };
        vec![
            code(measure.word()),
            measure.doc().trim().to_owned(),
            row.families.join(", ").replace('_', " "),
            row.main.map_or_else(String::new, main),
        ]
    });
    page("Measures", text, &["measure", "question", "families", "main metric"], rows)
}

fn parameters() -> String {
    let text = "A block of a plan sets these keys, each to one value or a list of values; so do records and case keys. A \
                parameter that is left out is as usual, or up to the mechanism.";
    let values = |row: &Parameter| match row.values {
        Values::Word(words) => codes(words.iter().copied()),
        Values::Pattern => "`senders:receivers`".to_owned(),
        Values::Number => {
            let (least, most) = (row.unit.show(row.range.0), row.unit.show(row.range.1));
            let most = if [u32::MAX.into(), u64::MAX].contains(&row.range.1) {
                "or more".to_owned()
            } else {
                format!("to {most}")
            };
            let unit = if row.unit == Unit::Percent { " %" } else { "" };
            format!("{least} {most}{unit}")
        }
    };
    let rows = PARAMETERS.iter().filter(|row| !row.derived).map(|row| {
        vec![
            code(row.name),
            row.doc.trim().to_owned(),
            values(row),
            row.usual.map_or_else(String::new, code),
            codes(row.measures.iter().map(|measure| measure.word())),
        ]
    });
    page("Parameters", text, &["parameter", "what it is", "values", "usually", "measures; all if none"], rows)
}

fn columns() -> String {
    let text = "`ipcmark export --format csv|json|parquet RECORDINGS... --out FILE` writes one row a trial with these columns, the \
                same for all records and formats. A value that a trial does not have is empty in CSV, null in JSON and Parquet; a \
                parameter that a case leaves as usual has its usual value. Metrics are empty where the measure does not have \
                them. JSON is one object a line. The unit is the end of a name. [fleet.md](fleet.md#analysis) has queries.";
    let rows = export::columns().into_iter().map(|column| {
        let doc = column.doc.replace("[`", "`").replace("`]", "`");
        vec![code(column.name), column.kind.word().to_owned(), column.unit().to_owned(), doc]
    });
    let trackers = "`--format github-action-benchmark`, `bencher` and `prometheus` write one summary a case instead: the median over \
                    repetitions with its interval. Cases without a valid number are left out. The name is the case key, which is \
                    the same in each run of a plan. The records must come from one machine, those for Prometheus from one run.";
    let rows_of_trackers = [
        [
            "github-action-benchmark",
            "An array of `name`, `value`, `unit`, `range` (both ends of the interval) and `extra`, for the \
                                     tool `customSmallerIsBetter`. A rate is written as nanoseconds for one message.",
        ],
        [
            "bencher",
            "An object of cases, for `bencher run --adapter json`. Measures: `latency` (ns) or `throughput` (1/s), \
                     `latency-p99` (ns), `cpu-time-per-message` (ns), `idle-cpu` (ns/s), with `lower_value` and `upper_value` \
                     where there is an interval.",
        ],
        [
            "prometheus",
            "Gauges such as `ipcmark_time_seconds` or `ipcmark_rate_per_second`, with `_lower` and `_upper`, \
                        percentiles, CPU time, repetitions and verdict; `ipcmark_run_info` names run, plan and machine.",
        ],
    ];
    let rows_of_trackers = rows_of_trackers.map(|[form, what]| vec![code(form), what.to_owned()]);
    let trackers = format!("{trackers}\n\n{}", table(&["format", "what it holds"], rows_of_trackers));
    let columns = page("Columns of an export", text, &["column", "type", "unit", "what it is"], rows);
    format!("{columns}\n## Summaries for trackers\n\n{trackers}")
}

fn plans() -> anyhow::Result<String> {
    let text = "`ipcmark run --plan NAME` runs a built-in plan, `--plan FILE` your own. `--dry-run` prints the cases and the \
                predicted time. A plan's blocks name mechanisms, [measures](measures.md) and [parameters](parameters.md). With \
                `until_stable = \"5%\"` and `budget = \"10m\"`, a plan adds repetitions to the cases with the widest intervals \
                until each timed case is within 5 % of its median, or the budget is spent; `--until-stable` and `--budget` \
                do so for any plan. Disturbed trials are tried again first. A case stops as soon as its interval is narrow, and \
                some intervals are narrow by chance, so those of such a run are slightly optimistic; state a fixed number of \
                repetitions where that matters.\n\n\
                The head of the report answers the plan's question with one sentence for each `[[answer]]` block: `label`, then \
                `measure`, and what narrows it down: `metric` (the main one unless given), `family`, `waits` (`polls`, `sleeps` or \
                `blocks`), `survives = true` (locks whose owner may die), `placement`, and parameters as in `[[cases]]`, where \
                numbers may be `least` or `most`. The sentence names the best mechanism between processes, its interval, and \
                those statistically tied with it. `finding = \"ran\"`, `\"sustained\"` and others state something else; see the \
                built-in plans. Answers are not part of what is measured, so changing one keeps a run resumable.";
    let rows = EMBEDDED.iter().map(|(name, text)| {
        let text = Text { file: format!("plans/{name}.toml"), text: (*text).to_owned() };
        Ok(vec![format!("[`{name}`](../harness/plans/{name}.toml)"), text.question()?.1])
    });
    Ok(page("Plans", text, &["plan", "question"], rows.collect::<anyhow::Result<Vec<_>>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cargo features add rows that the pages do not list.
    #[cfg(not(any(feature = "peers", feature = "peer-zeromq", feature = "peer-nng")))]
    #[test]
    fn the_pages_are_current() {
        for (name, page) in pages().expect("sound plans") {
            let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(written == page, "{path} is out of date; write it with `cargo ipcmark docs docs`");
        }
    }

    #[test]
    fn measures_name_the_families_that_answer_them() {
        let all = Participants::embedded().all_variants();
        for measure in Measure::ALL.iter().filter(|measure| **measure != Measure::Floors) {
            let mut found = distinct(all.iter().filter(|row| row.measures.contains(measure)).map(|row| row.family));
            found.sort_unstable();
            let mut named = measure.row().families.to_vec();
            named.sort_unstable();
            assert_eq!(found, named, "{measure}");
        }
    }
}
