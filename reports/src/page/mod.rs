//! HTML page: one self-contained file that also prints and works without its script.
//!
//! Rust provides text and formatted numbers, `report.html` the layout, `style.css` the style, and `script.js` sorting
//! and highlighting. The template engine escapes text from records.

mod compare;
mod headline;
mod locks;
mod machine;
mod pairs;
mod recovery;
mod sections;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ipcmark_record::{Placement, Verdict};
use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use crate::analyse::answer::{self, answer, place, place_word};
use crate::analyse::cross_check::below_floor;
use crate::analyse::study::Study;
use crate::chart::{Figure, Looks, PYTHON, Table, Topic, cross_checks, drift, figures, topics};
use crate::read::Recording;

const PAGE: &str = include_str!("report.html");
const MACROS: &str = include_str!("macros.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// Writes the page of a recording to `index.html` in `out_dir`, which is created if missing, and returns its path. A
/// temporary file is renamed when complete, so a full disk keeps the old page.
///
/// Errors: records of several machines, and a directory that cannot be created or written, by name.
pub fn write(recording: &Recording, out_dir: &Path) -> anyhow::Result<PathBuf> {
    recording.of_one_machine()?;
    let html = render(recording)?;
    fs::create_dir_all(out_dir).with_context(|| format!("cannot make the directory {}", out_dir.display()))?;
    let path = out_dir.join("index.html");
    replace_file(&path, &html)?;
    Ok(path)
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
    /// Markup with highlighted mechanism names.
    answer: String,
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
    css: Css,
    script: &'static str,
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
    style: &'static str,
    light: String,
    dark: String,
    filters: String,
}

fn render(recording: &Recording) -> anyhow::Result<String> {
    let study = Study::of(recording);
    let looks = Looks::of(&study.series);
    let (light, dark) = looks.css();
    let answer = answer(&study);
    let headline = headline::headline(&study);
    let on = |placement: Placement| OnPlacement {
        word: placement.word(),
        name: place_word(placement),
        phrase: place(placement),
        figures: figures(&study, &looks, placement),
    };
    let placements: Vec<OnPlacement> =
        study.placements().into_iter().map(on).filter(|on| !on.figures.is_empty()).collect();
    // Without round trips the answer comes from a chart.
    let topics = topics(&study, &looks);
    let of_chart = || {
        let of_topics = topics.iter().flat_map(|topic| &topic.figures);
        let mut figures = of_topics.chain(placements.iter().flat_map(|placement| &placement.figures));
        figures.find(|figure| !figure.answer.is_empty()).map(|figure| figure.answer.clone())
    };
    let mut answer = answer;
    // In a plan about Python the speed-up over Python is the answer.
    if let Some(gain) = topics.first().filter(|topic| topic.id == PYTHON).map(|topic| topic.figures[0].answer.clone()) {
        let sentence = answer.sentence.replace(gain);
        answer.findings.splice(0..0, sentence);
    }
    let sentence = answer.sentence.or_else(of_chart).unwrap_or_else(|| answer::NOTHING_TO_SAY.into());
    let sentence = [Some(sentence), answer.caution.take()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let (declared, disagreeing) = sections::declared_and_seen(&study);
    let page = Page {
        question: sections::question(recording),
        answer: sections::with_names(&sentence),
        findings: answer.findings.iter().map(|finding| sections::with_names(finding)).collect(),
        tally: sections::tally(&study),
        unsteady: sections::unsteady(&study),
        run: sections::run(recording, &study),
        warnings: sections::warnings(recording),
        distances: sections::distances(&study),
        topics,
        placements,
        locks: locks::locks(&study),
        caught: study.cases.iter().any(|case| case.summary.verdict == Some(Verdict::Caught)),
        recovery: recovery::recovery(&study),
        break_even: pairs::matrices(&study),
        cross_checks: cross_checks(&study, &looks),
        below_floor: below_floor(study.cases.iter().map(|case| &case.summary)),
        drift: drift(&study, &looks),
        cautions: sections::cautions(&study),
        overloaded: sections::overloaded(&study),
        absent: sections::absent(&study),
        bad_lines: sections::bad_lines(recording),
        declared,
        disagreeing: disagreeing.iter().map(|why| sections::with_names(why)).collect(),
        conformance: sections::conformance(&study),
        machines: study.machines.iter().map(|machine| machine::view(machine)).collect(),
        spin_budgets: sections::spin_budgets(recording),
        css: Css { style: STYLE, light, dark, filters: headline.filters_css() },
        headline,
        by_group: looks.by_group,
        script: SCRIPT,
    };
    let mut environment = environment()?;
    environment.add_template("report.html", PAGE)?;
    environment.get_template("report.html")?.render(Value::from(Serde(page))).context("the page could not be rendered")
}

/// Templates that all pages use.
fn environment() -> anyhow::Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("names", |text: String| Value::from_safe_string(sections::with_names(&text)));
    environment.add_template("macros.html", MACROS)?;
    Ok(environment)
}
