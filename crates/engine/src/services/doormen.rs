//! The loop that keeps doormen at the doors of services, and what they ask of the house: how the service stands, and what
//! becomes of somebody who knocks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use innkeeper_connectors::minecraft::doorman::{
    Desk, Limits, Player, Posture, Server, Welcome, run as attend,
};
use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::State;
use innkeeper_domain::ids::ServiceId;
use innkeeper_domain::mails::Language;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::services::{Doorman, FRESH, Place, Scene, Service, ServiceState, Way};
use innkeeper_domain::time::Timestamp;
use innkeeper_store::services::Watched;
use innkeeper_store::{Topic, services};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::ground::Ground;
use crate::{Engine, Error};

/// How often the doors are looked at when nobody says that something has changed; also how soon one that could not be
/// opened is tried again.
const SWEEP: Duration = Duration::from_secs(3);

/// What was said a moment ago is said again, however many ask.
const SAID: Duration = Duration::from_millis(300);

/// Whoever knocked within this time counts as waiting.
const QUEUED: Duration = Duration::from_mins(5);

/// The most names that are kept of those who wait.
const MOST_QUEUED: usize = 100;

/// How long somebody who joins is kept at the door of a service that is just starting.
const HELD: Duration = Duration::from_secs(20);

/// How often is looked whether it has started.
const GLANCE: Duration = Duration::from_millis(250);

/// Knocks wake the house no more often than this.
const KNOCKS: Duration = Duration::from_secs(2);

/// A door with somebody at it.
struct Door {
    listen: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Keeps doormen at the doors until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let mut doors: HashMap<ServiceId, Door> = HashMap::new();
    let mut hints = engine.db().wakeups(Topic::Guardian);
    loop {
        hints.mark_unchanged();
        if let Err(error) = keep_doors(&engine, &mut doors).await {
            error!(%error, "looking after the doors failed; will try again");
        }
        tokio::select! {
            () = stop.cancelled() => break,
            _ = hints.changed() => {}
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
    for (_, door) in doors {
        close(door).await;
    }
}

async fn close(door: Door) {
    door.stop.cancel();
    if let Err(error) = door.task.await {
        warn!(%error, "a doorman left in disorder");
    }
}

async fn keep_doors(engine: &Engine, doors: &mut HashMap<ServiceId, Door>) -> Result<(), Error> {
    let mut wanted: Vec<(Watched, Doorman)> = Vec::new();
    for watched in services::list(engine.db()).await? {
        match watched.service.doorman.clone() {
            Some(doorman) => wanted.push((watched, doorman)),
            None => note(engine, &watched, None).await?,
        }
    }
    let over: Vec<ServiceId> = doors
        .iter()
        .filter(|(id, door)| {
            let same = |(watched, doorman): &(Watched, Doorman)| {
                watched.service.id == **id && doorman.listen == door.listen
            };
            door.task.is_finished() || !wanted.iter().any(same)
        })
        .map(|(id, _)| *id)
        .collect();
    // First those that close: another may be waiting for the address.
    for id in over {
        if let Some(door) = doors.remove(&id) {
            close(door).await;
        }
    }
    for (watched, doorman) in wanted {
        let id = watched.service.id;
        if doors.contains_key(&id) {
            note(engine, &watched, None).await?;
            continue;
        }
        match TcpListener::bind(doorman.listen).await {
            Ok(listener) => {
                info!(service = %watched.service.name, listen = %doorman.listen, "a doorman took his place");
                let stop = CancellationToken::new();
                let desk = Arc::new(FrontDesk::new(engine.clone(), id));
                let limits = Limits {
                    excuse: doorman.says(Scene::Later, watched.service.language, "…", 1),
                    ..Limits::default()
                };
                let task = tokio::spawn(attend(listener, desk, stop.clone(), limits));
                doors.insert(id, Door { listen: doorman.listen, stop, task });
                note(engine, &watched, None).await?;
            }
            Err(error) => {
                let problem = match error.kind() {
                    std::io::ErrorKind::AddrInUse => {
                        format!(
                            "{} is in use by something else; choose another, or stop that",
                            doorman.listen
                        )
                    }
                    std::io::ErrorKind::AddrNotAvailable => {
                        format!("{} is no address of this machine", doorman.listen)
                    }
                    std::io::ErrorKind::PermissionDenied => {
                        format!("we may not listen at {}; choose a port from 1024 on", doorman.listen)
                    }
                    _ => format!("{} cannot be listened at: {error}", doorman.listen),
                };
                note(engine, &watched, Some(&problem)).await?;
            }
        }
    }
    Ok(())
}

/// Writes down whether the doorman stands at his door.
async fn note(engine: &Engine, watched: &Watched, problem: Option<&str>) -> Result<(), Error> {
    if watched.door_problem.as_deref() == problem {
        return Ok(());
    }
    if let Some(problem) = problem {
        warn!(service = %watched.service.name, problem, "the doorman cannot take his place");
    }
    let mut tx = engine.db().begin().await?;
    services::set_door_problem(&mut tx, watched.service.id, problem).await?;
    Ok(tx.commit().await?)
}

/// What a doorman asks.
struct FrontDesk {
    engine: Engine,
    id: ServiceId,
    said: Mutex<Option<(Instant, Posture)>>,
    /// Who knocked last when.
    queue: Mutex<HashMap<String, Timestamp>>,
    knocked: Mutex<Option<Instant>>,
}

/// How a service stands, for whoever is at its door.
struct Standing {
    service: Service,
    doorman: Doorman,
    ground: Ground,
    scene: Scene,
    /// Where it is, when it is ready.
    ready: Option<Server>,
    progress: String,
    /// How many may play.
    most: u32,
}

impl FrontDesk {
    fn new(engine: Engine, id: ServiceId) -> Self {
        let (said, queue, knocked) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { engine, id, said, queue, knocked }
    }

    async fn standing(&self) -> Result<Option<Standing>, Error> {
        let Some(watched) = services::by_id(self.engine.db(), self.id).await? else { return Ok(None) };
        let (service, sighting) = (watched.service, watched.sighting);
        let Some(doorman) = service.doorman.clone() else { return Ok(None) };
        let mut ground = self.engine.ground(&service).await?;
        let now = self.engine.clock().now();
        let fresh = sighting.filter(|seen| now.since(seen.seen_at) <= FRESH);
        ground.guest = ground.guest.or(fresh.as_ref().and_then(|seen| seen.guest));
        let state = fresh.as_ref().map(|seen| seen.state);
        let server =
            |host: &String| Server { host: host.clone(), port: service.port, proxy: doorman.proxy_protocol };
        let up = state == Some(ServiceState::Up) && ground.guest != Some(false);
        let ready = ground.address.as_ref().filter(|_| up).map(server);
        let host = ground.host.as_ref().map(|host| (host.course.state, host.course.since));
        let (scene, since) = match host {
            Some((State::Off | State::Draining | State::ShuttingDown, _)) => (Scene::Asleep, None),
            Some((State::Waking | State::Booting, since)) => (Scene::Waking, Some(since)),
            Some((State::Maintenance | State::Error, _)) => (Scene::Closed, None),
            _ if ground.guest == Some(false) => {
                let starts = ground.instance.as_ref().is_some_and(|instance| {
                    instance.operation.is_some_and(|(_, verb)| matches!(verb, Verb::Start | Verb::Reboot))
                });
                (if starts { Scene::Starting } else { Scene::Asleep }, None)
            }
            _ => (Scene::Starting, fresh.as_ref().and_then(|seen| seen.awaited_since)),
        };
        let progress =
            since.map_or_else(|| "…".to_owned(), |since| format!("{} s", now.since(since).as_secs()));
        let most = fresh.and_then(|seen| seen.answer.most).unwrap_or(0);
        Ok(Some(Standing { service, doorman, ground, scene, ready, progress, most }))
    }

    /// How many wait, the one who just knocked included.
    fn queued(&self, name: Option<&str>) -> usize {
        let now = self.engine.clock().now();
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.retain(|_, at| now.since(*at) < QUEUED);
        if let Some(name) = name
            && (queue.len() < MOST_QUEUED || queue.contains_key(name))
        {
            queue.insert(name.to_owned(), now);
        }
        queue.len()
    }

    /// Whether a knock is to wake the house: one a moment ago did already.
    fn first_knock(&self) -> bool {
        let mut knocked = self.knocked.lock().unwrap_or_else(PoisonError::into_inner);
        let again = knocked.is_some_and(|at| at.elapsed() < KNOCKS);
        if !again {
            *knocked = Some(Instant::now());
        }
        !again
    }

    /// Has the host woken, or the instance started where its host is awake already.
    async fn rouse(&self, standing: &Standing, player: &str) -> Result<(), Error> {
        let (service, ground) = (&standing.service, &standing.ground);
        if let Some(host) = ground.asleep() {
            let why = format!("joined {}", service.name);
            self.engine.want_awake(host.id, format!("player {player}"), &why).await?;
        }
        let Some(instance) = &ground.instance else {
            let (Place::Guest { vmid, .. }, Some(host)) = (service.at, &ground.host) else { return Ok(()) };
            if service.rests && ground.guest == Some(false) && host.course.state.serves() {
                let started = self.engine.start_guest(host, vmid).await;
                started.map_err(|error| Error::Cluster(format!("the guest does not start: {error:?}")))?;
            }
            return Ok(());
        };
        if ground.guest != Some(true) && service.rests && instance.operation.is_none() {
            // On a host that sleeps it waits for that to be awake.
            self.engine.change_instance(&Actor::house(), instance.id, Verb::Start, None).await?;
        }
        Ok(())
    }

    fn show_in(standing: &Standing, server: Server) -> Welcome {
        match standing.doorman.way {
            Way::Forward => Welcome::Forward(server),
            Way::Transfer => Welcome::Transfer { host: server.host, port: server.port },
        }
    }

    async fn answer(&self, player: &Player) -> Result<Welcome, Error> {
        let later = |text: String| Welcome::Later { text };
        let Some(mut standing) = self.standing().await? else {
            return Ok(later("This door is being closed.".to_owned()));
        };
        if let Some(server) = standing.ready.take() {
            return Ok(Self::show_in(&standing, server));
        }
        let language = standing.service.language;
        if !standing.doorman.lets_in(&player.name) {
            return Ok(later(standing.doorman.says(Scene::Refused, language, &standing.progress, 0)));
        }
        let queue = self.queued(Some(&player.name));
        if standing.scene == Scene::Closed {
            return Ok(later(standing.doorman.says(Scene::Closed, language, &standing.progress, queue)));
        }
        if self.first_knock()
            && let Err(error) = self.rouse(&standing, &player.name).await
        {
            warn!(service = %standing.service.name, %error, "a knock did not wake the service");
            if !matches!(error, Error::Busy(_)) {
                return Ok(later(standing.doorman.says(Scene::Closed, language, &standing.progress, queue)));
            }
        }
        // Who comes while it is just starting is let in as soon as it is ready.
        let patience = Instant::now() + HELD;
        while standing.scene == Scene::Starting && Instant::now() < patience {
            tokio::time::sleep(GLANCE).await;
            let Some(now) = self.standing().await? else { break };
            standing = now;
            if let Some(server) = standing.ready.take() {
                return Ok(Self::show_in(&standing, server));
            }
        }
        Ok(later(standing.doorman.says(Scene::Later, language, &standing.progress, queue)))
    }
}

impl Desk for FrontDesk {
    async fn posture(&self) -> Posture {
        {
            let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, posture)) = said.as_ref()
                && at.elapsed() < SAID
            {
                return posture.clone();
            }
        }
        let posture = match self.standing().await {
            Ok(Some(standing)) => posture(&standing, self.queued(None)),
            Ok(None) => Posture::default(),
            Err(error) => {
                error!(%error, "the doorman does not know how the service stands");
                Posture::default()
            }
        };
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), posture.clone()));
        posture
    }

    async fn knock(&self, player: &Player) -> Welcome {
        match self.answer(player).await {
            Ok(welcome) => welcome,
            Err(error) => {
                error!(%error, "a knock could not be answered");
                Welcome::Later { text: "Something went wrong. Please try again in a minute.".to_owned() }
            }
        }
    }
}

/// What is shown in the server list.
fn posture(standing: &Standing, queue: usize) -> Posture {
    let (scene, language) = (standing.scene, standing.service.language);
    let waiting = match language {
        Language::En => format!("Waiting: {queue}"),
        Language::Fr => format!("En attente : {queue}"),
    };
    Posture {
        version_name: word(scene, language).to_owned(),
        motd: standing.doorman.says(scene, language, &standing.progress, queue),
        online: 0,
        max: standing.most,
        sample: if queue > 0 { vec![waiting] } else { Vec::new() },
        forward: standing.ready.clone(),
    }
}

/// How the service stands, in a word.
fn word(scene: Scene, language: Language) -> &'static str {
    match (scene, language) {
        (Scene::Asleep | Scene::Refused, Language::En) => "asleep",
        (Scene::Asleep | Scene::Refused, Language::Fr) => "endormi",
        (Scene::Waking | Scene::Later, Language::En) => "waking up",
        (Scene::Waking | Scene::Later, Language::Fr) => "se réveille",
        (Scene::Starting, Language::En) => "starting",
        (Scene::Starting, Language::Fr) => "démarre",
        (Scene::Closed, Language::En) => "closed",
        (Scene::Closed, Language::Fr) => "fermé",
    }
}
