//! Connection of a worker to the harness.

use std::io::{self, BufReader, Stdin, Stdout};

use crate::measure::MeasureError;
use crate::protocol::{FromWorker, Offered, Order, PROTOCOL, ToWorker, receive, send};

/// Connection to the harness.
pub(crate) struct Talk {
    input: BufReader<Stdin>,
    output: Stdout,
}

impl Talk {
    /// Connects by standard input and output.
    pub(crate) fn with_harness() -> Self {
        Self { input: BufReader::new(io::stdin()), output: io::stdout() }
    }

    /// Receives the order.
    pub(crate) fn order(&mut self) -> Result<Order, MeasureError> {
        match receive(&mut self.input)? {
            ToWorker::Order(order) if order.protocol == PROTOCOL => Ok(*order),
            ToWorker::Order(order) => {
                let theirs = order.protocol;
                Err(io::Error::other(format!("the order speaks protocol {theirs}, this worker {PROTOCOL}")).into())
            }
            other => Err(unexpected("an order", &other)),
        }
    }

    /// Sends the last line.
    pub(crate) fn answer(&mut self, answer: &FromWorker) -> io::Result<()> {
        send(&mut self.output, answer)
    }

    /// Sends this worker's offers and receives those of the others.
    pub(super) fn exchange(&mut self, offers: Vec<Offered>) -> Result<Vec<Offered>, MeasureError> {
        send(&mut self.output, &FromWorker::Offer { offers })?;
        match receive(&mut self.input)? {
            ToWorker::Peers { offers } => Ok(offers),
            other => Err(unexpected("the peers' offers", &other)),
        }
    }

    /// Reports that the worker is ready and waits for `go`.
    pub(super) fn ready_go(&mut self) -> Result<(), MeasureError> {
        send(&mut self.output, &FromWorker::Ready)?;
        match receive(&mut self.input)? {
            ToWorker::Go => Ok(()),
            other => Err(unexpected("`go`", &other)),
        }
    }
}

fn unexpected(wanted: &str, received: &ToWorker) -> MeasureError {
    io::Error::new(io::ErrorKind::InvalidData, format!("expected {wanted}, got {received:?}")).into()
}
