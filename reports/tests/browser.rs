//! Browser test of the report: no overflow in narrow and wide windows, no console output, working table sort. Skipped
//! with a message without Chromium.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common;
use ipcmark_reports::{Recording, write};

/// Page that loads the report in two frames, clicks a sort button and prints the results.
const PROBE: &str = r#"<!doctype html><title>probe</title>
<iframe id="narrow" src="index.html" width="400" height="900"></iframe>
<iframe id="wide" src="index.html" width="1600" height="900"></iframe>
<script>
addEventListener("load", () => {
  const seen = ["narrow", "wide"].map((id) => {
    const page = document.getElementById(id).contentDocument;
    const button = page.querySelector("th button");
    button.click();
    const sorted = button.closest("th").getAttribute("aria-sort");
    return `${id} width=${page.documentElement.scrollWidth} sorted=${sorted}`;
  });
  document.body.append(Object.assign(document.createElement("pre"), { id: "seen", textContent: seen.join("\n") }));
});
</script>"#;

#[test]
fn the_page_fits_every_window_and_its_table_sorts() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| answers(name)) else {
        println!("skipped: no chromium on this machine");
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let recording = Recording { records: common::quick_run(5, 7), bad_lines: vec![] };
    write(&recording, directory.path()).expect("a page");
    fs::write(directory.path().join("probe.html"), PROBE).expect("a probe");
    let (dom, console) = load(browser, &directory.path().join("probe.html"), &directory.path().join("profile"));

    let seen = dom.split("<pre id=\"seen\">").nth(1).unwrap_or_else(|| panic!("the probe saw nothing: {dom}"));
    let number = |id: &str| -> u32 {
        let after = seen.split(&format!("{id} width=")).nth(1).unwrap_or_default();
        after.split_ascii_whitespace().next().and_then(|n| n.parse().ok()).unwrap_or(u32::MAX)
    };
    assert!(number("narrow") <= 400, "the page is wider than a narrow window: {seen:.80}");
    assert!(number("wide") <= 1600, "the page is wider than a wide window: {seen:.80}");
    assert!(seen.contains("sorted=ascending") || seen.contains("sorted=descending"), "{seen:.80}");
    assert!(!console.contains("CONSOLE"), "the page complained: {console}");
}

fn answers(browser: &str) -> bool {
    Command::new(browser).arg("--version").output().is_ok_and(|said| said.status.success())
}

/// Returns the document after its scripts, and the browser's log.
fn load(browser: &str, page: &Path, profile: &Path) -> (String, String) {
    let run = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-quic"])
        .args(["--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser starts");
    (String::from_utf8_lossy(&run.stdout).into_owned(), String::from_utf8_lossy(&run.stderr).into_owned())
}
