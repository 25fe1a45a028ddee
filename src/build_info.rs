//! What this program was built from and how, as the build script wrote it down. Both are part of every measurement.

use std::collections::BTreeMap;

use crate::record::Build;

/// Compiler, target, profile and flags.
pub fn build() -> Build {
    let [profile, target, rustc, opt_level, rustflags] = [
        env!("IPCMARK_PROFILE"),
        env!("IPCMARK_TARGET"),
        env!("IPCMARK_RUSTC"),
        env!("IPCMARK_OPT_LEVEL"),
        env!("IPCMARK_RUSTFLAGS"),
    ]
    .map(str::to_owned);
    Build { profile, target, rustc, opt_level, rustflags }
}

/// Libraries that mechanisms use, by name, with their versions.
pub fn libraries() -> BTreeMap<String, String> {
    let pairs = env!("IPCMARK_LIBRARIES").split(';').filter_map(|pair| pair.split_once(' '));
    pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
}

/// The revision of the source as git describes it, ending in `-dirty` when the library was edited since; `unknown`
/// when it was not built from its own repository.
pub fn revision() -> String {
    env!("IPCMARK_REVISION").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_is_known() {
        let build = build();
        assert!(build.target.contains("linux"), "{build:?}");
        assert!(build.rustc.starts_with("rustc "), "{build:?}");
        assert!(["debug", "release"].contains(&build.profile.as_str()), "{build:?}");
        assert!(!revision().is_empty());
        let libraries = libraries();
        assert!(libraries.contains_key("crossbeam") && libraries.contains_key("ipc-channel"), "{libraries:?}");
        assert!(libraries.values().all(|version| version.starts_with(|c: char| c.is_ascii_digit())), "{libraries:?}");
        assert_eq!(libraries.contains_key("iceoryx2"), cfg!(feature = "peers"), "only what is built in");
    }
}
