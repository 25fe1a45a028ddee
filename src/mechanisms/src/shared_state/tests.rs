//! Every row in one process: values are read back, updates are counted, and limits are enforced. The table and its
//! sequence numbers with concurrent writers.

use std::io;
use std::thread;

use super::table::{Buffer, Table};
use super::*;
use crate::address::{Address, Endpoint};
use crate::payload::{Known, check, stamp, stamp_of};
use crate::record::{Case, Measure, Substrate};
use crate::shm::{self, Segment};

const SHAPE: Shape = Shape { keys: 6, entries: 10, value_bytes: 20, users: 2 };

struct Exercise(fn() -> io::Result<()>);

impl Entry for Exercise {
    fn of<S: State>() -> Self {
        Self(Self::run::<S>)
    }
}

impl Exercise {
    fn run<S: State>() -> io::Result<()> {
        let Addresses { manager, users } = S::create(&SHAPE)?;
        thread::scope(|scope| {
            let manager = manager.map(|address| scope.spawn(|| S::run_manager(address, &SHAPE)));
            let attach = |user: u32| S::attach(&users[user as usize], &SHAPE, user);
            let (mut first, mut second) = (attach(0)?, attach(1)?);
            // The manager exits when the last connection is closed.
            exercise(&mut first, &mut second)?;
            drop((first, second, users));
            manager.map_or(Ok(()), |manager| manager.join().expect("the manager does not panic"))
        })
    }
}

fn exercise(first: &mut impl Handle, second: &mut impl Handle) -> io::Result<()> {
    assert_eq!(first.get(3, <[u8]>::to_vec)?, None);
    assert_eq!(second.update(3, |_| ())?, None);
    for len in [20, 0, 7] {
        first.set(3, len, |room| room.fill(len as u8))?;
        assert_eq!(second.get(3, <[u8]>::to_vec)?, Some(vec![len as u8; len]));
        assert_eq!(first.get(3, <[u8]>::to_vec)?, Some(vec![len as u8; len]));
    }
    for round in 0..10 {
        let add = |value: &mut [u8]| {
            value[6] += 1;
            value[6]
        };
        assert_eq!(first.update(3, add)?, Some(8 + 2 * round));
        assert_eq!(second.update(3, add)?, Some(9 + 2 * round));
    }
    let error = second.set(3, 21, |room| room.fill(0)).expect_err("too long");
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    for key in 100..109 {
        first.set(key, 8, |room| room.fill(1))?;
    }
    let error = first.set(109, 8, |room| room.fill(1)).expect_err("full");
    assert!(error.kind() == io::ErrorKind::StorageFull && error.to_string().contains("10 entries"), "{error}");
    first.set(108, 8, |room| room.fill(2))?;
    assert_eq!(second.get(108, <[u8]>::to_vec)?, Some(vec![2; 8]));
    Ok(())
}

#[test]
fn every_row_returns_what_was_set_and_enforces_its_limits() {
    for (row, Exercise(run)) in rows() {
        run().unwrap_or_else(|error| panic!("{row}: {error}"));
    }
}

fn table() -> Address {
    shm::create(Substrate::Memfd, Table::bytes(&SHAPE)).expect("memory")
}

fn mapped(address: &Address) -> Table {
    let segment = Segment::attach(address, Endpoint::Sender, Table::bytes(&SHAPE)).expect("mapped");
    Table::new(segment, 0, &SHAPE)
}

#[test]
fn keys_are_entered_once_and_never_exceed_the_entries() {
    let address = table();
    let claimed: Vec<Vec<u64>> = thread::scope(|scope| {
        let claim = || {
            let table = mapped(&address);
            (0..40).map(|n| n % 20).filter(|key| table.claim(*key).is_ok()).collect()
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(claim)).collect();
        threads.into_iter().map(|thread| thread.join().expect("claims")).collect()
    });
    let table = mapped(&address);
    let present: Vec<u64> = (0..20).filter(|key| table.find(*key).is_some()).collect();
    assert_eq!(present.len(), SHAPE.entries as usize);
    assert!(claimed.iter().flatten().all(|key| present.contains(key)));
    assert_eq!(table.claim(u64::MAX).err().map(|error| error.kind()), Some(io::ErrorKind::InvalidInput));
    assert!(table.find(u64::MAX).is_none());
}

#[test]
fn a_sequence_numbered_entry_is_never_read_half_written() {
    let address = table();
    thread::scope(|scope| {
        let write = |writer: u16| {
            let (table, mut buffer) = (mapped(&address), Buffer::new(&SHAPE));
            for round in 0..2000 {
                let entry = table.claim(1).expect("room for one");
                let value = Known::new(SHAPE.value_bytes, stamp(writer, round));
                value.fill(buffer.value(SHAPE.value_bytes).expect("room"));
                sequence::write(entry.sequence(), || entry.copy_in(&mut buffer, SHAPE.value_bytes)).expect("written");
            }
        };
        scope.spawn(move || write(1));
        scope.spawn(move || write(2));
        let (table, mut buffer) = (mapped(&address), Buffer::new(&SHAPE));
        for _ in 0..4000 {
            let Some(entry) = table.find(1) else { continue };
            let copied = sequence::read(entry.sequence(), || entry.copy_out(&mut buffer)).expect("read").expect("sane");
            let Some(len) = copied else { continue };
            let value = buffer.value(len).expect("as agreed");
            check(value, SHAPE.value_bytes, stamp_of(value).expect("a word")).expect("whole");
        }
    });
}

#[test]
fn a_shape_has_room_for_the_keys_of_its_case_and_the_counters() {
    let case = Case::new(FAMILY, "shards", Measure::Access).with(|p| {
        p.keys = Some(9);
        p.contenders = Some(3);
    });
    let shape = Shape::of(&case);
    assert_eq!((shape.keys, shape.entries, shape.value_bytes, shape.users), (9, 13, 64, 3));
}
