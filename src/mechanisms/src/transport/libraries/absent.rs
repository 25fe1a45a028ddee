//! Placeholder transport of a library that is not built in.

use std::io;
use std::marker::PhantomData;

use super::library::Library;
use crate::address::Address;
use crate::record::{CostModel, Group, Isolation, Wait};
use crate::transport::{Peers, Receiver, Sender, Shape, Transport};

/// Row of a library that is not built in; it is listed with the reason and never runs.
pub struct Absent<L>(PhantomData<L>);

/// Endpoint of a channel that cannot exist.
pub enum Never {}

impl<L: Library> Transport for Absent<L> {
    const SUMMARY: &'static str = L::SUMMARY;
    const GROUP: Group = Group::Libraries;
    const ISOLATIONS: &'static [Isolation] = &[Isolation::Process];
    const WAIT: Option<Wait> = Some(L::WAIT);
    const POLLS: bool = matches!(L::WAIT, Wait::Spin);
    type Sender = Never;
    type Receiver = Never;

    fn unavailable() -> Option<String> {
        Some(missing::<L>())
    }

    fn supports(_: &Shape) -> Result<(), String> {
        Err(missing::<L>())
    }

    fn create(_: &Shape) -> io::Result<Address> {
        Err(refusal::<L>())
    }

    fn attach_sender(_: &Address, _: Peers, _: &Shape) -> io::Result<Never> {
        Err(refusal::<L>())
    }

    fn attach_receiver(_: &Address, _: Peers, _: &Shape) -> io::Result<Never> {
        Err(refusal::<L>())
    }

    fn cost_model(_: &Shape) -> CostModel {
        CostModel::default()
    }
}

impl Sender for Never {
    fn send(&mut self, _: usize, _: impl FnOnce(&mut [u8])) -> io::Result<()> {
        match *self {}
    }
}

impl Receiver for Never {
    fn receive<R>(&mut self, _: impl FnOnce(&[u8]) -> R) -> io::Result<R> {
        match *self {}
    }
}

fn missing<L: Library>() -> String {
    let needs = if L::NEEDS.is_empty() { String::new() } else { format!(", which needs {}", L::NEEDS) };
    format!("built without the cargo feature `{}`{needs}", L::FEATURE)
}

fn refusal<L: Library>() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, missing::<L>())
}
