//! How far something is: of a host by its state, of a service by its restart, of an instance by its operation. What is
//! followed is named in full, so that any process can go on with it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Host, State};
use innkeeper_domain::ids::{HostId, OperationId, RestartId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::operations::{Operation, State as OperationState};
use innkeeper_domain::restarts::{Restart, RestartState};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::Role;
use innkeeper_engine::Error;
use tokio::time::Instant;

use super::Desk;
use super::saying::state_word;
use crate::house::{Answer, Caller, End, Failure, Progress};
use crate::texts::{Put, Texts};

/// Hints may be lost between processes.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Something under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// A host that is to be awake, since then.
    Wake(HostId, Timestamp),
    /// A host that is to sleep, since then.
    Sleep(HostId, Timestamp),
    /// A restart of a service.
    Restart(RestartId),
    /// An operation of an instance.
    Operation(OperationId),
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wake(id, since) => write!(f, "wake:{id}:{}", since.0),
            Self::Sleep(id, since) => write!(f, "sleep:{id}:{}", since.0),
            Self::Restart(id) => id.fmt(f),
            Self::Operation(id) => id.fmt(f),
        }
    }
}

impl FromStr for Followed {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        let strange = || Failure::Unavailable(format!("`{text}` is nothing that can be followed"));
        if let Some((word, rest)) = text.split_once(':') {
            let (id, since) = rest.split_once(':').ok_or_else(strange)?;
            let id = id.parse().map_err(|_| strange())?;
            let since = Timestamp(since.parse().map_err(|_| strange())?);
            return match word {
                "wake" => Ok(Self::Wake(id, since)),
                "sleep" => Ok(Self::Sleep(id, since)),
                _ => Err(strange()),
            };
        }
        if let Ok(id) = text.parse() {
            return Ok(Self::Restart(id));
        }
        text.parse().map(Self::Operation).map_err(|_| strange())
    }
}

impl Desk {
    pub(super) async fn follow(
        &self,
        caller: &Caller,
        operation: &str,
        seen: u64,
        patience: Duration,
    ) -> Answer<Progress> {
        let followed: Followed = operation.parse()?;
        let texts = self.texts().await;
        let until = Instant::now() + patience;
        let mut happenings = self.engine.happenings();
        loop {
            happenings.mark();
            // Asked anew each time: rights may have ended meanwhile.
            let actor = self.actor(caller).await?;
            let progress = match self.look(&actor, followed, &texts, caller.language).await {
                Ok(progress) => progress,
                Err(error) => return Err(self.refused(caller.language, error).await),
            };
            let left = until.saturating_duration_since(Instant::now());
            if progress.end.is_some() || progress.version > seen || left.is_zero() {
                return Ok(progress);
            }
            happenings.wait(left.min(LOOK_AGAIN)).await;
        }
    }

    async fn look(
        &self,
        actor: &Actor,
        followed: Followed,
        texts: &Texts,
        language: Language,
    ) -> Result<Progress, Error> {
        let staff = actor.role >= Role::Operator;
        Ok(match followed {
            Followed::Wake(id, since) => {
                waking(&self.engine.host(actor, id).await?, since, staff, texts, language)
            }
            Followed::Sleep(id, since) => {
                falling_asleep(&self.engine.host(actor, id).await?, since, staff, texts, language)
            }
            Followed::Restart(id) => restarting(&self.engine.restart(actor, id).await?, texts, language),
            Followed::Operation(id) => operating(&self.engine.operation(actor, id).await?, texts, language),
        })
    }
}

/// Since when a host stands where it stands, as a number that grows.
fn version(host: &Host) -> u64 {
    u64::try_from(host.course.since.0).unwrap_or(0)
}

fn under_way(host: &Host, texts: &Texts, language: Language) -> Progress {
    let step = texts.say(language, &format!("host.{}", state_word(host.course.state)), &[]);
    Progress { version: version(host), step, end: None }
}

fn ended(mut progress: Progress, end: End) -> Progress {
    progress.end = Some(end);
    progress
}

/// Why a host is in trouble may name people and addresses: that is for staff.
fn trouble(host: &Host, staff: bool, texts: &Texts, language: Language) -> End {
    let message = match &host.course.reason {
        Some(reason) if staff => reason.clone(),
        _ => texts.say(language, "error.host_error", &[]),
    };
    End::Failed { message }
}

fn called_off(texts: &Texts, language: Language) -> End {
    End::Failed { message: texts.say(language, "error.called_off", &[]) }
}

/// Whether a host is awake by now.
fn waking(host: &Host, since: Timestamp, staff: bool, texts: &Texts, language: Language) -> Progress {
    let course = &host.course;
    let progress = under_way(host, texts, language);
    let seconds = course.since.since(since).as_secs();
    match course.state {
        State::Ready | State::Idle => ended(progress, End::Done { seconds }),
        // In trouble since before it was asked for: that it was is not looked at yet.
        State::Error if course.since > since => {
            let end = trouble(host, staff, texts, language);
            ended(progress, end)
        }
        State::Off if course.asked.is_none() => {
            let end = trouble(host, staff, texts, language);
            ended(progress, end)
        }
        State::Maintenance => ended(progress, called_off(texts, language)),
        _ => progress,
    }
}

/// Whether a host sleeps by now.
fn falling_asleep(host: &Host, since: Timestamp, staff: bool, texts: &Texts, language: Language) -> Progress {
    let course = &host.course;
    let progress = under_way(host, texts, language);
    match course.state {
        State::Off => ended(progress, End::Done { seconds: course.since.since(since).as_secs() }),
        State::Error if course.since > since => {
            let end = trouble(host, staff, texts, language);
            ended(progress, end)
        }
        State::Ready if course.sleep.is_none() => ended(progress, called_off(texts, language)),
        State::Maintenance | State::Waking | State::Booting => ended(progress, called_off(texts, language)),
        _ => progress,
    }
}

fn restarting(restart: &Restart, texts: &Texts, language: Language) -> Progress {
    let at = RestartState::ALL.iter().position(|state| *state == restart.state).unwrap_or(0);
    let step = match restart.state {
        RestartState::Done | RestartState::Failed => String::new(),
        state => texts.say(language, &format!("step.{state}"), &[]),
    };
    let end = match restart.state {
        RestartState::Done => Some(End::Done { seconds: restart.seconds.unwrap_or(0).into() }),
        RestartState::Failed => {
            let message = restart.fault.as_ref().map(|fault| fault.message.clone()).unwrap_or_default();
            Some(End::Failed { message })
        }
        _ => None,
    };
    Progress { version: at as u64 + 1, step, end }
}

fn operating(operation: &Operation, texts: &Texts, language: Language) -> Progress {
    let end = match operation.state {
        OperationState::Succeeded => {
            let ended_at = operation.ended_at.unwrap_or(operation.created_at);
            Some(End::Done { seconds: ended_at.since(operation.created_at).as_secs() })
        }
        state if state.is_final() => {
            let message = operation.fault.as_ref().map(|fault| fault.message.clone());
            Some(End::Failed { message: message.unwrap_or_else(|| state.to_string()) })
        }
        _ => None,
    };
    let step = texts.say(language, "step.working", &[] as &[(&str, Put<'_>)]);
    Progress { version: operation.steps.len() as u64 + 1, step, end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed_reads_back_what_it_writes() {
        for followed in [
            Followed::Wake(HostId::new(), Timestamp(7)),
            Followed::Sleep(HostId::new(), Timestamp(8)),
            Followed::Restart(RestartId::new()),
            Followed::Operation(OperationId::new()),
        ] {
            assert_eq!(followed.to_string().parse::<Followed>(), Ok(followed));
        }
        for bad in ["", "wake", "wake:x:1", "nap:hst_0:1", "usr_01890a5d-ac96-774b-bcce-b302099a8057"] {
            assert!(bad.parse::<Followed>().is_err(), "{bad}");
        }
    }
}
