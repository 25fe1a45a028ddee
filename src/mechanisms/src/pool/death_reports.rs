//! Death reports from the supervisor to the dispatcher, which sleeps in poll(2): packets over a pair of unix sockets,
//! with the descriptors that reach the new worker in SCM_RIGHTS. End of file means that the supervisor has ended, and
//! all workers with it. Shared by several rows. Source: unix(7).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::WorkerDeath;

/// Stands for `None` in place of a request's id.
pub(super) const NO_REQUEST: u64 = u64::MAX;
/// Worker, request, tag.
const BYTES: usize = 24;
/// Most descriptors in one report.
const DESCRIPTORS: usize = 2;

/// Report of one death.
#[derive(Debug)]
pub(super) struct DeathReport {
    pub(super) death: WorkerDeath,
    /// [`WorkerTable::received`](super::worker_table::WorkerTable::received) of the dead worker.
    pub(super) tag: u64,
    /// Descriptors that reach the new worker.
    pub(super) descriptors: Vec<OwnedFd>,
}

/// Result of a read without waiting.
#[derive(Debug)]
enum Next {
    Empty,
    Report(DeathReport),
    /// The supervisor has ended.
    End,
}

/// The supervisor's endpoint. Other processes must not keep it open, or the end of the supervisor goes unnoticed.
pub(super) struct ReportSender(OwnedFd);

/// The dispatcher's endpoint.
pub(super) struct ReportReceiver(OwnedFd);

pub(super) fn channel() -> io::Result<(ReportSender, ReportReceiver)> {
    let (receiver, sender) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((ReportSender(sender), ReportReceiver(receiver)))
}

impl ReportSender {
    pub(super) fn send(&self, death: WorkerDeath, tag: u64, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("more descriptors than a death report can carry"));
        }
        let words = [u64::from(death.worker), death.request.unwrap_or(NO_REQUEST), tag];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        loop {
            match sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }
}

impl ReportReceiver {
    /// The descriptor to poll.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// All reports that have arrived, oldest first, and whether the supervisor is still alive.
    pub(super) fn read_all(&self) -> io::Result<(Vec<DeathReport>, bool)> {
        let mut reports = vec![];
        loop {
            match self.next()? {
                Next::Empty => return Ok((reports, true)),
                Next::End => return Ok((reports, false)),
                Next::Report(report) => reports.push(report),
            }
        }
    }

    fn next(&self) -> io::Result<Next> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; BYTES];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let got = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(Next::Empty),
                got => break got?.bytes,
            }
        };
        let descriptors = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(passed) => Some(passed.collect()),
            _ => None,
        });
        match got {
            0 => Ok(Next::End),
            BYTES => Ok(Next::Report(read(&bytes, descriptors.unwrap_or_default()))),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("a death report of {got} bytes"))),
        }
    }
}

fn read(bytes: &[u8; BYTES], descriptors: Vec<OwnedFd>) -> DeathReport {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let request = Some(word(8)).filter(|request| *request != NO_REQUEST);
    DeathReport { death: WorkerDeath { worker: word(0) as u32, request }, tag: word(16), descriptors }
}

/// The error of a pool whose supervisor ended before the pool was closed.
#[cold]
pub(super) fn supervisor_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the supervisor of the pool has ended, and all workers with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn death_reports_carry_descriptors_and_end_with_the_supervisor() {
        let (sender, receiver) = channel().expect("a pair");
        assert!(matches!(receiver.next(), Ok(Next::Empty)));
        let passed = io::stderr();
        let deaths = [WorkerDeath { worker: 3, request: Some(7) }, WorkerDeath { worker: 4, request: None }];
        sender.send(deaths[0], 9, &[passed.as_fd(), passed.as_fd()]).expect("sent");
        sender.send(deaths[1], 0, &[]).expect("sent");
        let Ok(Next::Report(first)) = receiver.next() else { panic!("no report") };
        assert_eq!((first.death, first.tag, first.descriptors.len()), (deaths[0], 9, 2));
        let Ok(Next::Report(second)) = receiver.next() else { panic!("no second report") };
        assert_eq!((second.death, second.descriptors.len()), (deaths[1], 0));
        drop(sender);
        assert!(matches!(receiver.next(), Ok(Next::End)));
    }
}
