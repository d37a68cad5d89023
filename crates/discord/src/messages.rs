//! Messages in channels. A public message that merely looks like a command does nothing: it must mention this bot and
//! nobody else, by a real mention, and say one of few things; and whatever it asks for, a button asks first.

use crate::bot::{Bot, Place, lock};
use crate::deeds::{Talk, forbidden, which};
use crate::house::{Ability, Caller, Deed, Failure, House, Power, Settings};
use crate::interactions::failed;
use crate::language::{self, Meaning, Verb};
use crate::texts::Texts;
use crate::wire::{Message, Words};

/// An ordinary message; anything else (a reply, somebody joining, a pin) is not for us.
const ORDINARY: u8 = 0;

/// How long «keep it awake» is, when nobody says.
const KEEP_HOURS: u8 = 2;

/// What is said to us, if it is to us: without the mention.
fn to_us(us: u64, message: &Message) -> Option<String> {
    let alone = message.mentions.len() == 1 && message.mentions[0].id.0 == us;
    // A reply mentions whom it answers without a word of it: it is not an address.
    if message.author.bot
        || message.webhook_id.is_some()
        || message.mention_everyone
        || message.kind != ORDINARY
        || !alone
    {
        return None;
    }
    let said = message.content.replace(&format!("<@{us}>"), " ").replace(&format!("<@!{us}>"), " ");
    (said != message.content).then_some(said)
}

/// Something that has a name, and which deeds there are for it.
enum Thing {
    Host(String),
    Service { key: String, host: Option<String> },
    Instance(String),
}

struct Things {
    names: Vec<String>,
    things: Vec<Thing>,
}

impl<H: House> Bot<H> {
    /// A message came; nearly always it is nothing for us.
    pub(crate) async fn hear_message(&self, us: u64, message: Message) {
        let Some(said) = to_us(us, &message) else { return };
        let Ok(settings) = self.settings().await else { return };
        let channels = &settings.command_channels;
        if message.guild_id.is_some() && !channels.is_empty() && !channels.contains(&message.channel_id.0) {
            return;
        }
        let mut caller = author(&message, self.guild_language(&message, &settings));
        let Ok(things) = self.things(&caller).await else { return };
        let (meaning, language) = language::understand(&said, &things.names);
        if let Some(language) = language {
            caller.language = language;
        }
        if meaning == Meaning::Nothing {
            return;
        }
        let texts = Texts::new(&settings);
        if let Err(failure) = self.reply(&message, &caller, &texts, meaning, &things).await {
            self.tell(&message, &Words::new(failed(&texts, &caller, &failure))).await;
        }
    }

    fn guild_language(&self, message: &Message, settings: &Settings) -> innkeeper_domain::mails::Language {
        let guilds = lock(&self.guilds);
        message.guild_id.and_then(|guild| guilds.get(&guild.0).copied()).unwrap_or(settings.language)
    }

    async fn things(&self, caller: &Caller) -> Result<Things, Failure> {
        let mut all = Things { names: Vec::new(), things: Vec::new() };
        let mut add = |name: String, thing: Thing| {
            all.names.push(name);
            all.things.push(thing);
        };
        for host in self.ask(self.house.hosts(caller)).await? {
            add(host.name, Thing::Host(host.key));
        }
        for service in self.ask(self.house.services(caller)).await? {
            add(service.name, Thing::Service { key: service.key, host: service.host });
        }
        // Whoever is not linked has none.
        for instance in self.ask(self.house.instances(caller)).await.unwrap_or_default() {
            add(instance.name, Thing::Instance(instance.key));
        }
        Ok(all)
    }

    async fn reply(
        &self,
        message: &Message,
        caller: &Caller,
        texts: &Texts,
        meaning: Meaning,
        things: &Things,
    ) -> Result<(), Failure> {
        // What is only read needs no place to be shown at first.
        let talk = Talk {
            caller: caller.clone(),
            texts: texts.clone(),
            place: Place::Channel { channel: message.channel_id.0, message: message.id.0 },
            key: format!("discord:m{}", message.id.0),
        };
        let said = match meaning {
            Meaning::Nothing => return Ok(()),
            Meaning::Refrain => talk.text("refrain", &[]),
            Meaning::Status => self.status(&talk).await?,
            Meaning::Players => self.players(&talk, None).await?,
            Meaning::Help => self.help(&talk).await?,
            Meaning::Do(verb, target) => match meant(verb, target, things) {
                Meant::Deed(deed, name) => {
                    self.allow(&talk, &deed).await?;
                    let question = self
                        .question(caller, texts, deed, &name)
                        .ok_or_else(|| Failure::Unavailable("no button can be made for this".to_owned()))?;
                    if let Some(place) = self.tell(message, &question.words(true)).await {
                        self.wait_for_answer(question, place, texts, caller.language);
                    }
                    return Ok(());
                }
                Meant::Several(named) => {
                    // Names are for whoever may see them.
                    if !self.ask(self.house.abilities(caller)).await?.contains(&Ability::See) {
                        return Err(forbidden(&talk));
                    }
                    which(texts, caller, &named)
                }
                Meant::None => talk.text("which.none", &[]),
            },
        };
        self.tell(message, &Words::new(said)).await;
        Ok(())
    }

    /// Answers a message, once even when Discord has to be asked twice.
    async fn tell(&self, message: &Message, words: &Words) -> Option<Place> {
        let mut words = words.clone().once(&message.id.0.to_string());
        words.message_reference =
            Some(serde_json::json!({ "message_id": message.id, "fail_if_not_exists": false }));
        let channel = message.channel_id.0;
        match self.rest.say(channel, &words).await {
            Ok(message) => Some(Place::Channel { channel, message: message.0 }),
            Err(error) => {
                tracing::warn!(channel, %error, "a message could not be answered");
                None
            }
        }
    }
}

fn author(message: &Message, language: innkeeper_domain::mails::Language) -> Caller {
    let member = message.member.as_ref();
    let nick = member.and_then(|member| member.nick.clone());
    let user = &message.author;
    Caller {
        discord_id: user.id.0,
        name: nick.or_else(|| user.global_name.clone()).unwrap_or_else(|| user.username.clone()),
        roles: member.map(|member| member.roles.iter().map(|role| role.0).collect()).unwrap_or_default(),
        guild: message.guild_id.map(|guild| guild.0),
        language,
    }
}

enum Meant {
    Deed(Deed, String),
    Several(Vec<(String, String)>),
    None,
}

/// The deed that a verb is for what it was said of.
fn meant(verb: Verb, target: Option<usize>, things: &Things) -> Meant {
    let deed = |at: usize| deed(verb, &things.things[at]).map(|deed| (deed, things.names[at].clone()));
    if let Some(at) = target {
        return deed(at).map_or(Meant::None, |(deed, name)| Meant::Deed(deed, name));
    }
    // «the server» is a service when it is restarted, and otherwise a host; never somebody's instance.
    let fits = |thing: &Thing| match verb {
        Verb::Restart => matches!(thing, Thing::Service { .. }),
        _ => matches!(thing, Thing::Host(_)),
    };
    let mut found: Vec<(Deed, String)> =
        (0..things.things.len()).filter(|at| fits(&things.things[*at])).filter_map(deed).collect();
    match found.len() {
        0 => Meant::None,
        1 => {
            let (deed, name) = found.remove(0);
            Meant::Deed(deed, name)
        }
        _ => Meant::Several(found.into_iter().map(|(deed, name)| (deed.target().to_owned(), name)).collect()),
    }
}

fn deed(verb: Verb, thing: &Thing) -> Option<Deed> {
    let host = match thing {
        Thing::Instance(instance) => {
            let power = match verb {
                Verb::Wake | Verb::Start => Power::Start,
                Verb::Sleep | Verb::Stop => Power::Stop,
                Verb::Restart => Power::Restart,
                Verb::CancelSleep | Verb::KeepAwake => return None,
            };
            return Some(Deed::Power { instance: instance.clone(), power });
        }
        Thing::Service { key, .. } if verb == Verb::Restart => {
            return Some(Deed::RestartService { service: key.clone() });
        }
        // To stop a service is not to switch off everything that runs beside it.
        Thing::Service { host, .. } if matches!(verb, Verb::Wake | Verb::Start) => host.clone()?,
        Thing::Service { .. } => return None,
        Thing::Host(host) => host.clone(),
    };
    Some(match verb {
        Verb::Wake | Verb::Start => Deed::Wake { host },
        Verb::Sleep | Verb::Stop => Deed::Sleep { host },
        Verb::CancelSleep => Deed::CancelSleep { host },
        Verb::KeepAwake => Deed::KeepAwake { host, hours: KEEP_HOURS },
        // A host is not restarted from a chat.
        Verb::Restart => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(change: &[(&str, Value)]) -> Message {
        let mut message = json!({
            "id": "1", "channel_id": "2", "guild_id": "3", "type": 0, "content": "<@9> status",
            "author": { "id": "5", "username": "ann" }, "mentions": [{ "id": "9", "username": "inn", "bot": true }],
        });
        for (field, value) in change {
            message[*field] = value.clone();
        }
        serde_json::from_value(message).unwrap()
    }

    #[test]
    fn only_a_real_mention_of_us_alone_is_to_us() {
        let bot = json!({ "id": "5", "username": "other", "bot": true });
        let other = json!({ "id": "8", "username": "other", "bot": true });
        let us = json!({ "id": "9", "username": "inn", "bot": true });
        assert_eq!(to_us(9, &message(&[])).unwrap().trim(), "status");
        assert_eq!(to_us(9, &message(&[("content", json!("status <@!9>"))])).unwrap().trim(), "status");
        for (why, change) in [
            ("no mention that Discord knows of", ("mentions", json!([]))),
            ("the mention of a reply", ("content", json!("status"))),
            ("a reply", ("type", json!(19))),
            ("another bot speaks", ("author", bot)),
            ("another bot is meant", ("mentions", json!([other.clone()]))),
            ("another is meant too", ("mentions", json!([us, other]))),
            ("everybody is meant", ("mention_everyone", json!(true))),
            ("a webhook speaks", ("webhook_id", json!("4"))),
        ] {
            assert_eq!(to_us(9, &message(&[change])), None, "{why}");
        }
    }

    #[test]
    fn the_server_is_what_there_is_one_of() {
        let things = |hosts: usize| Things {
            names: (0..hosts).map(|at| format!("h{at}")).chain(["mc".to_owned(), "web".to_owned()]).collect(),
            things: (0..hosts)
                .map(|at| Thing::Host(format!("hst_{at}")))
                .chain([
                    Thing::Service { key: "svc".to_owned(), host: Some("hst_0".to_owned()) },
                    Thing::Instance("ins".to_owned()),
                ])
                .collect(),
        };
        let is = |meant: Meant, deed: Deed| matches!(meant, Meant::Deed(found, _) if found == deed);
        let one = things(1);
        assert!(is(meant(Verb::Restart, None, &one), Deed::RestartService { service: "svc".to_owned() }));
        assert!(is(meant(Verb::Sleep, None, &one), Deed::Sleep { host: "hst_0".to_owned() }));
        assert!(is(meant(Verb::Start, Some(1), &one), Deed::Wake { host: "hst_0".to_owned() }));
        assert!(matches!(meant(Verb::Stop, Some(1), &one), Meant::None), "a service is not a host");
        let power = Power::Stop;
        assert!(is(meant(Verb::Stop, Some(2), &one), Deed::Power { instance: "ins".to_owned(), power }));
        assert!(matches!(meant(Verb::Sleep, None, &things(2)), Meant::Several(named) if named.len() == 2));
        assert!(matches!(meant(Verb::Restart, Some(0), &one), Meant::None), "a host is not restarted");
    }
}
