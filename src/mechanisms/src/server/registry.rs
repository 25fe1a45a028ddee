//! Registry of servers: one row per variant, `design-address`.

use super::addresses::{Address, Tcp, Unix};
use super::blocking::{Iterative, ProcessPerConnection, ThreadPerConnection};
use super::epoll::{Prefork, SingleThread};
use super::{Server, uring};
use crate::variant::registry;

registry! {
    <S: Server, A: Address>
    "iterative-tcp" => Iterative; Tcp,
    "iterative-unix" => Iterative; Unix,
    "thread-per-connection-tcp" => ThreadPerConnection; Tcp,
    "thread-per-connection-unix" => ThreadPerConnection; Unix,
    "process-per-connection-tcp" => ProcessPerConnection; Tcp,
    "process-per-connection-unix" => ProcessPerConnection; Unix,
    "prefork-tcp" => Prefork; Tcp,
    "prefork-unix" => Prefork; Unix,
    "epoll-tcp" => SingleThread; Tcp,
    "epoll-unix" => SingleThread; Unix,
    "io-uring-tcp" => uring::Uring; Tcp,
    "io-uring-unix" => uring::Uring; Unix,
}
