//! Subcommands that print what is built into the program: plans, the schema of records, completions, manual pages.

use std::io::Write;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};
use ipcmark::record::line::Line;

use super::{Cli, table};
use crate::plan::text::unknown;
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

/// Print the JSON Schema of the lines of `records.jsonl`.
#[derive(Debug, Args)]
pub(super) struct Schema {}

impl Schema {
    #[allow(clippy::unused_self)] // a verb without options is still a verb
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        table::write_json(out, &schemars::schema_for!(Line))?;
        Ok(super::FINE)
    }
}

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ipcmark completions bash > ~/.local/share/bash-completion/completions/ipcmark")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        // Into a buffer, because the generator panics when its writer fails.
        let mut script = vec![];
        generate(self.shell, &mut Cli::command(), "ipcmark", &mut script);
        out.write_all(&script)?;
        Ok(super::FINE)
    }
}

/// Print the manual page of the command or of one subcommand, as roff.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ipcmark man | man -l -\n  ipcmark man run > ipcmark-run.1")]
pub(super) struct Man {
    /// The subcommand; without it, the page of the whole command
    verb: Option<String>,
}

impl Man {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        let mut command = Cli::command();
        command.build();
        let page = match &self.verb {
            None => command,
            Some(verb) => {
                let known = command.get_subcommands().map(clap::Command::get_name);
                command.find_subcommand(verb).with_context(|| unknown("subcommand", verb, known))?.clone()
            }
        };
        clap_mangen::Man::new(page).render(out)?;
        Ok(super::FINE)
    }
}
