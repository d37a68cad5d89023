//! Interactions: commands, buttons, and what is typed on. The same answers whether they came by the gateway or by HTTP.

use std::pin::Pin;

use innkeeper_domain::time::Timestamp;

use crate::bot::{Bot, HASTE, Place, lock, within};
use crate::deeds::Talk;
use crate::gateway::language_of;
use crate::house::{Caller, Deed, Failure, House, Period, Power, Settings};
use crate::rest::RestError;
use crate::statement::{Nonce, Statement};
use crate::texts::{Put, Texts, shorten};
use crate::wire::{Interaction, Response, Words, interaction as kind};
use crate::{commands, language};

/// What remains to be done after the first answer has arrived.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The first answer to an interaction, and what follows.
pub(crate) struct Turn {
    pub(crate) response: Response,
    pub(crate) after: Option<Work>,
    /// The question that is answered by this, unless the answer does not arrive.
    claimed: Option<Nonce>,
}

impl Turn {
    fn only(response: Response) -> Self {
        Self { response, after: None, claimed: None }
    }
}

/// Answers what came by the gateway. Nothing is done for an interaction that Discord does not let us answer: it is too
/// late, or another process of ours was faster.
pub(crate) async fn from_gateway<H: House>(bot: &Bot<H>, interaction: Interaction) {
    let (id, token) = (interaction.id.0, interaction.token.clone());
    let turn = answer(bot, interaction).await;
    match bot.rest.respond(id, &token, &turn.response).await {
        Ok(()) => {
            if let Some(after) = turn.after {
                after.await;
            }
        }
        Err(error) => {
            if let Some(nonce) = turn.claimed {
                lock(&bot.answered).remove(&nonce);
            }
            let late = matches!(error, RestError::Refused { code: 10062 | 40060, .. });
            tracing::warn!(late, %error, "an interaction could not be answered; nothing is done for it");
        }
    }
}

/// The first answer, within Discord's three seconds, and what follows.
pub(crate) async fn answer<H: House>(bot: &Bot<H>, interaction: Interaction) -> Turn {
    if interaction.kind == kind::PING {
        return Turn::only(Response::Pong);
    }
    let Some(caller) = caller(&interaction) else { return Turn::only(Response::Keep) };
    match interaction.kind {
        kind::COMMAND => command(bot, interaction, caller),
        kind::AUTOCOMPLETE => {
            let choices = within(HASTE, bot.choices(&caller, &interaction)).await.unwrap_or_default();
            Turn::only(Response::Choices(choices))
        }
        kind::COMPONENT => press(bot, interaction, caller).await,
        _ => Turn::only(Response::Keep),
    }
}

/// Who asks, as Discord says with this very request.
fn caller(interaction: &Interaction) -> Option<Caller> {
    let user = interaction.author()?;
    let member = interaction.member.as_ref();
    let nick = member.and_then(|member| member.nick.clone());
    Some(Caller {
        discord_id: user.id.0,
        name: nick.or_else(|| user.global_name.clone()).unwrap_or_else(|| user.username.clone()),
        roles: member.map(|member| member.roles.iter().map(|role| role.0).collect()).unwrap_or_default(),
        guild: interaction.guild_id.map(|guild| guild.0),
        language: language_of(interaction.locale.as_deref().unwrap_or_default()),
    })
}

fn command<H: House>(bot: &Bot<H>, interaction: Interaction, caller: Caller) -> Turn {
    let name = interaction.data.as_ref().and_then(|data| data.name.clone()).unwrap_or_default();
    let response = Response::Wait { private: commands::is_private(&name) };
    let bot = bot.clone();
    let after: Work = Box::pin(async move {
        let place =
            Place::Answer { application: interaction.application_id.0, token: interaction.token.clone() };
        let settings = match bot.settings().await {
            Ok(settings) => settings,
            Err(failure) => {
                let words = failed(&Texts::default(), &caller, &failure);
                bot.show(&place, &Words::new(words)).await;
                return;
            }
        };
        let texts = Texts::new(&settings);
        if let Some(elsewhere) = elsewhere(&settings, &texts, &caller, interaction.channel()) {
            bot.show(&place, &Words::new(elsewhere)).await;
            return;
        }
        let talk = Talk { caller, texts, place, key: format!("discord:i{}", interaction.id.0) };
        if let Err(failure) = carry(&bot, &talk, &name, &interaction).await {
            talk.say(&bot, failed(&talk.texts, &talk.caller, &failure)).await;
        }
    });
    Turn { response, after: Some(after), claimed: None }
}

/// Where to ask instead, when commands do not count in this channel.
pub(crate) fn elsewhere(
    settings: &Settings,
    texts: &Texts,
    caller: &Caller,
    channel: Option<u64>,
) -> Option<String> {
    let allowed = &settings.command_channels;
    if caller.guild.is_none() || allowed.is_empty() || channel.is_some_and(|id| allowed.contains(&id)) {
        return None;
    }
    let channels: Vec<String> = allowed.iter().map(|channel| format!("<#{channel}>")).collect();
    Some(texts.say(caller.language, "elsewhere", &[("channels", Put::Ours(&channels.join(" ")))]))
}

/// What is said of a failure.
pub(crate) fn failed(texts: &Texts, caller: &Caller, failure: &Failure) -> String {
    match failure {
        Failure::Refused { message, .. } => {
            texts.say(caller.language, "refused", &[("message", Put::Theirs(message))])
        }
        Failure::Unavailable(why) => {
            tracing::warn!(why, "the house could not be asked");
            texts.say(caller.language, "unavailable", &[])
        }
    }
}

async fn carry<H: House>(
    bot: &Bot<H>,
    talk: &Talk,
    name: &str,
    interaction: &Interaction,
) -> Result<(), Failure> {
    let truth = |name: &str| interaction.given(name).and_then(serde_json::Value::as_bool) == Some(true);
    let host = interaction.text("host");
    match name {
        "status" => talk.say(bot, bot.status(talk).await?).await,
        "players" => talk.say(bot, bot.players(talk, interaction.text("service")).await?).await,
        "instances" => talk.say(bot, bot.instances(talk).await?).await,
        "balance" => talk.say(bot, bot.balance(talk).await?).await,
        "report" => {
            let period =
                if interaction.text("period") == Some("weekly") { Period::Weekly } else { Period::Daily };
            talk.say(bot, bot.report(talk, period).await?).await;
        }
        "link" => talk.say(bot, bot.link(talk, truth("remove")).await?).await,
        "help" => talk.say(bot, bot.help(talk).await?).await,
        "wake" => {
            let Some((host, name)) = bot.choose_host(talk, host).await? else { return Ok(()) };
            let hours = interaction.given("hours").and_then(serde_json::Value::as_u64);
            if let Some(hours) = hours.and_then(|hours| u8::try_from(hours.clamp(1, 24)).ok()) {
                bot.allow(talk, &Deed::Wake { host: host.clone() }).await?;
                let keep = Deed::KeepAwake { host: host.clone(), hours };
                bot.allow(talk, &keep).await?;
                bot.ask(bot.house.carry_out(&talk.caller, &keep, &format!("{}:keep", talk.key))).await?;
            }
            bot.propose(talk, Deed::Wake { host }, &name).await?;
        }
        "sleep" => {
            let Some((host, name)) = bot.choose_host(talk, host).await? else { return Ok(()) };
            let deed = if truth("cancel") { Deed::CancelSleep { host } } else { Deed::Sleep { host } };
            bot.propose(talk, deed, &name).await?;
        }
        "maintenance" => {
            let Some((host, name)) = bot.choose_host(talk, host).await? else { return Ok(()) };
            bot.propose(talk, Deed::Maintenance { host, on: truth("on") }, &name).await?;
        }
        "start" | "stop" => {
            let instance = interaction.text("instance");
            let Some((instance, shown)) = bot.choose_instance(talk, instance).await? else { return Ok(()) };
            let power = if name == "start" { Power::Start } else { Power::Stop };
            bot.propose(talk, Deed::Power { instance, power }, &shown).await?;
        }
        "restart" => {
            let target = interaction.text("target");
            let Some((deed, name)) = bot.choose_restart(talk, target).await? else { return Ok(()) };
            bot.propose(talk, deed, &name).await?;
        }
        _ => return Err(Failure::Unavailable(format!("there is no command {name}"))),
    }
    Ok(())
}

/// A button was pressed. What it is for is in the button, signed; who presses is said by Discord.
async fn press<H: House>(bot: &Bot<H>, interaction: Interaction, caller: Caller) -> Turn {
    let texts = bot.texts().await;
    let privately =
        |key| Turn::only(Response::Say(Words::new(texts.say(caller.language, key, &[])).private()));
    let custom_id = interaction.data.as_ref().and_then(|data| data.custom_id.as_deref());
    let Some(statement) = custom_id.and_then(|id| bot.signer.read(id)) else {
        return privately("confirm.invalid");
    };
    if statement.who.is_some_and(|who| who != caller.discord_id) {
        return privately("confirm.not_yours");
    }
    let question = interaction.message.as_ref().map(|message| message.content.clone()).unwrap_or_default();
    let becomes = |key| {
        let said = texts.say(caller.language, key, &[("question", Put::Ours(&question))]);
        Turn::only(Response::Become(Words::new(said)))
    };
    let expired = statement.until < bot.config.clock.now();
    if statement.who.is_none() {
        // On a live message, which stays as it is: whoever pressed is answered alone.
        if expired {
            return privately("confirm.invalid");
        }
        let after = bot.clone().after_press(statement, caller, &interaction, texts);
        return Turn { response: Response::Wait { private: true }, after: Some(after), claimed: None };
    }
    if expired {
        return becomes("confirm.expired");
    }
    if !bot.claim(&statement) {
        return Turn::only(Response::Keep);
    }
    if !statement.yes {
        return becomes("confirm.cancelled");
    }
    let claimed = Some(statement.nonce);
    let after = bot.clone().after_press(statement, caller, &interaction, texts);
    let response = Response::Become(Words::new(shorten(format!("{question}\n⏳"))));
    Turn { response, after: Some(after), claimed }
}

impl<H: House> Bot<H> {
    /// Whether this answer to a question is the first.
    fn claim(&self, statement: &Statement) -> bool {
        let now = self.config.clock.now();
        let mut answered = lock(&self.answered);
        answered.retain(|_, until: &mut Timestamp| *until >= now);
        let first = answered.insert(statement.nonce, statement.until).is_none();
        drop(answered);
        if let Some(waiting) = lock(&self.asked).remove(&statement.nonce) {
            waiting.cancel();
        }
        first
    }

    fn after_press(
        self,
        statement: Statement,
        caller: Caller,
        interaction: &Interaction,
        texts: Texts,
    ) -> Work {
        let place =
            Place::Answer { application: interaction.application_id.0, token: interaction.token.clone() };
        Box::pin(async move {
            let talk = Talk { caller, texts, place, key: statement.key() };
            let deed = statement.deed;
            let outcome = async {
                // Rights are asked for again: roles may have changed since the question.
                self.allow(&talk, &deed).await?;
                let name = self.name_of(&talk, &deed).await?;
                self.carry_out(&talk, &deed, &name).await
            };
            if let Err(failure) = outcome.await {
                talk.say(&self, failed(&talk.texts, &talk.caller, &failure)).await;
            }
        })
    }
}

/// What was typed, as names are compared.
pub(crate) fn folded(text: &str) -> String {
    language::normal(text).join(" ")
}
