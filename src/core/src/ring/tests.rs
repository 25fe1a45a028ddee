//! The queues between real threads, each with a separate mapping, under every wait strategy that has registry rows.

use std::collections::BTreeSet;
use std::thread;

use super::layout::Layout;
use super::slots::SegmentSlots;
use super::{Consume, Produce, byte_room, bytes, loan, mailbox, monitor, mpmc, mpsc, semaphores, seqlock, spsc};
use crate::address::{Address, Endpoint};
use crate::record::Substrate;
use crate::shm::{self, Segment};
use crate::wait::{Doorbell, EventCount, Hybrid, Park, Parker, SpinYield, Strategy, WaitStrategy};

const ROOM: usize = 64;
const MESSAGES: u32 = 1000;

/// A message that encodes its producer and sequence; every byte follows from these.
fn message(producer: u32, sequence: u32) -> Vec<u8> {
    let mut bytes = [producer.to_le_bytes(), sequence.to_le_bytes()].concat();
    let len = 8 + sequence as usize % (ROOM - 7);
    bytes.resize(len, sequence as u8 ^ 0xa5);
    bytes
}

/// Producer and sequence of a message; checks every byte.
fn whose(seen: &[u8]) -> (u32, u32) {
    let number = |at: usize| u32::from_le_bytes(seen[at..at + 4].try_into().expect("four bytes"));
    let (producer, sequence) = (number(0), number(4));
    assert_eq!(seen, message(producer, sequence));
    (producer, sequence)
}

fn send(queue: &mut impl Produce, producer: u32, messages: u32) {
    for sequence in 0..messages {
        let bytes = message(producer, sequence);
        queue.send(bytes.len(), |room| room.copy_from_slice(&bytes)).unwrap();
    }
}

/// Messages that each consumer received when `producers` send [`MESSAGES`] each and every consumer takes `quota`.
fn run<P: Produce, C: Consume>(
    [producers, consumers]: [u32; 2],
    quota: u32,
    producer: impl Fn(u32) -> P + Sync,
    consumer: impl Fn(u32) -> C + Sync,
) -> Vec<Vec<(u32, u32)>> {
    let (producer, consumer) = (&producer, &consumer);
    thread::scope(|scope| {
        for index in 0..producers {
            scope.spawn(move || send(&mut producer(index), index, MESSAGES));
        }
        let take = |index| {
            scope.spawn(move || {
                let mut queue = consumer(index);
                (0..quota).map(|_| queue.receive(whose).unwrap()).collect()
            })
        };
        let threads: Vec<_> = (0..consumers).map(take).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Asserts the order per producer, for a consumer that received only some messages.
fn assert_ordered(seen: &[(u32, u32)]) {
    let mut next = std::collections::BTreeMap::new();
    for (producer, sequence) in seen {
        let due = next.entry(*producer).or_insert(0);
        assert!(sequence >= due, "message {sequence} of producer {producer} came when {due} or later was due");
        *due = sequence + 1;
    }
}

/// Asserts that each message went to one consumer, in order.
fn assert_shared(seen: &[Vec<(u32, u32)>], producers: u32) {
    for one in seen {
        assert_ordered(one);
    }
    let all: BTreeSet<_> = seen.iter().flatten().copied().collect();
    assert_eq!(all.len(), (producers * MESSAGES) as usize);
}

struct Memory(Address, usize);

impl Memory {
    fn new(bytes: usize) -> Self {
        Self(shm::create(Substrate::Memfd, bytes).unwrap(), bytes)
    }

    fn segment(&self) -> Segment {
        Segment::attach(&self.0, Endpoint::Sender, self.1).unwrap()
    }
}

fn plain<W: Strategy>() -> W {
    W::attach(&[]).unwrap()
}

fn one_to_one<W: WaitStrategy<Parker> + Copy>() {
    let layout = Layout::new(4, ROOM);
    let memory = Memory::new(layout.segment_bytes());
    let slots = || SegmentSlots::<Parker, Parker>::new(memory.segment(), layout, 0).unwrap();
    let whole = |seen: Vec<Vec<(u32, u32)>>| assert_shared(&seen, 1);
    let (producer, consumer) =
        (|_| spsc::Producer::new(slots(), plain::<W>()), |_| spsc::Consumer::new(slots(), plain::<W>()));
    whole(run([1, 1], MESSAGES, producer, consumer));

    let layout = Layout::new(1, ROOM);
    let memory = Memory::new(layout.segment_bytes());
    let slots = || SegmentSlots::<Parker, Parker>::new(memory.segment(), layout, 0).unwrap();
    let producer = |_| mailbox::Producer::new(slots(), plain::<W>());
    whole(run([1, 1], MESSAGES, producer, |_| mailbox::Consumer::new(slots(), plain::<W>())));

    // A quarter of 512 bytes: the largest messages just fit, and most laps skip the remaining space.
    let memory = Memory::new(byte_room::segment_bytes(512));
    let room = || byte_room::SegmentBytes::new(memory.segment(), 512).unwrap();
    let producer = |_| bytes::Producer::new(room(), plain::<W>());
    whole(run([1, 1], MESSAGES, producer, |_| bytes::Consumer::new(room(), plain::<W>())));

    // Deep enough for consumers that delay publishing their position.
    let (rings, pool) = (Layout::new(loan::ring_depth(16), loan::TICKET_BYTES), Layout::new(16, ROOM));
    let (loans, returns, buffers) =
        (Memory::new(rings.segment_bytes()), Memory::new(rings.segment_bytes()), Memory::new(pool.segment_bytes()));
    let ring = |memory: &Memory| SegmentSlots::<Parker, Parker>::new(memory.segment(), rings, 0).unwrap();
    let pool = || SegmentSlots::<Parker, Parker>::new(buffers.segment(), pool, 0).unwrap();
    let lender = |_| {
        let returns = spsc::Consumer::new(ring(&returns), plain::<W>());
        loan::Lender::new(pool(), spsc::Producer::new(ring(&loans), plain::<W>()), returns)
    };
    let borrower = |_| {
        let returns = spsc::Producer::new(ring(&returns), plain::<W>());
        loan::Borrower::new(pool(), spsc::Consumer::new(ring(&loans), plain::<W>()), returns)
    };
    whole(run([1, 1], MESSAGES, lender, borrower));
}

fn many<W: WaitStrategy<Parker> + WaitStrategy<EventCount>>() {
    for depth in [1, 2, 16] {
        let layout = Layout::new(depth, ROOM);
        let memory = Memory::new(layout.segment_bytes());
        let slots = || SegmentSlots::<Parker, EventCount>::new(memory.segment(), layout, 0).unwrap();
        let consumer = |_| mpsc::Consumer::new(slots(), plain::<W>());
        let seen = run([3, 1], 3 * MESSAGES, |_| mpsc::Producer::new(slots(), plain::<W>()), consumer);
        assert_shared(&seen, 3);

        let memory = Memory::new(layout.segment_bytes());
        let slots = || SegmentSlots::<EventCount, EventCount>::new(memory.segment(), layout, 0).unwrap();
        let consumer = |_| mpmc::Consumer::new(slots(), plain::<W>());
        let seen = run([3, 3], MESSAGES, |_| mpmc::Producer::new(slots(), plain::<W>()), consumer);
        assert_shared(&seen, 3);

        let layout = Layout::with_cursors(depth, ROOM, 3);
        let memory = Memory::new(layout.segment_bytes());
        let slots = |index| SegmentSlots::<EventCount, Parker>::new(memory.segment(), layout, index).unwrap();
        let consumer = |index| spsc::Consumer::new(slots(index), plain::<W>());
        let seen = run([1, 3], MESSAGES, |_| spsc::Producer::new(slots(0), plain::<W>()), consumer);
        for one in seen {
            assert_shared(&[one], 1);
        }
    }
}

#[test]
fn one_to_one_yielding() {
    one_to_one::<SpinYield>();
}

#[test]
fn one_to_one_hybrid() {
    one_to_one::<Hybrid>();
}

#[test]
fn one_to_one_parked() {
    one_to_one::<Park>();
}

#[test]
fn many_yielding() {
    many::<SpinYield>();
}

#[test]
fn many_hybrid() {
    many::<Hybrid>();
}

#[test]
fn many_parked() {
    many::<Park>();
}

#[test]
fn one_to_one_by_doorbell() {
    let layout = Layout::new(2, ROOM);
    let memory = Memory::new(layout.segment_bytes());
    let [sender, receiver] = Doorbell::equip().unwrap();
    let slots = || SegmentSlots::<Parker, Parker>::new(memory.segment(), layout, 0).unwrap();
    let producer = |_| spsc::Producer::new(slots(), Doorbell::attach(&sender).unwrap());
    let consumer = |_| spsc::Consumer::new(slots(), Doorbell::attach(&receiver).unwrap());
    assert_shared(&run([1, 1], MESSAGES, producer, consumer), 1);
}

fn under_a_mutex<const HELD: bool>(layout: Layout) {
    let memory = Memory::new(monitor::segment_bytes(&layout));
    let producer = |_| monitor::Producer::<HELD>::new(memory.segment(), layout).unwrap();
    let consumer = |_| monitor::Consumer::<HELD>::new(memory.segment(), layout).unwrap();
    assert_shared(&run([3, 3], MESSAGES, producer, consumer), 3);
}

#[test]
fn endpoints_of_a_queue_under_a_mutex_write_and_read_without_it() {
    let layout = Layout::new(4, ROOM);
    let memory = Memory::new(monitor::segment_bytes(&layout));
    let producer = || monitor::Producer::<false>::new(memory.segment(), layout).unwrap();
    let consumer = || monitor::Consumer::<false>::new(memory.segment(), layout).unwrap();
    let (mut first, mut second, mut one, mut other) = (producer(), producer(), consumer(), consumer());
    let number = |seen: &[u8]| seen[0];
    first.send(1, |room| room[0] = 1).unwrap();
    // The second message is published while the first producer still writes the one before it.
    first
        .send(1, |room| {
            second.send(1, |room| room[0] = 3).unwrap();
            assert_eq!(one.receive(number).unwrap(), 1);
            room[0] = 2;
        })
        .unwrap();
    let read = one.receive(|seen| (seen[0], other.receive(number).unwrap())).unwrap();
    assert_eq!(read, (2, 3));
}

#[test]
fn under_a_mutex_and_behind_semaphores() {
    let layout = Layout::new(4, ROOM);
    under_a_mutex::<false>(layout);
    under_a_mutex::<true>(layout);

    let memory = Memory::new(semaphores::segment_bytes(&layout));
    let producer = |_| semaphores::Producer::new(memory.segment(), layout).unwrap();
    let consumer = |_| semaphores::Consumer::new(memory.segment(), layout).unwrap();
    assert_shared(&run([1, 1], MESSAGES, producer, consumer), 1);
}

#[test]
fn a_cell_never_shows_a_torn_or_an_older_value_and_shows_the_last() {
    let memory = Memory::new(seqlock::segment_bytes(ROOM));
    let new = || seqlock::SegmentCell::new(memory.segment(), ROOM).unwrap();
    thread::scope(|scope| {
        let read = || {
            let mut reader = seqlock::Reader::new(new(), plain::<SpinYield>());
            let mut seen = vec![];
            while seen.last() != Some(&(0, MESSAGES - 1)) {
                seen.push(reader.receive(whose).unwrap());
            }
            seen
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        send(&mut seqlock::Writer::new(new(), plain::<SpinYield>()), 0, MESSAGES);
        for reader in readers {
            assert_ordered(&reader.join().unwrap());
        }
    });
}

#[test]
fn empty_messages_are_carried_and_long_ones_refused() {
    let layout = Layout::new(2, 0);
    let memory = Memory::new(layout.segment_bytes());
    let slots = || SegmentSlots::<EventCount, EventCount>::new(memory.segment(), layout, 0).unwrap();
    let (mut producer, mut consumer) = (mpmc::Producer::new(slots(), Park), mpmc::Consumer::new(slots(), Park));
    let memory = Memory::new(byte_room::segment_bytes(64));
    let room = || byte_room::SegmentBytes::new(memory.segment(), 64).unwrap();
    let (mut tail, mut head) = (bytes::Producer::new(room(), Park), bytes::Consumer::new(room(), Park));
    for _ in 0..100 {
        producer.send(0, |room| assert!(room.is_empty())).unwrap();
        assert_eq!(consumer.receive(<[u8]>::len).unwrap(), 0);
        tail.send(0, |room| assert!(room.is_empty())).unwrap();
        assert_eq!(head.receive(<[u8]>::len).unwrap(), 0);
    }
    let refused = tail.send(9, |_| ()).unwrap_err();
    assert!(refused.to_string().contains("exceeds the limit of 8 bytes"), "{refused}");
}
