//! That buffers are not reused too early, and that it would be seen if they were.

use std::sync::mpsc;
use std::thread;

use super::*;
use crate::payload::{check, fill, stamp};
use crate::record::{Case, Measure};
use crate::transport::Receiver;

const PRODUCER: u16 = 9;

/// Both ends of a channel whose sender has `buffers` buffers.
fn ends(message_bytes: usize, buffers: usize) -> (PageSender, StreamReceiver<File>) {
    let case =
        Case::new("transport", "vmsplice", Measure::Stream).with(|p| p.message_bytes = Some(message_bytes as u64));
    let shape = Shape::of(&case);
    let address = Vmsplice::create(&shape).expect("a pipe of 1 MiB");
    let pipe = address.descriptor(Endpoint::Sender).and_then(Descriptor::duplicate).expect("the writing end");
    let sender = PageSender::new(pipe.into(), message_bytes, buffers).expect("memory for the buffers");
    (sender, Vmsplice::attach_receiver(&address, Peers::default(), &shape).expect("the reading end"))
}

fn send(sender: &mut PageSender, sequence: u64) {
    let bytes = sender.message_bytes;
    sender.send(bytes, |room| fill(room, stamp(PRODUCER, sequence))).expect("a reader");
}

fn verify(receiver: &mut StreamReceiver<File>, bytes: usize, sequence: u64) -> Result<(), String> {
    receiver.receive(|seen| check(seen, bytes, stamp(PRODUCER, sequence))).expect("a writer")
}

/// Fills the pipe, then builds one message more, and only then reads the first: what the check says of it.
fn first_message_after_the_pipe_is_full(message_bytes: usize, buffers: usize) -> Result<(), String> {
    let (mut sender, mut receiver) = ends(message_bytes, buffers);
    let slots = CAPACITY_BYTES / capacity::page_bytes();
    let fitting = (slots / message_bytes.div_ceil(capacity::page_bytes())) as u64;
    for sequence in 0..fitting {
        send(&mut sender, sequence);
    }
    // Told that all is drained, so that only the payload can give the mutant away.
    sender.drained = sender.lent;
    let (built, is_built) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            sender.send(message_bytes, |room| {
                fill(room, stamp(PRODUCER, fitting));
                built.send(()).expect("the reader waits for this");
            })
        });
        is_built.recv().expect("one message more was built");
        let first = verify(&mut receiver, message_bytes, 0);
        // Lets the sender go.
        let rest: Result<Vec<()>, String> =
            (1..=fitting).map(|next| verify(&mut receiver, message_bytes, next)).collect();
        first.and(rest.map(drop))
    })
}

#[test]
fn a_full_pipe_and_one_message_more_stay_whole() {
    for bytes in [8, 4096, 4097, 300_000, CAPACITY_BYTES] {
        let seen = first_message_after_the_pipe_is_full(bytes, buffers(bytes));
        assert_eq!(seen, Ok(()), "{bytes} bytes");
    }
}

/// The mutant: one buffer fewer. The pool is exactly as large as it must be where messages fill the pipe to the brim.
#[test]
fn one_buffer_fewer_is_seen_as_corruption() {
    for bytes in [8, 4096, 4097, CAPACITY_BYTES / 2, CAPACITY_BYTES] {
        let seen = first_message_after_the_pipe_is_full(bytes, buffers(bytes) - 1);
        assert!(seen.as_ref().is_err_and(|why| why.starts_with("message 0 ")), "{bytes} bytes: {seen:?}");
    }
}

#[test]
fn a_buffer_that_is_still_inside_is_never_reused() {
    let (mut sender, _receiver) = ends(4096, 3);
    (0..3).for_each(|sequence| send(&mut sender, sequence));
    let refused = sender.send(4096, |_| panic!("overwritten")).expect_err("three messages are unread");
    assert!(refused.to_string().contains("still holds 3 messages"), "{refused}");
}

/// The kernel's behaviour that the evidence rests on: what is counted is what was not read, part by part.
#[test]
fn the_count_of_bytes_inside_follows_the_reader() {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let mut sender = PageSender::new(write.into(), 10_000, 2).expect("memory for the buffers");
    send(&mut sender, 0);
    for (part, left) in [(4096, 5904), (1, 5903), (5903, 0)] {
        assert_eq!(nix::unistd::read(&read, &mut vec![0; part]).expect("bytes to read"), part);
        assert_eq!(ioctl_fionread(&sender.pipe).expect("a pipe can be asked"), left);
    }
    sender.look().expect("all is drained");
    assert_eq!(sender.drained, 1);
}

#[test]
fn messages_beyond_the_capacity_go_over_in_pieces() {
    let bytes = 3 * CAPACITY_BYTES + 5;
    let (mut sender, mut receiver) = ends(bytes, buffers(bytes));
    thread::scope(|scope| {
        scope.spawn(move || (0..5).for_each(|sequence| send(&mut sender, sequence)));
        for sequence in 0..5 {
            assert_eq!(verify(&mut receiver, bytes, sequence), Ok(()));
        }
    });
}
