//! `ipcmark list`: every mechanism in the registries, by family.

use std::io::Write;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ipcmark::family::Variant;
use ipcmark::record::{Substrate, Wait};
use ipcmark_reports::format;
use serde::Serialize;

use super::table::{self, Paint, clipped};
use crate::participants::Participants;
use crate::plan::text::unknown;
use crate::plan::{Text, distinct};

/// List the mechanisms by family, and those that this machine cannot run.
///
/// Each line begins with a name for a plan's `mechanism` key, which also takes globs, and the ways to wait:
/// `pipe/{block,epoll}` stands for the rows `pipe/block` and `pipe/epoll`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ipcmark list
  ipcmark list --family lock               each lock, with isolation, memory and whole reasons
  ipcmark list --available | grep shm
  ipcmark list --json | jq -r '.[] | select(.available) | .mechanism'")]
pub(super) struct List {
    /// Only this family, with more about each mechanism
    #[arg(long, value_name = "FAMILY")]
    family: Option<String>,
    /// Only what this machine can run
    #[arg(long)]
    available: bool,
    /// Print JSON: an array of objects with family, mechanism, wait, isolation, substrate, available and why
    #[arg(long)]
    json: bool,
    /// Also list the participants of this TOML file; may be given more than once
    #[arg(long, value_name = "FILE")]
    participants: Vec<PathBuf>,
}

/// One row as JSON. The keys are stable; `null` where one does not apply.
#[derive(Serialize)]
struct Row {
    family: &'static str,
    mechanism: &'static str,
    wait: Option<&'static str>,
    isolation: &'static str,
    substrate: Option<&'static str>,
    available: bool,
    why: Option<String>,
}

/// Width of a name; longer ones move the text behind them.
const NAME: usize = 29;
/// Width of a page that is no terminal.
const PAGE: usize = 100;

impl List {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let files: Vec<Text> = self.participants.iter().map(|it| Participants::read(it)).collect::<Result<_, _>>()?;
        let all = Participants::with(&files)?.all_variants();
        let families = distinct(all.iter().map(|variant| variant.family));
        if let Some(wrong) = self.family.as_deref().filter(|family| !families.contains(family)) {
            bail!(unknown("family", wrong, families));
        }
        let asked = |variant: &&Variant| {
            let of_family = self.family.as_deref().is_none_or(|family| variant.family == family);
            of_family && !(self.available && variant.unavailable.is_some())
        };
        let variants: Vec<&Variant> = all.iter().filter(asked).collect();
        if self.json {
            let rows: Vec<Row> = variants.iter().map(|variant| Row::of(variant)).collect();
            table::write_json(out, &rows)?;
            return Ok(super::FINE);
        }
        let paint = Paint::of_stdout();
        let groups = families.into_iter().map(|family| (family, mechanisms(&variants, family)));
        for (at, (family, members)) in groups.filter(|(_, members)| !members.is_empty()).enumerate() {
            let missing = members.iter().filter(|member| member.missing().is_some()).count();
            let missing = if missing > 0 { format!(", {missing} of them cannot run here") } else { String::new() };
            let gap = if at > 0 { "\n" } else { "" };
            writeln!(out, "{gap}{}: {}{missing}", paint.bold(family), members.len())?;
            for member in &members {
                match self.family {
                    Some(_) => member.explain(out, paint)?,
                    None => member.line(out, paint)?,
                }
            }
        }
        if self.family.is_none() && table::width().is_some() {
            writeln!(out, "\n`ipcmark list --family FAMILY` says more about each.")?;
        }
        Ok(super::FINE)
    }
}

/// The variants of one mechanism.
struct Mechanism<'v>(Vec<&'v Variant>);

/// The mechanisms of a family, in the order of the registry.
fn mechanisms<'v>(variants: &[&'v Variant], family: &str) -> Vec<Mechanism<'v>> {
    let members: Vec<&Variant> = variants.iter().copied().filter(|variant| variant.family == family).collect();
    let named = |name| members.iter().copied().filter(|variant| variant.mechanism == name).collect();
    let names = distinct(members.iter().map(|variant| variant.mechanism));
    names.into_iter().map(|name| Mechanism(named(name))).collect()
}

impl Mechanism<'_> {
    /// `pipe/{block,epoll,busy}`.
    fn name(&self) -> String {
        let name = self.0[0].mechanism;
        match self.words(|variant| variant.wait.map(Wait::word)).as_slice() {
            [] => name.to_owned(),
            [wait] => format!("{name}/{wait}"),
            waits => format!("{name}/{{{}}}", waits.join(",")),
        }
    }

    fn words(&self, word: impl Fn(&Variant) -> Option<&'static str>) -> Vec<&'static str> {
        distinct(self.0.iter().filter_map(|variant| word(variant)))
    }

    /// Why none of its variants can run here.
    fn missing(&self) -> Option<&str> {
        let first = self.0[0].unavailable.as_deref()?;
        self.0.iter().all(|variant| variant.unavailable.is_some()).then_some(first)
    }

    /// One line, which fits the terminal.
    fn line(&self, out: &mut impl Write, paint: Paint) -> anyhow::Result<()> {
        let missing = self.missing().map(|why| format!("not here: {}", in_short(why)));
        let text = missing.as_deref().unwrap_or(self.0[0].summary);
        let line = clipped(&format!("  {:<NAME$}  {text}", self.name()), table::width());
        writeln!(out, "{}", if missing.is_some() { paint.dim(&line) } else { line })?;
        Ok(())
    }

    /// All that is known, as a paragraph.
    fn explain(&self, out: &mut impl Write, paint: Paint) -> anyhow::Result<()> {
        let mut lines = vec![self.0[0].summary.to_owned()];
        lines.push(format!("isolation: {}", self.words(|variant| Some(variant.isolation.word())).join(", ")));
        let memory = self.words(|variant| variant.substrate.map(Substrate::word));
        if !memory.is_empty() {
            lines.push(format!("memory: {}", memory.join(", ")));
        }
        let why = |variant: &&Variant| {
            let what = variant.substrate.map_or_else(|| variant.isolation.word(), Substrate::word);
            variant.unavailable.as_ref().map(|why| format!("not with {what} here: {why}"))
        };
        if let Some(why) = self.missing() {
            lines.push(format!("not here: {why}"));
        } else {
            let partly: Vec<String> = self.0.iter().filter_map(why).collect();
            lines.extend(distinct(partly.iter().map(String::as_str)).into_iter().map(str::to_owned));
        }
        writeln!(out, "  {}", paint.bold(&self.name()))?;
        let mut text = String::new();
        for line in &lines {
            format::wrap(&mut text, table::width().unwrap_or(PAGE), "      ", line);
        }
        write!(out, "{text}")?;
        Ok(())
    }
}

/// The first clause of a reason, without what to do about it.
fn in_short(why: &str) -> &str {
    why.split([';', ',', '(']).next().unwrap_or(why).trim_end()
}

impl Row {
    fn of(variant: &Variant) -> Self {
        Self {
            family: variant.family,
            mechanism: variant.mechanism,
            wait: variant.wait.map(Wait::word),
            isolation: variant.isolation.word(),
            substrate: variant.substrate.map(Substrate::word),
            available: variant.unavailable.is_none(),
            why: variant.unavailable.clone(),
        }
    }
}
