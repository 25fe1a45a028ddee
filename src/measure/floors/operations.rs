//! Floors of common operations of the kernel and the allocator: transfers of one byte, mappings, frees by another
//! thread. One thread runs both sides, so that none waits, and both sides' data is in its caches.

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::{array, hint, thread};

use memmap2::MmapMut;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use super::{READINGS, lowest};
use crate::clock;
use crate::record::{Operation, PAGE_BYTES};

/// Calls of one side before those of the other: few, so that memory is used again as it is between two endpoints.
const BATCH: usize = 16;
/// Batches of a reading.
const BATCHES: usize = 40;
/// Size of an allocation, as of a small message.
const ALLOCATION_BYTES: usize = 64;
/// Pages of a longer transfer, which fits the buffers of any pipe and socket.
const PAGES: usize = 4;
/// Bytes of a longer transfer.
const LONG_BYTES: usize = PAGES * PAGE_BYTES as usize;

/// Every operation that this machine allows.
pub(super) fn measure() -> BTreeMap<Operation, f64> {
    use Operation as O;
    let transfers = [
        ([O::UnixSend, O::UnixReceive], unix as Transfer),
        ([O::TcpSend, O::TcpReceive], tcp),
        ([O::UdpSend, O::UdpReceive], udp),
        ([O::PipeWrite, O::PipeRead], pipe),
        ([O::ProcessCopy, O::ProcessCopy], process_copy),
    ];
    let transfers = transfers.into_iter().flat_map(|(names, transfer)| {
        let byte = transfer(1);
        let long = names[0].for_each_page().and_then(|_| transfer(LONG_BYTES).ok()).zip(byte.as_ref().ok());
        let pages = long.into_iter().flat_map(move |(long, byte)| {
            let page_ns = |side: usize| ((long[side] - byte[side]) / PAGES as f64).max(0.0);
            (0..2).filter_map(|side| Some((names[side].for_each_page()?, page_ns(side)))).collect::<Vec<_>>()
        });
        pages.chain(byte.iter().flat_map(|ns| names.into_iter().zip(*ns))).collect::<Vec<_>>()
    });
    let pairs = [([O::Allocate, O::RemoteFree], allocation())];
    let single = [(O::EpollWait, epoll()), (O::MapPage, map_page()), (O::Memfd, memfd())];
    let pairs = pairs.into_iter().filter_map(|(names, ns)| Some(names.into_iter().zip(ns.ok()?)));
    let single = single.into_iter().filter_map(|(name, ns)| Some((name, ns.ok()?)));
    transfers.chain(pairs.flatten()).chain(single).collect()
}

/// Nanoseconds of both sides of a transfer of some bytes.
type Transfer = fn(usize) -> io::Result<[f64; 2]>;

fn unix(bytes: usize) -> io::Result<[f64; 2]> {
    let (near, far) = UnixStream::pair()?;
    streams(near, far, bytes)
}

fn tcp(bytes: usize) -> io::Result<[f64; 2]> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    streams(near, far, bytes)
}

fn udp(bytes: usize) -> io::Result<[f64; 2]> {
    let near = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let far = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    near.connect(far.local_addr()?)?;
    let (sent, mut room) = (vec![1; bytes], vec![0; bytes]);
    sides(bytes, || near.send(&sent).map(drop), || far.recv(&mut room).map(drop))
}

fn pipe(bytes: usize) -> io::Result<[f64; 2]> {
    let (reader, writer) = io::pipe()?;
    streams(writer, reader, bytes)
}

fn streams(mut into: impl Write, mut from: impl Read, bytes: usize) -> io::Result<[f64; 2]> {
    let (sent, mut room) = (vec![1; bytes], vec![0; bytes]);
    sides(bytes, || into.write_all(&sent), || from.read_exact(&mut room))
}

/// The same call at either side.
fn process_copy(bytes: usize) -> io::Result<[f64; 2]> {
    let (own, from, mut room) = (Pid::this(), vec![1u8; bytes], vec![0u8; bytes]);
    let remote = [RemoteIoVec { base: from.as_ptr() as usize, len: bytes }];
    side(|| Ok(process_vm_readv(own, &mut [IoSliceMut::new(&mut room)], &remote).map(drop)?)).map(|ns| [ns; 2])
}

fn epoll() -> io::Result<f64> {
    let (reader, mut writer) = io::pipe()?;
    writer.write_all(&[1])?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&reader, EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
    side(|| Ok(epoll.wait(&mut [EpollEvent::empty()], 0u8).map(drop)?))
}

fn map_page() -> io::Result<f64> {
    side(|| {
        let mut page = MmapMut::map_anon(1)?;
        hint::black_box(&mut page)[0] = 1;
        Ok(())
    })
}

fn memfd() -> io::Result<f64> {
    side(|| Ok(ftruncate(memfd_create("ipcmark", MemfdFlags::CLOEXEC)?, PAGE_BYTES as u64)?))
}

/// Allocations in this thread, which another one frees; the next ones take the same memory.
fn allocation() -> io::Result<[f64; 2]> {
    let count = BATCH * BATCHES;
    readings(|| {
        let start = clock::now_ns();
        let made: Vec<Vec<u8>> = (0..count).map(|_| hint::black_box(Vec::with_capacity(ALLOCATION_BYTES))).collect();
        let made_ns = clock::now_ns() - start;
        let freed = thread::spawn(move || {
            let start = clock::now_ns();
            drop(hint::black_box(made));
            clock::now_ns() - start
        });
        let freed_ns = freed.join().map_err(|_| io::Error::other("the thread that frees memory panicked"))?;
        Ok([made_ns, freed_ns].map(|ns| ns as f64 / count as f64))
    })
}

/// Nanoseconds of each side of a transfer.
fn sides(
    bytes: usize,
    mut send: impl FnMut() -> io::Result<()>,
    mut receive: impl FnMut() -> io::Result<()>,
) -> io::Result<[f64; 2]> {
    let batch = if bytes == 1 { BATCH } else { 1 };
    readings(|| {
        let mut totals_ns = [0; 2];
        for _ in 0..BATCHES {
            let start = clock::now_ns();
            (0..batch).try_for_each(|_| send())?;
            let sent = clock::now_ns();
            (0..batch).try_for_each(|_| receive())?;
            totals_ns[0] += sent - start;
            totals_ns[1] += clock::now_ns() - sent;
        }
        Ok(totals_ns.map(|ns| ns as f64 / (batch * BATCHES) as f64))
    })
}

/// Nanoseconds of a call.
fn side(mut call: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    let [ns] = readings(|| {
        let start = clock::now_ns();
        (0..BATCH * BATCHES).try_for_each(|_| call())?;
        Ok([(clock::now_ns() - start) as f64 / (BATCH * BATCHES) as f64])
    })?;
    Ok(ns)
}

/// The lowest of several readings, of each value by itself.
fn readings<const N: usize>(mut reading: impl FnMut() -> io::Result<[f64; N]>) -> io::Result<[f64; N]> {
    let readings = (0..READINGS).map(|_| reading()).collect::<io::Result<Vec<_>>>()?;
    Ok(array::from_fn(|value| lowest(readings.iter().map(|reading| reading[value]).collect())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_the_machine_allows_takes_time() {
        let all = measure();
        assert!(all.contains_key(&Operation::PipeRead) && all.contains_key(&Operation::RemoteFree), "{all:?}");
        assert!(all.contains_key(&Operation::PipeReadPage), "{all:?}");
        // The time that pages add is a difference, which other load may bring to zero.
        let times = all.iter().filter(|(operation, _)| operation.copied_bytes() == 0.0);
        assert!(times.into_iter().all(|(_, ns)| ns.is_finite() && *ns > 0.0), "{all:?}");
    }
}
