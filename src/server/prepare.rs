//! From a case to the roles of a trial, for every server alike.

use super::addresses::Address;
use super::{FAMILY, MEASURES, Patience, PerConnection, ROWS, Visitor, Way, limits, visit};
use crate::record::{Case, Group, Isolation, Measure, Service};
use crate::variant::{RoleSpec, Variant};

/// Role of the process that leads the clients.
pub const CLIENTS: &str = "clients";
/// Role of the process that hosts the server.
pub const SERVER: &str = "server";
/// Number of the channel by which clients find the server.
pub const CHANNEL: u32 = 0;

/// Most clients of one server.
pub const MAX_CLIENTS: u32 = 1000;
/// Largest request: each connection keeps one on either side.
pub const MAX_REQUEST_BYTES: u64 = 1 << 20;
/// The answer of a server that computes: a sum over the request.
pub const SUM_BYTES: usize = 8;
/// Size of a request where the case names none.
const REQUEST_BYTES: u64 = 64;

/// Every row.
pub fn variants() -> Vec<Variant> {
    ROWS.iter().filter_map(|row| visit(row, Describe { row })).collect()
}

/// Whether the case can be asked of its server.
///
/// Errors: the reason, with the limit.
pub fn supports(case: &Case) -> Result<(), String> {
    visit(&case.row(), Supports { case }).unwrap_or_else(|| Err(no_such_row(case)))
}

/// The case with what follows from its row, and the defaults where the plan left them open.
pub fn resolved(case: &Case) -> Case {
    Case { group: Some(Group::Servers), ..case.clone() }.with(|p| {
        p.message_bytes = Some(request_bytes(case) as u64);
        p.clients = Some(clients(case));
        p.service = Some(service(case));
    })
}

/// The clients, who lead, and the server. Neither is given anything: the server says itself where it can be found.
pub fn prepare() -> Vec<RoleSpec> {
    [CLIENTS, SERVER].into_iter().map(|role| RoleSpec { role, links: vec![], slots: 1 }).collect()
}

/// Client processes: as many as the case says, else one; where promises are checked, as many as the machine allows.
pub fn clients(case: &Case) -> u32 {
    let open = || match case.measure {
        Measure::Conformance => visit(&case.row(), EventCount).unwrap_or(1).max(1),
        _ => 1,
    };
    case.params.clients.unwrap_or_else(open)
}

/// Bytes of each request.
pub fn request_bytes(case: &Case) -> usize {
    case.params.message_bytes.unwrap_or(REQUEST_BYTES) as usize
}

/// What the server does.
pub fn service(case: &Case) -> Service {
    case.params.service.unwrap_or(Service::Echo)
}

fn no_such_row(case: &Case) -> String {
    format!("there is no server `{}`; `ipcmark list` names them all", case.row())
}

/// Processes and threads for each client: itself, and what the server starts for it.
fn processes_each<W: Way>() -> u64 {
    1 + u64::from(W::PER_CONNECTION == PerConnection::Task)
}

struct Describe {
    row: &'static str,
}

impl Visitor for Describe {
    type Output = Variant;

    fn visit<W: Way, A: Address>(self) -> Variant {
        Variant {
            summary: W::SUMMARY,
            measures: MEASURES,
            unavailable: A::unavailable().or_else(W::unavailable),
            ..Variant::of(FAMILY, self.row, Group::Servers, Isolation::Process)
        }
    }
}

struct Supports<'a> {
    case: &'a Case,
}

impl Visitor for Supports<'_> {
    type Output = Result<(), String>;

    fn visit<W: Way, A: Address>(self) -> Result<(), String> {
        let case = self.case;
        if case.isolation != Isolation::Process {
            return Err("the clients of a server are processes of their own".to_owned());
        }
        if !MEASURES.contains(&case.measure) {
            return Err(format!("`{}` cannot be asked for `{}`", case.row(), case.measure));
        }
        if !(1..=MAX_CLIENTS).contains(&clients(case)) {
            return Err(format!("a server has 1 to {MAX_CLIENTS} clients here, not {}", clients(case)));
        }
        let bytes = request_bytes(case) as u64;
        let least = if service(case) == Service::Compute { SUM_BYTES as u64 } else { 1 };
        if !(least..=MAX_REQUEST_BYTES).contains(&bytes) {
            return Err(format!("a request has {least} to {MAX_REQUEST_BYTES} bytes, not {bytes}"));
        }
        match (service(case), case.params.grain_ns.unwrap_or(0)) {
            (Service::Echo, 1..) => return Err("an echo takes no work; leave `grains_ns` out".to_owned()),
            (Service::Compute, 0) => return Err("a server that computes names its work: `grains_ns`".to_owned()),
            _ => {}
        }
        if case.measure == Measure::Paced && case.params.rate_per_s.is_none_or(|rate| rate == 0) {
            return Err("a paced case names its requests a second".to_owned());
        }
        let clients = u64::from(clients(case));
        limits::allow(clients, clients * processes_each::<W>())
    }
}

/// As many clients as limits allow.
struct EventCount;

impl Visitor for EventCount {
    type Output = u32;

    fn visit<W: Way, A: Address>(self) -> u32 {
        limits::most(MAX_CLIENTS, processes_each::<W>())
    }
}

/// Whether clients stay connected to the case's server.
pub fn patience(case: &Case) -> Patience {
    visit(&case.row(), Patient).unwrap_or(Patience::AllConnections)
}

struct Patient;

impl Visitor for Patient {
    type Output = Patience;

    fn visit<W: Way, A: Address>(self) -> Patience {
        W::PATIENCE
    }
}
