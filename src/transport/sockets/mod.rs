//! Sockets on one machine: unix, TCP and UDP.

pub(super) mod unix_stream;
