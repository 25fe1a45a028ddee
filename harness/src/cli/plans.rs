//! `ipcmark plans`: the built-in plans.

use std::io::Write;

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::table;
use crate::plan::{EMBEDDED, Text};

/// List the built-in plans, or print one.
///
/// A printed plan is a good start for your own: `ipcmark run --plan FILE` runs it.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ipcmark plans\n  ipcmark plans quick > mine.toml && ipcmark run --plan mine.toml --dry-run"
)]
pub(super) struct Plans {
    /// Print this plan's TOML
    #[arg(value_name = "NAME", value_parser = PossibleValuesParser::new(EMBEDDED.iter().map(|(name, _)| *name)))]
    name: Option<String>,
}

impl Plans {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        if let Some(name) = &self.name {
            write!(out, "{}", Text::find(name)?.text)?;
            return Ok(super::FINE);
        }
        let mut rows = table::table(&["plan", "question"]);
        for (name, _) in EMBEDDED {
            let (_, question) = Text::find(name)?.question().context("a plan built into the program is broken")?;
            rows.add_row([(*name).to_owned(), question]);
        }
        table::write(out, &rows)?;
        Ok(super::FINE)
    }
}
