//! Tags of atomics: a store that publishes must have a load that reads it. `// PAIRS: tag` is above (or behind) each
//! operation of a pair; `// PAIRS: one, two. Why.` names several. Every tag must have an operation that stores and
//! another one that loads. A fence does both, and so does a read-modify-write, which is its own partner if its ordering
//! is `AcqRel`.

use std::collections::BTreeMap;

use crate::layers::{File, assert_clean, read_all};

const MARK: &str = "// PAIRS: ";

/// Lines after a tag within which its operation must begin.
const REACH: usize = 8;

const STORES: &[&str] = &[".store("];
/// `await_word` loads with the ordering it is given.
const LOADS: &[&str] = &[".load(", "await_word("];
const BOTH: &[&str] = &[".swap(", ".compare_exchange", ".fetch_", "fence(", "fence::full("];

/// The operation below a tag.
#[derive(Clone, Copy, Default)]
struct Operation {
    stores: bool,
    loads: bool,
    is_its_own_partner: bool,
}

#[test]
fn every_tag_has_a_store_and_a_load() {
    let files: Vec<_> = ["src", "benches"].into_iter().flat_map(read_all).collect();
    assert!(files.iter().any(|(_, text)| text.contains(MARK)), "there are tags to check");
    assert_clean(&unpaired(&files));
}

/// Tags without a partner, with their places.
fn unpaired(files: &[File]) -> Vec<String> {
    let mut tags: BTreeMap<String, Vec<(String, Operation)>> = BTreeMap::new();
    for (path, text) in files {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((before, words)) = line.split_once(MARK) else { continue };
            let found = operation(before, &lines[at + 1..]);
            for tag in words.split(['.', ';', ':']).next().unwrap_or_default().split(',') {
                tags.entry(tag.trim().to_owned()).or_default().push((format!("{path}:{}", at + 1), found));
            }
        }
    }
    let lonely = |places: &[(String, Operation)]| {
        let counts = |side: fn(&Operation) -> bool| places.iter().filter(|(_, found)| side(found)).count();
        let apart = counts(|found| found.stores || found.loads) > 1;
        !(counts(|found| found.is_its_own_partner) > 0
            || apart && counts(|found| found.stores) > 0 && counts(|found| found.loads) > 0)
    };
    let lonely = tags.iter().filter(|(_, places)| lonely(places));
    lonely
        .map(|(tag, places)| {
            let places: Vec<_> = places.iter().map(|(place, _)| place.as_str()).collect();
            format!("`PAIRS: {tag}` has no store and load that pair: {}", places.join(", "))
        })
        .collect()
}

/// The first operation on the tag's own line or below it, up to the next tag.
fn operation(own: &str, below: &[&str]) -> Operation {
    let code = below.iter().skip_while(|line| line.trim_start().starts_with("//")).take(REACH);
    let code = code.take_while(|line| !line.contains(MARK));
    let names = |line: &str, words: &[&str]| words.iter().any(|word| line.contains(word));
    let lines: Vec<&str> = if own.trim().is_empty() { code.copied().collect() } else { vec![own] };
    let is_atomic = |line: &&&str| names(line, STORES) || names(line, LOADS) || names(line, BOTH);
    let Some(line) = lines.iter().find(is_atomic) else { return Operation::default() };
    Operation {
        stores: names(line, STORES) || names(line, BOTH),
        loads: names(line, LOADS) || names(line, BOTH),
        is_its_own_partner: names(line, BOTH) && line.contains("AcqRel"),
    }
}

/// The check finds what is planted here.
mod planted {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        unpaired(&[("src/x.rs".to_owned(), text.to_owned())])
    }

    #[test]
    fn a_tag_without_its_partner_is_found() {
        for text in [
            "// PAIRS: ready\na.store(1, Release);",
            "// PAIRS: ready\na.load(Acquire);",
            "// PAIRS: ready\na.store(1, Release);\n// PAIRS: ready\nb.store(2, Release);",
            "// PAIRS: ready\na.store(1, Release);\n// PAIRS: raedy\na.load(Acquire);",
            "// PAIRS: ready\nlet x = 1;\n// PAIRS: ready\na.load(Acquire);",
            "// PAIRS: ready\nfence(SeqCst);",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_pair_is_not_found() {
        for text in [
            "// PAIRS: ready. Why.\n// More.\na.store(1, Release);\na.load(Acquire); // PAIRS: ready",
            "// PAIRS: ready\nfence();\n// PAIRS: ready\nfence();",
            "// PAIRS: last\na.fetch_add(1, AcqRel);",
            "// PAIRS: a\nx.store(1, R);\n// PAIRS: b\ny.store(1, R);\n// PAIRS: a, b\nz.load(A);",
        ] {
            assert_clean(&found(text));
        }
    }
}
