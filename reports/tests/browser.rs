//! The report in a real browser: every interaction, three widths, light and dark, by keys, on a phone, printed and without
//! scripts; no console output, no request, no violation of WCAG A or AA that axe finds. `browser/explore.mjs` drives it.
//!
//! Skipped with a message without Chromium, Node or the packages `playwright-core` and `axe-core`, which
//! `npm install --prefix target/browser playwright-core axe-core` gets.

use std::path::Path;
use std::process::Command;

use crate::common;
use ipcmark_reports::{Recording, write};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_page_can_be_explored_in_a_browser() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find_map(place) else {
        println!("skipped: no chromium on this machine");
        return;
    };
    let modules = std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| format!("{ROOT}/../target")) + "/browser";
    if place("node").is_none() || !Path::new(&modules).join("node_modules/axe-core").exists() {
        println!("skipped: no node, or no playwright-core and axe-core in target/browser");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let recording = Recording { records: common::quick_run(5, 7), bad_lines: vec![] };
    let page = write(&recording, directory.path()).expect("a page").page;
    let driven = Command::new("node")
        .args([&format!("{ROOT}/tests/browser/explore.mjs"), &modules, &browser])
        .arg(page)
        .output()
        .expect("node starts");
    let told = [driven.stdout, driven.stderr].concat();
    assert!(driven.status.success(), "{}", String::from_utf8_lossy(&told));
}

/// Path of a program.
fn place(name: &str) -> Option<String> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    places.find(|place| place.is_file()).map(|place| place.display().to_string())
}
