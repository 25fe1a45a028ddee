mod common;
use common::locks::lock_run;
use ipcmark_reports::{Recording, write};
#[test]
fn look() {
    let recording = Recording { records: lock_run(6, 7), bad_lines: Vec::new() };
    write(&recording, std::path::Path::new("/tmp/h/reports-look")).unwrap();
}
