//! The layers of the architecture, checked on the source: modules import downward only, mechanisms do not refer to each
//! other, and unsafe code stays in the files listed here. The compiler checks what separate crates cannot import.
//!
//! The check reads tokens, not types: it follows every path that starts with `crate`, `self`, `super` or `ipcmark`,
//! inside `use` lists too. Comments, strings and `#[cfg(test)]` items do not count.

mod planted;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source::{self, Reference, references};

/// Modules of the library, lowest layer first. A module may refer to lower layers only.
const LAYERS: &[(&str, u32)] = &[
    ("abort", 0),
    ("limits", 0),
    ("pin", 0),
    ("sysv_msg", 0),
    ("sysv_sem", 0),
    ("sysv_shm", 0),
    ("address", 1),
    ("build_info", 1),
    ("child", 1),
    ("clock", 1),
    ("futex", 1),
    ("payload", 1),
    ("machine", 2),
    ("posix_mq", 2),
    ("protocol", 2),
    ("shm", 2),
    ("wait", 2),
    ("variant", 3),
    ("control", 3),
    ("ring", 3),
    ("raw_lock", 4),
    ("unfinished", 4),
    ("transport", 5),
    ("lock", 5),
    ("launch", 5),
    ("isolation", 5),
    ("concurrency", 5),
    ("pool", 6),
    ("queue", 6),
    ("server", 6),
    ("shared_state", 6),
    ("measure", 7),
    ("conformance", 8),
    ("family", 9),
    ("worker", 10),
];

/// Files that may have unsafe code. Each allows it for itself.
const UNSAFE: &[&str] = &[
    "harness/src/janitor.rs",
    "harness/src/signals.rs",
    "harness/src/supervise/spawn.rs",
    "harness/src/trace/step.rs",
    "harness/tests/common/user_run.rs",
    "src/core/src/address.rs",
    "src/core/src/address/name.rs",
    "src/core/src/child.rs",
    "src/core/src/clock.rs",
    "src/core/src/control.rs",
    "src/core/src/machine/libc_version.rs",
    "src/core/src/payload.rs",
    "src/core/src/posix_mq.rs",
    "src/core/src/raw_lock/futex/adaptive.rs",
    "src/core/src/raw_lock/futex/fair.rs",
    "src/core/src/raw_lock/futex/handoff.rs",
    "src/core/src/raw_lock/futex/model.rs",
    "src/core/src/raw_lock/futex/mutex.rs",
    "src/core/src/raw_lock/model.rs",
    "src/core/src/raw_lock/read_mostly/double_buffer.rs",
    "src/core/src/raw_lock/read_mostly/phase_fair.rs",
    "src/core/src/raw_lock/read_mostly/seqlock.rs",
    "src/core/src/raw_lock/read_mostly/shm_rwlock.rs",
    "src/core/src/raw_lock/spin/clh.rs",
    "src/core/src/raw_lock/spin/mcs.rs",
    "src/core/src/raw_lock/spin/tas.rs",
    "src/core/src/raw_lock/spin/ticket.rs",
    "src/core/src/ring/byte_room.rs",
    "src/core/src/ring/bytes.rs",
    "src/core/src/ring/loan.rs",
    "src/core/src/ring/mailbox.rs",
    "src/core/src/ring/mod.rs",
    "src/core/src/ring/model.rs",
    "src/core/src/ring/model/bytes.rs",
    "src/core/src/ring/monitor.rs",
    "src/core/src/ring/mpmc.rs",
    "src/core/src/ring/mpsc.rs",
    "src/core/src/ring/posix.rs",
    "src/core/src/ring/semaphores.rs",
    "src/core/src/ring/seqlock.rs",
    "src/core/src/ring/slots.rs",
    "src/core/src/ring/spsc.rs",
    "src/core/src/shm/mod.rs",
    "src/core/src/shm/pages.rs",
    "src/core/src/shm/tests.rs",
    "src/core/src/sysv_msg.rs",
    "src/core/src/sysv_sem.rs",
    "src/core/src/sysv_shm.rs",
    "src/core/src/unfinished.rs",
    "src/core/src/unfinished/model.rs",
    "src/measure/launch/watch/cue.rs",
    "src/measure/locks/protected_state.rs",
    "src/measure/locks/recover/lines.rs",
    "src/measure/serve/area.rs",
    "src/measure/transfer/mod.rs",
    "src/measure/transfer/walk.rs",
    "src/mechanisms/src/isolation/memory.rs",
    "src/mechanisms/src/launch/clone3.rs",
    "src/mechanisms/src/launch/exec.rs",
    "src/mechanisms/src/launch/fork.rs",
    "src/mechanisms/src/launch/process.rs",
    "src/mechanisms/src/launch/watch/mod.rs",
    "src/mechanisms/src/launch/zygote.rs",
    "src/mechanisms/src/lock/pthread/mutex.rs",
    "src/mechanisms/src/lock/pthread/rwlock.rs",
    "src/mechanisms/src/lock/semaphores/posix.rs",
    "src/mechanisms/src/lock/semaphores/tests.rs",
    "src/mechanisms/src/pool/pipe_shared/worker.rs",
    "src/mechanisms/src/pool/shm_each/worker_channel.rs",
    "src/mechanisms/src/pool/worker_table.rs",
    "src/mechanisms/src/queue/kernel/semaphore.rs",
    "src/mechanisms/src/server/uring.rs",
    "src/mechanisms/src/shared_state/table.rs",
    "src/mechanisms/src/transport/kernel_copies/mod.rs",
    "src/mechanisms/src/transport/kernel_copies/readv.rs",
    "src/mechanisms/src/transport/kernel_copies/writev.rs",
    "src/mechanisms/src/transport/libraries/iceoryx2/linked.rs",
    "src/mechanisms/src/transport/notify/condvar.rs",
    "src/mechanisms/src/transport/notify/memory.rs",
    "src/mechanisms/src/transport/notify/posix_sem.rs",
    "src/mechanisms/src/transport/notify/signals.rs",
    "src/mechanisms/src/transport/notify/uring.rs",
    "src/mechanisms/src/transport/notify/uring_futex.rs",
    "src/mechanisms/src/transport/notify/uring_msg.rs",
    "src/mechanisms/src/transport/sockets/memfd_passing.rs",
    "src/mechanisms/src/transport/sockets/memfd_pool.rs",
    "src/mechanisms/src/transport/threads/rtrb.rs",
];

/// Sources of the crates whose modules the library re-exports under their own names.
const REEXPORTED: [&str; 2] = ["src/core/src/", "src/mechanisms/src/"];

/// Sources of the record, a crate that depends on no other.
const RECORD: &str = "src/record/";

/// A source file: its path from the root of the repository, and its text.
pub type File = (String, String);

#[test]
fn modules_import_downward_only() {
    assert_clean(&upward(&library()));
}

#[test]
fn every_module_has_a_layer_and_every_layer_a_module() {
    let modules: BTreeSet<_> = library().iter().filter_map(|(path, _)| top(path)).collect();
    let layered: BTreeSet<_> = LAYERS.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(modules, layered, "tests/layers.rs lists the modules of src/ on the right");
}

#[test]
fn mechanisms_do_not_know_each_other() {
    let library = library();
    assert!(!mechanisms(&library).is_empty());
    assert_clean(&sideways(&library));
}

#[test]
fn the_harness_names_no_mechanism() {
    let harness = read_all("harness");
    assert!(!harness.is_empty());
    assert_clean(&named_mechanisms(&library(), &harness));
}

#[test]
fn unsafe_code_stays_in_its_files() {
    let everything: Vec<_> =
        ["src", "tests", "harness", "reports", "benches", "examples"].into_iter().flat_map(read_all).collect();
    let found = allowing_unsafe(&everything);
    let listed: BTreeSet<_> = UNSAFE.iter().map(|path| (*path).to_owned()).collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&found).collect();
    let inherited: Vec<_> = everything
        .iter()
        .filter(|(path, text)| source::uses_unsafe(text) && !found.contains(path))
        .map(|(path, _)| path)
        .collect();
    assert!(inherited.is_empty(), "unsafe code that only a parent module allows: {inherited:?}");
    assert!(unlisted.is_empty(), "unsafe code is allowed in files that tests/layers.rs does not list: {unlisted:?}");
    assert!(stale.is_empty(), "tests/layers.rs lists files that allow no unsafe code: {stale:?}");
}

pub fn assert_clean(violations: &[String]) {
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Sources of the library, without the record.
fn library() -> Vec<File> {
    read_all("src").into_iter().filter(|(path, _)| !path.starts_with(RECORD)).collect()
}

/// All Rust files under a folder of the repository, sorted; empty if the folder does not exist.
pub fn read_all(folder: &str) -> Vec<File> {
    fn walk(root: &Path, path: &Path, files: &mut Vec<File>) {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(root, &path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                files.push((name, fs::read_to_string(&path).expect("readable source")));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![];
    walk(root, &root.join(folder), &mut files);
    files.sort();
    files
}

/// Module of a file in `src/`, as a path from its crate's root: `src/core/src/ring/spsc.rs` is `ring::spsc`.
fn module(path: &str) -> Vec<String> {
    let inside = REEXPORTED.iter().find_map(|folder| path.strip_prefix(folder));
    let inner = inside.unwrap_or(path).trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    inner.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

/// Top-level module of a file in `src/`; `None` for `lib.rs`, which may refer to everything.
fn top(path: &str) -> Option<String> {
    module(path).into_iter().next()
}

fn layer(module: &str) -> Option<u32> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// References from a module to another one that is not below it.
fn upward(library: &[File]) -> Vec<String> {
    let mut violations = vec![];
    for (path, text) in library {
        let Some((from, own)) = top(path).and_then(|from| Some((layer(&from)?, from))) else { continue };
        for Reference { line, target } in references(text, "crate", &module(path)) {
            let other = &target[0];
            if let Some(to) = layer(other).filter(|to| *other != own && *to >= from) {
                violations.push(format!(
                    "{path}:{line}: `{own}` (layer {from}) refers to `{}` (layer {to}); layers import downward only",
                    target.join("::")
                ));
            }
        }
    }
    violations
}

/// Mechanisms: modules named by the rows of a registry, `"pipe" => pipes::pipe::Pipe`, as paths from the crate's root. Those
/// of lock words are in the core.
fn mechanisms(library: &[File]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (path, text) in library.iter().filter(|(path, _)| path.ends_with("/registry.rs")) {
        let mut family = module(path);
        family.pop();
        for row in source::row_modules(text) {
            found.insert([vec!["raw_lock".to_owned()], row.clone()].concat());
            found.insert([family.clone(), row].concat());
        }
    }
    found
}

/// Mechanism that a path refers to.
fn mechanism_at<'a>(mechanisms: &'a BTreeSet<Vec<String>>, path: &[String]) -> Option<&'a Vec<String>> {
    mechanisms.iter().find(|mechanism| path.starts_with(mechanism))
}

/// References from one mechanism to another of its family. Code that two need belongs into a separate file.
fn sideways(library: &[File]) -> Vec<String> {
    let mechanisms = mechanisms(library);
    let mut violations = vec![];
    for (path, text) in library {
        let Some(own) = mechanism_at(&mechanisms, &module(path)) else { continue };
        for Reference { line, target } in references(text, "crate", &module(path)) {
            if let Some(other) = mechanism_at(&mechanisms, &target).filter(|other| *other != own) {
                let (own, other) = (own.join("::"), other.join("::"));
                violations.push(format!("{path}:{line}: the mechanism `{own}` refers to the mechanism `{other}`"));
            }
        }
    }
    violations
}

/// References from the harness to a mechanism's own module.
fn named_mechanisms(library: &[File], harness: &[File]) -> Vec<String> {
    let mechanisms = mechanisms(library);
    let mut violations = vec![];
    for (path, text) in harness {
        for Reference { line, target } in references(text, "ipcmark", &[]) {
            if let Some(named) = mechanism_at(&mechanisms, &target) {
                violations.push(format!("{path}:{line}: the harness names the mechanism `{}`", named.join("::")));
            }
        }
    }
    violations
}

/// Files that lift the ban on unsafe code.
fn allowing_unsafe(files: &[File]) -> BTreeSet<String> {
    files.iter().filter(|(_, text)| source::allows_unsafe(text)).map(|(path, _)| path.clone()).collect()
}
