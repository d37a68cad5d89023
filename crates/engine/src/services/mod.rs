//! Services: what staff say of them, who may see and restart them, and the loops that look at them, go on with their
//! restarts, and keep their doormen at the doors.

mod asking;
mod doormen;
mod driving;
mod ground;
mod looking;
mod pushing;
mod restarting;
mod signals;

use innkeeper_domain::abilities::Ability;
use innkeeper_domain::access::{Action, Actor, Answer, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{ProjectId, ServiceId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::Hostname;
use innkeeper_domain::services::{BadService, Doorman, Place, Service, ServiceKind};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::services::Watched;
use innkeeper_store::{Sealed, Topic, Tx, clusters, events, hosts, instances, restarts, services};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub(crate) use doormen::run as run_doormen;
pub(crate) use driving::run as run_restarts;
pub(crate) use looking::run;

use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// The remote console of a service.
#[derive(Clone, Debug)]
pub struct RconAccess {
    /// Its port.
    pub port: u16,
    /// Its password.
    pub password: SecretString,
}

/// A service to look after.
#[derive(Clone, Debug)]
pub struct NewService {
    /// How people call it.
    pub name: Hostname,
    /// Where it runs.
    pub at: Place,
    /// By what it is spoken to.
    pub kind: ServiceKind,
    /// The language of what players read.
    pub language: Language,
    /// Its address; none for that which its instance reports.
    pub address: Option<String>,
    /// What people enter to reach it, when that is not its address.
    pub join_address: Option<String>,
    /// Its port.
    pub port: u16,
    /// What is asked for over HTTP.
    pub path: Option<String>,
    /// Its guest goes to sleep and wakes with the host.
    pub rests: bool,
    /// How long it may take to be ready, in seconds.
    pub ready_seconds: u32,
    /// How long before a restart players are told, in seconds.
    pub warn_seconds: u32,
    /// Its remote console.
    pub rcon: Option<RconAccess>,
    /// Who answers for it while it sleeps.
    pub doorman: Option<Doorman>,
    /// What every user may do with it.
    pub users_may: Vec<Ability>,
}

/// What is to be changed of a service; what is none stays. Where it runs and what it is do not change.
#[derive(Clone, Debug, Default)]
pub struct ServiceChange {
    /// How people call it.
    pub name: Option<Hostname>,
    /// The language of what players read.
    pub language: Option<Language>,
    /// Its address, or that which its instance reports.
    pub address: Option<Option<String>>,
    /// What people enter to reach it, or that address.
    pub join_address: Option<Option<String>>,
    /// Its port.
    pub port: Option<u16>,
    /// What is asked for over HTTP.
    pub path: Option<Option<String>>,
    /// Its guest goes to sleep and wakes with the host.
    pub rests: Option<bool>,
    /// How long it may take to be ready, in seconds.
    pub ready_seconds: Option<u32>,
    /// How long before a restart players are told, in seconds.
    pub warn_seconds: Option<u32>,
    /// Its remote console, or none.
    pub rcon: Option<Option<RconAccess>>,
    /// Who answers for it while it sleeps, or nobody.
    pub doorman: Option<Option<Doorman>>,
    /// What every user may do with it.
    pub users_may: Option<Vec<Ability>>,
}

impl From<BadService> for Error {
    fn from(bad: BadService) -> Self {
        Self::invalid(bad.field, bad.message)
    }
}

/// What the sealed password of a console is bound to.
fn place(id: ServiceId) -> String {
    format!("services/rcon_password/{id}")
}

impl Engine {
    /// Has a service looked after.
    pub async fn add_service(
        &self,
        actor: &Actor,
        new: NewService,
        key: Option<&Idempotency>,
    ) -> Result<Watched, Error> {
        allow(may(actor, Action::RunHouse), "service")?;
        let now = self.clock().now();
        let service = Service {
            id: ServiceId::new(),
            name: new.name,
            at: new.at,
            kind: new.kind,
            language: new.language,
            address: new.address,
            join_address: new.join_address,
            port: new.port,
            path: new.path,
            rests: new.rests,
            ready_seconds: new.ready_seconds,
            warn_seconds: new.warn_seconds,
            rcon_port: new.rcon.as_ref().map(|rcon| rcon.port),
            doorman: new.doorman,
            users_may: new.users_may,
            created_at: now,
        };
        service.check()?;
        let sealed = new.rcon.as_ref().map(|rcon| self.seal_rcon(service.id, rcon)).transpose()?;
        self.check_place(service.at).await?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<ServiceId>(&mut tx, actor, key).await? {
            drop(tx);
            return services::by_id(self.db(), before).await?.ok_or(Error::NotFound("service"));
        }
        services::insert(&mut tx, &service, sealed.as_ref()).await.map_err(taken)?;
        self.record(&mut tx, actor, Deed::done("service.create", service.id).after(told(&service)));
        self.remember(&mut tx, actor, key, &service.id).await?;
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(Watched { service, sighting: None, door_problem: None, fence: 0 })
    }

    /// Changes how a service is looked after.
    pub async fn change_service(
        &self,
        actor: &Actor,
        id: ServiceId,
        change: ServiceChange,
    ) -> Result<Watched, Error> {
        allow(may(actor, Action::RunHouse), "service")?;
        let kept = services::rcon_password(self.db(), id).await?;
        let mut tx = self.db().begin().await?;
        let mut watched = services::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("service"))?;
        let service = &mut watched.service;
        let before = told(service);
        let sealed = match &change.rcon {
            Some(Some(rcon)) => Some(self.seal_rcon(id, rcon)?),
            Some(None) => None,
            None => kept,
        };
        let new_password = change.rcon.is_some();
        change.apply(service);
        service.check()?;
        services::update(&mut tx, service, sealed.as_ref(), self.clock().now()).await.map_err(taken)?;
        let mut after = told(service);
        after["new_rcon"] = new_password.into();
        self.record(&mut tx, actor, Deed::done("service.update", id).before(before).after(after));
        tx.wake(Topic::Guardian);
        tx.commit().await?;
        Ok(watched)
    }

    /// Looks after a service no longer. It stays as it is.
    pub async fn remove_service(&self, actor: &Actor, id: ServiceId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "service")?;
        let mut tx = self.db().begin().await?;
        let watched = services::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("service"))?;
        if restarts::under_way_tx(&mut tx, id).await?.is_some() {
            let message = "the service is being restarted; wait until that has ended";
            return Err(Error::conflict("restart_under_way", message));
        }
        services::remove(&mut tx, id).await?;
        self.record(&mut tx, actor, Deed::done("service.delete", id).before(told(&watched.service)));
        tx.wake(Topic::Guardian);
        Ok(tx.commit().await?)
    }

    /// The services that the actor may see, by name.
    pub async fn services(&self, actor: &Actor) -> Result<Vec<Watched>, Error> {
        allow(may(actor, Action::Look), "service")?;
        let mut seen = Vec::new();
        for watched in services::list(self.db()).await? {
            if self.may_use_service(actor, &watched.service, Ability::See).await? == Answer::Yes {
                seen.push(watched);
            }
        }
        Ok(seen)
    }

    /// One service, with what was last seen of it.
    pub async fn service(&self, actor: &Actor, id: ServiceId) -> Result<Watched, Error> {
        let watched = services::by_id(self.db(), id).await?.ok_or(Error::NotFound("service"))?;
        self.allow_service(actor, &watched.service, Ability::See).await?;
        Ok(watched)
    }

    /// What the actor may do with a service.
    pub async fn service_abilities(&self, actor: &Actor, service: &Service) -> Result<Vec<Ability>, Error> {
        let mut able = Vec::new();
        for ability in [Ability::See, Ability::Restart] {
            if self.may_use_service(actor, service, ability).await? == Answer::Yes {
                able.push(ability);
            }
        }
        Ok(able)
    }

    /// Where it is to run must be known, and be named for what it is.
    async fn check_place(&self, at: Place) -> Result<(), Error> {
        match at {
            Place::Instance(id) => {
                let instance = instances::by_id(self.db(), id).await?;
                if instance.is_none_or(|instance| instance.deleted_at.is_some()) {
                    return Err(Error::invalid("at", "there is no such instance"));
                }
            }
            Place::Host(id) | Place::Guest { host: id, .. } => {
                let host = hosts::by_id(self.db(), id).await?;
                let host = host.ok_or_else(|| Error::invalid("at", "there is no such host"))?;
                let Place::Guest { vmid, .. } = at else { return Ok(()) };
                let cluster = clusters::by_id(self.db(), host.cluster_id).await?;
                let ours = instances::numbered(self.db(), host.cluster_id, vmid).await?;
                if cluster.is_some() && ours.iter().any(|instance| instance.deleted_at.is_none()) {
                    let message = format!("guest {vmid} is an instance of the house; name it as such");
                    return Err(Error::invalid("at", message));
                }
            }
        }
        Ok(())
    }

    fn seal_rcon(&self, id: ServiceId, rcon: &RconAccess) -> Result<Sealed, Error> {
        let password = rcon.password.expose_secret();
        if password.is_empty() || password.len() > 200 || password.chars().any(char::is_control) {
            return Err(Error::invalid("rcon", "the password has 1 to 200 characters, on one line"));
        }
        Ok(self.0.keys.seal(password.as_bytes(), &place(id)))
    }

    /// The password of the console of a service, if it has one.
    async fn rcon_password(&self, id: ServiceId) -> Result<Option<SecretString>, Error> {
        let Some(sealed) = services::rcon_password(self.db(), id).await? else { return Ok(None) };
        let bad =
            |error: String| Error::Internal(format!("the console of service {id} cannot be opened: {error}"));
        let plain = self.0.keys.open(&sealed, &place(id)).map_err(|error| bad(error.to_string()))?;
        let text = std::str::from_utf8(&plain).map_err(|error| bad(error.to_string()))?;
        Ok(Some(SecretString::from(text.to_owned())))
    }
}

impl ServiceChange {
    fn apply(self, service: &mut Service) {
        fn set<T>(to: &mut T, new: Option<T>) {
            if let Some(new) = new {
                *to = new;
            }
        }
        set(&mut service.name, self.name);
        set(&mut service.language, self.language);
        set(&mut service.address, self.address);
        set(&mut service.join_address, self.join_address);
        set(&mut service.port, self.port);
        set(&mut service.path, self.path);
        set(&mut service.rests, self.rests);
        set(&mut service.ready_seconds, self.ready_seconds);
        set(&mut service.warn_seconds, self.warn_seconds);
        set(&mut service.rcon_port, self.rcon.map(|rcon| rcon.map(|rcon| rcon.port)));
        set(&mut service.doorman, self.doorman);
        set(&mut service.users_may, self.users_may);
    }
}

fn taken(error: innkeeper_store::Error) -> Error {
    match error {
        innkeeper_store::Error::Conflict("service name") => {
            Error::conflict("name_taken", "another service has this name; choose another")
        }
        other => other.into(),
    }
}

/// A service for the audit log: everything but the password.
fn told(service: &Service) -> Value {
    serde_json::to_value(service).unwrap_or_else(|_| json!({ "name": service.name }))
}

/// Something of a service changed; those who may see its project are told.
async fn tell(
    tx: &mut Tx,
    service: ServiceId,
    project: Option<ProjectId>,
    what: &str,
    now: Timestamp,
) -> Result<(), Error> {
    Ok(events::append(tx, now, project, Subject::Service, &service.to_string(), what).await?)
}
