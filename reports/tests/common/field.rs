//! As many variants as in the standard plan: all kinds of mechanisms with all their wait strategies.

use ipcmark_record::{Group, Isolation, Measure, Placement, Record, Substrate, Wait};
use ipcmark_reports::analyse::statistics::Random;

use super::{SIZES, Variant, case, measured};

/// Mechanism: group, name, wait strategies, one-way cost, stream cost and cost per byte.
type Entry = (Group, &'static str, &'static [Wait], f64, f64, f64);

const KERNEL: &[Wait] = &[Wait::Block, Wait::Epoll, Wait::Busy];
const BLOCK: &[Wait] = &[Wait::Block];
const RING: &[Wait] = &[Wait::Spin, Wait::SpinYield, Wait::Hybrid, Wait::Park, Wait::Eventfd];

const MECHANISMS: &[Entry] = &[
    (Group::Pipes, "pipe", KERNEL, 4_800.0, 900.0, 0.35),
    (Group::Pipes, "pipe-1m", KERNEL, 4_850.0, 700.0, 0.31),
    (Group::Pipes, "pipe-packet", BLOCK, 4_900.0, 1_100.0, 0.5),
    (Group::Pipes, "fifo", KERNEL, 4_810.0, 905.0, 0.352),
    (Group::Pipes, "vmsplice", BLOCK, 6_900.0, 2_400.0, 0.18),
    (Group::Sockets, "unix-stream", KERNEL, 5_900.0, 1_300.0, 0.42),
    (Group::Sockets, "unix-stream-named", KERNEL, 5_910.0, 1_310.0, 0.42),
    (Group::Sockets, "unix-seqpacket", KERNEL, 6_000.0, 1_350.0, 0.43),
    (Group::Sockets, "unix-datagram", KERNEL, 6_100.0, 1_400.0, 0.44),
    (Group::Sockets, "tcp", KERNEL, 11_900.0, 2_900.0, 0.5),
    (Group::Sockets, "udp", KERNEL, 9_800.0, 2_500.0, 0.6),
    (Group::KernelQueues, "mq-posix", BLOCK, 5_500.0, 1_200.0, 0.7),
    (Group::KernelQueues, "mq-sysv", BLOCK, 5_400.0, 1_150.0, 0.72),
    (Group::SharedMemory, "shm-mailbox", RING, 108.0, 110.0, 0.12),
    (Group::SharedMemory, "shm-spsc", RING, 101.0, 14.0, 0.12),
    (Group::SharedMemory, "shm-bytes", RING, 112.0, 17.0, 0.13),
    (Group::SharedMemory, "shm-mpsc", RING, 140.0, 31.0, 0.12),
    (Group::SharedMemory, "shm-mpmc", RING, 150.0, 38.0, 0.12),
    (Group::SharedMemory, "shm-broadcast", RING, 130.0, 25.0, 0.12),
    (Group::SharedMemory, "shm-loan", RING, 190.0, 60.0, 0.11),
    (Group::SharedMemory, "shm-mutex-condvar", BLOCK, 6_200.0, 800.0, 0.13),
    (Group::SharedMemory, "shm-semaphores", BLOCK, 5_700.0, 400.0, 0.13),
    (Group::KernelCopies, "process-vm-readv", &[Wait::Hybrid], 900.0, 850.0, 0.14),
    (Group::KernelCopies, "process-vm-writev", &[Wait::Hybrid], 920.0, 860.0, 0.14),
    (Group::Libraries, "ipc-channel", BLOCK, 8_700.0, 4_100.0, 0.61),
    (Group::Libraries, "ipc-channel-typed", BLOCK, 9_700.0, 5_100.0, 0.9),
    (Group::Threads, "std-mpsc", BLOCK, 5_200.0, 90.0, 0.2),
    (Group::Threads, "crossbeam-bounded", &[Wait::Hybrid], 210.0, 70.0, 0.2),
    (Group::Threads, "flume", &[Wait::Hybrid], 260.0, 95.0, 0.2),
    (Group::Threads, "rtrb", &[Wait::Spin], 95.0, 12.0, 0.2),
];

/// All variants between processes and between threads.
pub fn field() -> Vec<Variant> {
    let variant = |&(group, mechanism, wait, fixed_ns, stream_ns, per_byte_ns): &(_, _, Wait, _, _, _)| {
        // Extra cost of the wait strategy: a wake-up, or a call of sched_yield.
        let (extra, stream_extra) = match (group, wait) {
            (Group::SharedMemory, Wait::Park) => (4_900.0, 240.0),
            (Group::SharedMemory, Wait::Eventfd) => (6_300.0, 310.0),
            (_, Wait::SpinYield) => (160.0, 6.0),
            (_, Wait::Hybrid) => (25.0, 5.0),
            (_, Wait::Epoll) => (900.0, 350.0),
            (_, Wait::Busy) => (-3_400.0, -200.0),
            _ => (0.0, 0.0),
        };
        Variant {
            mechanism,
            group,
            wait: Some(wait),
            isolation: if group == Group::Threads { Isolation::Thread } else { Isolation::Process },
            substrate: (group == Group::SharedMemory).then_some(Substrate::Memfd),
            fixed_ns: fixed_ns + extra,
            per_byte_ns,
            stream_ns: stream_ns + stream_extra,
        }
    };
    let rows = MECHANISMS.iter().flat_map(|&(group, name, waits, fixed, stream, byte)| {
        waits.iter().map(move |&w| (group, name, w, fixed, stream, byte))
    });
    rows.map(|row| variant(&row)).collect()
}

/// Round trips and streams of all sizes; message queues carry at most 8 KiB.
pub fn standard_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for repetition in 0..repetitions {
        for one in field() {
            for bytes in SIZES.into_iter().filter(|&bytes| one.group != Group::KernelQueues || bytes <= 8_192) {
                for measure in [Measure::RoundTrip, Measure::Stream] {
                    records.push(measured(
                        &one,
                        case(&one, measure, Placement::SameL3, bytes),
                        repetition,
                        &mut random,
                    ));
                }
            }
        }
    }
    records
}
