//! Deeds: choosing what they are done to, asking once more, doing them, and telling how far they are.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::bot::{Bot, Place, lock};
use crate::house::{Begun, Caller, Deed, End, Failure, House, Power};
use crate::interactions::folded;
use crate::statement::{Nonce, Statement};
use crate::texts::{Put, Texts};
use crate::wire::{Button, Words};

/// How long the house may take to say something new of an operation.
const FOLLOW: Duration = Duration::from_secs(20);

/// Answers can be changed for fifteen minutes; the last word must be in before that.
const LONGEST_TALK: Duration = Duration::from_mins(14);

/// A conversation: who asked, where they are answered, and under which key the house does it once.
pub(crate) struct Talk {
    pub(crate) caller: Caller,
    pub(crate) texts: Texts,
    pub(crate) place: Place,
    pub(crate) key: String,
}

impl Talk {
    pub(crate) async fn say<H: House>(&self, bot: &Bot<H>, said: String) {
        bot.show(&self.place, &Words::new(said)).await;
    }

    pub(crate) fn text(&self, key: &str, put: &[(&str, Put<'_>)]) -> String {
        self.texts.say(self.caller.language, key, put)
    }
}

/// A key of the house, and what it is called.
pub(crate) type Named = (String, String);

impl<H: House> Bot<H> {
    /// Changes a message, and says in the log when that is not to be had.
    pub(crate) async fn show(&self, place: &Place, words: &Words) -> bool {
        match self.edit(place, words).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%error, "an answer could not be changed");
                false
            }
        }
    }

    /// Refuses whoever may not do it.
    pub(crate) async fn allow(&self, talk: &Talk, deed: &Deed) -> Result<(), Failure> {
        if self.ask(self.house.abilities(&talk.caller)).await?.contains(&deed.ability()) {
            return Ok(());
        }
        Err(forbidden(talk))
    }

    /// Does it, or asks once more where somebody could lose something.
    pub(crate) async fn propose(&self, talk: &Talk, deed: Deed, name: &str) -> Result<(), Failure> {
        self.allow(talk, &deed).await?;
        if !deed.is_dangerous() {
            return self.carry_out(talk, &deed, name).await;
        }
        let Some(question) = self.question(&talk.caller, &talk.texts, deed, name) else {
            return Err(Failure::Unavailable("no button can be made for this".to_owned()));
        };
        if self.show(&talk.place, &question.words(true)).await {
            self.wait_for_answer(question, talk.place.clone(), &talk.texts, talk.caller.language);
        }
        Ok(())
    }

    /// A question with two buttons that only the caller may press.
    pub(crate) fn question(
        &self,
        caller: &Caller,
        texts: &Texts,
        deed: Deed,
        name: &str,
    ) -> Option<Question> {
        let said =
            texts.say(caller.language, &format!("ask.{}", deed.word()), &[("name", Put::Theirs(name))]);
        // Buttons know seconds: never less time than was promised.
        let until = self.config.clock.now().after(self.config.pace.confirm + Duration::from_secs(1));
        let nonce = rand::random();
        let danger = deed.is_dangerous();
        let yes = Statement { who: Some(caller.discord_id), until, nonce, yes: true, deed };
        let no = Statement { yes: false, ..yes.clone() };
        let (yes, no) = (self.signer.write(&yes)?, self.signer.write(&no)?);
        let label = |key| texts.say(caller.language, key, &[]).chars().take(80).collect();
        let yes = if danger {
            Button::danger(label("button.yes"), yes)
        } else {
            Button::good(label("button.yes"), yes)
        };
        Some(Question { nonce, said, buttons: [yes, Button::plain(label("button.no"), no)] })
    }

    /// Ends a question when nobody answers it in time. A restart of the process loses this, and nothing else: the
    /// buttons say themselves until when they count.
    pub(crate) fn wait_for_answer(
        &self,
        question: Question,
        place: Place,
        texts: &Texts,
        language: innkeeper_domain::mails::Language,
    ) {
        let answered = CancellationToken::new();
        lock(&self.asked).insert(question.nonce, answered.clone());
        let over = texts.say(language, "confirm.expired", &[("question", Put::Ours(&question.said))]);
        let bot = self.clone();
        self.spawn(async move {
            tokio::select! {
                () = answered.cancelled() => return,
                () = bot.stop.cancelled() => return,
                () = tokio::time::sleep(bot.config.pace.confirm) => {}
            }
            // Whoever takes it out of the list has it: the press, or we.
            if lock(&bot.asked).remove(&question.nonce).is_none() {
                return;
            }
            let end = bot.config.clock.now().after(Duration::from_secs(2));
            lock(&bot.answered).insert(question.nonce, end);
            bot.show(&place, &Words { content: over, ..question.words(false) }).await;
        });
    }

    /// Has it done, and tells how far it is until it has ended.
    pub(crate) async fn carry_out(&self, talk: &Talk, deed: &Deed, name: &str) -> Result<(), Failure> {
        let word = deed.word();
        let put = [("name", Put::Theirs(name))];
        match self.ask(self.house.carry_out(&talk.caller, deed, &talk.key)).await? {
            Begun::Done => talk.say(self, talk.text(&format!("now.{word}"), &put)).await,
            Begun::Already => talk.say(self, talk.text(&format!("already.{word}"), &put)).await,
            Begun::Operation(id) => self.follow(talk, word, name, &id).await?,
        }
        Ok(())
    }

    async fn follow(&self, talk: &Talk, word: &str, name: &str, operation: &str) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut seen, mut shown) = (0, String::new());
        let mut next_edit = began;
        let named = ("name", Put::Theirs(name));
        loop {
            let asked = Instant::now();
            let progress = tokio::select! {
                progress = self.ask_long(talk, operation, seen) => progress,
                () = self.stop.cancelled() => {
                    talk.say(self, talk.text("longer", &[named])).await;
                    return Ok(());
                }
            };
            let progress = match progress {
                Ok(progress) => progress,
                Err(Failure::Unavailable(why)) if began.elapsed() < LONGEST_TALK => {
                    tracing::warn!(why, operation, "how far it is cannot be said");
                    tokio::time::sleep(self.config.pace.look).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            match progress.end {
                Some(End::Done { seconds }) => {
                    let put = [named, ("seconds", Put::Number(seconds))];
                    talk.say(self, talk.text(&format!("done.{word}"), &put)).await;
                    return Ok(());
                }
                Some(End::Failed { message }) => {
                    talk.say(self, talk.text("failed", &[named, ("message", Put::Theirs(&message))])).await;
                    return Ok(());
                }
                None => {}
            }
            if began.elapsed() >= LONGEST_TALK {
                talk.say(self, talk.text("longer", &[named])).await;
                return Ok(());
            }
            let put = [named, ("step", Put::Theirs(&progress.step))];
            let said = talk.text(&format!("doing.{word}"), &put);
            if said != shown {
                tokio::time::sleep_until(next_edit).await;
                if let Err(error) = self.edit(&talk.place, &Words::new(&said)).await
                    && error.is_final()
                {
                    tracing::info!(%error, operation, "nobody can be told any more how far it is");
                    return Ok(());
                }
                next_edit = Instant::now() + self.config.pace.edit;
                shown = said;
            }
            // A house that does not wait is not asked as fast as it answers.
            if progress.version <= seen && asked.elapsed() < self.config.pace.edit {
                tokio::time::sleep(self.config.pace.edit).await;
            }
            seen = progress.version;
        }
    }

    async fn ask_long(
        &self,
        talk: &Talk,
        operation: &str,
        seen: u64,
    ) -> crate::house::Answer<crate::house::Progress> {
        let question = self.house.progress(&talk.caller, operation, seen, FOLLOW);
        crate::bot::within(FOLLOW + Duration::from_secs(10), question).await
    }

    pub(crate) async fn choose_host(
        &self,
        talk: &Talk,
        given: Option<&str>,
    ) -> Result<Option<Named>, Failure> {
        let hosts = self.ask(self.house.hosts(&talk.caller)).await?;
        self.choose(talk, hosts.into_iter().map(|host| (host.key, host.name)).collect(), given).await
    }

    pub(crate) async fn choose_instance(
        &self,
        talk: &Talk,
        given: Option<&str>,
    ) -> Result<Option<Named>, Failure> {
        let instances = self.ask(self.house.instances(&talk.caller)).await?;
        let named = instances.into_iter().map(|instance| (instance.key, instance.name)).collect();
        self.choose(talk, named, given).await
    }

    /// A service, or an instance of one's own.
    pub(crate) async fn choose_restart(
        &self,
        talk: &Talk,
        given: Option<&str>,
    ) -> Result<Option<(Deed, String)>, Failure> {
        let services = self.ask(self.house.services(&talk.caller)).await?;
        let services: Vec<Named> = services.into_iter().map(|service| (service.key, service.name)).collect();
        if let Some(given) = given
            && find(&services, given).is_none()
            // Whoever is not linked has no instances, which is no reason to refuse the rest.
            && let Ok(instances) = self.ask(self.house.instances(&talk.caller)).await
        {
            let instances: Vec<Named> =
                instances.into_iter().map(|instance| (instance.key, instance.name)).collect();
            if let Some((instance, name)) = find(&instances, given) {
                let deed = Deed::Power { instance: instance.clone(), power: Power::Restart };
                return Ok(Some((deed, name.clone())));
            }
        }
        let chosen = self.choose(talk, services, given).await?;
        Ok(chosen.map(|(service, name)| (Deed::RestartService { service }, name)))
    }

    /// The one that is meant; says what there is when that is not clear.
    async fn choose(
        &self,
        talk: &Talk,
        named: Vec<Named>,
        given: Option<&str>,
    ) -> Result<Option<Named>, Failure> {
        let said = match given {
            Some(given) => match find(&named, given) {
                Some(found) => return Ok(Some(found.clone())),
                None => talk.text("which.unknown", &[("name", Put::Theirs(given))]),
            },
            None => match named.as_slice() {
                [] => talk.text("which.none", &[]),
                [only] => return Ok(Some(only.clone())),
                many => which(&talk.texts, &talk.caller, many),
            },
        };
        talk.say(self, said).await;
        Ok(None)
    }

    /// What the target of a deed is called, for whoever may see it.
    pub(crate) async fn name_of(&self, talk: &Talk, deed: &Deed) -> Result<String, Failure> {
        let caller = &talk.caller;
        let named: Vec<Named> = match deed {
            Deed::RestartService { .. } => {
                let services = self.ask(self.house.services(caller)).await?;
                services.into_iter().map(|service| (service.key, service.name)).collect()
            }
            Deed::Power { .. } => {
                let instances = self.ask(self.house.instances(caller)).await?;
                instances.into_iter().map(|instance| (instance.key, instance.name)).collect()
            }
            _ => {
                let hosts = self.ask(self.house.hosts(caller)).await?;
                hosts.into_iter().map(|host| (host.key, host.name)).collect()
            }
        };
        let found = named.into_iter().find(|(key, _)| key == deed.target());
        found.map(|(_, name)| name).ok_or_else(|| Failure::Refused {
            code: "not_found".to_owned(),
            message: talk.text("which.none", &[]),
        })
    }
}

/// What is said to whoever may not.
pub(crate) fn forbidden(talk: &Talk) -> Failure {
    Failure::Refused { code: "forbidden".to_owned(), message: talk.text("forbidden", &[]) }
}

/// By key, as typing on gives it, or by name, as people type it when it is only one's name.
fn find<'a>(named: &'a [Named], given: &str) -> Option<&'a Named> {
    if let Some(found) = named.iter().find(|(key, _)| key == given) {
        return Some(found);
    }
    let mut of_name = named.iter().filter(|(_, name)| folded(name) == folded(given));
    of_name.next().filter(|_| of_name.next().is_none())
}

/// «Which one? oak, elm»
pub(crate) fn which(texts: &Texts, caller: &Caller, named: &[Named]) -> String {
    let names: Vec<String> = named.iter().take(25).map(|(_, name)| crate::texts::escape(name)).collect();
    texts.say(caller.language, "which", &[("names", Put::Ours(&names.join(", ")))])
}

/// A question that stands.
pub(crate) struct Question {
    nonce: Nonce,
    said: String,
    buttons: [Button; 2],
}

impl Question {
    /// The message that asks; with buttons that can be pressed or not.
    pub(crate) fn words(&self, open: bool) -> Words {
        let buttons = self.buttons.clone().map(|button| if open { button } else { button.disabled() });
        Words::new(&self.said).with(&buttons)
    }
}
