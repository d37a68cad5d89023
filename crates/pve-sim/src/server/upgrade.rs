//! Connections that stop being HTTP.

use std::future::Future;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's bytes, whatever carries them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A request to become a websocket.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    /// `Sec-WebSocket-Key`.
    pub(crate) key: Option<String>,
    /// `Sec-WebSocket-Protocol`, verbatim.
    pub(crate) protocol: Option<String>,
}

/// What speaks on the connection after the 101.
pub(crate) type Session = Box<dyn FnOnce(Box<dyn Stream>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// A 101 answer, and what comes after it.
pub(crate) struct Takeover {
    /// Headers of the 101 answer, in order.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Takes the connection, bytes already read put back in front. `None` answers nothing at all and leaves the
    /// connection hanging, as a real server does when nobody listens on the console's port.
    pub(crate) session: Option<Session>,
}
