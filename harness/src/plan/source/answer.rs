//! `[[answer]]` blocks of a plan: what the answer to its question is made of.

use std::ops::Range;

use ipcmark::record::answer::{LEAST, MOST};
use ipcmark::record::{AnswerPart, Case, Finding, Measure, PARAMETERS, Parameter, Params, Placement, Values, Waiting};

use super::{DeValue, List, Page, Spanned, check_keys, entry, kind};
use crate::plan::text;

/// Keys of a block, beside one for each parameter.
const KEYS: &[&str] = &["label", "finding", "family", "measure", "metric", "waits", "survives", "placement"];

/// One part of the answer, and where the plan states it.
#[derive(Debug)]
pub(in crate::plan) struct Stated {
    pub part: AnswerPart,
    at: Range<usize>,
}

impl Stated {
    pub(super) fn read(page: &Page<'_>, value: &Spanned<DeValue<'_>>) -> anyhow::Result<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            return Err(page.wrong(value.span(), "`answer` is made of [[answer]] blocks"));
        };
        let parameters = || PARAMETERS.iter().filter(|row| !row.derived);
        check_keys(page, table, KEYS.iter().copied().chain(parameters().map(|row| row.name)))?;
        if entry(table, "label").is_none() {
            return Err(page.wrong(value.span(), "missing key `label`, the words before the result"));
        }
        let word = |key: &str, known: &[&str]| {
            let Some(value) = entry(table, key) else { return Ok(None) };
            let list = List::read(page, key, value)?;
            let [word] = list.words.as_slice() else {
                return Err(page.wrong(list.at, format_args!("`{key}` of an answer is one value")));
            };
            if !known.is_empty() && !known.contains(&word.text.as_str()) {
                return Err(page.wrong(word.at.clone(), text::unknown(key, &word.text, known.iter().copied())));
            }
            Ok(Some(word.clone()))
        };
        let metrics: Vec<&str> = AnswerPart::metrics().collect();
        let mut part = AnswerPart {
            label: page.text_of("label", table)?.text,
            finding: parsed(word("finding", Finding::WORDS)?).unwrap_or_default(),
            family: word("family", &[])?.map(|word| word.text),
            measure: parsed::<Measure>(word("measure", Measure::WORDS)?),
            metric: word("metric", &metrics)?.map(|word| word.text),
            waits: parsed::<Waiting>(word("waits", Waiting::WORDS)?),
            survives: match entry(table, "survives").map(|value| (value.get_ref(), value.span())) {
                None => false,
                Some((DeValue::Boolean(yes), _)) => *yes,
                Some((other, at)) => {
                    return Err(page.wrong(at, format_args!("`survives` is true or false, not {}", kind(other))));
                }
            },
            placement: parsed::<Placement>(word("placement", Placement::WORDS)?),
            ..AnswerPart::default()
        };
        for row in parameters() {
            if let Some(word) = word(row.name, &[])? {
                let value = read_value(row, &word.text).map_err(|why| page.wrong(word.at, why))?;
                part.params.insert(row.name.to_owned(), value);
            }
        }
        if part.finding == Finding::Best && part.measure.is_none() {
            return Err(page.wrong(value.span(), "missing key `measure`; an answer names the best mechanism of one"));
        }
        Ok(Self { part, at: value.span() })
    }

    /// Errors: no case of the plan is meant by it.
    pub(in crate::plan) fn check<'c>(
        &self,
        page: &Page<'_>,
        mut cases: impl Iterator<Item = &'c Case>,
    ) -> anyhow::Result<()> {
        if cases.any(|case| self.part.means(case)) {
            return Ok(());
        }
        let why = format_args!("`{}`: the plan has no case with this measure and these parameters", self.part.label);
        Err(page.wrong(self.at.clone(), why))
    }
}

fn parsed<T: std::str::FromStr>(word: Option<super::Word>) -> Option<T> {
    word?.text.parse().ok()
}

/// The value of a parameter as a case key has it, or `least` or `most`.
fn read_value(row: &Parameter, text: &str) -> Result<String, String> {
    if matches!(text, LEAST | MOST) {
        let numbers = matches!(row.values, Values::Number | Values::Pattern);
        return if numbers { Ok(text.to_owned()) } else { Err(format!("`{}` has no `{text}` value", row.name)) };
    }
    let mut params = Params::default();
    row.set(&mut params, text)?;
    Ok(row.value(&params).unwrap_or_else(|| text.to_owned()))
}
