//! The lists of a block: not empty, and every entry a word or number that means something.

use std::fmt::Display;
use std::str::FromStr;

use toml::Spanned;

use super::source::List;
use super::text::{self, Page};

impl Page<'_> {
    /// The entries of a list that must not be empty.
    pub fn filled<'l, T>(&self, list: &'l List<T>, key: &str) -> anyhow::Result<&'l [Spanned<T>]> {
        match list.get_ref().as_slice() {
            [] => Err(self.wrong(list.span(), format_args!("`{key}` is an empty list; name at least one"))),
            entries => Ok(entries),
        }
    }

    /// The entries of a list of words, each one of `known`.
    pub fn words<T: FromStr>(
        &self,
        list: &List<String>,
        key: &str,
        kind: &str,
        known: &[&str],
    ) -> anyhow::Result<Vec<T>> {
        let read = |word: &Spanned<String>| {
            let known_word = known.contains(&word.get_ref().as_str()).then(|| word.get_ref().parse().ok()).flatten();
            known_word
                .ok_or_else(|| self.wrong(word.span(), text::unknown(kind, word.get_ref(), known.iter().copied())))
        };
        self.filled(list, key)?.iter().map(read).collect()
    }

    /// The entries of a list that may be left out, each one of `all`.
    pub fn narrowing<T: FromStr + Display>(
        &self,
        list: Option<&List<String>>,
        key: &str,
        kind: &str,
        all: &[T],
    ) -> anyhow::Result<Option<Vec<T>>> {
        let Some(list) = list else { return Ok(None) };
        let known: Vec<String> = all.iter().map(ToString::to_string).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.words(list, key, kind, &known).map(Some)
    }

    /// The entries of a list of numbers that may be left out: then one absent number.
    pub fn optional<T: Copy + PartialEq + Default>(
        &self,
        list: Option<&List<T>>,
        key: &str,
    ) -> anyhow::Result<Vec<Option<T>>> {
        let Some(list) = list else { return Ok(vec![None]) };
        let entries = self.filled(list, key)?;
        if let Some(zero) = entries.iter().find(|entry| *entry.get_ref() == T::default()) {
            let text = format_args!("0 is no entry for `{key}`; leave the key out instead");
            return Err(self.wrong(zero.span(), text));
        }
        Ok(entries.iter().map(|entry| Some(*entry.get_ref())).collect())
    }

    /// The same, with a largest entry.
    pub fn bounded<T: Copy + PartialOrd + Default + Display>(
        &self,
        list: Option<&List<T>>,
        key: &str,
        most: T,
    ) -> anyhow::Result<Vec<Option<T>>> {
        let entries = list.map(|list| list.get_ref().as_slice()).unwrap_or_default();
        match entries.iter().find(|entry| *entry.get_ref() > most) {
            Some(entry) => Err(self.wrong(entry.span(), format_args!("an entry of `{key}` may be at most {most}"))),
            None => self.optional(list, key),
        }
    }
}
