//! The registry rows that a block names: patterns, exclusions, isolations and substrates.

use std::str::FromStr;

use ipcmark::family::Variant;
use ipcmark::record::{Isolation, Substrate};

use super::super::distinct;
use super::super::source::{Block, Word};
use super::super::text;
use super::Expander;

/// Opens a pattern whose rows are left out.
const EXCLUDED: char = '!';

impl Expander<'_> {
    /// The registry rows a block names, in its order, narrowed to the isolations and substrates it asks for, less those
    /// it excludes.
    pub(super) fn rows(&self, block: &Block) -> anyhow::Result<Vec<&Variant>> {
        let (family, family_at) = match block.list("family").map(|list| (list.words.as_slice(), &list.at)) {
            None => ("transport", block.at.clone()),
            Some(([word], _)) => (word.text.as_str(), word.at.clone()),
            Some((_, at)) => {
                return Err(self
                    .page
                    .wrong(at.clone(), "a block has one `family`; give the others blocks of their own"));
            }
        };
        let all: Vec<&Variant> = self.ground.variants.iter().filter(|row| row.family == family).collect();
        if all.is_empty() {
            let known = distinct(self.ground.variants.iter().map(|row| row.family));
            return Err(self.page.wrong(family_at, text::unknown("family", family, known)));
        }
        let isolations: Option<Vec<Isolation>> = self.narrowing(block, "isolation", Isolation::WORDS)?;
        let substrates: Option<Vec<Substrate>> = self.narrowing(block, "substrate", Substrate::WORDS)?;
        let mut chosen: Vec<&Variant> = vec![];
        let mut excluded: Vec<&Variant> = vec![];
        let mechanisms = block.required(self.page, "mechanism")?;
        for pattern in &mechanisms.words {
            let word = pattern.text.as_str();
            if let Some(word) = word.strip_prefix(EXCLUDED) {
                excluded.extend(self.named(&all, word, pattern)?);
                continue;
            }
            let named = self.named(&all, word, pattern)?;
            let kept = narrow(&named, isolations.as_deref(), substrates.as_deref());
            if kept.is_empty() {
                return Err(self.page.wrong(pattern.at.clone(), unfit(word, &named)));
            }
            let new: Vec<_> = kept.into_iter().filter(|row| !holds(&chosen, row)).collect();
            chosen.extend(new);
        }
        chosen.retain(|row| !holds(&excluded, row));
        if chosen.is_empty() {
            let text = "`mechanism` leaves nothing to run; `\"*\"` names every row, and `!` takes some of them away";
            return Err(self.page.wrong(mechanisms.at.clone(), text));
        }
        Ok(chosen)
    }

    /// The words of a list that may be left out.
    fn narrowing<T: FromStr>(&self, block: &Block, key: &str, known: &[&str]) -> anyhow::Result<Option<Vec<T>>> {
        block.list(key).map(|list| self.page.words(list, known)).transpose()
    }

    /// The rows of `all` that `word` stands for.
    fn named<'c>(&self, all: &[&'c Variant], word: &str, pattern: &Word) -> anyhow::Result<Vec<&'c Variant>> {
        // `*` stands for the rows of this program. Those of participants must be named.
        let meant = |row: &&Variant| row.program.is_none() || !word.starts_with('*');
        let fits = |row: &&Variant| text::matches(word, &row.row()) || word == row.mechanism;
        let named: Vec<_> = all.iter().copied().filter(meant).filter(fits).collect();
        if named.is_empty() {
            return Err(self.page.wrong(pattern.at.clone(), self.unnamed(all, word, fits)));
        }
        Ok(named)
    }

    /// What to say about `word`, which names none of `all`, the rows of a family.
    fn unnamed(&self, all: &[&Variant], word: &str, fits: impl Fn(&&Variant) -> bool) -> String {
        if let Some(row) = self.ground.variants.iter().find(fits) {
            return format!("`{word}` is of the family `{0}`; add family = \"{0}\" to the block", row.family);
        }
        let rows: Vec<String> = all.iter().map(|row| row.row()).collect();
        let rows = distinct(rows.iter().map(String::as_str));
        let mechanisms = distinct(all.iter().map(|row| row.mechanism));
        if rows.len() > text::FEW && text::meant(word, &[&*rows, &*mechanisms].concat()).is_none() {
            return format!("unknown mechanism `{word}`; `ipcmark list` names the {} that are known", mechanisms.len());
        }
        text::unknown_of("mechanism", word, &rows, &mechanisms)
    }
}

/// A row appears once for each isolation and substrate, so its position in the registry identifies it.
fn holds(rows: &[&Variant], row: &Variant) -> bool {
    rows.iter().any(|seen| std::ptr::eq(*seen, row))
}

/// The rows that fit what the plan asks for; where it does not ask, the first form a row can take.
fn narrow<'a>(
    named: &[&'a Variant],
    isolations: Option<&[Isolation]>,
    substrates: Option<&[Substrate]>,
) -> Vec<&'a Variant> {
    let fits = |variant: &&&Variant| {
        let first = named.iter().find(|other| other.row() == variant.row()).copied();
        let isolated = match isolations {
            Some(asked) => asked.contains(&variant.isolation),
            None => first.is_some_and(|first| first.isolation == variant.isolation),
        };
        let made_of = match (substrates, variant.substrate) {
            (_, None) => true,
            (Some(asked), Some(substrate)) => asked.contains(&substrate),
            (None, substrate) => first.is_some_and(|first| first.substrate == substrate),
        };
        isolated && made_of
    };
    named.iter().filter(fits).copied().collect()
}

fn unfit(word: &str, named: &[&Variant]) -> String {
    let isolations = distinct(named.iter().map(|row| row.isolation.word())).join(", ");
    let substrates = distinct(named.iter().filter_map(|row| row.substrate).map(Substrate::word)).join(", ");
    let made_of = if substrates.is_empty() { String::new() } else { format!(", on the substrates {substrates}") };
    format!("no row of `{word}` fits the isolations and substrates asked for; it runs as {isolations}{made_of}")
}
