//! The only list of servers: one row per variant, `way-address`.

use super::addresses::{Address, tcp, unix};
use super::{Way, epoll, iterative, prefork, process_per_connection, thread_per_connection, uring};
use crate::variant::registry;

registry! {
    <W: Way, A: Address>
    "iterative-tcp" => iterative::Iterative; tcp::Tcp,
    "iterative-unix" => iterative::Iterative; unix::Unix,
    "thread-per-connection-tcp" => thread_per_connection::ThreadPerConnection; tcp::Tcp,
    "thread-per-connection-unix" => thread_per_connection::ThreadPerConnection; unix::Unix,
    "process-per-connection-tcp" => process_per_connection::ProcessPerConnection; tcp::Tcp,
    "process-per-connection-unix" => process_per_connection::ProcessPerConnection; unix::Unix,
    "prefork-tcp" => prefork::Prefork; tcp::Tcp,
    "prefork-unix" => prefork::Prefork; unix::Unix,
    "epoll-tcp" => epoll::Epoll; tcp::Tcp,
    "epoll-unix" => epoll::Epoll; unix::Unix,
    "io-uring-tcp" => uring::Uring; tcp::Tcp,
    "io-uring-unix" => uring::Uring; unix::Unix,
}
