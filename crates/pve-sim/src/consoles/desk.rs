//! Opening consoles: ports, tickets bound to user, path and port, and who is waited for where.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::room::{Look, Session, View};
use super::ws;
use crate::auth::{Caller, secrets};
use crate::backend::LiveGuests;
use crate::backend::exec::Commands;
use crate::call::Call;
use crate::clock::{Micros, SECOND};
use crate::error::{ApiError, Outcome, null};
use crate::guests::Kind;
use crate::options::Profile;
use crate::server::upgrade::{Takeover, Upgrade};
use crate::tasks::Job;
use crate::world::World;

/// The ports a node gives to consoles.
const PORTS: std::ops::RangeInclusive<u16> = 5900..=5999;
/// How long a port waits for its client, in microseconds.
const WAITS: Micros = 10 * SECOND;
/// How long a port stays reserved after its console was asked for.
const RESERVED: Micros = 5 * SECOND;
/// A first line that no client can say, since it ends at the first line feed.
const NOT_TO_BE_SAID: &str = "\n";
/// Seconds a console ticket lives, and how far from the future it may come.
const TICKET: std::ops::RangeInclusive<i64> = -20..=40;

/// The consoles of one cluster that wait for a client or have one.
pub(crate) struct Desk {
    bookings: BTreeMap<(String, u16), Booking>,
    /// The guests' live processes, shared with the sessions.
    pub(crate) live: Arc<LiveGuests>,
    /// The way back to this cluster from a console that is open; none in a world without a server.
    pub(crate) look: Option<Look>,
    /// Commands run through guest agents.
    pub(crate) commands: Commands,
}

#[derive(Clone, Debug)]
struct Booking {
    upid: String,
    since: Micros,
    view: View,
    /// What a terminal's client must say first, or the password of a graphics client.
    secret: String,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Taken,
    /// Its client has left, but the port stays reserved until then.
    Left(Micros),
}

impl Booking {
    fn holds_port(&self, now: Micros) -> bool {
        match self.state {
            State::Waiting => now < self.since + WAITS,
            State::Taken => true,
            State::Left(until) => now < until,
        }
    }
}

impl Desk {
    pub(crate) fn new(live: Arc<LiveGuests>) -> Self {
        Self { bookings: BTreeMap::new(), live, look: None, commands: Commands::default() }
    }

    fn book(
        &mut self,
        node: &str,
        now: Micros,
        booking: impl FnOnce(u16) -> Booking,
    ) -> Result<u16, ApiError> {
        self.bookings.retain(|_, booking| booking.holds_port(now));
        let port = PORTS
            .into_iter()
            .find(|port| !self.bookings.contains_key(&(node.to_owned(), *port)))
            .ok_or_else(|| ApiError::die("unable to find free port (5900-5999)"))?;
        self.bookings.insert((node.to_owned(), port), booking(port));
        Ok(port)
    }
}

/// What the console is of.
struct Subject {
    path: String,
    id: String,
    vmid: Option<u32>,
    kind: Option<Kind>,
    task: &'static str,
    name: String,
}

fn guest(call: &Call<'_>, kind: Kind) -> Result<Subject, ApiError> {
    let guest = call.guest(kind)?;
    Ok(Subject {
        path: format!("/vms/{}", guest.vmid),
        id: guest.vmid.to_string(),
        vmid: Some(guest.vmid),
        kind: Some(kind),
        task: "vncproxy",
        name: guest.name(),
    })
}

fn shell(call: &Call<'_>) -> Subject {
    Subject {
        path: format!("/nodes/{}", call.node),
        id: String::new(),
        vmid: None,
        kind: None,
        task: "vncshell",
        name: call.node.clone(),
    }
}

/// `POST .../lxc/{vmid}/termproxy`.
pub(crate) fn lxc_terminal(call: &mut Call<'_>) -> Outcome {
    let subject = guest(call, Kind::Lxc)?;
    open(call, subject, false)
}

/// `POST .../lxc/{vmid}/vncproxy`.
pub(crate) fn lxc_graphics(call: &mut Call<'_>) -> Outcome {
    let subject = guest(call, Kind::Lxc)?;
    open(call, subject, true)
}

/// `POST .../qemu/{vmid}/termproxy`.
pub(crate) fn qemu_terminal(call: &mut Call<'_>) -> Outcome {
    let subject = guest(call, Kind::Qemu)?;
    if let Some(wanted) = call.params.text("serial")
        && call.guest(Kind::Qemu)?.get(wanted).is_none()
    {
        return Err(ApiError::die(format!("interface '{wanted}' is not configured")));
    }
    open(call, subject, false)
}

/// `POST .../qemu/{vmid}/vncproxy`.
pub(crate) fn qemu_graphics(call: &mut Call<'_>) -> Outcome {
    let subject = guest(call, Kind::Qemu)?;
    open(call, subject, true)
}

/// `POST /nodes/{node}/termproxy`.
pub(crate) fn node_terminal(call: &mut Call<'_>) -> Outcome {
    let subject = shell(call);
    open(call, subject, false)
}

fn open(call: &mut Call<'_>, subject: Subject, graphics: bool) -> Outcome {
    let now = call.world.now();
    let authid = call.caller.authid();
    // These calls are not passed on: the node that answers opens the port, wherever the guest lives.
    let local = call.local.to_owned();
    let guarded = graphics && (call.params.flag("websocket") || call.params.flag("generate-password"));
    let guarded = guarded && call.world.profile >= Profile::V9_2;
    let password = guarded.then(|| password(call.world));
    // Until spring 2026 a terminal had its client's ticket checked by a login, which knows no API tokens.
    let takes_no_token = call.caller.token.is_some() && call.world.profile < Profile::V9_2;
    let job = match subject.vmid {
        Some(vmid) => Job::new(subject.task, &subject.id).about(vmid),
        None => Job::new(subject.task, &subject.id),
    };
    let upid = call.world.spawn_console(&local, &call.caller, job, WAITS, abandoned(&subject, graphics));
    let key = call.world.access.key;
    let mut ticket = String::new();
    let view = View { graphics, vmid: subject.vmid, kind: subject.kind, name: subject.name.clone() };
    let booked = call.world.desk.book(&local, now, |port| {
        ticket = secrets::assemble(&key, "PVEVNC", None, &bound(&authid, &subject.path, port), now / SECOND);
        if let Some(password) = &password {
            ticket = format!("{password}:{ticket}");
        }
        let secret = if graphics {
            password.clone().unwrap_or_else(|| ticket.clone())
        } else if takes_no_token {
            NOT_TO_BE_SAID.to_owned()
        } else {
            format!("{authid}:{ticket}")
        };
        Booking { upid: upid.clone(), since: now, view, secret, state: State::Waiting }
    });
    let port = booked.inspect_err(|_| call.world.end_console(&upid, Err("no free port".into())))?;
    let mut data = json!({ "ticket": ticket, "port": port.to_string(), "user": authid, "upid": upid });
    if graphics {
        data["cert"] = json!(call.world.nodes.get(&local).map(|n| n.certificate.clone()).unwrap_or_default());
        if let Some(password) = password {
            data["password"] = json!(password);
        }
    }
    Ok(data.into())
}

/// What the ticket's signature covers beside its time.
fn bound(authid: &str, path: &str, port: u16) -> String {
    format!("{authid}\n{path}\n{port}")
}

/// Eight characters from `!` to backquote, as real servers make them.
fn password(world: &mut World) -> String {
    (0..8).map(|_| char::from(b'!' + (world.random() % 64) as u8)).collect()
}

/// The end of a task nobody connected to.
fn abandoned(subject: &Subject, graphics: bool) -> String {
    match (graphics, subject.vmid) {
        (true, _) => "connection timed out".into(),
        (false, Some(vmid)) => {
            format!("command '/usr/bin/termproxy --path /vms/{vmid} --perm VM.Console' failed: exit code 1")
        }
        (false, None) => format!(
            "command '/usr/bin/termproxy --path {} --perm Sys.Console' failed: exit code 1",
            subject.path
        ),
    }
}

/// What the path of a websocket is about: a guest, else the node.
fn path_of(call: &Call<'_>) -> String {
    match call.params.text("vmid") {
        Some(vmid) => format!("/vms/{vmid}"),
        None => format!("/nodes/{}", call.node),
    }
}

/// `POST /access/vncticket`: how a terminal's server has its client's ticket checked.
pub(crate) fn verify(call: &mut Call<'_>) -> Outcome {
    let port: u16 = call.params.required("port").parse().unwrap_or(0);
    let (authid, path) = (call.params.required("authid"), call.params.required("path"));
    let caller = match authid.split_once('!') {
        Some((user, token)) => Caller { user: user.to_owned(), token: Some(token.to_owned()) },
        None => Caller::user(authid),
    };
    let privileges = call.words("privs");
    let needed: Vec<&str> = privileges.iter().map(String::as_str).collect();
    let secret = bound(authid, path, port);
    let good = call.world.is_fresh_console_ticket(call.params.required("vncticket"), &secret)
        && call.world.may(&caller, path, &needed);
    if good { null() } else { Err(ApiError::unauthenticated("authentication failure")) }
}

/// `GET .../vncwebsocket` without an `Upgrade` header: only tells the port.
pub(crate) fn websocket(call: &mut Call<'_>) -> Outcome {
    Ok(json!({ "port": call.params.required("port") }).into())
}

/// Admits a websocket: the ticket must be for this caller, path and port, and fresh.
fn admit(call: &mut Call<'_>) -> Result<Session, ApiError> {
    let path = path_of(call);
    let now = call.world.now();
    let port: u16 = call.params.required("port").parse().unwrap_or(0);
    let given = call.params.required("vncticket").to_owned();
    // Graphics tickets carry their password in front.
    let ticket = given.find("PVEVNC:").map_or("", |at| &given[at..]);
    let secret = bound(&call.caller.authid(), &path, port);
    if !call.world.is_fresh_console_ticket(ticket, &secret) {
        return Err(ApiError::unauthenticated("permission denied - invalid PVEVNC ticket"));
    }
    let place = (call.local.to_owned(), port);
    let booking = call.world.desk.bookings.get_mut(&place);
    let booking = booking.filter(|b| b.state == State::Waiting && b.holds_port(now));
    let Some(booking) = booking else { return Ok(Session::nobody()) };
    booking.state = State::Taken;
    let Booking { view, secret, upid, .. } = booking.clone();
    call.world.hold_console(&upid);
    Ok(Session::new(call.world, view, secret, upid, place))
}

impl World {
    /// Whether the ticket covers `secret` and is not too old.
    fn is_fresh_console_ticket(&self, ticket: &str, secret: &str) -> bool {
        let at = secrets::open(&self.access.key, "PVEVNC", secret, ticket).map(|(_, at)| at);
        at.is_some_and(|at| TICKET.contains(&((self.now() / SECOND) as i64 - at as i64)))
    }

    /// How many consoles have a client.
    pub fn open_consoles(&self) -> usize {
        self.desk.bookings.values().filter(|booking| booking.state == State::Taken).count()
    }

    /// The client of a console has left: its port becomes free and its task ends.
    pub(crate) fn leave_console(&mut self, place: &(String, u16), upid: &str) {
        if let Some(booking) = self.desk.bookings.get_mut(place).filter(|b| b.upid == upid) {
            booking.state = State::Left(booking.since + RESERVED);
            if booking.view.graphics && booking.view.kind == Some(Kind::Lxc) {
                // A container's screen server waits for the next client before it ends.
                return self.linger_console(upid, WAITS);
            }
        }
        self.end_console(upid, Ok(()));
    }
}

/// `GET .../vncwebsocket` with `Upgrade: websocket`: what to answer with 101, and what then takes the connection over.
pub(crate) fn upgrade(call: &mut Call<'_>, request: &Upgrade) -> Result<Takeover, ApiError> {
    let Some(key) = &request.key else { return Err(ApiError::die("missing websocket key")) };
    let session = admit(call)?;
    let look = call.world.desk.look.clone();
    let Some(look) = look.filter(|_| session.is_expected()) else {
        // A real server never answers when nobody listens on the port.
        return Ok(Takeover { headers: Vec::new(), session: None });
    };
    let mut headers = vec![
        ("Upgrade", "websocket".to_owned()),
        ("Connection", "upgrade".to_owned()),
        ("Sec-WebSocket-Accept", ws::accept(key)),
    ];
    if let Some(protocol) = &request.protocol {
        headers.push(("Sec-WebSocket-Protocol", protocol.clone()));
    }
    Ok(Takeover { headers, session: Some(Box::new(move |stream| Box::pin(session.run(stream, look)))) })
}
