//! From a request to its answer: faults, caller, operation, rights, parameters, handler.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::http::Answer;
use super::message::{Formatter, Head, Response};
use super::upgrade::Upgrade;
use super::{Shared, body};
use crate::auth::Caller;
use crate::auth::identify::{Headers, Refused, identify};
use crate::call::Call;
use crate::error::{ApiError, Outcome};
use crate::faults::{Effect, Subject};
use crate::params::{Param, Params};
use crate::schema::{self, Found, Operation};
use crate::world::World;
use crate::{consoles, routes};

/// Calls that need no ticket.
const OPEN: [(&str, &str); 4] = [
    ("GET", "/access/domains"),
    ("GET", "/access/ticket"),
    ("POST", "/access/ticket"),
    ("POST", "/access/vncticket"),
];

/// A request taken apart.
struct Request<'a> {
    head: &'a Head,
    formatter: Formatter,
    /// Decoded segments below the format.
    segments: Vec<String>,
    params: Params,
    upload: Option<usize>,
}

/// Answers one request made to `local`.
pub(crate) async fn answer(shared: &Shared, local: &str, head: &Head, body: &[u8]) -> Answer {
    let (formatter, segments) = match split_path(&head.path) {
        Ok(split) => split,
        Err(refusal) => return Answer::Response(refusal),
    };
    let body::Content { mut params, file } = match body::decode(head, body, shared.profile) {
        Ok(content) => content,
        Err(refusal) => return Answer::Response(refusal),
    };
    params.merge(Params::from_form(&head.query));
    params.0.remove("_dc");
    let request = Request { head, formatter, segments, params, upload: file };
    let node = node_of(&request.segments);
    let mutating = node.filter(|_| head.method != "GET");
    shared.counters.call_began(&template_of(&request), mutating);
    let answer = with_faults(shared, local, &request).await;
    let status = match &answer {
        Answer::Response(response) => response.status,
        Answer::Takeover(_) => 101,
        Answer::Drop | Answer::Hang => 0,
    };
    shared.counters.call_ended(mutating, status);
    answer
}

fn node_of(segments: &[String]) -> Option<&str> {
    match segments {
        [first, node, ..] if first == "nodes" => Some(node),
        _ => None,
    }
}

/// `METHOD /path/{template}` for the counters.
fn template_of(request: &Request<'_>) -> String {
    match schema::find(&request.head.method, &request.segments) {
        Found::Served(operation, _) => format!("{} {}", operation.method, operation.path),
        Found::Unserved | Found::Unknown => {
            format!("{} /{}", request.head.method, request.segments.join("/"))
        }
    }
}

fn split_path(path: &str) -> Result<(Formatter, Vec<String>), Response> {
    let segments: Vec<String> =
        schema::segments(path).map(|s| percent_decode_str(s).decode_utf8_lossy().into_owned()).collect();
    match segments.split_first() {
        Some((root, rest)) if root == "api2" => match rest.split_first() {
            Some((format, rest)) if format == "json" => Ok((Formatter::Json, rest.to_vec())),
            Some((format, rest)) if format == "extjs" => Ok((Formatter::Extjs, rest.to_vec())),
            Some(_) => Err(Response::plain(501, &format!("no formatter for uri {path}"))),
            None => Err(Response::plain(501, &format!("no such uri {path}"))),
        },
        _ => Err(Response::plain(501, &format!("no such file '{path}'"))),
    }
}

async fn with_faults(shared: &Shared, local: &str, request: &Request<'_>) -> Answer {
    let path = format!("/{}", request.segments.join("/"));
    let vmid = vmid_of(request);
    let subject = Subject {
        method: &request.head.method,
        path: &path,
        vmid,
        task: None,
        node: node_of(&request.segments),
    };
    let effects = shared.faults.strike_call(subject);
    for effect in &effects {
        match effect {
            Effect::Latency(milliseconds) => tokio::time::sleep(Duration::from_millis(*milliseconds)).await,
            Effect::DropBefore => return Answer::Drop,
            Effect::Hang => return Answer::Hang,
            Effect::Answer { status, text } => return Answer::Response(spoiled(*status, text)),
            Effect::Unauthorized => {
                tokio::time::sleep(shared.auth_delay).await;
                return Answer::Response(Response::bare(401, "Authentication failed!"));
            }
            Effect::ForeignGuest => {
                if let Some(vmid) = vmid {
                    add_foreigner(&mut shared.world(), subject.node.unwrap_or(local), vmid);
                }
            }
            _ => {}
        }
    }
    let (answer, delay) = decide(shared, local, request);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    for effect in effects {
        match effect {
            Effect::DropAfter => return Answer::Drop,
            Effect::HangAfter => return Answer::Hang,
            Effect::AnswerAfter { status, text } => return Answer::Response(spoiled(status, &text)),
            _ => {}
        }
    }
    answer
}

/// An answer a fault asked for: proxy codes without a body, others as an API error.
fn spoiled(status: u16, text: &str) -> Response {
    if status >= 590 || status == 401 {
        return Response::bare(status, text);
    }
    let error = ApiError { status, ..ApiError::die(text) };
    Response::error(&error, Formatter::Json, crate::Profile::V9_2)
}

fn add_foreigner(world: &mut World, node: &str, vmid: u32) {
    if !world.guests.contains_key(&vmid) {
        let options = [("hostname", "somebody-elses"), ("description", "not ours\n"), ("memory", "512")];
        world.add_guest(node, crate::guests::Kind::Lxc, vmid, &options, true);
    }
}

/// The guest a request is about: in its path, else the new one in its parameters.
fn vmid_of(request: &Request<'_>) -> Option<u32> {
    let in_path = request.segments.get(3).and_then(|s| s.parse().ok());
    let new =
        ["newid", "vmid"].iter().find_map(|n| request.params.int(n)).and_then(|v| u32::try_from(v).ok());
    if request.params.has("newid") { new } else { in_path.or(new) }
}

/// Decides under the world's lock, without waiting; tells how long the server would have held the call.
fn decide(shared: &Shared, local: &str, request: &Request<'_>) -> (Answer, Duration) {
    let mut world = shared.world();
    if world.nodes.get(local).is_none_or(|n| !n.is_alive()) {
        return (Answer::Drop, Duration::ZERO);
    }
    let caller = match caller_of(&world, request) {
        Ok(caller) => caller,
        Err(Refused(text)) => return (Answer::Response(Response::bare(401, text)), shared.auth_delay),
    };
    let profile = world.profile;
    match route(&mut world, local, request, caller) {
        Ok(Routed::Answer(answer)) => (answer, Duration::ZERO),
        Ok(Routed::Reply(operation, outcome, remote)) => match outcome {
            Ok(reply) => {
                let mut response = Response::ok(&reply, request.formatter);
                response.relayed = match (operation.protected, remote) {
                    // The relaying client joins the lines of a GET's answer into one.
                    (true, true) if request.head.method == "GET" => &["close,Keep-Alive"],
                    (true, _) => &["close"],
                    (false, true) => &["Keep-Alive"],
                    (false, false) => &[],
                };
                if operation.path.ends_with("/upload") {
                    (response.closes, response.relayed) = (true, &[]);
                }
                (Answer::Response(response), Duration::ZERO)
            }
            Err(error) => {
                let delay = if error.status == 401 { shared.auth_delay } else { error.delay };
                (Answer::Response(Response::error(&error, request.formatter, profile)), delay)
            }
        },
        Err(error) => (Answer::Response(Response::error(&error, request.formatter, profile)), Duration::ZERO),
    }
}

fn caller_of(world: &World, request: &Request<'_>) -> Result<Caller, Refused> {
    let path = format!("/{}", request.segments.join("/"));
    let method = request.head.method.as_str();
    if OPEN.contains(&(method, path.as_str())) || path.starts_with("/access/openid/") {
        return Ok(Caller::user(""));
    }
    let headers = Headers {
        cookie: request.head.header("cookie"),
        authorization: request.head.header("authorization"),
        csrf: request.head.header("csrfpreventiontoken"),
    };
    let needs_csrf = method != "GET" && !path.ends_with("/upload");
    identify(world, headers, needs_csrf)
}

enum Routed {
    Answer(Answer),
    /// The operation, what came of it, and whether another node did it.
    Reply(&'static Operation, Outcome, bool),
}

fn route(world: &mut World, local: &str, request: &Request<'_>, caller: Caller) -> Result<Routed, ApiError> {
    let method = request.head.method.as_str();
    let path = format!("/{}", request.segments.join("/"));
    let profile = world.profile;
    let (operation, variables) = match schema::find(method, &request.segments) {
        Found::Served(operation, _) if !profile.has(method, &operation.path) => {
            return Err(ApiError::not_implemented(format!("Method '{method} {path}' not implemented")));
        }
        Found::Served(operation, variables) => (operation, variables),
        Found::Unserved => {
            return Err(ApiError::not_implemented(format!("simulator: not simulated: {method} {path}")));
        }
        Found::Unknown => {
            return Err(ApiError::not_implemented(format!("Method '{method} {path}' not implemented")));
        }
    };
    if !operation.allowtoken && caller.token.is_some() {
        return Err(ApiError {
            message: format!(
                "Permission check failed (URI '{path}' not available with API token, need proper ticket.\n)"
            ),
            ..ApiError::denied()
        });
    }
    let mut params = request.params.clone();
    for (name, value) in &variables {
        if params.text(name).is_some_and(|given| given != value) {
            let text = "duplicate parameter (already defined in URI) with conflicting values!";
            return Err(ApiError::parameter(name, text));
        }
        params.0.insert(name.clone(), Param::One(value.clone()));
    }
    let node = match variables.get("node").map(String::as_str) {
        Some("localhost") | None => local.to_owned(),
        Some(node) => node.to_owned(),
    };
    if operation.path != "/nodes/{node}/wakeonlan"
        && let Some(answer) = unreachable(world, local, &node)?
    {
        return Ok(Routed::Answer(answer));
    }
    let remote = operation.proxyto && node != local;
    let wants_upgrade = request.head.is_upgrade() && operation.path.ends_with("/vncwebsocket");
    let mut call = Call { world, caller, params, local, node, operation, upload: request.upload };
    call.check_declared_for(operation)?;
    if let Err(error) = call.params.check(operation, profile) {
        return Ok(Routed::Reply(operation, Err(error), remote));
    }
    if wants_upgrade {
        let upgrade = Upgrade {
            key: request.head.header("sec-websocket-key").map(str::to_owned),
            protocol: request.head.header("sec-websocket-protocol").map(str::to_owned),
        };
        return match consoles::upgrade(&mut call, &upgrade) {
            Ok(takeover) => Ok(Routed::Answer(Answer::Takeover(takeover))),
            Err(error) => Ok(Routed::Reply(operation, Err(error), remote)),
        };
    }
    let Some(handler) = routes::handler(method, &operation.path) else {
        return Err(ApiError::not_implemented(format!("simulator: not simulated: {method} {path}")));
    };
    let outcome = handler(&mut call);
    Ok(Routed::Reply(operation, outcome, remote))
}

/// Why another node cannot be asked: unknown, without power, or its proxy stopped.
fn unreachable(world: &World, local: &str, node: &str) -> Result<Option<Answer>, ApiError> {
    let Some(found) = world.nodes.get(node) else {
        return Err(ApiError::die(format!(
            "hostname lookup '{node}' failed - failed to get address info for: {node}: Name or service not known"
        )));
    };
    if node == local {
        return Ok(None);
    }
    if !found.is_alive() {
        return Ok(Some(Answer::Response(Response::bare(595, "No route to host"))));
    }
    Ok(found.proxy_stopped.then(|| Answer::Response(Response::bare(595, "Connection refused"))))
}

impl Call<'_> {
    /// Checks declared rights, except of calls that need no login.
    fn check_declared_for(&self, operation: &Operation) -> Result<(), ApiError> {
        if self.caller.user.is_empty() {
            return Ok(());
        }
        self.check_declared(operation.permissions.as_ref())
    }
}
