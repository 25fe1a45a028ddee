//! Records the build, which is part of every measurement: revision of the source, compiler, profile and flags.
//! `src/build_info.rs` provides them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src");
    let lock = package.join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", lock.display());
    tell("LIBRARIES", &libraries(&std::fs::read_to_string(lock).unwrap_or_default()));
    let revision = is_own_checkout(&package).then(|| {
        watch(&package);
        git(&package, &["describe", "--always", "--dirty"])
    });
    tell("REVISION", &revision.flatten().unwrap_or_else(|| "unknown".into()));
    tell("RUSTC", &compiler().unwrap_or_else(|| "unknown".into()));
    tell("TARGET", &cargo("TARGET"));
    tell("OPT_LEVEL", &cargo("OPT_LEVEL"));
    tell("PROFILE", &cargo("PROFILE"));
    // Cargo separates the flags by a character that no flag contains.
    tell("RUSTFLAGS", &cargo("CARGO_ENCODED_RUSTFLAGS").replace('\u{1f}', " "));
}

fn tell(name: &str, value: &str) {
    println!("cargo::rustc-env=IPCMARK_{name}={value}");
}

/// Value of a variable that cargo sets for build scripts; empty if it is not set.
fn cargo(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Libraries that this crate has optional: the feature that builds them in, their package, and that of the C library below.
const OPTIONAL: [(&str, &str, Option<&str>); 3] =
    [("PEERS", "iceoryx2", None), ("PEER_ZEROMQ", "zmq", Some("zeromq-src")), ("PEER_NNG", "nng", Some("nng-sys"))];

/// Names and versions of the libraries that mechanisms use, from the lock file: `flume 0.12.0;rtrb 0.3.4`. Empty where this
/// crate is built from another workspace, whose lock file is out of reach.
fn libraries(lock: &str) -> String {
    let version = |name: &str| {
        let block = lock.split("[[package]]").find(|block| block.contains(&format!("\nname = \"{name}\"\n")))?;
        Some(block.split_once("version = \"")?.1.split_once('"')?.0.to_owned())
    };
    let own = lock.split("[[package]]").find(|block| block.contains("\nname = \"ipcmark-mechanisms\"\n"));
    let listed = own.and_then(|block| block.split_once("dependencies = [")).map_or("", |(_, list)| list);
    let names =
        listed.lines().map(|line| line.trim().trim_matches(|c| c == '"' || c == ',')).take_while(|name| *name != "]");
    let enabled = |name: &str| {
        let found = OPTIONAL.iter().find(|(_, package, _)| *package == name);
        found.is_none_or(|(feature, ..)| env::var_os(format!("CARGO_FEATURE_{feature}")).is_some())
    };
    let below = |name: &str| OPTIONAL.iter().find(|(_, package, _)| *package == name).and_then(|(.., below)| *below);
    let named = names.filter(|name| !name.is_empty() && !name.starts_with("ipcmark") && *name != "tempfile");
    // A name with a version behind it is one of several versions.
    let pair = |name: &str| match name.split_once(' ') {
        Some((name, version)) => Some(format!("{name} {version}")),
        None => Some(format!("{name} {}", version(name)?)),
    };
    let used = named.filter(|name| enabled(name)).flat_map(|name| [Some(name), below(name)]).flatten();
    used.filter_map(pair).collect::<Vec<_>>().join(";")
}

/// False for a copy of the source inside another repository, whose revision would be meaningless.
fn is_own_checkout(package: &Path) -> bool {
    let top = git(package, &["rev-parse", "--show-toplevel"]).and_then(|top| PathBuf::from(top).canonicalize().ok());
    top.is_some() && top == package.canonicalize().ok()
}

/// First line of git's output; `None` without git, outside a repository, or on an error.
fn git(package: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(package).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// Makes cargo run this script again after a commit or checkout; an edit of the library, which makes it dirty, does so
/// anyway. The paths come from git, since a worktree has them elsewhere. Only existing paths are named, since for a
/// missing one cargo would run the script every time.
fn watch(package: &Path) {
    let branch = git(package, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(package, &["rev-parse", "--git-path", name]).map(|path| package.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
}
