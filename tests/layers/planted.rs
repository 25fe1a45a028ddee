//! Each check finds what is planted here.

use super::*;

fn file(path: &str, text: &str) -> File {
    (path.to_owned(), text.to_owned())
}

#[test]
fn an_import_upward_or_on_the_same_layer_is_found() {
    for text in [
        "use crate::transport::Shape;",
        "use crate::{\n    record::{Case, Wait},\n    transport,\n};",
        "fn f() -> crate::shm::Segment { make() }",
        "fn f(x: crate::shm::Segment, y: crate::record::Wait) {}",
        "use super::transport;",
        "macro_rules! m { () => { $crate::worker::run() } }",
        "use crate :: family;",
    ] {
        let found = upward(&[file("src/wait.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(found[0].starts_with("src/wait.rs:"), "{found:?}");
    }
    let nested = file("src/ring/spsc.rs", "\n\nuse super::super::transport::Shape;");
    assert!(upward(&[nested])[0].starts_with("src/ring/spsc.rs:3:"));
}

#[test]
fn what_is_allowed_is_not_found() {
    for text in [
        "use crate::record::Wait; use crate::{abort, futex};",
        "// use crate::transport::Shape;\n/* use crate::worker; /* nested */ */ /// [`crate::family`]\nfn f() {}",
        "const S: &str = \"crate::transport\"; const R: &str = r#\"use crate::\"worker\";\"#; const C: char = '\"';",
        "#[cfg(test)]\nmod tests { use crate::transport::Shape; mod inner { use crate::worker; } }",
        "pub(crate) fn f<'a>(x: &'a str) -> crate::wait::Parker { make() }",
        "use mycrate::transport; use crate::Unknown;",
    ] {
        assert_clean(&upward(&[file("src/wait.rs", text)]));
    }
    assert_clean(&upward(&[file("src/lib.rs", "pub mod worker; pub use crate::worker::run;")]));
}

#[test]
fn a_mechanism_that_knows_another_is_found() {
    let registry = file(
        "src/mechanisms/src/transport/registry.rs",
        "registry! { \"pipe\" => a::pipe::Pipe, \"ring\" => ring::Ring<Spin> }",
    );
    let family = |path: &str, text: &str| vec![registry.clone(), file(path, text)];
    assert_eq!(
        sideways(&family("src/mechanisms/src/transport/a/pipe.rs", "use crate::transport::ring::Ring;")).len(),
        1
    );
    assert_eq!(
        sideways(&family("src/mechanisms/src/transport/ring.rs", "use super::{Shape, a::pipe::Pipe};")).len(),
        1
    );
    let fine = "use super::stream; use crate::ring::Ring; self::x();";
    assert_clean(&sideways(&family("src/mechanisms/src/transport/a/pipe.rs", fine)));
    assert_clean(&sideways(&family("src/mechanisms/src/transport/prepare.rs", "use super::{pipe, ring};")));
}

#[test]
fn a_harness_that_names_a_mechanism_is_found() {
    let library = [file("src/mechanisms/src/transport/registry.rs", "registry! { \"pipe\" => pipe::Pipe }")];
    let harness = |text: &str| named_mechanisms(&library, &[file("harness/src/plan.rs", text)]);
    assert_eq!(harness("use ipcmark::{family, transport::pipe::Pipe};").len(), 1);
    assert_clean(&harness("use ipcmark::transport::ROWS; use ipcmark::family;"));
}

#[test]
fn an_allowance_of_unsafe_code_is_found() {
    let found = |text: &str| !allowing_unsafe(&[file("src/x.rs", text)]).is_empty();
    assert!(found("#![allow(unsafe_code)]"));
    assert!(found("#[allow(clippy::all, unsafe_code)]\nfn f() {}"));
    assert!(found("#[expect(unsafe_code)] fn f() {}"));
    assert!(!found("// #![allow(unsafe_code)]\n#![deny(unsafe_code)]"));
}
