//! The recordings that are kept: each can be read whole, and is described.

use std::fs;
use std::path::Path;

#[test]
fn kept_recordings_are_whole_and_described() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded");
    let readme = fs::read_to_string(folder.join("README.md")).expect("a description");
    let machines = fs::read_dir(&folder).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut kept = 0;
    for file in machines.filter(|path| path.is_dir()).flat_map(|machine| fs::read_dir(machine).expect("a directory")) {
        let file = file.expect("an entry").path();
        let recording = ipcmark_reports::read(std::slice::from_ref(&file)).expect("a recording");
        assert_eq!(recording.bad_lines, [], "{}", file.display());
        assert!(!recording.records.is_empty(), "{}", file.display());
        let machine = &recording.records[0].machine.facts;
        let name = file.file_name().expect("a file").to_string_lossy().into_owned();
        assert!(readme.contains(&name), "{name} is not described");
        assert!(readme.contains(&machine.cpu_model), "{name}: {} is not described", machine.cpu_model);
        kept += 1;
    }
    assert!(kept >= 4, "{kept}");
}
