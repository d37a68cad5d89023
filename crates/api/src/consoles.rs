//! Consoles: a ticket for one, and the WebSocket that it opens.
//!
//! The ticket travels in `Sec-WebSocket-Protocol`: browsers can set no other header on a WebSocket, addresses stand in
//! logs, and noVNC takes subprotocols as they are but has no place for a first message of ours. And so it is known who
//! comes before there is a socket at all.

use axum::Json;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::{SinkExt, StreamExt, future};
use innkeeper_domain::consoles::{Ending, Kind};
use innkeeper_domain::ids::{ConsoleId, InstanceId};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{ConsoleEntry, Engine, Heard, OfferedConsole, Said};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::App;
use crate::auth::{Caller, NotCrossSite};
use crate::extract::{Asked, At};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::visitors::Visitor;

/// The subprotocol that we speak; the ticket is offered beside it.
pub(crate) const PROTOCOL: &str = "innkeeper.console";

/// A console that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "text" }))]
pub(crate) struct ConsoleAsked {
    /// A terminal, or a screen.
    pub(crate) kind: Kind,
}

/// A console that may be opened.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsoleOffered {
    /// Identity; the audit log tells by it when the console was opened and closed.
    id: ConsoleId,
    /// What it will show.
    kind: Kind,
    /// Where to open a WebSocket.
    url: String,
    /// The subprotocol to offer, with the ticket as the second.
    protocol: &'static str,
    /// Opens it, once, for you alone.
    ticket: String,
    /// Until when.
    expires_at: Timestamp,
}

impl ConsoleOffered {
    /// The path of its WebSocket, and the subprotocols to offer there.
    pub(crate) fn way(self) -> (String, [String; 2]) {
        (self.url, [self.protocol.to_owned(), self.ticket])
    }
}

impl From<OfferedConsole> for ConsoleOffered {
    fn from(offered: OfferedConsole) -> Self {
        Self {
            id: offered.id,
            kind: offered.kind,
            url: format!("/api/v1/consoles/{}", offered.id),
            protocol: PROTOCOL,
            ticket: offered.ticket.expose_secret().to_owned(),
            expires_at: offered.expires_at,
        }
    }
}

/// Ask for a console of an instance: a ticket to open one with, within 30 seconds.
///
/// Open a WebSocket at `url` and offer two subprotocols: `innkeeper.console` and the ticket. In browsers:
/// `new WebSocket(url, ["innkeeper.console", ticket])`. Binary messages are the bytes of the terminal, or RFB 3.8 without a
/// password, both ways; a terminal also takes the size of its window as text: `{"resize":{"columns":80,"rows":24}}`. When
/// it ends, the closing frame says why.
#[utoipa::path(post, path = "/instances/{id}/consoles", tag = "consoles", request_body = ConsoleAsked,
    params(("id" = InstanceId, Path, description = "The instance")),
    responses(
        (status = 201, description = "It may be opened; the ticket is shown this once", body = ConsoleOffered),
        (status = 409, description = "The instance does not run (`stopped`), makes no sense in its present state (`wrong_state`, `deleted`, `missing`), has no display (`no_display`) or no serial port (`no_serial_port`), there are too many (`too_many_consoles`), or nothing of the project may run (`billing_hold`, `suspended`, `banned`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 503, description = "Where the instance runs cannot be reached (`node_unreachable`), or does not answer (`no_answer`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn ask_for_console(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InstanceId>,
    Asked(ConsoleAsked { kind }): Asked<ConsoleAsked>,
) -> Result<(StatusCode, Json<ConsoleOffered>), Problem> {
    Ok((StatusCode::CREATED, Json(engine.offer_console(&caller.actor, id, kind).await?.into())))
}

/// Open a console: a WebSocket, for whoever has the ticket.
///
/// Offer the subprotocols `innkeeper.console` and the ticket. Browsers may come from our own pages only. A session or a key
/// need not be shown; one that is must be of whoever got the ticket. Codes of the closing frame: 1000 `closed`, 1001
/// `server_stops`, 4000 `ended`, 4001 `not_allowed`, 4002 `restricted`, 4003 `deleted`, 4004 `idle`, 4005
/// `time_is_up`, 4006 `client_too_slow`, 4007 `guest_too_slow`, 4008 `message_too_large`, 4009 `bad_message`, 4010
/// `node_unreachable`, 4011 `no_answer`, 4012 `stopped`, 4013 `no_display`, 4014 `no_serial_port`, 4015
/// `too_many_consoles`, 4016 `text_unsupported`, 4017 `missing`, 4500 `internal`.
#[utoipa::path(get, path = "/consoles/{id}", tag = "consoles",
    params(
        ("id" = ConsoleId, Path, description = "The console"),
        ("Sec-WebSocket-Protocol" = Option<String>, Header, description = "`innkeeper.console`, and the ticket"),
    ),
    responses(
        (status = 101, description = "It is open"),
        (status = 401, description = "The ticket does not open this console, or not any more (`ticket_refused`), or the session or key shown beside it is not good (`unauthenticated`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 403, description = "A browser comes from another site's page (`cross_site`), or the key shown is not good from there, or its user is banned", body = Problem, content_type = MEDIA_TYPE),
        (status = 426, description = "This is no WebSocket (`upgrade_required`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn open_console(
    _: NotCrossSite,
    State(app): State<App>,
    At(id): At<ConsoleId>,
    headers: HeaderMap,
    Visitor(visitor): Visitor,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::upgrade_required())?;
    let ticket = offered(&headers).find(|word| *word != PROTOCOL).unwrap_or_default();
    let shown = match crate::auth::shown(&headers) {
        Some(token) => Some(app.engine.authenticate(token, visitor.address).await?.user.id),
        None => None,
    };
    let entry = app.engine.enter_console(id, ticket, shown, visitor.address).await?;
    let most = entry.message_bytes();
    let stop = app.stop.clone();
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(most)
        .max_frame_size(most)
        // What is sent is flushed at once: more never waits here.
        .max_write_buffer_size(4 << 20);
    Ok(upgrade.on_upgrade(move |socket| relay(socket, entry, stop)))
}

/// The subprotocols that a client offers.
fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(',')).map(str::trim)
}

async fn relay(socket: WebSocket, entry: ConsoleEntry, stop: CancellationToken) {
    let (to, from) = socket.split();
    let from = from.filter_map(|come| future::ready(heard(come))).scan((), |(), heard| future::ready(heard));
    let to = to.with(|said| future::ready(Ok::<_, axum::Error>(message(said))));
    entry.serve(from, to, stop).await;
}

/// What a message means: nothing, something, or (the inner none) that this is the end.
#[expect(clippy::option_option, reason = "the two say different things")]
fn heard(come: Result<Message, axum::Error>) -> Option<Option<Heard>> {
    Some(Some(match come {
        Ok(Message::Binary(bytes)) => Heard::Bytes(bytes),
        Ok(Message::Text(text)) => Heard::Text(text.to_string()),
        Ok(Message::Ping(_) | Message::Pong(_)) => return None,
        Ok(Message::Close(_)) => return Some(None),
        Err(error) => match error.into_inner().downcast_ref::<tungstenite::Error>() {
            Some(tungstenite::Error::Capacity(_)) => Heard::TooMuch,
            Some(tungstenite::Error::Utf8(_)) => Heard::Nonsense,
            Some(tungstenite::Error::Protocol(error)) if !is_end(error) => Heard::Nonsense,
            _ => return Some(None),
        },
    }))
}

fn is_end(error: &tungstenite::error::ProtocolError) -> bool {
    matches!(error, tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)
}

fn message(said: Said) -> Message {
    match said {
        Said::Bytes(bytes) => Message::Binary(bytes),
        Said::Ping => Message::Ping(axum::body::Bytes::new()),
        Said::End(ending) => {
            let frame = CloseFrame { code: Ending::close_code(ending), reason: ending.reason().into() };
            Message::Close(Some(frame))
        }
    }
}
