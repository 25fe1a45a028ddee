//! Two pipes for each worker, one for its requests and one for its answers: what a server that forks its workers beforehand
//! has always done. A frame beyond the 64 KiB that a pipe holds goes over in pieces. Costs: see [`super::by_descriptors`].
//! Source: pipe(2), pipe(7).

use std::io;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::by_descriptors::{ByDescriptors, Channel, Channels, Ends};

/// The pool.
pub type PipeEach = ByDescriptors<Pipes>;

/// Its channels.
pub struct Pipes;

impl Channels for Pipes {
    const SUMMARY: &'static str = "a pipe of requests and a pipe of answers for each worker";

    fn supports(_: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn make(_: usize) -> io::Result<Channel> {
        let (requests, answers) = (pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?);
        Ok(Channel {
            dispatcher: Ends { requests: requests.1, answers: answers.0 },
            worker: Ends { requests: requests.0, answers: answers.1 },
        })
    }
}
