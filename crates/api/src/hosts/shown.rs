//! A host as it is shown: to staff with everything, to others without anybody's names and addresses.

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::hosts::{self as domain, Presence, Probe, Reading, SignalKind, State};
use innkeeper_domain::ids::{ClusterId, HostId};
use innkeeper_domain::names::{Hostname, NodeName};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::Engine;
use serde::Serialize;
use utoipa::ToSchema;

use super::profile::{HostProfile, HostSecretsSet};
use crate::auth::Caller;
use crate::problem::Problem;
use crate::reports::Report;

/// A node that is woken when somebody needs it and laid to rest when nobody does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Host {
    /// Identity.
    id: HostId,
    /// What people call it.
    name: Hostname,
    /// Where it stands.
    state: State,
    /// Since when.
    since: Timestamp,
    /// Why; for staff only, as it may name what others have.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Until when this state may last: the end of the countdown, of the time to start up, of the time to switch off.
    deadline: Option<Timestamp>,
    /// Since when nothing needs it, while it is awake; null while something does, and once it is told to switch itself off.
    quiet_since: Option<Timestamp>,
    /// Until when it is kept awake.
    awake_until: Option<Timestamp>,
    /// Who wants it awake, until it is.
    asked: Option<HostWish>,
    /// Who wants it to sleep as soon as nothing needs it.
    sleep: Option<HostWish>,
    /// What needs it and what does not. It sleeps only when all are quiet.
    signals: Vec<HostSignal>,
    /// How it shows itself, all probes taken together.
    presence: Presence,
    /// What each probe found.
    probes: Vec<HostProbed>,
    /// When it was last looked at.
    seen_at: Option<Timestamp>,
    /// What can be done with it now, by you.
    can: Vec<HostCan>,
    /// Its cluster; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<ClusterId>,
    /// Its node; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeName>,
    /// How it is woken and switched off, and when it may sleep; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<HostProfile>,
    /// Which secrets are set; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<HostSecretsSet>,
    /// When it was added.
    created_at: Timestamp,
}

/// What somebody asked of a host.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostWish {
    /// When.
    at: Timestamp,
    /// Who; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What one kind of need says.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostSignal {
    /// Of what kind.
    kind: SignalKind,
    /// What it says.
    reading: Reading,
    /// Why. Staff are told names.
    reason: String,
}

/// What one probe found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostProbed {
    /// Which.
    probe: Probe,
    /// Whether the host answers it; null where it could not be asked.
    answers: Option<bool>,
    /// What came of it; for staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Report>,
}

/// Whether something can be done with a host.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostCan {
    /// What.
    ability: Ability,
    /// Whether you may, and it can be done now.
    possible: bool,
    /// Why not, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    /// Why not, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Host {
    /// The host as this caller may see it.
    pub(super) async fn of(engine: &Engine, caller: &Caller, host: domain::Host) -> Result<Self, Problem> {
        let staff = caller.is_staff();
        let can = can(&engine.host_abilities(&caller.actor, &host), &host);
        let secrets = if staff { Some(engine.host_secrets_set(&caller.actor, host.id).await?) } else { None };
        let domain::Host { id, name, cluster_id, node, profile, course, seen, signals, created_at, .. } =
            host;
        let wish = |asked: domain::Asked| HostWish {
            at: asked.at,
            by: staff.then_some(asked.by),
            why: staff.then_some(asked.why),
        };
        let signal = |signal: domain::Signal| HostSignal {
            kind: signal.kind,
            reading: signal.reading,
            reason: if staff { signal.reason } else { signal.told().to_owned() },
        };
        let probed = |probed: domain::Probed| HostProbed {
            probe: probed.probe,
            answers: probed.answers,
            report: staff.then(|| probed.report.into()),
        };
        Ok(Self {
            id,
            name,
            state: course.state,
            since: course.since,
            reason: course.reason.filter(|_| staff),
            deadline: course.deadline,
            quiet_since: course.quiet_since,
            awake_until: course.awake_until,
            asked: course.asked.map(wish),
            sleep: course.sleep.map(wish),
            signals: signals.into_iter().map(signal).collect(),
            presence: seen.presence,
            probes: seen.probes.into_iter().map(probed).collect(),
            seen_at: seen.at,
            can,
            cluster_id: staff.then_some(cluster_id),
            node: staff.then_some(node),
            profile: staff.then(|| profile.into()),
            secrets: secrets.map(|set| HostSecretsSet { secure_on: set.secure_on, webhook: set.webhook }),
            created_at,
        })
    }

    pub(super) fn identity(&self) -> String {
        self.id.to_string()
    }
}

/// What can be done with a host by whoever may do this much.
fn can(granted: &[Ability], host: &domain::Host) -> Vec<HostCan> {
    let show = |ability: &Ability| {
        let (code, reason) = match host.bar(*ability) {
            _ if !granted.contains(ability) => {
                (Some("forbidden"), Some("the house does not let you do that".to_owned()))
            }
            Some(bar) => (Some(bar.code), Some(bar.message)),
            None => (None, None),
        };
        HostCan { ability: *ability, possible: code.is_none(), code, reason }
    };
    Ability::ALL.iter().map(show).collect()
}
