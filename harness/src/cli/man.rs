//! `ipcmark man`: the manual pages, made from the same text as `--help`.

use std::io::Write;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::Cli;

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
                let page = command.find_subcommand(verb);
                page.with_context(|| format!("there is no verb `{verb}`; `ipcmark --help` lists them"))?.clone()
            }
        };
        clap_mangen::Man::new(page).render(out)?;
        Ok(super::FINE)
    }
}
