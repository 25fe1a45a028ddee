//! `ipcmark completions`: what a shell needs to complete this command.

use std::io::Write;

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Cli;

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
