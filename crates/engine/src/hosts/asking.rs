//! What people ask of a host: to wake, to sleep, to stay awake, to be left alone. Each is a wish; the loop does the rest.

use std::time::Duration;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Actor, Proof};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::hosts::{Asked, Host, State, Wake, busy};
use innkeeper_domain::ids::HostId;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Topic, Tx, events, hosts, users};
use serde_json::json;

use super::allow_host;
use crate::{Engine, Error};

/// The longest that a host is kept awake by one wish.
const LONGEST_WATCH: Duration = Duration::from_hours(24 * 7);

impl Engine {
    /// Wakes a host, and calls back one that is on its way to sleep.
    pub async fn wake_host(&self, actor: &Actor, id: HostId, why: Option<&str>) -> Result<Host, Error> {
        let asked = self.asked(actor, why.unwrap_or("asked for")).await?;
        self.wish_of_host(actor, id, Ability::Wake, "host.wake", |host| {
            in_hand(host)?;
            if host.profile.wake == Wake::None
                && matches!(host.course.state, State::Off | State::Error | State::ShuttingDown)
            {
                return Err(Error::conflict(
                    "cannot_be_woken",
                    "the host's profile names no way to wake it; an operator must add one",
                ));
            }
            host.course.want(asked);
            Ok(())
        })
        .await
    }

    /// Has a host go to sleep: when nothing needs it, the countdown begins at once.
    pub async fn sleep_host(&self, actor: &Actor, id: HostId) -> Result<Host, Error> {
        let asked = self.asked(actor, "asked for").await?;
        self.wish_of_host(actor, id, Ability::Sleep, "host.sleep", |host| {
            in_hand(host)?;
            match host.course.state {
                State::Off | State::Draining | State::ShuttingDown | State::Idle => return Ok(()),
                State::Ready => {}
                state => {
                    let message = format!("the host is {state}; wait until it is ready");
                    return Err(Error::Conflict { code: "host_not_ready", message });
                }
            }
            // What keeps it awake only because somebody wished so is ended by this wish.
            let mut signals = host.signals.clone();
            signals.retain(|signal| {
                use innkeeper_domain::hosts::SignalKind::{Asked, KeepAwake};
                !matches!(signal.kind, Asked | KeepAwake)
            });
            if let Some(signal) = busy(&signals) {
                let message = format!("the host is needed: {}", signal.reason);
                return Err(Error::Conflict { code: "host_needed", message });
            }
            host.course.lay_to_rest(asked);
            Ok(())
        })
        .await
    }

    /// Calls off that a host goes to sleep. Whoever may wake it may do that.
    pub async fn cancel_sleep(&self, actor: &Actor, id: HostId) -> Result<Host, Error> {
        let asked = self.asked(actor, "the sleep was called off").await?;
        self.wish_of_host(actor, id, Ability::Wake, "host.cancel_sleep", |host| {
            in_hand(host)?;
            match host.course.state {
                State::Idle | State::Draining => {}
                State::Ready if host.course.sleep.is_some() => {}
                State::ShuttingDown => {
                    return Err(Error::conflict(
                        "too_late",
                        "the host has been told to switch itself off; wake it instead: it is woken when it is off",
                    ));
                }
                _ => {
                    return Err(Error::conflict("not_going_to_sleep", "the host is not on its way to sleep"));
                }
            }
            host.course.want(asked);
            Ok(())
        })
        .await
    }

    /// Keeps a host awake until then, and wakes it; none ends that.
    pub async fn keep_awake(
        &self,
        actor: &Actor,
        id: HostId,
        until: Option<Timestamp>,
    ) -> Result<Host, Error> {
        let now = self.clock().now();
        if let Some(until) = until {
            if until <= now {
                return Err(Error::invalid("until", "write a time that is still to come"));
            }
            if until > now.after(LONGEST_WATCH) {
                return Err(Error::invalid(
                    "until",
                    "a host is kept awake for a week at most; use its hours",
                ));
            }
        }
        let asked = self.asked(actor, "kept awake").await?;
        self.wish_of_host(actor, id, Ability::Wake, "host.keep_awake", |host| {
            in_hand(host)?;
            host.course.keep_awake(until, asked);
            Ok(())
        })
        .await
    }

    /// Takes a host out of the guardian's hands, or gives it back.
    pub async fn maintain_host(&self, actor: &Actor, id: HostId, on: bool) -> Result<Host, Error> {
        let asked = self.asked(actor, "maintenance").await?;
        self.wish_of_host(actor, id, Ability::Maintain, "host.maintain", |host| {
            if on == (host.course.state == State::Maintenance) {
                return Ok(());
            }
            if matches!(host.course.state, State::Draining | State::ShuttingDown) {
                return Err(Error::conflict(
                    "host_going_to_sleep",
                    "the host is on its way to sleep; wait until it is off, or call it back first",
                ));
            }
            host.course.maintain(on, &asked.by, asked.at);
            Ok(())
        })
        .await
    }

    /// Leaves an error: the host is looked at anew.
    pub async fn clear_host(&self, actor: &Actor, id: HostId) -> Result<Host, Error> {
        let asked = self.asked(actor, "cleared").await?;
        self.wish_of_host(actor, id, Ability::Wake, "host.clear", |host| {
            if host.course.state != State::Error {
                return Err(Error::conflict(
                    "no_error",
                    "nothing is wrong with the host that could be cleared",
                ));
            }
            host.course.clear(&asked.by, asked.at);
            Ok(())
        })
        .await
    }

    /// Somebody knocks who needs the host: a player at the door, for example.
    pub(crate) async fn want_awake(&self, id: HostId, by: String, why: &str) -> Result<(), Error> {
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let Some(mut host) = hosts::by_id_tx(&mut tx, id).await? else { return Ok(()) };
        let sleeps =
            !matches!(host.course.state, State::Ready | State::Waking | State::Booting | State::Maintenance);
        if !sleeps || host.course.asked.is_some() {
            return Ok(());
        }
        let before = host.course.state;
        host.course.want(Asked { at: now, by: by.clone(), why: why.to_owned() });
        self.write_wish(&mut tx, &host, before).await?;
        let deed = Deed::done("host.wake", id).after(json!({ "by": by, "why": why }));
        self.record(&mut tx, &Actor::house(), deed);
        Ok(tx.commit().await?)
    }

    async fn wish_of_host(
        &self,
        actor: &Actor,
        id: HostId,
        ability: Ability,
        deed: &str,
        change: impl FnOnce(&mut Host) -> Result<(), Error>,
    ) -> Result<Host, Error> {
        let mut tx = self.db().begin().await?;
        let mut host = hosts::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("host"))?;
        allow_host(actor, &host, ability)?;
        let before = host.course.clone();
        change(&mut host)?;
        if host.course != before {
            self.write_wish(&mut tx, &host, before.state).await?;
            let told = |course: &innkeeper_domain::hosts::Course| json!({ "state": course.state, "asked": course.asked, "sleep": course.sleep, "awake_until": course.awake_until });
            let deed = Deed::done(deed, id).before(told(&before)).after(told(&host.course));
            self.record(&mut tx, actor, deed);
        }
        tx.commit().await?;
        Ok(host)
    }

    async fn write_wish(&self, tx: &mut Tx, host: &Host, before: State) -> Result<(), Error> {
        let now = self.clock().now();
        hosts::wish(tx, host, now).await?;
        if host.course.state != before {
            hosts::note(tx, host).await?;
        }
        events::append(tx, now, None, Subject::Host, &host.id.to_string(), host.course.state.as_str())
            .await?;
        tx.wake(Topic::Guardian);
        Ok(())
    }

    /// Who asks, as people call them.
    async fn asked(&self, actor: &Actor, why: &str) -> Result<Asked, Error> {
        let at = self.clock().now();
        if why.chars().count() > 200 || why.chars().any(char::is_control) {
            return Err(Error::invalid("reason", "write up to 200 characters on one line"));
        }
        Ok(Asked { at, by: self.called(actor).await?, why: why.to_owned() })
    }

    /// What people call whoever asks.
    pub(crate) async fn called(&self, actor: &Actor) -> Result<String, Error> {
        if let Some(id) = actor.user_id
            && let Some(user) = users::by_id(self.db(), id).await?
        {
            return Ok(user.name.to_string());
        }
        Ok(match &actor.proof {
            Proof::Discord { id, .. } => format!("Discord user {id}"),
            _ => "the house".to_owned(),
        })
    }
}

fn in_hand(host: &Host) -> Result<(), Error> {
    if host.course.state == State::Maintenance {
        return Err(Error::conflict("host_maintenance", "the host is under maintenance; end that first"));
    }
    Ok(())
}
