//! Short names of cases, for tables of 80 columns.

use std::collections::HashMap;

use ipcmark_record::{Case, Isolation, Substrate};

use crate::format;

/// Name of each case, unique among them.
pub fn names<'a>(cases: impl Iterator<Item = (&'a Case, &'a str)>) -> Vec<String> {
    let brief: Vec<(String, &str)> = cases.map(|(case, key)| (brief(case, key), key)).collect();
    let mut times: HashMap<&str, usize> = HashMap::new();
    for (name, _) in &brief {
        *times.entry(name).or_default() += 1;
    }
    brief.iter().map(|(name, key)| if times[name.as_str()] > 1 { (*key).to_owned() } else { name.clone() }).collect()
}

/// `pipe/block round_trip 64 B same_l3`, with the parameters that are in the recorded key.
fn brief(case: &Case, key: &str) -> String {
    let mut words = vec![case.row(), case.measure.to_string()];
    let asked = |name: &str| key.contains(&format!("/{name}="));
    for (name, value) in case.params.set_values().filter(|(name, _)| asked(name)) {
        match name {
            "message_bytes" => {
                words.push(case.params.message_bytes.map_or(value, format::bytes).replace('\u{202f}', " "));
            }
            "substrate" if case.params.substrate == Some(Substrate::Memfd) => {}
            "substrate" => words.push(value),
            _ => words.push(format!("{name}={value}")),
        }
    }
    words.push(case.placement.to_string());
    if case.isolation == Isolation::Thread {
        words.push("threads".into());
    }
    words.extend(case.program.clone());
    words.join(" ")
}
