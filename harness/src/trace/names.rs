//! Names of the system calls of a message, and which of them only wait.

use std::collections::BTreeMap;

/// How often each call was made.
pub type Calls = BTreeMap<Call, u64>;

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// As the architecture numbers it.
    pub number: u64,
    /// It failed with EAGAIN: nothing to read, or no room to write.
    pub in_vain: bool,
}

impl Call {
    /// Its name in reports.
    pub(super) fn in_words(self) -> String {
        let name = name(self.number);
        if self.in_vain { format!("{name} in vain") } else { name }
    }

    /// Whether the call only waits or wakes, or failed with EAGAIN, and so carries no message.
    pub(super) fn waits(self) -> bool {
        self.in_vain || waits(self.number)
    }
}

/// The name of call `number` on this architecture, or the number.
fn name(number: u64) -> String {
    macro_rules! known {
        ($($(#[$where:meta])? $name:ident = $constant:ident),* $(,)?) => {
            match libc::c_long::try_from(number) {
                $($(#[$where])? Ok(libc::$constant) => stringify!($name).to_owned(),)*
                _ => format!("call {number}"),
            }
        };
    }
    known! {
        read = SYS_read, write = SYS_write, readv = SYS_readv, writev = SYS_writev,
        sendto = SYS_sendto, recvfrom = SYS_recvfrom, sendmsg = SYS_sendmsg, recvmsg = SYS_recvmsg,
        vmsplice = SYS_vmsplice, ioctl = SYS_ioctl,
        membarrier = SYS_membarrier,
        futex = SYS_futex, ppoll = SYS_ppoll, epoll_pwait = SYS_epoll_pwait,
        #[cfg(target_arch = "x86_64")] epoll_wait = SYS_epoll_wait,
        socketpair = SYS_socketpair, memfd_create = SYS_memfd_create, ftruncate = SYS_ftruncate,
        mmap = SYS_mmap, munmap = SYS_munmap, close = SYS_close, dup = SYS_dup, fcntl = SYS_fcntl,
        getsockopt = SYS_getsockopt, setsockopt = SYS_setsockopt, fstat = SYS_fstat, statx = SYS_statx,
        sched_yield = SYS_sched_yield, nanosleep = SYS_nanosleep, clock_nanosleep = SYS_clock_nanosleep,
        mq_timedsend = SYS_mq_timedsend, mq_timedreceive = SYS_mq_timedreceive,
        msgsnd = SYS_msgsnd, msgrcv = SYS_msgrcv, semop = SYS_semop, semtimedop = SYS_semtimedop,
        kill = SYS_kill, rt_sigtimedwait = SYS_rt_sigtimedwait, rt_sigqueueinfo = SYS_rt_sigqueueinfo,
        getpid = SYS_getpid, getuid = SYS_getuid, io_uring_enter = SYS_io_uring_enter,
        process_vm_readv = SYS_process_vm_readv, process_vm_writev = SYS_process_vm_writev,
        clock_gettime = SYS_clock_gettime, getrusage = SYS_getrusage, madvise = SYS_madvise,
    }
}

fn waits(number: u64) -> bool {
    #[cfg(target_arch = "x86_64")]
    const EPOLL_WAIT: libc::c_long = libc::SYS_epoll_wait;
    #[cfg(not(target_arch = "x86_64"))]
    const EPOLL_WAIT: libc::c_long = libc::SYS_epoll_pwait;
    [
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_membarrier,
        libc::SYS_io_uring_enter,
        libc::SYS_epoll_pwait,
        EPOLL_WAIT,
    ]
    .map(libc::c_long::cast_unsigned)
    .contains(&number)
}
