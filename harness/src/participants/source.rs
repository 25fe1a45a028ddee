//! The TOML form of participants. Every value keeps its position, so that errors can name the line.

use std::path::Path;

use ipcmark::family::{self, Variant};
use ipcmark::record::{Group, Isolation, Measure, Wait};
use toml::Spanned;

use super::{ADAPTER, ADAPTERS, Adapter, Known, Participant, probe};
use crate::plan::{Text, explain, text};

/// A parsed file of participants, whose words are not checked yet.
pub(super) struct Source<'a> {
    page: text::Page<'a>,
    form: Form,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    participants: Vec<Entry>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    /// Its command, before the arguments `worker <role>`.
    command: Spanned<Vec<String>>,
    /// Replaces `{adapter}` in the command: a built-in adapter, or a path relative to this file.
    adapter: Option<Spanned<String>>,
    probe: Option<Probe>,
    #[serde(default)]
    variants: Vec<Row>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Probe {
    /// Prints the program's version as its first word, and ends with status 0.
    command: Vec<String>,
    at_least: Option<Spanned<String>>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    family: Spanned<String>,
    mechanism: Spanned<String>,
    summary: String,
    measures: Spanned<Vec<Spanned<String>>>,
    group: Spanned<String>,
    isolation: Option<Spanned<String>>,
    wait: Option<Spanned<String>>,
}

impl<'a> Source<'a> {
    /// Errors: what is no TOML, or an unknown key, with its line.
    pub(super) fn read(text: &'a Text) -> anyhow::Result<Self> {
        let page = text::Page { file: &text.file, text: &text.text };
        let form = toml::from_str(&text.text).map_err(|error| explain(&page, &error))?;
        Ok(Self { page, form })
    }

    /// Probes each program and adds it with its rows.
    ///
    /// Errors: the first word that is wrong, with its line.
    pub(super) fn add_to(&self, known: &mut Known) -> anyhow::Result<()> {
        if self.form.participants.is_empty() {
            let end = self.page.text.len();
            return Err(self.page.wrong(end..end, "no participants; add at least one [[participants]] block"));
        }
        let own = family::variants();
        self.form.participants.iter().try_for_each(|entry| self.add(entry, &own, known))
    }

    /// `own` are the rows of this program.
    fn add(&self, entry: &Entry, own: &[Variant], known: &mut Known) -> anyhow::Result<()> {
        let (name, page) = (entry.name.get_ref(), &self.page);
        if known.participants.iter().any(|other| other.name == *name) {
            return Err(page.wrong(entry.name.span(), format_args!("there is a participant `{name}` already")));
        }
        if entry.command.get_ref().is_empty() {
            return Err(page.wrong(entry.command.span(), "`command` is empty; name the program to start"));
        }
        let calls = entry.command.get_ref().iter().any(|word| word == ADAPTER);
        if calls && entry.adapter.is_none() {
            return Err(page.wrong(entry.command.span(), "`command` names `{adapter}`, but `adapter` is missing"));
        }
        if entry.variants.is_empty() {
            let text = format_args!("`{name}` has no variants; add a [[participants.variants]] block");
            return Err(page.wrong(entry.name.span(), text));
        }
        let adapter = entry.adapter.as_ref().map(|adapter| self.adapter(adapter)).transpose()?;
        let probed = entry.probe.as_ref().map(|probe| self.version(probe)).transpose()?;
        let (version, lacks) = match probed {
            Some(Ok(version)) => (Some(version).filter(|version| !version.is_empty()), None),
            Some(Err(why)) => (None, Some(format!("{name}: {why}"))),
            None => (None, None),
        };
        let rows: Vec<Variant> = entry.variants.iter().map(|row| self.row(row, name)).collect::<Result<_, _>>()?;
        for (row, at) in rows.into_iter().zip(&entry.variants) {
            let same = |other: &&Variant| other.family == row.family && other.row() == row.row();
            if own.iter().chain(&known.variants).find(same).is_some() {
                let text = format_args!("the family `{}` has a `{}` already", row.family, row.row());
                return Err(page.wrong(at.mechanism.span(), text));
            }
            known.variants.push(Variant { unavailable: lacks.clone(), ..row });
        }
        let command = entry.command.get_ref().clone();
        known.participants.push(Participant { name: name.clone(), version, command, adapter });
        Ok(())
    }

    fn version(&self, probe: &Probe) -> anyhow::Result<Result<String, String>> {
        if let Some(odd) = probe.at_least.as_ref().filter(|least| probe::numbers(least.get_ref()).is_none()) {
            let text = format_args!("`{}` is no version; write numbers and points, like \"3.9\"", odd.get_ref());
            return Err(self.page.wrong(odd.span(), text));
        }
        Ok(probe::version(&probe.command, probe.at_least.as_ref().map(|least| least.get_ref().as_str())))
    }

    /// A built-in adapter by name, or else a file relative to this one.
    fn adapter(&self, adapter: &Spanned<String>) -> anyhow::Result<Adapter> {
        let wanted = adapter.get_ref();
        if let Some((name, text)) = ADAPTERS.iter().find(|(name, _)| name == wanted) {
            return Ok(Adapter::BuiltIn(name, text));
        }
        let path = Path::new(self.page.file).parent().unwrap_or(Path::new("")).join(wanted);
        if !path.is_file() {
            let known: Vec<&str> = ADAPTERS.iter().map(|(name, _)| *name).collect();
            let text = format_args!("there is no adapter at {}; built in: {}", path.display(), known.join(", "));
            return Err(self.page.wrong(adapter.span(), text));
        }
        Ok(Adapter::File(path))
    }

    fn row(&self, row: &Row, program: &str) -> anyhow::Result<Variant> {
        let measures: Vec<Measure> = row
            .measures
            .get_ref()
            .iter()
            .map(|word| self.word("measure", word, Measure::ALL, Measure::word))
            .collect::<Result<_, _>>()?;
        if measures.is_empty() {
            return Err(self.page.wrong(row.measures.span(), "`measures` is an empty list; name at least one"));
        }
        let family = row.family.get_ref().as_str();
        let families = family::names();
        let Some(family) = families.iter().copied().find(|known| *known == family) else {
            return Err(self.page.wrong(row.family.span(), text::unknown("family", family, families)));
        };
        let wait = self.optional("kind of wait", row.wait.as_ref(), Wait::ALL, Wait::word)?.unwrap_or(Wait::Block);
        let isolation = self.optional("isolation", row.isolation.as_ref(), Isolation::ALL, Isolation::word)?;
        Ok(Variant {
            family,
            mechanism: lasting(row.mechanism.get_ref()),
            program: Some(lasting(program)),
            group: self.word("group", &row.group, Group::ALL, Group::word)?,
            wait: Some(wait),
            isolation: isolation.unwrap_or(Isolation::Process),
            substrate: None,
            summary: lasting(&row.summary),
            measures: Vec::leak(measures),
            cpus_wanted: 2,
            polls: matches!(wait, Wait::Spin | Wait::SpinYield | Wait::Busy),
            unavailable: None,
        })
    }

    fn optional<T: Copy>(
        &self,
        kind: &str,
        word: Option<&Spanned<String>>,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> anyhow::Result<Option<T>> {
        word.map(|word| self.word(kind, word, all, name)).transpose()
    }

    fn word<T: Copy>(
        &self,
        kind: &str,
        word: &Spanned<String>,
        all: &[T],
        name: fn(T) -> &'static str,
    ) -> anyhow::Result<T> {
        let found = all.iter().copied().find(|one| name(*one) == word.get_ref());
        let known = || all.iter().map(|one| name(*one));
        found.ok_or_else(|| self.page.wrong(word.span(), text::unknown(kind, word.get_ref(), known())))
    }
}

/// Leaks a word, once per run: registries hold static words.
fn lasting(word: &str) -> &'static str {
    Box::leak(word.to_owned().into_boxed_str())
}
