//! A time to spin is a `Budget` in nanoseconds, since a pause hint takes 10 to 140 cycles: pause hints are executed in few
//! files, and no constant counts them.

use crate::layers::{File, assert_clean, read_all};

/// Folders of the code that waits in a mechanism.
const FOLDERS: [&str; 2] = ["src/core/src", "src/mechanisms/src"];

/// Files that may execute a pause hint by themselves.
const HINTS: &[&str] = &[
    "src/core/src/clock/pause.rs",
    // One between two failed system calls, without end.
    "src/mechanisms/src/transport/readiness.rs",
];

/// Parts of the names of constants that count pause hints.
const COUNTS: &[&str] = &["PAUSE", "HINT", "SPIN"];

#[test]
fn times_to_spin_are_stated_in_nanoseconds() {
    let files: Vec<_> = FOLDERS.into_iter().flat_map(read_all).collect();
    assert!(HINTS.iter().all(|listed| files.iter().any(|(path, _)| path == listed)), "tests/spins.rs lists files");
    assert_clean(&counted(&files));
}

/// Places that count pause hints.
fn counted(files: &[File]) -> Vec<String> {
    let lines = files.iter().flat_map(|(path, text)| text.lines().enumerate().map(move |(at, line)| (path, at, line)));
    let wrong = lines.filter(|(path, _, line)| {
        let code = line.split("//").next().unwrap_or_default();
        let own_hint = code.contains("spin_loop") && !HINTS.contains(&path.as_str());
        own_hint || counts_hints(code) || pauses_for_a_constant(code)
    });
    wrong.map(|(path, at, line)| format!("{path}:{}: a time to spin is a Budget: {}", at + 1, line.trim())).collect()
}

/// True for `const PAUSES: u32 = 100;`.
fn counts_hints(code: &str) -> bool {
    let Some((name, rest)) = code.split_once("const ").and_then(|(_, rest)| rest.split_once(':')) else { return false };
    let integer = ["u8", "u16", "u32", "u64", "usize"].iter().any(|kind| rest.trim_start().starts_with(kind));
    integer && COUNTS.iter().any(|part| name.contains(part))
}

/// True for `pause(100)` and `pause(LENGTH)`.
fn pauses_for_a_constant(code: &str) -> bool {
    let arguments = code.split("pause(").skip(1).filter_map(|rest| rest.split(')').next());
    arguments.into_iter().any(|argument| {
        let number = argument.parse().is_ok_and(|hints: u64| hints > 1);
        let constant = argument.starts_with(char::is_uppercase) && !argument.contains(['.', ':']);
        number || constant
    })
}

#[test]
fn a_count_of_pause_hints_is_found() {
    let found = |text: &str| counted(&[("src/core/src/x.rs".to_owned(), text.to_owned())]).len();
    for text in [
        "const PAUSES_BEFORE_SLEEP: u32 = 512;",
        "    pub const SPINS: u64 = 4;",
        "    for _ in 0..100 { std::hint::spin_loop(); }",
        "pause(100);",
        "pause(LENGTH);",
    ] {
        assert_eq!(found(text), 1, "{text}");
    }
    for text in ["const PAUSE_FIRST: Duration = Duration::from_micros(1);", "pause(1);", "pause(hints); // spin_loop"] {
        assert_eq!(found(text), 0, "{text}");
    }
}
