//! What somebody may see, in their language.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{self, Reading, Signal, SignalKind, State, busy};
use innkeeper_domain::ids::{HostId, InstanceId};
use innkeeper_domain::instances::State as InstanceState;
use innkeeper_domain::mails::Language;
use innkeeper_domain::services::ServiceState as Seen;
use innkeeper_domain::users::Role;
use innkeeper_engine::{InstanceFilter, WatchedService};

use super::{Desk, number, unavailable};
use crate::house::{Answer, Balance, Caller, Host, HostState, Instance, Players, Service, ServiceState};
use crate::texts::{Put, Texts};

/// Instances read at once.
const PAGE: i64 = 100;

/// The most instances that are shown to somebody: a message has room for no more.
const MOST: usize = 200;

impl Desk {
    pub(super) async fn hosts_of(&self, actor: &Actor, language: Language) -> Answer<Vec<Host>> {
        let hosts = match self.engine.hosts(actor).await {
            Ok(hosts) => hosts,
            Err(error) => return Err(self.refused(language, error).await),
        };
        let texts = self.texts().await;
        let staff = actor.role >= Role::Operator;
        Ok(hosts.iter().map(|one| host(one, staff, &texts, language)).collect())
    }

    pub(super) async fn services_of(&self, actor: &Actor, language: Language) -> Answer<Vec<Service>> {
        let now = self.engine.clock().now();
        let services = match self.engine.services(actor).await {
            Ok(services) => services,
            Err(error) => return Err(self.refused(language, error).await),
        };
        Ok(services.iter().map(|watched| service(watched, now)).collect())
    }

    /// The instances of one's own projects: staff may see all there are, and those are not theirs.
    pub(super) async fn instances_of(&self, actor: &Actor, language: Language) -> Answer<Vec<Instance>> {
        let texts = self.texts().await;
        let mut found = Vec::new();
        for (project, _) in &actor.memberships {
            let filter = InstanceFilter { project_id: Some(*project), ..InstanceFilter::default() };
            let mut after: Option<InstanceId> = None;
            while found.len() < MOST {
                let page = match self.engine.instances(actor, &filter, after, PAGE).await {
                    Ok(page) => page,
                    Err(error) => return Err(self.refused(language, error).await),
                };
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                found.extend(page.iter().map(|instance| Instance {
                    key: instance.id.to_string(),
                    name: instance.name.to_string(),
                    state: instance_word(instance.state(), &texts, language),
                }));
            }
        }
        found.truncate(MOST);
        Ok(found)
    }

    /// The credits of one's own project.
    pub(super) async fn balance_of(&self, actor: &Actor, caller: &Caller) -> Answer<Balance> {
        let user = self.engine.linked_user(number(caller.discord_id)?).await;
        let Some(user) = user.map_err(|error| unavailable(&error))? else {
            return Err(unavailable(&innkeeper_engine::Error::NotFound("user")));
        };
        let balance = match self.engine.balance(actor, user.personal_project).await {
            Ok(balance) => balance,
            Err(error) => return Err(self.refused(caller.language, error).await),
        };
        let texts = self.texts().await;
        let mut amount = balance.wallet.to_string();
        if caller.language == Language::Fr {
            amount = amount.replace('.', ",");
        }
        Ok(Balance {
            credits: texts.say(caller.language, "credits", &[("amount", Put::Ours(&amount))]),
            lasts: balance.runway.map(|left| length(left, &texts, caller.language)),
        })
    }
}

/// Why it is where it is may name people and addresses: that is for staff.
fn host(host: &hosts::Host, staff: bool, texts: &Texts, language: Language) -> Host {
    let course = &host.course;
    let detail = match course.state {
        State::Error => course.reason.clone().filter(|_| staff),
        State::Ready => busy(&host.signals).map(|signal| why(signal, texts, language)),
        _ => None,
    };
    Host {
        key: host.id.to_string(),
        name: host.name.to_string(),
        state: match course.state {
            State::Unknown => HostState::Unknown,
            State::Off => HostState::Off,
            State::Waking => HostState::Waking,
            State::Booting => HostState::Booting,
            State::Ready => HostState::Ready,
            State::Idle => HostState::Countdown,
            State::Draining => HostState::Draining,
            State::ShuttingDown => HostState::ShuttingDown,
            State::Maintenance => HostState::Maintenance,
            State::Error => HostState::Error,
        },
        detail,
        sleeps_at: course.deadline.filter(|_| course.state == State::Idle),
    }
}

/// Why a host stays awake.
fn why(signal: &Signal, texts: &Texts, language: Language) -> String {
    let key = match (signal.reading, signal.kind) {
        (Reading::Unreadable, SignalKind::Voice) => "why.voice_unreadable".to_owned(),
        (Reading::Unreadable, SignalKind::Players) => "why.players_unreadable".to_owned(),
        (Reading::Unreadable, _) => "why.unreadable".to_owned(),
        (_, kind) => format!("why.{kind}"),
    };
    texts.say(language, &key, &[])
}

fn service(watched: &WatchedService, now: innkeeper_domain::time::Timestamp) -> Service {
    let service = &watched.service;
    // What was seen too long ago says nothing of now.
    let fresh = |sighting: &&innkeeper_domain::services::Sighting| {
        now.since(sighting.seen_at) <= innkeeper_domain::services::FRESH
    };
    let sighting = watched.sighting.as_ref().filter(fresh);
    let state = match sighting.map(|sighting| sighting.state) {
        Some(Seen::Up) => ServiceState::Up,
        Some(Seen::Starting) => ServiceState::Starting,
        Some(Seen::Down) => ServiceState::Down,
        Some(Seen::Unreadable) | None => ServiceState::Unknown,
    };
    let answer = sighting.filter(|sighting| sighting.state == Seen::Up).map(|sighting| &sighting.answer);
    let players = answer.and_then(|answer| {
        Some(Players { online: answer.players?, max: answer.most.unwrap_or(0), names: answer.names.clone() })
    });
    Service {
        key: service.id.to_string(),
        name: service.name.to_string(),
        host: service.at.host().map(|id: HostId| id.to_string()),
        state,
        address: service.join_address.clone(),
        players,
    }
}

fn instance_word(state: InstanceState, texts: &Texts, language: Language) -> String {
    match state {
        InstanceState::Running => texts.say(language, "instance.running", &[]),
        InstanceState::Stopped => texts.say(language, "instance.stopped", &[]),
        other => other.to_string(),
    }
}

fn length(time: Duration, texts: &Texts, language: Language) -> String {
    let minutes = time.as_secs() / 60;
    let (days, hours, rest) = (minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
    if days > 0 {
        return texts.say(
            language,
            "time.days",
            &[("days", Put::Number(days)), ("hours", Put::Number(hours))],
        );
    }
    texts.say(language, "time.hours", &[("hours", Put::Number(hours)), ("minutes", Put::Number(rest))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_keeps_a_host_awake_has_its_words() {
        for kind in SignalKind::ALL {
            for reading in [Reading::Busy, Reading::Unreadable] {
                let said = why(&Signal::new(*kind, reading, "secret"), &Texts::default(), Language::Fr);
                assert!(!said.contains('.') && !said.contains("secret"), "{kind} {reading}: {said}");
            }
        }
    }
}
