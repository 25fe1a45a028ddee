//! Programs of other crates that add a mechanism: the examples list their row and pass the conformance plan with it.

use crate::common::command::example;
use crate::common::{alone, command, records};
use ipcmark::record::Status;

fn lists_its_row_and_conforms(name: &str, row: &str) {
    let _alone = alone();
    let folder = command::folder();
    let listed = example(name, folder.path(), &["list", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&listed.stdout).expect("a list of rows");
    let own: Vec<_> = rows.iter().filter(|listed| listed["mechanism"] == row).collect();
    assert_eq!(own.len(), 2, "one row each for processes and threads");
    assert!(own.iter().all(|row| row["available"] == true));
    assert!(rows.len() > 100, "the rows of the library are there too");

    let run = example(name, folder.path(), &["run", "--plan", "conformance", "--only", row, "--out", "run"]);
    assert!(run.status.success(), "{}", command::told(&run));
    let records = records(&folder.path().join("run"));
    let measured =
        records.iter().filter(|it| it.outcome.status == Status::Measured && it.case.mechanism == row).count();
    assert!(measured >= 2, "{measured} trials were measured: {}", command::told(&run));
}

#[test]
fn the_transport_of_the_example_conforms() {
    lists_its_row_and_conforms("transport", "my-socket");
}

#[test]
fn the_slowed_transport_of_the_example_conforms() {
    lists_its_row_and_conforms("slowed", "slowed-socket");
}

#[test]
fn the_lock_of_the_example_conforms() {
    lists_its_row_and_conforms("lock", "my-lock");
}
