//! What this program was built from and how, as the build script wrote it down. Both are part of every measurement.

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
    }
}
