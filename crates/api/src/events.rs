//! What happens, as it happens: server-sent events for live screens.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{self, KeepAlive, Sse};
use futures_util::stream::{self, StreamExt};
use innkeeper_domain::events as domain;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::ProjectId;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, Error, Watched};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;

/// How often we make sure that who follows events may still see them, when there are none.
const STILL_ALLOWED: Duration = Duration::from_secs(30);

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Event {
    /// Grows with every event; also the `id` of the server-sent event.
    seq: i64,
    /// When.
    at: Timestamp,
    /// Whose it is; none for what only staff may see, and for what is told to everybody.
    project_id: Option<ProjectId>,
    /// About what; also the `event` of the server-sent event.
    subject: Subject,
    /// The id of the thing.
    subject_id: String,
    /// What is now true of it, in a word: a state, or the name of a step.
    what: String,
}

impl From<domain::Event> for Event {
    fn from(event: domain::Event) -> Self {
        let domain::Event { seq, at, project_id, subject, subject_id, what } = event;
        Self { seq, at, project_id, subject, subject_id, what }
    }
}

/// Where a stream begins.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Beginning {
    /// Begin with what happened in the last so many seconds, for whoever has just asked how things are, and would miss what
    /// happens before the stream is open. `Last-Event-ID` goes before it.
    #[param(maximum = 255)]
    back: Option<u8>,
}

/// Follow what happens, from now on, from a moment ago, or from where you left off.
///
/// A stream of server-sent events (`text/event-stream`): `id` is the number, `event` the subject, `data` this object as
/// JSON. A comment is sent every 15 s when nothing happens. The stream ends when the session does, when what you may
/// see changes, or when the server stops; reconnect with `Last-Event-ID`, as browsers do by themselves. Events are
/// kept for a week.
#[utoipa::path(get, path = "/events", tag = "events",
    params(Beginning, ("Last-Event-ID" = Option<i64>, Header, description = "Send what came after this one first", minimum = 0)),
    responses((status = 200, description = "Events as they happen", body = Event, content_type = "text/event-stream")),
)]
pub(crate) async fn follow_events(
    caller: Caller,
    State(app): State<App>,
    headers: HeaderMap,
    Query(Beginning { back }): Query<Beginning>,
) -> Result<impl IntoResponse, Problem> {
    let after = headers.get("last-event-id").map(|value| {
        let seq = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|seq: &i64| *seq >= 0);
        seq.ok_or_else(|| Problem::invalid_parameter("Last-Event-ID", "use the id of an event"))
    });
    let after = match (after.transpose()?, back) {
        (None, Some(back)) => Some(app.engine.moments_ago(Duration::from_secs(back.into())).await?),
        (after, _) => after,
    };
    let watched = app.engine.watch(&caller.actor, after).await?;
    let follower = Follower { engine: app.engine, caller, watched };
    let batches = stream::unfold(follower, |mut follower| async {
        let events = follower.next().await?;
        Some((stream::iter(events.into_iter().filter_map(show).map(Ok::<_, Infallible>)), follower))
    });
    let events = batches.flatten().take_until(app.stop.cancelled_owned());
    // Proxies that collect answers before passing them on would keep events back.
    Ok(([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::default())))
}

struct Follower {
    engine: Engine,
    caller: Caller,
    watched: Watched,
}

impl Follower {
    /// The next events; none when there will be no more.
    async fn next(&mut self) -> Option<Vec<domain::Event>> {
        match self.wait().await {
            Ok(events) => events,
            Err(error) => {
                tracing::error!(%error, "a stream of events broke off");
                None
            }
        }
    }

    async fn wait(&mut self) -> Result<Option<Vec<domain::Event>>, Error> {
        loop {
            let events = tokio::select! {
                events = self.watched.next() => Some(events?),
                () = tokio::time::sleep(STILL_ALLOWED) => None,
            };
            // Whoever has signed out, or lost a membership, is told nothing more.
            if !self.is_as_before().await? {
                return Ok(None);
            }
            if events.is_some() {
                return Ok(events);
            }
        }
    }

    /// Whether the session still stands, and its holder may see what they could see when they came.
    async fn is_as_before(&self) -> Result<bool, Error> {
        let Caller { actor, by, token, .. } = &self.caller;
        match self.engine.authenticate_again(by, token.expose_secret(), actor.address).await {
            Ok(now) => Ok(now.actor == *actor),
            Err(Error::Unauthenticated(_) | Error::Banned(_) | Error::Forbidden(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn show(event: domain::Event) -> Option<sse::Event> {
    let event = Event::from(event);
    let sent = sse::Event::default().id(event.seq.to_string()).event(event.subject.as_str());
    // Plain words and numbers always make JSON.
    sent.json_data(event).ok()
}
