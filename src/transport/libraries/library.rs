//! What every library behind a cargo feature says of itself, built in or not.

use crate::record::Wait;

/// What is known of a library whether or not it was built in.
#[cfg_attr(
    all(feature = "peer-zeromq", feature = "peer-nng"),
    expect(dead_code, reason = "with every feature on, nothing is left to say what is missing")
)]
pub trait Library: 'static {
    /// One line for `ipcmark list`.
    const SUMMARY: &'static str;
    /// How an idle side waits.
    const WAIT: Wait;
    /// The cargo feature that builds it in.
    const FEATURE: &'static str;
    /// What that wants beyond a C compiler, and the Debian package that has it; empty when nothing.
    const WANTS: &'static str;
}
