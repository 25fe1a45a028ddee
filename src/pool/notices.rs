//! How the foreman tells a dispatcher who sleeps in poll(2) of a death, and hands over the means to reach whoever comes
//! next: packets over a pair of unix sockets, descriptors in SCM_RIGHTS. That the foreman is gone, and with him all
//! workers, is the end of the packets. Not a mechanism. Source: unix(7).

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::Loss;

/// Frame number of one who had nothing in hand.
const NO_FRAME: u64 = u64::MAX;
/// Seat, frame, ticket.
const BYTES: usize = 24;
/// Descriptors with one notice, at most.
const DESCRIPTORS: usize = 2;

/// A death.
#[derive(Debug)]
pub(super) struct Notice {
    pub(super) loss: Loss,
    /// [`Roster::ticket`](super::roster::Roster::ticket) of the dead.
    pub(super) ticket: u64,
    /// What the successor is reached by.
    pub(super) descriptors: Vec<OwnedFd>,
}

/// What there is to hear.
#[derive(Debug)]
enum News {
    /// Nothing now.
    Nothing,
    /// Somebody died.
    KillPoint(Notice),
    /// The foreman has ended.
    End,
}

/// The foreman's end. Nobody else's may stay open, or nobody hears of his.
pub(super) struct Teller(OwnedFd);

/// The dispatcher's end.
pub(super) struct Notices(OwnedFd);

/// Both of them.
pub(super) fn pair() -> io::Result<(Teller, Notices)> {
    let (told, teller) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    Ok((Teller(teller), Notices(told)))
}

impl Teller {
    pub(super) fn tell(&self, loss: Loss, ticket: u64, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::Error::other("more descriptors than a notice has room for"));
        }
        let words = [u64::from(loss.worker), loss.frame.unwrap_or(NO_FRAME), ticket];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        loop {
            match sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL) {
                Err(Errno::INTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }
}

impl Notices {
    /// What to poll for.
    pub(super) fn end(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// All deaths that there are to hear of now, the first one first, and whether the foreman is still there to tell of more.
    pub(super) fn deaths(&self) -> io::Result<(Vec<Notice>, bool)> {
        let mut deaths = vec![];
        loop {
            match self.next()? {
                News::Nothing => return Ok((deaths, true)),
                News::End => return Ok((deaths, false)),
                News::KillPoint(notice) => deaths.push(notice),
            }
        }
    }

    /// The next piece of news, without waiting for it.
    fn next(&self) -> io::Result<News> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut bytes = [0; BYTES];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let got = loop {
            match recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut control, flags) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(News::Nothing),
                got => break got?.bytes,
            }
        };
        let descriptors = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(passed) => Some(passed.collect()),
            _ => None,
        });
        match got {
            0 => Ok(News::End),
            BYTES => Ok(News::KillPoint(read(&bytes, descriptors.unwrap_or_default()))),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, format!("a notice of {got} bytes"))),
        }
    }
}

fn read(bytes: &[u8; BYTES], descriptors: Vec<OwnedFd>) -> Notice {
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    let frame = Some(word(8)).filter(|frame| *frame != NO_FRAME);
    Notice { loss: Loss { worker: word(0) as u32, frame }, ticket: word(16), descriptors }
}

/// The error of a pool whose foreman ended before it was closed.
#[cold]
pub(super) fn abandoned() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the foreman of the pool is gone, and all workers with it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_is_told_with_what_reaches_the_successor() {
        let (teller, notices) = pair().expect("a pair");
        assert!(matches!(notices.next(), Ok(News::Nothing)));
        let passed = io::stderr();
        teller.tell(Loss { worker: 3, frame: Some(7) }, 9, &[passed.as_fd(), passed.as_fd()]).expect("told");
        teller.tell(Loss { worker: 4, frame: None }, 0, &[]).expect("told");
        let Ok(News::KillPoint(first)) = notices.next() else { panic!("a death was told") };
        assert_eq!((first.loss, first.ticket), (Loss { worker: 3, frame: Some(7) }, 9));
        assert_eq!(first.descriptors.len(), 2);
        let Ok(News::KillPoint(second)) = notices.next() else { panic!("another one was told") };
        assert_eq!((second.loss.frame, second.descriptors.len()), (None, 0));
        drop(teller);
        assert!(matches!(notices.next(), Ok(News::End)));
    }
}
