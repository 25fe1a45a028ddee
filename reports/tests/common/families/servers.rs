//! Servers with different slow-down by number of clients.

use ipcmark_record::{Arrivals, Case, Group, Isolation, Measure, Placement, Record, Service, Wait, metric};
use ipcmark_reports::analyse::statistics::Random;

use super::{One, finish, noise, trial, with_waits};

pub const SERVERS: &[One] = &[
    server("iterative-tcp", Group::Servers, Wait::Block, 31_000.0),
    server("thread-per-connection-tcp", Group::Servers, Wait::Block, 19_000.0),
    server("process-per-connection-tcp", Group::Servers, Wait::Block, 20_000.0),
    server("prefork-tcp", Group::Servers, Wait::Block, 18_500.0),
    server("epoll-tcp", Group::Servers, Wait::Epoll, 17_000.0),
    server("io-uring-tcp", Group::Servers, Wait::Block, 16_000.0),
    server("iterative-unix", Group::Servers, Wait::Block, 15_000.0),
    server("thread-per-connection-unix", Group::Servers, Wait::Block, 9_000.0),
    server("process-per-connection-unix", Group::Servers, Wait::Block, 9_800.0),
    server("prefork-unix", Group::Servers, Wait::Block, 8_900.0),
    server("epoll-unix", Group::Servers, Wait::Epoll, 8_400.0),
    server("io-uring-unix", Group::Servers, Wait::Block, 8_000.0),
    server("python-threading-tcp", Group::Python, Wait::Block, 140_000.0),
];

pub const CLIENTS: [u32; 6] = [1, 2, 8, 64, 256, 1_000];

const fn server(mechanism: &'static str, group: Group, wait: Wait, cost: f64) -> One {
    One { family: "server", mechanism, group, wait: Some(wait), isolation: Isolation::Process, cost }
}

/// Closed-loop trial.
pub fn serve(one: &One, clients: u32, service: Service, repetition: u32, random: &mut Random) -> Record {
    let grain_ns = (service == Service::Compute).then_some(10_000);
    let case = Case { placement: Placement::Spread, ..one.case(Measure::Serve) }.with(|p| {
        p.clients = Some(clients);
        p.service = Some(service);
        p.grain_ns = grain_ns;
        p.message_bytes = Some(64);
    });
    let n = f64::from(clients);
    let crowding = if one.mechanism.contains("per-connection") { 0.0012 } else { 0.0001 };
    let busy = (one.cost + grain_ns.unwrap_or(0) as f64) * noise(random);
    let rate = 1e9 / busy * (n / (1.0 + 0.45 * n)) / (1.0 + crowding * n);
    let memory = match one.mechanism {
        name if name.contains("process-per") => 190_000.0,
        name if name.contains("thread-per") => 21_000.0,
        name if name.contains("python") => 64_000.0,
        _ => 900.0,
    };
    let connect = busy * if one.mechanism.contains("process-per") { 30.0 } else { 3.0 };
    let metrics = [
        (metric::REQUESTS_PER_S, rate),
        (metric::CONNECT_NS, connect),
        (metric::PSS_BYTES_PER_CONNECTION, memory * noise(random)),
    ];
    with_waits(trial(case, repetition, &metrics), n * 1e9 / rate, random)
}

/// All cases of servers.
pub fn server_run(repetitions: u32, seed: u64) -> Vec<Record> {
    let mut random = Random::new(seed);
    let mut records = Vec::new();
    for (repetition, one) in (0..repetitions).flat_map(|repetition| SERVERS.iter().map(move |one| (repetition, one))) {
        for (clients, service) in CLIENTS.iter().flat_map(|&n| [(n, Service::Echo), (n, Service::Compute)]) {
            if one.mechanism.starts_with("iterative") && clients > 64 {
                continue;
            }
            records.push(serve(one, clients, service, repetition, &mut random));
        }
        for rate in [1_000, 20_000] {
            let case = Case { placement: Placement::Spread, ..one.case(Measure::Paced) }.with(|p| {
                p.clients = Some(64);
                p.service = Some(Service::Echo);
                p.message_bytes = Some(64);
                p.rate_per_s = Some(rate);
                p.arrivals = Some(Arrivals::Poisson);
            });
            let ns = one.cost * 2.2 * noise(&mut random);
            let record = trial(case, repetition, &[(metric::LATENCY_NS, ns), (metric::MESSAGES_PER_S, rate as f64)]);
            records.push(with_waits(record, ns, &mut random));
        }
    }
    finish(records, "How many clients does one service of a made-up machine bear?")
}
