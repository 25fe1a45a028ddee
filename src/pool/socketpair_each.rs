//! A pair of connected unix stream sockets for each worker, requests one way, answers the other. Against two pipes: half
//! the descriptors, and a buffer of net.core.wmem_default bytes each way, of which every write takes some for bookkeeping.
//! Costs: see [`super::by_descriptors`]. Source: socketpair(2), unix(7).

use std::io;
use std::os::unix::net::UnixStream;

use super::by_descriptors::{ByDescriptors, Channel, Channels, Ends};

/// The pool.
pub type SocketpairEach = ByDescriptors<Streams>;

/// Its channels.
pub struct Streams;

impl Channels for Streams {
    const SUMMARY: &'static str = "a pair of connected stream sockets for each worker";

    fn supports(_: usize, _: usize) -> Result<(), String> {
        Ok(())
    }

    fn make(_: usize) -> io::Result<Channel> {
        let (dispatcher, worker) = UnixStream::pair()?;
        Ok(Channel { dispatcher: ends(dispatcher)?, worker: ends(worker)? })
    }
}

fn ends(socket: UnixStream) -> io::Result<Ends> {
    Ok(Ends { requests: socket.try_clone()?.into(), answers: socket.into() })
}
