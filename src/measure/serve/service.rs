//! Services of the measured servers, and the check of their responses.

use crate::measure::locks::work::{self, Chain};
use crate::payload::{Known, differences, mix, stamp};
use crate::record::{self, Case};
use crate::server::{self, Service};

/// Service that returns the request.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    bytes: usize,
}

/// Service that works for a known time and returns a checksum of the request.
#[derive(Clone, Copy, Debug)]
pub struct Compute {
    bytes: usize,
    rounds: u64,
}

impl Echo {
    /// Creates the service of `case`.
    pub fn of(case: &Case) -> Self {
        Self { bytes: server::request_bytes(case) }
    }
}

impl Service for Echo {
    fn request_bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    fn respond(&self, buffer: &mut [u8]) -> usize {
        buffer.len()
    }
}

impl Compute {
    /// Creates the service of `case`. Calibrates the work on the CPU of the server.
    pub fn of(case: &Case) -> Self {
        let rounds = Chain::calibrated().rounds(case.params.grain_ns.unwrap_or(0));
        Self { bytes: server::request_bytes(case), rounds }
    }
}

impl Service for Compute {
    fn request_bytes(&self) -> usize {
        self.bytes
    }

    #[inline]
    fn respond(&self, buffer: &mut [u8]) -> usize {
        work::run(self.rounds);
        let checksum = checksum(buffer);
        buffer[..server::CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
        server::CHECKSUM_BYTES
    }
}

/// Reads every byte of a request: the complement of its first word, or 0 if another word does not follow from it. The
/// complement differs from the request, which fills the buffer before the response.
#[inline]
fn checksum(request: &[u8]) -> u64 {
    let first = request.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    if differences(request, first) == 0 { !first } else { 0 }
}

/// Requests of one client with distinct stamps, and the check of the responses.
#[derive(Clone, Debug)]
pub struct Requests {
    client: u16,
    next: u64,
    service: record::Service,
    room: Box<[u8]>,
    /// Size of a response.
    answer_bytes: usize,
}

impl Requests {
    /// Creates the requests of the client with this number.
    pub fn new(case: &Case, client: u32) -> Self {
        let (bytes, service) = (server::request_bytes(case), server::service(case));
        let answer_bytes = match service {
            record::Service::Echo => bytes,
            record::Service::Compute => server::CHECKSUM_BYTES,
        };
        Self { client: client as u16, next: 0, service, room: vec![0; bytes].into_boxed_slice(), answer_bytes }
    }

    /// Next request.
    #[inline]
    pub fn make(&mut self) -> &[u8] {
        self.next += 1;
        self.current().fill(&mut self.room);
        &self.room
    }

    /// Buffer for the response.
    #[inline]
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.room[..self.answer_bytes]
    }

    /// Checks that every byte of the response belongs to the last request.
    ///
    /// Errors: a description of the difference.
    #[inline]
    pub fn check(&self) -> Result<(), String> {
        match self.service {
            record::Service::Echo => self.current().check(&self.room),
            record::Service::Compute => {
                let due = (!mix(stamp(self.client, self.next))).to_le_bytes();
                let answer = &self.room[..self.answer_bytes];
                if *answer == due { Ok(()) } else { Err(format!("the checksum {answer:?} came where {due:?} was due")) }
            }
        }
    }

    #[inline]
    fn current(&self) -> Known {
        Known::new(self.room.len(), stamp(self.client, self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::CORRUPTIONS;
    use crate::record::Measure;

    fn case(service: record::Service, bytes: u64) -> Case {
        Case::new("server", "any", Measure::Serve).with(|p| {
            p.service = Some(service);
            p.message_bytes = Some(bytes);
        })
    }

    fn answered(requests: &mut Requests, service: impl Service) {
        let mut buffer = requests.make().to_vec();
        let bytes = service.respond(&mut buffer);
        requests.room().copy_from_slice(&buffer[..bytes]);
    }

    #[test]
    fn an_answer_is_right_for_its_own_request_only() {
        let mut echoed = Requests::new(&case(record::Service::Echo, 24), 3);
        answered(&mut echoed, Echo { bytes: 24 });
        assert_eq!(echoed.check(), Ok(()));
        let stale = echoed.room().to_vec();
        echoed.make();
        echoed.room().copy_from_slice(&stale);
        assert!(echoed.check().unwrap_err().contains("message 2"));

        let mut computed = Requests::new(&case(record::Service::Compute, 24), 3);
        answered(&mut computed, Compute { bytes: 24, rounds: 1 });
        assert_eq!(computed.check(), Ok(()));
        computed.make();
        assert!(computed.check().is_err());
    }

    #[test]
    fn every_corruption_of_a_request_or_response_is_detected() {
        for (what, change) in CORRUPTIONS {
            let mut requests = Requests::new(&case(record::Service::Compute, 128), 3);
            let mut buffer = requests.make().to_vec();
            change(&mut buffer);
            let bytes = Compute { bytes: 128, rounds: 1 }.respond(&mut buffer);
            requests.room().copy_from_slice(&buffer[..bytes]);
            assert!(requests.check().is_err(), "{what} in a request");

            let mut requests = Requests::new(&case(record::Service::Echo, 128), 3);
            requests.make();
            change(requests.room());
            assert!(requests.check().is_err(), "{what} in a response");
        }
    }
}
