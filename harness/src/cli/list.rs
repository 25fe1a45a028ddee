//! `ipcmark list`: every mechanism variant in the registries.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use ipcmark::family::Variant;
use ipcmark::record::{Substrate, Wait};
use serde::Serialize;

use super::table;
use crate::participants::Participants;
use crate::plan::{Text, distinct};

/// List the mechanisms, and the reason for each that this machine cannot run.
///
/// The first column has the names for a plan's `mechanism` key, which also takes globs.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ipcmark list\n  ipcmark list --json | jq -r '.[] | select(.available) | .mechanism'"
)]
pub(super) struct List {
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

impl List {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let files: Vec<Text> = self.participants.iter().map(|it| Participants::read(it)).collect::<Result<_, _>>()?;
        let variants = Participants::with(&files)?.all_variants();
        if self.json {
            let rows: Vec<Row> = variants.iter().map(Row::of).collect();
            table::write_json(out, &rows)?;
            return Ok(super::FINE);
        }
        let mut rows = table::table(&["mechanism", "family", "isolation", "substrate", "available", "what it is"]);
        let mut listed: Vec<(&str, String)> = vec![];
        for variant in &variants {
            // Families may have rows of one name.
            let (family, name) = (variant.family, variant.row());
            if listed.contains(&(family, name.clone())) {
                continue;
            }
            let is_form = |other: &&Variant| other.family == family && other.row() == name;
            let forms: Vec<&Variant> = variants.iter().filter(is_form).collect();
            rows.add_row([
                &name,
                forms[0].family,
                &distinct(forms.iter().map(|form| form.isolation.word())).join(", "),
                &distinct(forms.iter().filter_map(|form| form.substrate).map(Substrate::word)).join(", "),
                &availability(&forms),
                forms[0].summary,
            ]);
            listed.push((family, name));
        }
        table::write(out, &rows)?;
        Ok(super::FINE)
    }
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

/// `yes`, or which forms of a row are missing here, and why.
fn availability(forms: &[&Variant]) -> String {
    let why = |form: &&Variant| {
        let what = form.substrate.map_or_else(|| form.isolation.word(), Substrate::word);
        form.unavailable.as_ref().map(|why| format!("not {what}: {why}"))
    };
    let missing: Vec<String> = forms.iter().filter_map(why).collect();
    if missing.is_empty() { "yes".to_owned() } else { distinct(missing.iter().map(String::as_str)).join("; ") }
}
