//! REST, version 10: what a bot calls, refused as Discord refuses it.

use std::sync::Weak;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::people::{BOT, TEXT};
use super::{Call, Inner, Shown, State, TOKEN};

type Outcome = (u16, Value);

fn refused(status: u16, code: u64, message: &str) -> Outcome {
    (status, json!({ "code": code, "message": message }))
}

pub(super) async fn call(
    Extract(fake): Extract<Weak<Inner>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(fake) = fake.upgrade() else { return StatusCode::GONE.into_response() };
    let path = uri.path().strip_prefix("/api/v10").expect("calls go to version 10").to_owned();
    let body: Value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let (outcome, wait) = fake.change(|state| {
        let limit =
            state.limits.iter_mut().find(|limit| limit.times > 0 && path.starts_with(&limit.prefix)).map(
                |limit| {
                    limit.times -= 1;
                    (limit.retry_after, limit.global)
                },
            );
        let outcome = match limit {
            Some((wait, global)) => (
                429,
                json!({ "message": "You are being rate limited.", "retry_after": wait, "global": global }),
            ),
            None => state.serve(&method, &path, token.as_deref(), &body, &fake.address),
        };
        let at = Instant::now();
        let call = Call { method: method.to_string(), path: path.clone(), status: outcome.0, at };
        state.calls.push(call);
        (outcome, limit)
    });
    let (status, body) = outcome;
    let mut response = match body {
        Value::Null => StatusCode::from_u16(status).unwrap().into_response(),
        body => (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", 50.into());
    headers.insert("x-ratelimit-remaining", 49.into());
    headers.insert("x-ratelimit-reset-after", 1.into());
    if let Some((_, true)) = wait {
        headers.insert("x-ratelimit-scope", "global".parse().unwrap());
        headers.insert("x-ratelimit-global", "true".parse().unwrap());
    }
    response
}

fn id(text: &str) -> u64 {
    text.parse().unwrap_or_default()
}

/// What Discord takes in a message.
fn check_words(words: &Value) -> Result<(), Outcome> {
    let bad = |what: &str| Err(refused(400, 50035, what));
    if words["content"].as_str().is_some_and(|content| content.chars().count() > 2000) {
        return bad("content: Must be 2000 or fewer in length.");
    }
    let mut ids = Vec::new();
    for row in words["components"].as_array().into_iter().flatten() {
        let buttons = row["components"].as_array().cloned().unwrap_or_default();
        if row["type"] != 1 || buttons.is_empty() || buttons.len() > 5 {
            return bad("components: a row has one to five buttons");
        }
        for button in &buttons {
            let custom_id = button["custom_id"].as_str().unwrap_or_default().to_owned();
            let label = button["label"].as_str().unwrap_or_default().chars().count();
            if custom_id.is_empty() || custom_id.len() > 100 || ids.contains(&custom_id) {
                return bad("custom_id: 1 to 100 characters, each once");
            }
            if label == 0 || label > 80 {
                return bad("label: 1 to 80 characters");
            }
            ids.push(custom_id);
        }
    }
    if words["allowed_mentions"]["parse"] != json!([]) {
        return bad("our own rule: no message of the bot may ping anybody");
    }
    Ok(())
}

impl State {
    fn serve(
        &mut self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        body: &Value,
        address: &str,
    ) -> Outcome {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let open = matches!(parts[0], "interactions" | "webhooks");
        if !open && token != Some(&format!("Bot {TOKEN}")) {
            return refused(401, 0, "401: Unauthorized");
        }
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["applications", "@me"]) => {
                (200, json!({ "id": BOT.to_string(), "name": "cubeguardian" }))
            }
            ("GET", ["gateway", "bot"]) => {
                let limit = json!({ "total": 1000, "remaining": self.sign_ins_left, "reset_after": 1000, "max_concurrency": 1 });
                (200, json!({ "url": format!("ws://{address}"), "shards": 1, "session_start_limit": limit }))
            }
            ("PUT", ["applications", _, "commands"] | ["applications", _, "guilds", _, "commands"]) => {
                self.commands = body.clone();
                (200, body.clone())
            }
            ("POST", ["users", "@me", "channels"]) => {
                let user = id(body["recipient_id"].as_str().unwrap_or_default());
                (200, json!({ "id": direct(user).to_string(), "type": 1 }))
            }
            ("POST", ["channels", channel, "messages"]) => self.write(id(channel), body),
            ("GET", ["channels", channel, "messages"]) => {
                let channel = id(channel);
                let here =
                    self.messages.values().rev().filter(|shown| shown.channel == channel && !shown.private);
                (200, here.take(100).map(|shown| self.message(shown)).collect())
            }
            ("GET", ["channels", _, "messages", message]) => match self.messages.get(&id(message)) {
                Some(shown) => (200, self.message(shown)),
                None => refused(404, 10008, "Unknown Message"),
            },
            ("PATCH", ["channels", _, "messages", message]) => match self.messages.get(&id(message)) {
                Some(shown) if shown.author != BOT => {
                    refused(403, 50005, "Cannot edit a message authored by another user")
                }
                Some(_) => self.edit(id(message), body),
                None => refused(404, 10008, "Unknown Message"),
            },
            ("POST", ["interactions", interaction, token, "callback"]) => {
                self.answer(id(interaction), token, body)
            }
            ("PATCH", ["webhooks", _, token, "messages", "@original"]) => self.revise(token, body),
            _ => refused(404, 0, "404: Not Found"),
        }
    }

    fn write(&mut self, channel: u64, body: &Value) -> Outcome {
        let user = channel.wrapping_sub(direct(0));
        if channel != TEXT && !(super::ANN..=super::CAT).contains(&user) {
            return refused(404, 10003, "Unknown Channel");
        }
        if self.shy.contains(&user) {
            return refused(403, 50007, "Cannot send messages to this user");
        }
        if let Err(refused) = check_words(body) {
            return refused;
        }
        let nonce = body["nonce"].as_str().filter(|_| body["enforce_nonce"] == true);
        if let Some(there) = nonce.and_then(|nonce| self.nonces.get(nonce)) {
            return (200, self.message(there));
        }
        let shown = Shown { id: self.new_id(), channel, author: BOT, ..Shown::default() };
        if let Some(nonce) = nonce {
            self.nonces.insert(nonce.to_owned(), shown.clone());
        }
        let id = shown.id;
        self.messages.insert(id, shown);
        let outcome = self.edit(id, body);
        self.messages.get_mut(&id).unwrap().edits = 0;
        outcome
    }

    fn edit(&mut self, id: u64, words: &Value) -> Outcome {
        if let Err(refused) = check_words(words) {
            return refused;
        }
        let Some(shown) = self.messages.get_mut(&id) else { return refused(404, 10008, "Unknown Message") };
        if let Some(content) = words["content"].as_str() {
            content.clone_into(&mut shown.content);
        }
        if words["components"].is_array() {
            shown.components = words["components"].clone();
        }
        shown.loading = false;
        shown.edits += 1;
        let shown = shown.clone();
        (200, self.message(&shown))
    }

    pub(super) fn answer(&mut self, id: u64, token: &str, body: &Value) -> Outcome {
        let Some(interaction) = self.interactions.get(&id) else {
            return refused(404, 10062, "Unknown interaction");
        };
        if interaction.token != token || interaction.born.elapsed() > Duration::from_secs(3) {
            return refused(404, 10062, "Unknown interaction");
        }
        if interaction.answer.is_some() {
            return refused(400, 40060, "Interaction has already been acknowledged.");
        }
        let kind = body["type"].as_u64().unwrap_or_default();
        let fits = match interaction.kind {
            2 => matches!(kind, 4 | 5),
            3 => matches!(kind, 4..=7),
            _ => kind == 8,
        };
        if !fits {
            return refused(400, 50035, "type: not for this interaction");
        }
        let data = &body["data"];
        if matches!(kind, 4 | 7)
            && let Err(refused) = check_words(data)
        {
            return refused;
        }
        if data["choices"].as_array().is_some_and(|choices| choices.len() > 25) {
            return refused(400, 50035, "choices: Must be 25 or fewer in length.");
        }
        let (source, channel) = (interaction.source, interaction.channel);
        let message = match kind {
            4 | 5 => {
                let shown = Shown {
                    id: self.new_id(),
                    channel,
                    author: BOT,
                    content: data["content"].as_str().unwrap_or_default().to_owned(),
                    components: data["components"].clone(),
                    private: data["flags"].as_u64().unwrap_or_default() & 64 != 0,
                    loading: kind == 5,
                    ..Shown::default()
                };
                let id = shown.id;
                self.messages.insert(id, shown);
                Some(id)
            }
            6 => source,
            7 => {
                self.edit(source.unwrap(), data);
                source
            }
            _ => None,
        };
        let interaction = self.interactions.get_mut(&id).unwrap();
        interaction.answer = Some(body.clone());
        interaction.message = message;
        (204, Value::Null)
    }

    fn revise(&mut self, token: &str, words: &Value) -> Outcome {
        let found = self.interactions.values().find(|interaction| interaction.token == token);
        let Some(interaction) = found.filter(|interaction| interaction.answer.is_some()) else {
            return refused(404, 10015, "Unknown Webhook");
        };
        if interaction.expired || interaction.born.elapsed() > Duration::from_mins(15) {
            return refused(401, 50027, "Invalid Webhook Token");
        }
        match interaction.message {
            Some(message) => self.edit(message, words),
            None => refused(404, 10008, "Unknown Message"),
        }
    }
}

/// The channel of direct messages with somebody.
pub(crate) const fn direct(user: u64) -> u64 {
    700_000_000_000_000_000 + user
}
