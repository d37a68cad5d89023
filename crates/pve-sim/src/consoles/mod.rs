//! Consoles of guests and nodes: tickets, and what speaks over the websocket.
//!
//! [`open`] serves `termproxy` and `vncproxy`; [`websocket`] serves `vncwebsocket` without an upgrade, and
//! [`upgrade`] with one. Rights and parameters have been checked by then.

use crate::call::Call;
use crate::error::{ApiError, Outcome};
use crate::server::upgrade::{Takeover, Upgrade};

fn not_simulated(what: &str) -> ApiError {
    ApiError::not_implemented(format!("simulator: not simulated: {what}"))
}

/// `POST .../termproxy` and `POST .../vncproxy`.
pub(crate) fn open(_: &mut Call<'_>) -> Outcome {
    Err(not_simulated("consoles"))
}

/// `GET .../vncwebsocket` without an `Upgrade` header.
pub(crate) fn websocket(_: &mut Call<'_>) -> Outcome {
    Err(not_simulated("consoles"))
}

/// `GET .../vncwebsocket` with `Upgrade: websocket`: what to answer with 101, and what then takes the connection over.
pub(crate) fn upgrade(_: &mut Call<'_>, asked: &Upgrade) -> Result<Takeover, ApiError> {
    let Upgrade { path, key, protocol } = asked;
    Err(not_simulated(&format!("{path} as websocket (key {key:?}, protocol {protocol:?})")))
}
