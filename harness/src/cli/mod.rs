//! The command line: one file per subcommand. Results go to stdout, messages to stderr.

mod ab;
mod advise;
mod built_in;
mod compare;
mod docs;
mod export;
mod list;
mod machine;
mod report;
mod results;
mod run;
mod summary;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Parser, Subcommand};
use ipcmark_reports::BadLine;

use self::results::Results;
pub use self::run::perform;
use crate::plan::text::unknown;
use crate::progress::print_line;

/// Success.
const FINE: u8 = 0;
/// A trial failed or was invalid, a comparison broke its limit, or results could not be written.
const BROKEN: u8 = 1;
/// The call or the plan was wrong; nothing was started.
const MISTAKE: u8 = 2;

/// Measure and compare the ways in which processes on this machine communicate.
///
/// Every trial starts real processes, checks every message and becomes one line of `records.jsonl`. A report is made from
/// such files. It always names the wait strategy, the placement and the isolation.
#[derive(Debug, Parser)]
#[command(name = "ipcmark", version, arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  ipcmark run                                which way should two processes talk? three minutes
  ipcmark run --plan smoke                   does everything run here at all?
  ipcmark run --only 'shm-spsc|pipe'         two mechanisms only
  ipcmark report run1 run2 --out both        one page from two runs
  ipcmark compare before after --fail-above 10
  ipcmark ab --b ./ipcmark-new --only pipe   is a change faster? pairs measured in turns
  ipcmark advise --message-bytes 4096 --rate 200000 --measure 1m   which mechanism, and why?

Exit status:
  0          fine
  1          a trial failed or was invalid, a comparison broke its limit, or results could not be written
  2          the call or the plan was wrong; nothing was started
  129, 130, 143  a run was interrupted, and `ipcmark run --resume DIR` or `ipcmark ab --resume DIR` goes on";

#[derive(Debug, Subcommand)]
enum Verb {
    List(list::List),
    Plans(built_in::Plans),
    Run(run::Run),
    Report(report::Report),
    Compare(compare::Compare),
    Ab(ab::Ab),
    Advise(advise::Advise),
    Export(export::Export),
    Machine(machine::Machine),
    Schema(built_in::Schema),
    Completions(built_in::Completions),
    Man(built_in::Man),
    Docs(docs::Docs),
}

impl Verb {
    fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        match self {
            Self::List(verb) => verb.run(out),
            Self::Plans(verb) => verb.run(out),
            Self::Run(verb) => verb.run(out),
            Self::Report(verb) => verb.run(out),
            Self::Compare(verb) => verb.run(out),
            Self::Ab(verb) => verb.run(out),
            Self::Advise(verb) => verb.run(out),
            Self::Export(verb) => verb.run(out),
            Self::Machine(verb) => verb.run(out),
            Self::Schema(verb) => verb.run(out),
            Self::Completions(verb) => verb.run(out),
            Self::Man(verb) => verb.run(out),
            Self::Docs(verb) => verb.run(out),
        }
    }
}

/// Reads the command line, does what it says and returns the exit status.
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| match misspelt(&error) {
        Some(line) => {
            print_line(&format!("error: {line}"));
            std::process::exit(MISTAKE.into())
        }
        None => error.exit(),
    });
    let mut out = Results::new(io::stdout().lock());
    let status = cli.verb.run(&mut out).unwrap_or_else(|error| complain(&error, MISTAKE));
    ExitCode::from(match out.lost() {
        // Lost output must not look like a wrong call, and must not hide a failure.
        Some(error) => status.max(complain(&anyhow::Error::new(error).context("cannot write the results"), BROKEN)),
        None => status,
    })
}

/// Says which lines of a recording do not count.
fn note_left_out(bad_lines: &[BadLine]) {
    for bad in bad_lines {
        print_line(&format!("note: {bad}"));
    }
}

/// What to say about a word that is not known, in the form that plans use too.
fn misspelt(error: &clap::Error) -> Option<String> {
    let told = |kind| match error.get(kind)? {
        ContextValue::String(word) => Some(word.as_str()),
        _ => None,
    };
    let mut command = Cli::command();
    command.build();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let known = command.get_subcommands().map(clap::Command::get_name);
            Some(unknown("subcommand", told(ContextKind::InvalidSubcommand)?, known))
        }
        ErrorKind::UnknownArgument => {
            let word = told(ContextKind::InvalidArg).filter(|word| word.starts_with("--"))?;
            let mut of = &command;
            for word in std::env::args().skip(1) {
                let Some(inner) = of.find_subcommand(word) else { break };
                of = inner;
            }
            let known = of.get_arguments().filter(|option| !option.is_hide_set()).filter_map(clap::Arg::get_long);
            let known: Vec<String> = known.map(|name| format!("--{name}")).collect();
            Some(unknown("option", word, known.iter().map(String::as_str)))
        }
        ErrorKind::InvalidValue => match (told(ContextKind::InvalidArg)?, error.get(ContextKind::ValidValue)?) {
            (option, ContextValue::Strings(known)) if !known.is_empty() => {
                let kind = option.split(' ').next().unwrap_or(option).trim_matches(['[', ']', '<', '>']);
                let kind = if option.starts_with('-') { format!("value of {kind}") } else { kind.to_lowercase() };
                Some(unknown(&kind, told(ContextKind::InvalidValue)?, known.iter().map(String::as_str)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Exit status for a run that a signal ended, as shells report it.
fn ended_by(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(BROKEN)
}

/// Prints an error and returns `status`.
fn complain(error: &anyhow::Error, status: u8) -> u8 {
    print_line(&format!("error: {error:#}"));
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
