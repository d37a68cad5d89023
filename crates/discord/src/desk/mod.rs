//! The house behind the bot: every question goes to the engine with whoever asks, and the engine decides. What the
//! engine says is put into the words of the bot, in the caller's language where there is a text for it.

mod doing;
mod following;
mod saying;
mod seeing;

use std::collections::BTreeSet;
use std::time::Duration;

use innkeeper_domain::abilities::Ability as Granted;
use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::discord::{Digest, Period as Stretch, Snowflake};
use innkeeper_domain::ids::AlertId;
use innkeeper_domain::mails::{self, Language, Letter, Written};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Role;
use innkeeper_engine::{DueNotice, Engine, Error, NoticeDelivery, NoticeMatter, NoticeRecipient};
use secrecy::ExposeSecret as _;

use crate::house::{
    Ability, Answer, Balance, Begun, Board, Caller, Deed, Delivery, Failure, Host, House, Instance, Link,
    Matter, Notice, Period, Progress, Recipient, Report, Service, Settings,
};
use crate::texts::{Texts, escape};

/// The house, as the engine has it.
#[derive(Clone)]
pub struct Desk {
    engine: Engine,
}

impl Desk {
    /// A desk of this house.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }

    /// Whoever asks, with what they may do at this moment.
    async fn actor(&self, caller: &Caller) -> Answer<Actor> {
        let actor = self.engine.discord_actor(caller.discord_id, &caller.roles).await;
        actor.map_err(|error| unavailable(&error))
    }

    /// Whoever asks, as the user that they are linked to.
    async fn linked(&self, caller: &Caller) -> Answer<Actor> {
        let actor = self.actor(caller).await?;
        if actor.user_id.is_some() {
            return Ok(actor);
        }
        let message = self.texts().await.say(caller.language, "error.not_linked", &[]);
        Err(Failure::Refused { code: "not_linked".to_owned(), message })
    }

    async fn texts(&self) -> Texts {
        match self.settings().await {
            Ok(settings) => Texts::new(&settings),
            Err(_) => Texts::default(),
        }
    }

    /// What the engine refuses, in the caller's words.
    async fn refused(&self, language: Language, error: Error) -> Failure {
        match error {
            Error::Store(_) | Error::Internal(_) | Error::Overloaded => unavailable(&error),
            error => saying::refusal(&self.texts().await, language, &error),
        }
    }

    async fn abilities_of(&self, actor: &Actor) -> Result<BTreeSet<Ability>, Error> {
        let mut granted: BTreeSet<Granted> = match &actor.proof {
            Proof::Discord { abilities, .. } => abilities.iter().copied().collect(),
            _ => BTreeSet::new(),
        };
        if actor.role >= Role::Operator {
            granted.extend(Granted::ALL);
        }
        for host in self.engine.hosts(actor).await? {
            granted.extend(self.engine.host_abilities(actor, &host));
        }
        for watched in self.engine.services(actor).await? {
            granted.extend(self.engine.service_abilities(actor, &watched.service).await?);
        }
        if !granted.is_empty() {
            granted.insert(Granted::See);
        }
        let mut abilities: BTreeSet<Ability> = granted.into_iter().flat_map(able).collect();
        if actor.user_id.is_some() {
            abilities.insert(Ability::Power);
        }
        Ok(abilities)
    }
}

fn unavailable(error: &Error) -> Failure {
    Failure::Unavailable(error.to_string())
}

impl House for Desk {
    async fn settings(&self) -> Answer<Settings> {
        let set = self.engine.discord_settings_now().await.map_err(|error| unavailable(&error))?;
        let watched = self.engine.watched_voices().await.map_err(|error| unavailable(&error))?;
        let abilities = |granted: &BTreeSet<Granted>| granted.iter().flat_map(|one| able(*one)).collect();
        Ok(Settings {
            language: set.language,
            texts: set.texts.into_iter().map(|change| (change.key, change.language, change.text)).collect(),
            roles: set.roles.iter().map(|(role, granted)| (role.get(), abilities(granted))).collect(),
            everyone: abilities(&set.everyone),
            board_channels: set
                .board_channels
                .into_iter()
                .map(|(at, language)| (at.get(), language))
                .collect(),
            command_channels: set.command_channels.into_iter().map(Snowflake::get).collect(),
            // A profile takes any text; what is no number of Discord's is nobody's channel there.
            voice_channels: watched.iter().filter_map(|channel| channel.parse().ok()).collect(),
            repeat_after: set
                .repeat_after_minutes
                .into_iter()
                .map(|(kind, minutes)| (kind.to_string(), Duration::from_secs(u64::from(minutes) * 60)))
                .collect(),
        })
    }

    async fn abilities(&self, caller: &Caller) -> Answer<BTreeSet<Ability>> {
        let actor = self.actor(caller).await?;
        match self.abilities_of(&actor).await {
            Ok(abilities) => Ok(abilities),
            Err(error) => Err(self.refused(caller.language, error).await),
        }
    }

    async fn hosts(&self, caller: &Caller) -> Answer<Vec<Host>> {
        let actor = self.actor(caller).await?;
        self.hosts_of(&actor, caller.language).await
    }

    async fn services(&self, caller: &Caller) -> Answer<Vec<Service>> {
        let actor = self.actor(caller).await?;
        self.services_of(&actor, caller.language).await
    }

    async fn instances(&self, caller: &Caller) -> Answer<Vec<Instance>> {
        let actor = self.linked(caller).await?;
        self.instances_of(&actor, caller.language).await
    }

    async fn balance(&self, caller: &Caller) -> Answer<Balance> {
        let actor = self.linked(caller).await?;
        self.balance_of(&actor, caller).await
    }

    async fn report(&self, caller: &Caller, period: Period) -> Answer<Report> {
        let actor = self.actor(caller).await?;
        let stretch = match period {
            Period::Daily => Stretch::Daily,
            Period::Weekly => Stretch::Weekly,
        };
        match self.engine.digest(&actor, stretch).await {
            Ok(digest) => Ok(report(&digest)),
            Err(error) => Err(self.refused(caller.language, error).await),
        }
    }

    async fn carry_out(&self, caller: &Caller, deed: &Deed, key: &str) -> Answer<Begun> {
        let actor = match deed {
            Deed::Power { .. } => self.linked(caller).await?,
            _ => self.actor(caller).await?,
        };
        match self.begin(&actor, deed, key).await {
            Ok(begun) => Ok(begun),
            Err(error) => Err(self.refused(caller.language, error).await),
        }
    }

    async fn progress(
        &self,
        caller: &Caller,
        operation: &str,
        seen: u64,
        patience: Duration,
    ) -> Answer<Progress> {
        self.follow(caller, operation, seen, patience).await
    }

    async fn begin_link(&self, caller: &Caller) -> Answer<Link> {
        let id = number(caller.discord_id)?;
        let linked = self.engine.linked_user(id).await.map_err(|error| unavailable(&error))?;
        if let Some(user) = linked {
            return Ok(Link::Linked { account: user.name.to_string() });
        }
        match self.engine.begin_discord_link(id, &caller.name).await {
            Ok(begun) => Ok(Link::Open {
                url: begun.url.expose_secret().to_owned(),
                code: begun.code.expose_secret().to_owned(),
                until: begun.until,
            }),
            Err(error) => Err(self.refused(caller.language, error).await),
        }
    }

    async fn unlink(&self, caller: &Caller) -> Answer<bool> {
        match self.engine.unlink_by_discord(number(caller.discord_id)?).await {
            Ok(was) => Ok(was),
            Err(error) => Err(self.refused(caller.language, error).await),
        }
    }

    async fn note_voice(&self, channel: u64, members: &[u64]) -> Answer<()> {
        let members = u32::try_from(members.len()).unwrap_or(u32::MAX);
        self.engine.note_voice(&channel.to_string(), members).await.map_err(|error| unavailable(&error))
    }

    async fn voice_lost(&self, channel: Option<u64>) -> Answer<()> {
        let lost = match channel {
            Some(channel) => self.engine.lose_voice(&channel.to_string()).await,
            None => self.engine.lose_voices().await,
        };
        lost.map_err(|error| unavailable(&error))
    }

    async fn board(&self, language: Language) -> Answer<Board> {
        // Nobody in particular looks at it: it shows what everybody may see.
        let settings = self.engine.discord_settings_now().await.map_err(|error| unavailable(&error))?;
        let abilities = settings.everyone.into_iter().collect();
        let anybody = Actor::by_discord(None, Proof::Discord { id: 0, abilities });
        Ok(Board {
            hosts: self.hosts_of(&anybody, language).await?,
            services: self.services_of(&anybody, language).await?,
        })
    }

    async fn board_message(&self, channel: u64) -> Answer<Option<u64>> {
        let found = self.engine.discord_board(number(channel)?).await;
        Ok(found.map_err(|error| unavailable(&error))?.map(Snowflake::get))
    }

    async fn keep_board_message(&self, channel: u64, message: u64) -> Answer<()> {
        let kept = self.engine.keep_discord_board(number(channel)?, number(message)?).await;
        kept.map_err(|error| unavailable(&error))
    }

    async fn claim_notices(&self, most: usize) -> Answer<Vec<Notice>> {
        let due = self.engine.claim_discord_notices(most).await.map_err(|error| unavailable(&error))?;
        let house = self.engine.house_name();
        Ok(due.into_iter().filter_map(|due| notice(due, house)).collect())
    }

    async fn settle_notice(&self, id: &str, delivery: Delivery) -> Answer<()> {
        let Some((id, tries, created_at)) = taken_apart(id) else {
            return Err(Failure::Unavailable(format!("`{id}` is no notice of ours")));
        };
        let delivery = match delivery {
            Delivery::Delivered => NoticeDelivery::Told,
            Delivery::HeldBack => NoticeDelivery::HeldBack,
            Delivery::Undeliverable(why) => NoticeDelivery::Undeliverable(why),
            Delivery::Later(why) => NoticeDelivery::Later(why),
        };
        let settled = self.engine.settle_discord_notice(id, tries, created_at, delivery).await;
        settled.map_err(|error| unavailable(&error))
    }
}

/// What an ability of the house lets one ask of the bot: who may wake a host may keep it awake.
fn able(granted: Granted) -> Vec<Ability> {
    match granted {
        Granted::See => vec![Ability::See],
        Granted::Wake => vec![Ability::Wake, Ability::KeepAwake],
        Granted::Sleep => vec![Ability::Sleep],
        Granted::Restart => vec![Ability::Restart],
        Granted::Maintain => vec![Ability::Maintain],
        Granted::Report => vec![Ability::Report],
    }
}

fn number(id: u64) -> Answer<Snowflake> {
    Snowflake::new(id).ok_or_else(|| Failure::Unavailable("Discord said zero for an id".to_owned()))
}

fn report(digest: &Digest) -> Report {
    Report {
        period: match digest.period {
            Stretch::Daily => Period::Daily,
            Stretch::Weekly => Period::Weekly,
        },
        from: digest.from,
        to: digest.to,
        wakes: digest.wakes,
        hours_slept: digest.hours_slept,
        restarts: digest.restarts,
        most_players: digest.most_players,
        failures: digest.failures,
    }
}

/// A notice as the bot has it. Its id says which claim of it this is.
fn notice(due: DueNotice, house: &str) -> Option<Notice> {
    let DueNotice { notice, tries, discord_id, told } = due;
    let to = match notice.to {
        NoticeRecipient::User(_) => Recipient::User(discord_id?),
        NoticeRecipient::Channel(channel) => Recipient::Channel(channel.get()),
    };
    let matter = match notice.matter {
        NoticeMatter::Alert { kind, subject, detail } => Matter::Alert {
            kind: kind.to_string(),
            subject,
            detail,
            last_told: told.last,
            held_back: told.held_back,
        },
        NoticeMatter::Letter { letter, words, .. } => {
            Matter::Letter { text: said(letter, notice.language, house, words) }
        }
        NoticeMatter::Report(digest) => Matter::Report(report(&digest)),
    };
    let id = format!("{}.{tries}.{}", notice.id, notice.created_at.0);
    Some(Notice { id, to, language: notice.language, matter })
}

/// A letter as a message: what people have named has no effect in it.
fn said(letter: Letter, language: Language, house: &str, words: mails::Words) -> String {
    let safe = |(name, word): (String, String)| {
        let word = if name == "link" { word } else { escape(&word) };
        (name, word)
    };
    let words = words.into_iter().map(safe).collect();
    let Written { subject, text } = mails::say(letter, language, &escape(house), &words);
    format!("**{subject}**\n\n{text}")
}

fn taken_apart(id: &str) -> Option<(AlertId, i64, Timestamp)> {
    let mut parts = id.split('.');
    let id = parts.next()?.parse().ok()?;
    let tries = parts.next()?.parse().ok()?;
    let created_at = Timestamp(parts.next()?.parse().ok()?);
    parts.next().is_none().then_some((id, tries, created_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_have_named_has_no_effect_in_a_letter() {
        let told =
            [("project", "*a* @everyone [x](https://y)"), ("left", "6 h"), ("link", "https://inn.example/p")];
        let text = said(Letter::Runway, Language::En, "The_Inn", mails::words(told));
        assert!(text.starts_with("**The\\_Inn: \\*a\\* @\u{200b}everyone"), "{text}");
        assert!(text.contains("lasts for 6 h") && text.contains("\n\nhttps://inn.example/p"), "{text}");
        assert!(!text.contains("https://y") && !text.contains("-- "), "{text}");
    }
}
