//! HTML page: one self-contained file that also prints and works without its script.
//!
//! Rust provides text and formatted numbers, `report.html` the layout, `style.css` the style, and `script.js` sorting
//! and exploring. The template engine escapes text from records.

mod advice;
mod answer;
mod compare;
mod headline;
mod history;
mod locks;
mod machine;
mod pairs;
mod recovery;
mod sections;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ipcmark_record::{Placement, Verdict};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::analyse::answer::{findings, place, place_word};
use crate::analyse::cross_check::below_floor;
use crate::analyse::series::Series;
use crate::analyse::study::Study;
use crate::chart::{Figure, Looks, Table, Topic, cross_checks, drift, figures, in_script, topics};
use crate::read::Recording;

const PAGE: &str = include_str!("report.html");
const MACROS: &str = include_str!("macros.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ADVICE_SCRIPT: &str = include_str!("advice.js");

/// A written report.
#[derive(Debug)]
pub struct Report {
    /// Path of its page.
    pub page: PathBuf,
    /// Answer to the plan's question, one sentence each; empty if no case answers it. Behind them what changed, if there are
    /// several runs.
    pub answers: Vec<String>,
}

/// Writes the page of a recording to `index.html` in `out_dir`, which is created if missing. A temporary file is renamed
/// when complete, so a full disk keeps the old page.
///
/// Errors: records of several machines, and a directory that cannot be created or written, by name.
pub fn write(recording: &Recording, out_dir: &Path) -> anyhow::Result<Report> {
    recording.of_one_machine()?;
    let (html, answers) = render(recording)?;
    fs::create_dir_all(out_dir).with_context(|| format!("cannot make the directory {}", out_dir.display()))?;
    let page = out_dir.join("index.html");
    replace_file(&page, &html)?;
    Ok(Report { page, answers })
}

/// Writes a file beside its place and renames it when complete, so that a full disk keeps the old one.
fn replace_file(path: &Path, text: &str) -> anyhow::Result<()> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let unfinished = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // Best effort: the removal may fail too, and the first error is reported.
        let _ = fs::remove_file(&unfinished);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Values for the template.
#[derive(Serialize)]
struct Page {
    question: String,
    /// Markup with highlighted mechanism names, one paragraph each.
    answers: Vec<String>,
    /// Markup.
    findings: Vec<String>,
    tally: Vec<sections::Tally>,
    /// Sentence on stable cases with an unsteady tail.
    unsteady: Option<String>,
    run: Vec<sections::Fact>,
    warnings: Vec<String>,
    /// CPU distances, if the CPUs moved.
    distances: Option<sections::Distances>,
    headline: headline::Headline,
    advice: Vec<advice::Form>,
    locks: Option<locks::Locks>,
    /// Whether any case has the verdict `caught`.
    caught: bool,
    recovery: Option<recovery::Recovery>,
    topics: Vec<Topic>,
    placements: Vec<OnPlacement>,
    break_even: Vec<pairs::Matrix>,
    cross_checks: Option<Figure>,
    /// Cases that are faster than their floor.
    below_floor: Vec<String>,
    /// What changed, if there are several runs.
    history: Option<history::Section>,
    drift: Option<Figure>,
    cautions: Vec<sections::Reason>,
    overloaded: Vec<sections::Reason>,
    absent: Vec<sections::Reason>,
    bad_lines: Vec<sections::Bad>,
    declared: Table,
    /// Markup.
    disagreeing: Vec<String>,
    conformance: Option<sections::Conformance>,
    machines: Vec<machine::MachineView>,
    spin_budgets: Table,
    /// Whether a colour denotes a kind of mechanism.
    by_group: bool,
    /// JSON list of the names of all series, in the order of their classes.
    series: String,
    css: Css,
    script: String,
    advice_script: String,
}

/// Charts of one placement.
#[derive(Serialize)]
struct OnPlacement {
    word: &'static str,
    name: String,
    phrase: &'static str,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
struct Css {
    style: String,
    light: String,
    dark: String,
    filters: String,
}

fn render(recording: &Recording) -> anyhow::Result<(String, Vec<String>)> {
    let study = Study::of(recording);
    let looks = Looks::of(&study.series);
    let (light, dark) = looks.css();
    let headline = headline::headline(&study);
    let on = |placement: Placement| OnPlacement {
        word: placement.word(),
        name: place_word(placement),
        phrase: place(placement),
        figures: figures(&study, &looks, placement),
    };
    let placements: Vec<OnPlacement> =
        study.placements().into_iter().map(on).filter(|on| !on.figures.is_empty()).collect();
    let topics = topics(&study, &looks);
    let cross_checks = cross_checks(&study, &looks);
    let history = history::section(&study, &looks);
    let change = history.as_ref().map(|history| history.answer.clone());
    let recovery = recovery::recovery(&study);
    let conformance = sections::conformance(&study);
    let of_topics = topics.iter().flat_map(|topic| &topic.figures);
    let all: Vec<&Figure> = of_topics.chain(placements.iter().flat_map(|placement| &placement.figures)).collect();
    let mut ids: Vec<&str> = all.iter().map(|figure| figure.id.as_str()).collect();
    ids.extend(topics.iter().map(|topic| topic.id).chain(["absent", "results"]));
    ids.extend(recovery.as_ref().map(|_| "recovery"));
    ids.extend(conformance.as_ref().map(|_| "conformance"));
    ids.extend(cross_checks.as_ref().map(|figure| figure.id.as_str()));
    let shown = answer::Shown { ids, figures: all, topics: &topics, cross_checks: cross_checks.as_ref() };
    let answer::Answers { markup: answers, mut plain } = answer::Answers::of(recording, &study, &shown);
    plain.extend(change);
    let (declared, disagreeing) = sections::declared_and_seen(&study);
    let page = Page {
        question: sections::question(recording),
        answers,
        findings: findings(&study).iter().map(|finding| sections::with_names(finding)).collect(),
        tally: sections::tally(&study),
        unsteady: sections::unsteady(&study),
        run: sections::run(recording, &study),
        warnings: sections::warnings(recording, history.as_ref().map_or(0, |history| history.changed)),
        distances: sections::distances(&study),
        topics,
        placements,
        locks: locks::locks(&study),
        caught: study.cases.iter().any(|case| case.summary.verdict == Some(Verdict::Caught)),
        recovery,
        break_even: pairs::matrices(&study),
        cross_checks,
        below_floor: below_floor(study.cases.iter().map(|case| &case.summary)),
        history,
        drift: drift(&study, &looks),
        cautions: sections::cautions(&study),
        overloaded: sections::overloaded(&study),
        absent: sections::absent(&study),
        bad_lines: sections::bad_lines(recording),
        declared,
        disagreeing: disagreeing.iter().map(|why| sections::with_names(why)).collect(),
        conformance,
        machines: study.machines.iter().map(|machine| machine::view(machine)).collect(),
        spin_budgets: sections::spin_budgets(recording),
        css: Css { style: dense(STYLE), light, dark, filters: headline.filters_css() },
        headline,
        by_group: looks.by_group,
        series: in_script(&study.series.iter().map(Series::label).collect::<Vec<_>>()),
        script: dense(SCRIPT),
        advice: advice::forms(&study),
        advice_script: dense(ADVICE_SCRIPT),
    };
    let mut environment = environment()?;
    environment.add_template("report.html", PAGE)?;
    let html = environment
        .get_template("report.html")?
        .render(Value::from(Serde(page)))
        .map(|html| without_escaped_slashes(&html));
    Ok((html.context("the page could not be rendered")?, plain))
}

/// The template engine escapes slashes, of which names have many; no context of these pages needs it.
fn without_escaped_slashes(html: &str) -> String {
    html.replace("&#x2f;", "/")
}

/// Script or style without indentation and without lines that are comments.
fn dense(text: &str) -> String {
    let lines = text.lines().map(str::trim_start);
    lines.filter(|line| !line.is_empty() && !line.starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Templates that all pages use.
fn environment() -> anyhow::Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).build()?);
    environment.add_filter("names", |text: String| Value::from_safe_string(sections::with_names(&text)));
    environment.add_template("macros.html", MACROS)?;
    Ok(environment)
}
