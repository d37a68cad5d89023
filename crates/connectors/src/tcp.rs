//! A TCP port: whether somebody listens there, and if not, why. Below it lies the dialling that all who speak TCP by
//! themselves share.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine is there, and nobody listens.
    #[error("nobody listens there: the connection was refused")]
    Refused,
    /// Nothing came back in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// No way leads there, or the machine is not on its network.
    #[error("no way leads there: {0}")]
    Unreachable(String),
    /// The name has no address.
    #[error("this name has no address: {0}")]
    UnknownHost(String),
}

impl Error {
    /// The stable word for it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Timeout(_) => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::UnknownHost(_) => "unknown_host",
        }
    }
}

/// Whether somebody listens at this port. An open port alone does not say that the service behind it is ready.
pub async fn open(clock: &Clock, host: &str, port: u16, patience: Duration) -> Report {
    let began = Instant::now();
    let report = match dial(host, port, patience).await {
        Ok(stream) => {
            let took = micros(began.elapsed());
            let report = Report::success(clock.now(), format!("Port {port} of {host} is open."));
            let address = stream.peer_addr().map(|peer| peer.ip().to_string()).ok();
            report.with("connect_us", took).with("address", address)
        }
        Err(error) => {
            let message = format!("Port {port} of {host} is not open: {error}.");
            Report::failure(clock.now(), message, error.code(), &error)
        }
    };
    report.with("host", host).with("port", port)
}

/// Connects to a name or an address. Of several addresses each has its share of the time, so that one that is silent
/// does not hide the next.
pub(crate) async fn dial(host: &str, port: u16, patience: Duration) -> Result<TcpStream, Error> {
    // An address of IPv6 may come in brackets.
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let dialling = async {
        let found = lookup_host((name, port)).await.map_err(|error| Error::UnknownHost(error.to_string()))?;
        let addresses: Vec<_> = found.collect();
        let mut failure = Error::UnknownHost("no address was found".to_owned());
        let mut left = patience;
        for (tried, address) in addresses.iter().enumerate() {
            let began = Instant::now();
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            failure = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => refusal(&error, patience),
                Err(_) => Error::Timeout(patience),
            };
            left = left.saturating_sub(began.elapsed());
        }
        Err(failure)
    };
    within(patience, dialling, || Error::Timeout(patience)).await
}

fn refusal(error: &io::Error, patience: Duration) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::Refused,
        io::ErrorKind::TimedOut => Error::Timeout(patience),
        _ => Error::Unreachable(error.to_string()),
    }
}

/// The whole of an exchange within one deadline.
pub(crate) async fn within<T, E>(
    patience: Duration,
    exchange: impl Future<Output = Result<T, E>>,
    late: impl FnOnce() -> E,
) -> Result<T, E> {
    timeout(patience, exchange).await.unwrap_or_else(|_| Err(late()))
}

/// A duration as reports carry it.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
