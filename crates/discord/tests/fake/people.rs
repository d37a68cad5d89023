//! Who there is at our Discord, and what they do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Asked, Fake, Interaction, Out, Shown, State};

pub(crate) const BOT: u64 = 123_456_789_012_345_678;
pub(crate) const GUILD: u64 = 200_000_000_000_000_001;
pub(crate) const TEXT: u64 = 300_000_000_000_000_001;
pub(crate) const VOICE: u64 = 300_000_000_000_000_002;
pub(crate) const VOICE_TOO: u64 = 300_000_000_000_000_003;
pub(crate) const ANN: u64 = 400_000_000_000_000_001;
pub(crate) const BEA: u64 = 400_000_000_000_000_002;
pub(crate) const CAT: u64 = 400_000_000_000_000_003;
pub(crate) const MUSIC: u64 = 400_000_000_000_000_008;
pub(crate) const OTHER_BOT: u64 = 400_000_000_000_000_009;
pub(crate) const ROLE_KEEPER: u64 = 600_000_000_000_000_001;

const WHEN: &str = "2026-01-01T00:00:00.000000+00:00";

fn name(id: u64) -> &'static str {
    match id {
        BOT => "cubeguardian",
        ANN => "ann",
        BEA => "bea",
        CAT => "cat",
        MUSIC => "music",
        OTHER_BOT => "other",
        _ => "somebody",
    }
}

pub(super) fn user(id: u64) -> Value {
    json!({
        "id": id.to_string(), "username": name(id), "discriminator": "0", "global_name": name(id), "avatar": null,
        "bot": matches!(id, BOT | MUSIC | OTHER_BOT), "public_flags": 0,
    })
}

impl State {
    fn member(&self, id: u64) -> Value {
        let roles: Vec<String> =
            self.roles.get(&id).into_iter().flatten().map(|role: &u64| role.to_string()).collect();
        json!({
            "user": user(id), "nick": null, "roles": roles, "joined_at": WHEN, "deaf": false, "mute": false,
            "flags": 0, "pending": false, "permissions": "0",
        })
    }

    fn voice_state(&self, id: u64, channel: Option<u64>) -> Value {
        json!({
            "guild_id": GUILD.to_string(), "channel_id": channel.map(|id| id.to_string()), "user_id": id.to_string(),
            "member": self.member(id), "session_id": "v", "deaf": false, "mute": false, "self_deaf": false,
            "self_mute": false, "self_video": false, "suppress": false, "request_to_speak_timestamp": null,
        })
    }

    pub(super) fn guild(&self) -> Value {
        let channel =
            |id: u64, kind: u8| json!({ "id": id.to_string(), "type": kind, "name": "c", "position": 0 });
        let voices: Vec<Value> = self
            .voice
            .iter()
            .map(|(id, at)| {
                let mut state = self.voice_state(*id, Some(*at));
                // As the real one: a snapshot's states carry neither.
                state.as_object_mut().unwrap().retain(|key, _| key != "guild_id" && key != "member");
                state
            })
            .collect();
        let members: Vec<Value> =
            [ANN, BEA, CAT, MUSIC, OTHER_BOT, BOT].into_iter().map(|id| self.member(id)).collect();
        json!({
            "id": GUILD.to_string(), "name": "Les Cubes", "unavailable": false, "preferred_locale": "fr",
            "joined_at": WHEN, "channels": [channel(TEXT, 0), channel(VOICE, 2), channel(VOICE_TOO, 2)],
            "members": members, "voice_states": voices, "roles": [], "emojis": [], "member_count": 6, "large": false,
        })
    }

    #[expect(clippy::unused_self, reason = "a message is one of this state")]
    pub(super) fn message(&self, shown: &Shown) -> Value {
        json!({
            "id": shown.id.to_string(), "channel_id": shown.channel.to_string(), "author": user(shown.author),
            "content": shown.content, "components": shown.components, "timestamp": WHEN, "edited_timestamp": null,
            "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [],
            "embeds": [], "pinned": false, "type": 0, "flags": if shown.private { 64 } else { 0 },
        })
    }

    /// Something happens in the guild: it is told to whoever is signed in and wants to know, or is kept for them.
    pub(super) fn happens(&mut self, kind: &str, needs: u64, data: Value) {
        for (id, session) in &mut self.sessions {
            if needs != 0 && session.intents & needs == 0 {
                continue;
            }
            let event = json!({ "op": 0, "s": session.events.len() + 1, "t": kind, "d": data });
            session.events.push(event.clone());
            if let Some((line, out)) = &self.line
                && line == id
            {
                let _ = out.send(Out::Say(event));
            }
        }
    }
}

impl Fake {
    pub(crate) fn give_role(&self, who: u64, role: u64) {
        self.change(|state| state.roles.entry(who).or_default().push(role));
    }

    pub(crate) fn take_roles(&self, who: u64) {
        self.change(|state| state.roles.remove(&who));
    }

    /// Somebody joins, moves or leaves.
    pub(crate) fn voice(&self, who: u64, channel: Option<u64>) {
        self.change(|state| {
            match channel {
                Some(channel) => state.voice.insert(who, channel),
                None => state.voice.remove(&who),
            };
            let data = state.voice_state(who, channel);
            state.happens("VOICE_STATE_UPDATE", 1 << 7, data);
        });
    }

    pub(crate) fn guild_vanishes(&self) {
        self.change(|state| {
            state.happens("GUILD_DELETE", 1, json!({ "id": GUILD.to_string(), "unavailable": true }));
        });
    }

    /// Somebody writes. Mentions are what Discord makes of the text; `change` is what else is special.
    pub(crate) fn write(&self, who: u64, text: &str, change: &[(&str, Value)]) -> u64 {
        self.change(|state| {
            let id = state.new_id();
            let shown =
                Shown { id, channel: TEXT, author: who, content: text.to_owned(), ..Shown::default() };
            let mut data = state.message(&shown);
            let code = text.contains('`');
            let mentioned: Vec<Value> = [BOT, ANN, BEA, CAT, MUSIC, OTHER_BOT]
                .into_iter()
                .filter(|id| {
                    !code && (text.contains(&format!("<@{id}>")) || text.contains(&format!("<@!{id}>")))
                })
                .map(user)
                .collect();
            data["guild_id"] = GUILD.to_string().into();
            data["mention_everyone"] = text.contains("@everyone").into();
            data["mentions"] = mentioned.into();
            data["member"] = state.member(who);
            for (field, value) in change {
                data[*field] = value.clone();
            }
            state.messages.insert(id, shown);
            state.happens("MESSAGE_CREATE", 1 << 9, data);
            id
        })
    }

    /// What our bot wrote in answer to nothing but messages: newest last.
    pub(crate) fn written(&self) -> Vec<Shown> {
        let state = self.state();
        state.messages.values().filter(|shown| shown.author == BOT && !shown.private).cloned().collect()
    }

    fn interaction(&self, who: u64, kind: u64, data: &Value, source: Option<u64>) -> (Asked, Value) {
        self.change(|state| {
            let id = state.new_id();
            let token = format!("secret-{}", state.new_id());
            let mut body = json!({
                "id": id.to_string(), "application_id": BOT.to_string(), "type": kind, "token": token, "version": 1,
                "guild_id": GUILD.to_string(), "channel_id": TEXT.to_string(),
                "channel": { "id": TEXT.to_string(), "type": 0, "guild_id": GUILD.to_string() },
                "member": state.member(who), "locale": "fr", "guild_locale": "fr", "entitlements": [], "context": 0,
                "data": data,
            });
            if let Some(shown) = source.and_then(|source| state.messages.get(&source)) {
                body["message"] = state.message(shown);
            }
            let interaction = Interaction {
                token: token.clone(),
                kind,
                born: Instant::now(),
                answer: None,
                message: None,
                source,
                channel: TEXT,
                expired: false,
            };
            state.interactions.insert(id, interaction);
            (Asked { id, token }, body)
        })
    }

    fn by_gateway(&self, (asked, body): (Asked, Value)) -> Asked {
        self.change(|state| state.happens("INTERACTION_CREATE", 0, body));
        asked
    }

    fn command_data(name: &str, options: &[(&str, Value)], focused: Option<&str>) -> Value {
        let options: Vec<Value> = options
            .iter()
            .map(|(name, value)| {
                let kind = if value.is_boolean() {
                    5
                } else if value.is_number() {
                    4
                } else {
                    3
                };
                json!({ "name": name, "type": kind, "value": value, "focused": focused == Some(*name) })
            })
            .collect();
        json!({ "id": "1", "name": name, "type": 1, "options": options })
    }

    /// Somebody sends a slash command.
    pub(crate) fn slash(&self, who: u64, name: &str, options: &[(&str, Value)]) -> Asked {
        self.by_gateway(self.interaction(who, 2, &Self::command_data(name, options, None), None))
    }

    /// The same, where another process of the bot has answered before this one hears of it.
    pub(crate) fn slash_answered_elsewhere(&self, who: u64, name: &str) -> Asked {
        let (asked, body) = self.interaction(who, 2, &Self::command_data(name, &[], None), None);
        self.change(|state| state.answer(asked.id, &asked.token, &json!({ "type": 5 })));
        self.by_gateway((asked, body))
    }

    /// The same, as the body of a signed request.
    pub(crate) fn slash_by_http(&self, who: u64, name: &str) -> (Asked, Vec<u8>) {
        let (asked, body) = self.interaction(who, 2, &Self::command_data(name, &[], None), None);
        (asked, body.to_string().into_bytes())
    }

    /// Discord reads what a signed request was answered with.
    pub(crate) fn hear_http(&self, asked: &Asked, body: &[u8]) {
        let body: Value = serde_json::from_slice(body).unwrap();
        let outcome = self.change(|state| state.answer(asked.id, &asked.token, &body));
        assert_eq!(outcome.0, 204, "{:?}", outcome.1);
    }

    /// Somebody types in an option; what they are offered.
    pub(crate) async fn typing(
        &self,
        who: u64,
        command: &str,
        option: &str,
        typed: &str,
    ) -> Vec<(String, String)> {
        let data = Self::command_data(command, &[(option, json!(typed))], Some(option));
        let asked = self.by_gateway(self.interaction(who, 4, &data, None));
        let answer =
            self.until("what may be typed on", |state| state.interactions[&asked.id].answer.clone()).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let choices = answer["data"]["choices"].as_array().unwrap().iter();
        choices.map(|choice| (text(&choice["name"]), text(&choice["value"]))).collect()
    }

    /// Somebody presses a button that they see.
    pub(crate) fn press(&self, who: u64, shown: &Shown, label: &str) -> Asked {
        let buttons = self.state().messages[&shown.id].buttons();
        let found = buttons.iter().find(|(text, ..)| text == label);
        let (_, custom_id, open) = found.unwrap_or_else(|| panic!("there is no button {label}: {buttons:?}"));
        assert!(open, "Discord does not let a disabled button be pressed");
        self.press_raw(who, shown, custom_id)
    }

    /// A press as a changed client, or one that was under way, may send it.
    pub(crate) fn press_raw(&self, who: u64, shown: &Shown, custom_id: &str) -> Asked {
        let data = json!({ "component_type": 2, "custom_id": custom_id });
        self.by_gateway(self.interaction(who, 3, &data, Some(shown.id)))
    }

    /// The answer to an interaction, once it says this.
    pub(crate) async fn says(&self, asked: &Asked, words: &str) -> Shown {
        let what = format!("an answer that says «{words}»");
        self.until(&what, |state| {
            let shown = state.messages.get(&state.interactions[&asked.id].message?)?;
            (!shown.loading && shown.content.contains(words)).then(|| shown.clone())
        })
        .await
    }

    /// The type of the first answer.
    pub(crate) async fn answered(&self, asked: &Asked) -> u64 {
        self.until("a first answer", |state| state.interactions[&asked.id].answer.as_ref()?["type"].as_u64())
            .await
    }

    /// A message of the bot's in the channel, once it says this.
    pub(crate) async fn reads(&self, channel: u64, words: &str) -> Shown {
        let what = format!("a message that says «{words}»");
        self.until(&what, |state| {
            let mut ours =
                state.messages.values().filter(|shown| shown.author == BOT && shown.channel == channel);
            ours.find(|shown| shown.content.contains(words)).cloned()
        })
        .await
    }

    /// Fifteen minutes have passed since.
    pub(crate) fn expire(&self, asked: &Asked) {
        self.change(|state| state.interactions.get_mut(&asked.id).unwrap().expired = true);
    }

    /// It was asked so long ago.
    pub(crate) fn age(&self, asked: &Asked, by: Duration) {
        self.change(|state| {
            let born = &mut state.interactions.get_mut(&asked.id).unwrap().born;
            *born = born.checked_sub(by).unwrap();
        });
    }
}
