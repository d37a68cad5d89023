//! What Discord says and what is said to it, as far as we read and write it. Discord adds fields and leaves others out
//! from one month to the next: what is not read here cannot break anything.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Discord's ids: numbers, written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Snowflake(pub(crate) u64);

impl<'de> Deserialize<'de> for Snowflake {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Snowflake {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: Snowflake,
    pub(crate) username: String,
    #[serde(default)]
    pub(crate) global_name: Option<String>,
    #[serde(default)]
    pub(crate) bot: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Member {
    #[serde(default)]
    pub(crate) user: Option<User>,
    #[serde(default)]
    pub(crate) nick: Option<String>,
    #[serde(default)]
    pub(crate) roles: Vec<Snowflake>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) user: User,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Guild {
    pub(crate) id: Snowflake,
    #[serde(default)]
    pub(crate) unavailable: bool,
    #[serde(default)]
    pub(crate) preferred_locale: Option<String>,
    #[serde(default)]
    pub(crate) channels: Vec<Channel>,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    #[serde(default)]
    pub(crate) voice_states: Vec<VoiceState>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Channel {
    pub(crate) id: Snowflake,
    #[serde(default)]
    pub(crate) guild_id: Option<Snowflake>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct VoiceState {
    #[serde(default)]
    pub(crate) guild_id: Option<Snowflake>,
    pub(crate) channel_id: Option<Snowflake>,
    pub(crate) user_id: Snowflake,
    #[serde(default)]
    pub(crate) member: Option<Member>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) id: Snowflake,
    pub(crate) channel_id: Snowflake,
    #[serde(default)]
    pub(crate) guild_id: Option<Snowflake>,
    pub(crate) author: User,
    #[serde(default)]
    pub(crate) member: Option<Member>,
    #[serde(default)]
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) mentions: Vec<User>,
    #[serde(default)]
    pub(crate) mention_everyone: bool,
    #[serde(default)]
    pub(crate) webhook_id: Option<Snowflake>,
    /// 0 is an ordinary message, 19 a reply.
    #[serde(default, rename = "type")]
    pub(crate) kind: u8,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Interaction {
    pub(crate) id: Snowflake,
    pub(crate) application_id: Snowflake,
    #[serde(rename = "type")]
    pub(crate) kind: u8,
    #[serde(default)]
    pub(crate) data: Option<InteractionData>,
    #[serde(default)]
    pub(crate) guild_id: Option<Snowflake>,
    #[serde(default)]
    pub(crate) channel_id: Option<Snowflake>,
    #[serde(default)]
    pub(crate) channel: Option<Channel>,
    #[serde(default)]
    pub(crate) member: Option<Member>,
    #[serde(default)]
    pub(crate) user: Option<User>,
    pub(crate) token: String,
    #[serde(default)]
    pub(crate) locale: Option<String>,
    #[serde(default)]
    pub(crate) message: Option<Message>,
}

pub(crate) mod interaction {
    pub(crate) const PING: u8 = 1;
    pub(crate) const COMMAND: u8 = 2;
    pub(crate) const COMPONENT: u8 = 3;
    pub(crate) const AUTOCOMPLETE: u8 = 4;
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct InteractionData {
    #[serde(default)]
    pub(crate) name: Option<String>,
    #[serde(default)]
    pub(crate) options: Vec<Given>,
    #[serde(default)]
    pub(crate) custom_id: Option<String>,
}

/// An option that was given with a command.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Given {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) value: Value,
    #[serde(default)]
    pub(crate) focused: bool,
}

impl Interaction {
    pub(crate) fn author(&self) -> Option<&User> {
        self.member.as_ref().and_then(|member| member.user.as_ref()).or(self.user.as_ref())
    }

    pub(crate) fn channel(&self) -> Option<u64> {
        self.channel.as_ref().map(|channel| channel.id.0).or(self.channel_id.map(|id| id.0))
    }

    pub(crate) fn given(&self, name: &str) -> Option<&Value> {
        self.data.as_ref()?.options.iter().find(|option| option.name == name).map(|option| &option.value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given(name)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// What is written into a channel: pings nobody, whatever it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Words {
    pub(crate) content: String,
    pub(crate) components: Vec<Value>,
    pub(crate) allowed_mentions: Nobody,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flags: Option<u32>,
    /// With `enforce_nonce`, Discord itself keeps a retry from being a second message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) enforce_nonce: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message_reference: Option<Value>,
}

/// `allowed_mentions` that allows none.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Nobody {
    parse: [u8; 0],
    replied_user: bool,
}

/// Seen by the person who asked alone.
const EPHEMERAL: u32 = 1 << 6;

impl Words {
    pub(crate) fn new(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, buttons: &[Button]) -> Self {
        if !buttons.is_empty() {
            self.components = vec![serde_json::json!({ "type": 1, "components": buttons })];
        }
        self
    }

    pub(crate) fn private(mut self) -> Self {
        self.flags = Some(EPHEMERAL);
        self
    }

    pub(crate) fn once(mut self, nonce: &str) -> Self {
        self.nonce = Some(nonce.chars().take(25).collect());
        self.enforce_nonce = true;
        self
    }
}

/// A button.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Button {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: String,
    custom_id: String,
    disabled: bool,
}

impl Button {
    /// What may be lost by it is red.
    pub(crate) fn danger(label: String, custom_id: String) -> Self {
        Self { kind: 2, style: 4, label, custom_id, disabled: false }
    }

    pub(crate) fn good(label: String, custom_id: String) -> Self {
        Self { kind: 2, style: 3, label, custom_id, disabled: false }
    }

    pub(crate) fn plain(label: String, custom_id: String) -> Self {
        Self { kind: 2, style: 2, label, custom_id, disabled: false }
    }

    pub(crate) fn disabled(mut self) -> Self {
        self.disabled = true;
        self
    }
}

/// What an interaction is answered with at once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Response {
    Pong,
    /// A message.
    Say(Words),
    /// A message will follow.
    Wait {
        private: bool,
    },
    /// Nothing changes, for now.
    Keep,
    /// The message with the button becomes this.
    Become(Words),
    /// What may be typed on.
    Choices(Vec<(String, String)>),
}

impl Response {
    pub(crate) fn body(&self) -> Value {
        use serde_json::json;
        match self {
            Self::Pong => json!({ "type": 1 }),
            Self::Say(words) => json!({ "type": 4, "data": words }),
            Self::Wait { private } => {
                json!({ "type": 5, "data": { "flags": if *private { EPHEMERAL } else { 0 } } })
            }
            Self::Keep => json!({ "type": 6 }),
            Self::Become(words) => json!({ "type": 7, "data": words }),
            Self::Choices(choices) => {
                let choices: Vec<Value> =
                    choices.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
                json!({ "type": 8, "data": { "choices": choices } })
            }
        }
    }
}
