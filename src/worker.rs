//! A worker's main: read the order, find the mechanism's type, attach, measure, answer. Runs in a process of its own,
//! started by the harness with `worker <role>` as its arguments.

mod ends;

use std::fs::File;
use std::io::{self, BufReader, Stdin, Stdout};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::address::{Address, End};
use crate::control::{Leader, Member, Page};
use crate::measure::paired::{self, Floor};
use crate::measure::round_trip::Side;
use crate::measure::stream::{self, Sink, Source};
use crate::measure::{Findings, Task, Trouble, floors};
use crate::protocol::{FromWorker, Link, Offered, Order, PROTOCOL, Report, ToWorker, hear, say};
use crate::record::Measure;
use crate::transport::{self, Peers, Shape, Transport, Visitor, prepare};
use crate::{address, conformance, pin};
use ends::Ends;

/// First word of a worker's arguments.
pub const ARGUMENT: &str = "worker";

/// Plays a worker's role and exits when this process was started as one. The first line of every `main`.
pub fn run_if_worker() {
    let mut arguments = std::env::args().skip(1);
    if arguments.next().as_deref() == Some(ARGUMENT) {
        std::process::exit(i32::from(serve().is_err()));
    }
}

/// The conversation with the harness.
struct Talk {
    input: BufReader<Stdin>,
    output: Stdout,
}

fn serve() -> io::Result<()> {
    let mut talk = Talk { input: BufReader::new(io::stdin()), output: io::stdout() };
    let result = order(&mut talk).and_then(|order| obey(order, &mut talk));
    let answer = match result {
        Ok(report) => FromWorker::Done(Box::new(report)),
        Err(Trouble::Invalid(why)) => FromWorker::Done(Box::new(Report { invalid: Some(why), ..Report::default() })),
        Err(Trouble::Io(error)) => FromWorker::Failed { why: error.to_string() },
    };
    say(&mut talk.output, &answer)
}

fn order(talk: &mut Talk) -> Result<Order, Trouble> {
    match hear(&mut talk.input)? {
        ToWorker::Order(order) if order.protocol == PROTOCOL => Ok(*order),
        ToWorker::Order(order) => {
            let theirs = order.protocol;
            Err(io::Error::other(format!("the order speaks protocol {theirs}, this worker {PROTOCOL}")).into())
        }
        other => Err(unexpected("an order", &other)),
    }
}

fn unexpected(wanted: &str, heard: &ToWorker) -> Trouble {
    io::Error::new(io::ErrorKind::InvalidData, format!("{wanted} was due, not {heard:?}")).into()
}

fn obey(order: Order, talk: &mut Talk) -> Findings {
    if let Some(cpu) = order.cpus.first() {
        pin::pin_this_thread(*cpu)?;
    }
    let page = Page::attach(&order.control)?;
    page.obey();
    if order.case.family == floors::FAMILY {
        return measure_floors(&order, page, talk);
    }
    let row = order.case.row();
    transport::visit(&row, Play { order, page, talk })
        .unwrap_or_else(|| Err(Trouble::Io(io::Error::other(format!("this worker knows no transport `{row}`")))))
}

fn measure_floors(order: &Order, page: Page, talk: &mut Talk) -> Findings {
    let link = order.links.first().ok_or_else(|| io::Error::other("a floors order comes with memory"))?;
    let mut arena = floors::arena(&link.address, link.end)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    if order.slot == 0 {
        floors::lead(&mut Leader::new(page, order.slots), &mut arena, order.case.placement)
    } else {
        floors::follow(&mut Member::new(page, order.slot), &mut arena, order.cpus.first().copied())
    }
}

impl Talk {
    /// Says what this worker offers and hears what the others do.
    fn exchange(&mut self, offers: Vec<Offered>) -> Result<Vec<Offered>, Trouble> {
        say(&mut self.output, &FromWorker::Offer { offers })?;
        match hear(&mut self.input)? {
            ToWorker::Peers { offers } => Ok(offers),
            other => Err(unexpected("the peers' offers", &other)),
        }
    }

    /// Reports for duty and waits for `go`.
    fn ready_go(&mut self) -> Result<(), Trouble> {
        say(&mut self.output, &FromWorker::Ready)?;
        match hear(&mut self.input)? {
            ToWorker::Go => Ok(()),
            other => Err(unexpected("`go`", &other)),
        }
    }
}

/// Plays the order's role with the mechanism's type at hand.
struct Play<'a> {
    order: Order,
    page: Page,
    talk: &'a mut Talk,
}

impl Visitor for Play<'_> {
    type Output = Findings;

    fn visit<T: Transport>(self) -> Findings {
        let Self { order, page, talk } = self;
        match order.role.as_str() {
            "solo" => solo::<T>(&order, page, talk),
            "host" => host::<T>(&order, &page, talk),
            _ => alone::<T>(order, page, talk),
        }
    }
}

/// One process of several: attaches its own ends.
fn alone<T: Transport>(order: Order, page: Page, talk: &mut Talk) -> Findings {
    let task = Task::of(&order, role_name(&order.role), 0);
    let (floor_links, links): (Vec<Link>, Vec<Link>) =
        order.links.into_iter().partition(|link| link.channel == paired::CHANNEL);
    let shape = Shape::of(&task.case);
    let mut peers = vec![];
    let mut offers = vec![];
    for link in &links {
        let offer = T::offer(&link.address, &shape, link.end)?;
        peers.push(Peers { text: None, keep: offer.keep, index: 0 });
        offers.extend(offer.text.map(|text| Offered { channel: link.channel, end: link.end, text }));
    }
    for offered in talk.exchange(offers)? {
        for (link, peer) in links.iter().zip(&mut peers) {
            if link.channel == offered.channel && link.end != offered.end {
                peer.text = Some(offered.text.clone());
            }
        }
    }
    let ends = Ends::<T>::attach(&links, peers, &shape)?;
    let floor = match floor_links.first() {
        Some(link) => Floor::attach(&task, &link.address, link.end)?,
        None => Floor::none(),
    };
    // The ends hold their own descriptors; a second copy here would keep a dead peer's pipe open.
    drop((links, floor_links));
    talk.ready_go()?;
    if order.slot == 0 {
        ends.lead(&mut Leader::new(page, order.slots), &task, floor)
    } else {
        ends.follow(&mut Member::new(page, order.slot), &task, floor)
    }
}

/// Both sides as threads of this process, which also makes the objects.
fn host<T: Transport>(order: &Order, page: &Page, talk: &mut Talk) -> Findings {
    let two_way = Shape::of(&order.case).two_way();
    let names = if two_way { ["pinger", "ponger"] } else { ["sender", "receiver"] };
    let [first, second] = [0, 1].map(|i| Task::of(order, names[i], i));
    let shape = Shape::of(&first.case);
    let channels = prepare::channels::<T>(order.case.measure);
    let names = std::env::temp_dir().join(address::WORKER_LEASE);
    address::lease_to(&order.run_id, File::options().create(true).append(true).open(names)?);
    let addresses = channels.iter().map(|_| T::create(&shape)).collect::<io::Result<Vec<_>>>()?;
    let memory = Floor::memory(first.message_bytes())?;
    let links = |end_of: fn(End) -> End| -> Vec<Link> {
        let ends = channels.iter().zip(&addresses).enumerate();
        ends.map(|(i, (end, address))| Link { channel: i as u32, end: end_of(*end), address: address.clone() })
            .collect()
    };
    let (first_links, second_links) = (links(|end| end), links(prepare::opposite));
    // From here on each side holds its own ends only, or a side that fails would never be missed by the other.
    drop(addresses);
    talk.exchange(vec![])?;

    let (attached, both_attached) = mpsc::channel();
    thread::scope(|scope| {
        let (control, second_memory) = (order.control.clone(), memory.clone());
        let member = scope.spawn(move || {
            let page = Page::attach(&control)?;
            let call_off = CallOff::unless_done(&page);
            second.cpu.map_or(Ok(()), pin::pin_this_thread)?;
            let ends = Ends::<T>::attach(&second_links, vec![], &Shape::of(&second.case))?;
            drop(second_links);
            let floor = Floor::attach(&second, &second_memory, End::Receiver)?;
            attached.send(()).map_err(io::Error::other)?;
            let found = ends.follow(&mut Member::new(page.clone(), 1), &second, floor)?;
            call_off.done();
            Ok(found)
        });
        let led = lead_host::<T>(first_links, &first, &memory, page, &both_attached, talk);
        let followed = member.join().map_err(|_| io::Error::other("the second thread panicked"))?;
        merge(led, followed)
    })
}

/// The first thread's part.
fn lead_host<T: Transport>(
    links: Vec<Link>,
    task: &Task,
    memory: &Address,
    page: &Page,
    both_attached: &Receiver<()>,
    talk: &mut Talk,
) -> Findings {
    let call_off = CallOff::unless_done(page);
    let ends = Ends::<T>::attach(&links, vec![], &Shape::of(&task.case))?;
    drop(links);
    let floor = Floor::attach(task, memory, End::Sender)?;
    both_attached.recv().map_err(|_| io::Error::other("the second thread could not attach"))?;
    talk.ready_go()?;
    let found = ends.lead(&mut Leader::new(page.clone(), 2), task, floor)?;
    call_off.done();
    Ok(found)
}

/// Calls the trial off when its thread ends without having finished, by an error or a panic.
struct CallOff<'a>(Option<&'a Page>);

impl<'a> CallOff<'a> {
    fn unless_done(page: &'a Page) -> Self {
        Self(Some(page))
    }

    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CallOff<'_> {
    fn drop(&mut self) {
        if let Some(page) = self.0 {
            page.abort();
        }
    }
}

/// One report of two threads. A failed check outranks the call-off that it caused on the other side.
fn merge(led: Findings, followed: Findings) -> Findings {
    match (led, followed) {
        (Ok(mut led), Ok(followed)) => {
            if led.messages != followed.messages {
                let (ours, theirs) = (led.messages, followed.messages);
                return Err(format!("the leader counted {ours} and the member {theirs}").into());
            }
            led.roles.extend(followed.roles);
            if led.windows.is_empty() {
                led.windows = followed.windows;
            }
            Ok(led)
        }
        (_, Err(Trouble::Invalid(why))) | (Err(Trouble::Invalid(why)), _) => Err(Trouble::Invalid(why)),
        (Err(led), Ok(_)) => Err(led),
        (_, Err(followed)) => Err(followed),
    }
}

/// One thread that plays both sides.
fn solo<T: Transport>(order: &Order, page: Page, talk: &mut Talk) -> Findings {
    let task = Task::of(order, "solo", 0);
    let shape = Shape::of(&task.case);
    let address = T::create(&shape)?;
    let (sender, receiver) = T::attach_both(&address, End::Sender, Peers::default(), &shape)?;
    talk.exchange(vec![])?;
    talk.ready_go()?;
    let mut leader = Leader::new(page, 1);
    let bytes = task.message_bytes();
    match task.case.measure {
        Measure::Stream => {
            stream::lead_solo(&mut Source::new(sender, bytes), &mut Sink::new(receiver, bytes), &mut leader, &task)
        }
        Measure::Conformance => conformance::transport::solo(sender, receiver, leader.page(), &task),
        _ => Side::new(sender, receiver, bytes).lead_solo(&mut leader, &task, &mut Floor::none()),
    }
}

fn role_name(role: &str) -> &'static str {
    let known = ["pinger", "ponger", "sender", "receiver"];
    known.into_iter().find(|name| *name == role).unwrap_or("worker")
}
