//! Separate iceoryx2 node per channel. By default all programs share one set of files; here each channel has its own
//! prefix for all objects that iceoryx2 creates in /dev/shm: segments, directories of nodes and services, sockets.
//! Killed processes leave all of them behind, and even a clean exit leaves a file, so the prefix is leased first.

use std::fs::File;
use std::io;

use iceoryx2::node::{Node, NodeBuilder};
use iceoryx2::prelude::{Config, FileName, LogLevel, Path, SemanticString, ServiceName, SignalHandlingMode, ipc};
use iceoryx2::service::port_factory::{event, publish_subscribe};

use crate::address::{self, Name, NameKind};

/// Run id in a prefix; short, since a socket's path has at most 107 bytes: unix(7).
const RUN: &str = "i";

/// Service that carries samples of bytes.
pub type Samples = publish_subscribe::PortFactory<ipc::Service, [u8], ()>;
/// Service that carries notifications.
pub type Events = event::PortFactory<ipc::Service>;

/// Creates a unique prefix, recorded beside this worker's temporary files.
pub fn lease() -> io::Result<Name> {
    let names = std::env::temp_dir().join(address::WORKER_LEASE);
    address::lease_to(RUN, File::options().create(true).append(true).open(names)?);
    address::fresh_name(NameKind::PosixShmPrefix)
}

/// Joins the node below `prefix`.
pub fn join(prefix: &str) -> io::Result<Node<ipc::Service>> {
    // Warnings about a killed peer do not help the reader of a report.
    iceoryx2::prelude::set_log_level(LogLevel::Fatal);
    let mut config = Config::default();
    config.global.prefix = name(&format!("{prefix}_"))?;
    config.global.set_root_path(&path("/dev/shm")?);
    config.global.service.directory = path(&format!("{prefix}.services"))?;
    config.global.node.directory = path(&format!("{prefix}.nodes"))?;
    config.global.service.event_connection_suffix = name(".e")?;
    NodeBuilder::new()
        .config(&config)
        .signal_handling_mode(SignalHandlingMode::Disabled)
        .create::<ipc::Service>()
        .map_err(|error| wrong(&error))
}

/// Service from one publisher to one subscriber; the publisher waits after `depth` samples.
pub fn samples(node: &Node<ipc::Service>, depth: usize) -> io::Result<Samples> {
    let service = node.service_builder(&service("samples")?).publish_subscribe::<[u8]>();
    service
        .enable_safe_overflow(false)
        .subscriber_max_buffer_size(depth)
        .subscriber_max_borrowed_samples(1)
        .history_size(0)
        .max_publishers(1)
        .max_subscribers(1)
        .max_nodes(2)
        .open_or_create()
        .map_err(|error| wrong(&error))
}

/// Service that notifies the subscriber of new samples.
pub fn events(node: &Node<ipc::Service>) -> io::Result<Events> {
    let service = node.service_builder(&service("events")?).event();
    service.max_notifiers(1).max_listeners(1).max_nodes(2).open_or_create().map_err(|error| wrong(&error))
}

/// Converts any error of the library.
#[cold]
pub fn wrong(error: &impl std::fmt::Debug) -> io::Error {
    io::Error::other(format!("iceoryx2: {error:?}"))
}

fn service(text: &str) -> io::Result<ServiceName> {
    ServiceName::new(text).map_err(|error| wrong(&error))
}

fn name(text: &str) -> io::Result<FileName> {
    FileName::new(text.as_bytes()).map_err(|error| wrong(&error))
}

fn path(text: &str) -> io::Result<Path> {
    Path::new(text.as_bytes()).map_err(|error| wrong(&error))
}
