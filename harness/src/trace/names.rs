//! The system calls that a message may cost: their names, and which of them only wait.

/// The name of call `number` on this architecture, or the number.
pub(super) fn name(number: u64) -> String {
    macro_rules! known {
        ($($name:ident = $constant:ident),* $(,)?) => {
            match libc::c_long::try_from(number) {
                $(Ok(libc::$constant) => stringify!($name).to_owned(),)*
                _ => format!("call {number}"),
            }
        };
    }
    known! {
        read = SYS_read, write = SYS_write, readv = SYS_readv, writev = SYS_writev,
        sendto = SYS_sendto, recvfrom = SYS_recvfrom, sendmsg = SYS_sendmsg, recvmsg = SYS_recvmsg,
        futex = SYS_futex, membarrier = SYS_membarrier, ppoll = SYS_ppoll, epoll_pwait = SYS_epoll_pwait,
        socketpair = SYS_socketpair, memfd_create = SYS_memfd_create, ftruncate = SYS_ftruncate,
        mmap = SYS_mmap, munmap = SYS_munmap, close = SYS_close, dup = SYS_dup, fcntl = SYS_fcntl,
        getsockopt = SYS_getsockopt, setsockopt = SYS_setsockopt, fstat = SYS_fstat,
        sched_yield = SYS_sched_yield, nanosleep = SYS_nanosleep, clock_nanosleep = SYS_clock_nanosleep,
        clock_gettime = SYS_clock_gettime, getrusage = SYS_getrusage, madvise = SYS_madvise,
    }
}

/// True for calls that move no message but wait for somebody or wake him.
pub(super) fn waits(number: u64) -> bool {
    [libc::SYS_futex, libc::SYS_membarrier, libc::SYS_sched_yield].map(libc::c_long::cast_unsigned).contains(&number)
}
