//! The gateway, version 10, in plain JSON.

use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State as Extract};
use axum::response::{IntoResponse as _, Response};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::people::{BOT, GUILD, user};
use super::{Fake, Inner, Out, Session, TOKEN};

/// The intent whose use must be allowed.
const MESSAGE_CONTENT: u64 = 1 << 15;

pub(super) async fn enter(
    Extract(fake): Extract<Weak<Inner>>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(fake) = fake.upgrade() else { return axum::http::StatusCode::GONE.into_response() };
    let query = query.unwrap_or_default();
    assert!(query.contains("v=10") && query.contains("encoding=json"), "version and encoding: {query}");
    upgrade.on_upgrade(move |socket| talk(fake, socket))
}

async fn talk(fake: Arc<Inner>, socket: WebSocket) {
    let (mut sink, mut stream) = socket.split();
    let (out, mut outgoing) = mpsc::unbounded_channel();
    let (slams, heartbeat) = fake.change(|state| {
        state.connects += 1;
        (state.slams, state.heartbeat)
    });
    let hello = json!({ "op": 10, "d": { "heartbeat_interval": heartbeat.as_millis() } });
    let _ = out.send(slams.map_or(Out::Say(hello), Out::Close));
    loop {
        tokio::select! {
            said = outgoing.recv() => match said {
                Some(Out::Say(event)) => {
                    if sink.send(Message::Text(event.to_string().into())).await.is_err() {
                        break;
                    }
                }
                Some(Out::Close(code)) => {
                    let _ = sink.send(Message::Close(Some(CloseFrame { code, reason: "".into() }))).await;
                    break;
                }
                None => break,
            },
            heard = stream.next() => match heard {
                Some(Ok(Message::Text(text))) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    hear(&fake, &out, &event);
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    // Only our own end: by now another connection may have the line.
    fake.change(|state| {
        if state.line.as_ref().is_some_and(|(_, line)| line.same_channel(&out)) {
            state.line = None;
        }
    });
}

fn hear(fake: &Inner, out: &mpsc::UnboundedSender<Out>, event: &Value) {
    let close = |code| {
        let _ = out.send(Out::Close(code));
    };
    let data = &event["d"];
    fake.change(|state| match event["op"].as_u64().unwrap() {
        1 => {
            state.heartbeats += 1;
            if state.acknowledges {
                let _ = out.send(Out::Say(json!({ "op": 11 })));
            }
        }
        2 => {
            state.identifies += 1;
            let intents = data["intents"].as_u64().unwrap();
            state.intents = intents;
            if data["token"] != format!("Bot {TOKEN}") && data["token"] != TOKEN {
                return close(4004);
            }
            if intents & MESSAGE_CONTENT != 0 && !state.allows_content {
                return close(4014);
            }
            if state.line.as_ref().is_some_and(|(_, line)| line.same_channel(out)) {
                return close(4005);
            }
            let id = format!("session-{}", state.new_id());
            let ready = json!({
                "v": 10, "user": user(BOT), "guilds": [{ "id": GUILD.to_string(), "unavailable": true }],
                "session_id": id, "resume_gateway_url": format!("ws://{}", fake.address),
                "application": { "id": BOT.to_string(), "flags": 0 }, "shard": [0, 1],
            });
            // The older sessions of this bot end here, so that there is one truth.
            state.sessions.clear();
            state.sessions.insert(id.clone(), Session { intents, events: Vec::new() });
            state.line = Some((id, out.clone()));
            state.happens("READY", 0, ready);
            let guild = state.guild();
            state.happens("GUILD_CREATE", 1, guild);
        }
        6 => {
            state.resumes += 1;
            let id = data["session_id"].as_str().unwrap().to_owned();
            let seen = usize::try_from(data["seq"].as_u64().unwrap()).unwrap();
            let Some(session) = state.sessions.get(&id).filter(|session| seen <= session.events.len()) else {
                let _ = out.send(Out::Say(json!({ "op": 9, "d": false })));
                return;
            };
            for event in &session.events[seen..] {
                let _ = out.send(Out::Say(event.clone()));
            }
            state.line = Some((id, out.clone()));
            state.happens("RESUMED", 0, json!({}));
        }
        _ => close(4001),
    });
}

impl Fake {
    /// The connection breaks, without a word or with one.
    pub(crate) fn close(&self, code: u16) {
        self.change(|state| {
            if let Some((_, line)) = state.line.take() {
                let _ = line.send(Out::Close(code));
            }
        });
    }

    /// The gateway asks the bot to connect again.
    pub(crate) fn ask_to_reconnect(&self) {
        self.say(json!({ "op": 7, "d": null }));
    }

    /// The session is over; the bot must sign in anew.
    pub(crate) fn end_session(&self) {
        self.change(|state| state.sessions.clear());
        self.say(json!({ "op": 9, "d": false }));
    }

    fn say(&self, event: Value) {
        self.change(|state| {
            if let Some((_, line)) = state.line.take() {
                let _ = line.send(Out::Say(event));
            }
        });
    }

    /// From the next connection on.
    pub(crate) fn heartbeat(&self, every: Duration) {
        self.change(|state| state.heartbeat = every);
    }

    pub(crate) fn acknowledge(&self, yes: bool) {
        self.change(|state| state.acknowledges = yes);
    }

    /// Every connection is accepted and closed, or none any more.
    pub(crate) fn slam(&self, code: Option<u16>) {
        self.change(|state| state.slams = code);
    }
}
