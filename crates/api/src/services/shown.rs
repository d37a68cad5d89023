//! A service as it is shown: to staff with everything, to others without addresses.

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::ids::ServiceId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::services::{self as domain, Doorman, Place, ServiceKind, ServiceState};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, WatchedService};
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::reports::Report;

/// Something that players or users connect to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Service {
    /// Identity.
    id: ServiceId,
    /// How people call it.
    name: Hostname,
    /// By what it is spoken to.
    kind: ServiceKind,
    /// The language of what players read.
    language: Language,
    /// How it was last seen; null before the first look.
    state: Option<ServiceState>,
    /// What it answered, as long as it is up.
    answer: Option<ServiceAnswer>,
    /// What people enter to reach it; null where nobody said.
    join_address: Option<String>,
    /// When it was last looked at.
    seen_at: Option<Timestamp>,
    /// How long it may take to be ready, in seconds.
    ready_seconds: u32,
    /// How long before a restart players are told, in seconds.
    warn_seconds: u32,
    /// Whether its guest goes to sleep and wakes with the host.
    rests: bool,
    /// What you may do with it.
    can: Vec<Ability>,
    /// What is known to staff only.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<ServiceForStaff>,
    /// When it was added.
    created_at: Timestamp,
}

/// What a service answered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceAnswer {
    /// How many play; null where it does not say.
    players: Option<u32>,
    /// How many may.
    most: Option<u32>,
    /// The version, as it calls itself.
    version: Option<String>,
    /// Some of the players.
    names: Vec<String>,
    /// Its message.
    motd: Option<String>,
    /// How long the answer took, in microseconds.
    latency_us: Option<u64>,
}

impl From<domain::Answer> for ServiceAnswer {
    fn from(answer: domain::Answer) -> Self {
        let domain::Answer { players, most, version, names, motd, latency_us } = answer;
        Self { players, most, version, names, motd, latency_us }
    }
}

/// What staff see of a service.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceForStaff {
    /// Where it runs.
    at: Place,
    /// Its address; null for that which its instance reports.
    address: Option<String>,
    /// Its port.
    port: u16,
    /// What is asked for over HTTP.
    path: Option<String>,
    /// Where its remote console listens; null where we use none.
    rcon_port: Option<u16>,
    /// Who answers for it while it sleeps.
    doorman: Option<Doorman>,
    /// Why its doorman does not stand at his door.
    door_problem: Option<String>,
    /// What every user may do with it.
    users_may: Vec<Ability>,
    /// The last look.
    report: Option<Report>,
}

impl Service {
    /// The service as this caller may see it.
    pub(super) async fn of(
        engine: &Engine,
        caller: &Caller,
        watched: WatchedService,
    ) -> Result<Self, Problem> {
        let WatchedService { service, sighting, door_problem, .. } = watched;
        let can = engine.service_abilities(&caller.actor, &service).await?;
        let (state, answer, seen_at, report) = match sighting {
            Some(seen) => (Some(seen.state), Some(seen.answer), Some(seen.seen_at), Some(seen.report)),
            None => (None, None, None, None),
        };
        let staff = caller.is_staff().then(|| ServiceForStaff {
            at: service.at,
            address: service.address,
            port: service.port,
            path: service.path,
            rcon_port: service.rcon_port,
            doorman: service.doorman,
            door_problem,
            users_may: service.users_may,
            report: report.map(Into::into),
        });
        Ok(Self {
            id: service.id,
            name: service.name,
            kind: service.kind,
            language: service.language,
            answer: answer.filter(|_| state == Some(ServiceState::Up)).map(Into::into),
            state,
            join_address: service.join_address,
            seen_at,
            ready_seconds: service.ready_seconds,
            warn_seconds: service.warn_seconds,
            rests: service.rests,
            can,
            staff,
            created_at: service.created_at,
        })
    }

    pub(super) fn identity(&self) -> String {
        self.id.to_string()
    }
}
