//! A house for the stories: it keeps what it is told, does each deed once per key, and restarts one thing at a time.
//! It outlives the bot, as the real one does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use innkeeper_discord::{
    Ability, Answer, Balance, Begun, Board, Caller, Deed, Delivery, End, Failure, Host, HostState, House,
    Instance, Link, Notice, Period, Players, Progress, Report, Service, ServiceState, Settings,
};
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Inn {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) hosts: Vec<Host>,
    pub(crate) services: Vec<Service>,
    pub(crate) instances: BTreeMap<u64, Vec<Instance>>,
    pub(crate) linked: BTreeMap<u64, String>,
    /// Every deed that was really done, and for whom.
    pub(crate) done: Vec<(u64, Deed)>,
    /// Every time somebody asked for one.
    pub(crate) asked: usize,
    pub(crate) operations: BTreeMap<String, Progress>,
    /// What the house knows of voice channels; a channel that is not here is not known.
    pub(crate) voice: BTreeMap<u64, Vec<u64>>,
    /// Everything that it was told of them.
    pub(crate) heard: Vec<String>,
    pub(crate) boards: HashMap<u64, u64>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) settled: Vec<(String, Delivery)>,
    pub(crate) silent: bool,
    /// How often the live message was looked at.
    pub(crate) looks: usize,
    keys: HashMap<String, Begun>,
}

pub(crate) fn host(key: &str, name: &str, state: HostState) -> Host {
    Host { key: key.to_owned(), name: name.to_owned(), state, detail: None, sleeps_at: None }
}

pub(crate) fn service(key: &str, name: &str) -> Service {
    Service {
        key: key.to_owned(),
        name: name.to_owned(),
        host: Some("hst_pve".to_owned()),
        state: ServiceState::Up,
        address: Some("play.example:25565".to_owned()),
        players: Some(Players { online: 1, max: 12, names: vec!["Alice_1".to_owned()] }),
    }
}

impl Inn {
    /// One host, one Minecraft server; everybody sees and wakes, keepers do the rest.
    pub(crate) fn new() -> Self {
        let settings = Settings {
            everyone: [Ability::See, Ability::Wake].into(),
            roles: BTreeMap::from([(crate::fake::ROLE_KEEPER, Ability::ALL.into_iter().collect())]),
            voice_channels: [crate::fake::VOICE].into(),
            ..Settings::default()
        };
        let state = State {
            settings,
            hosts: vec![host("hst_pve", "pve", HostState::Ready)],
            services: vec![service("svc_mc", "Minecraft")],
            instances: BTreeMap::new(),
            linked: BTreeMap::new(),
            done: Vec::new(),
            asked: 0,
            operations: BTreeMap::new(),
            voice: BTreeMap::new(),
            heard: Vec::new(),
            boards: HashMap::new(),
            notices: Vec::new(),
            settled: Vec::new(),
            silent: false,
            looks: 0,
            keys: HashMap::new(),
        };
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.changed.send_replace(());
        changed
    }

    pub(crate) async fn until<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look(&self.state()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        });
        found.await.unwrap_or_else(|_| {
            let state = self.state();
            panic!("the house did not come to: {what}\ndone: {:?}\nvoice: {:?}", state.done, state.voice)
        })
    }

    /// An operation goes on.
    pub(crate) fn step(&self, operation: &str, step: &str) {
        self.progress_to(operation, step, None);
    }

    pub(crate) fn end(&self, operation: &str, end: End) {
        self.progress_to(operation, "", Some(end));
    }

    fn progress_to(&self, operation: &str, step: &str, end: Option<End>) {
        self.change(|state| {
            let progress = state.operations.get_mut(operation).unwrap();
            progress.version += 1;
            step.clone_into(&mut progress.step);
            progress.end = end;
        });
    }

    fn answer<T>(&self, look: impl FnOnce(&mut State) -> T) -> Answer<T> {
        let answer = self.change(|state| if state.silent { None } else { Some(look(state)) });
        answer.ok_or_else(|| Failure::Unavailable("the house is silent".to_owned()))
    }
}

fn refused(code: &str, message: &str) -> Failure {
    Failure::Refused { code: code.to_owned(), message: message.to_owned() }
}

impl House for Inn {
    async fn settings(&self) -> Answer<Settings> {
        self.answer(|state| state.settings.clone())
    }

    async fn abilities(&self, caller: &Caller) -> Answer<BTreeSet<Ability>> {
        self.answer(|state| {
            let mut abilities = state.settings.granted(&caller.roles);
            if state.linked.contains_key(&caller.discord_id) {
                abilities.insert(Ability::Power);
            }
            abilities
        })
    }

    async fn hosts(&self, _: &Caller) -> Answer<Vec<Host>> {
        self.answer(|state| state.hosts.clone())
    }

    async fn services(&self, _: &Caller) -> Answer<Vec<Service>> {
        self.answer(|state| state.services.clone())
    }

    async fn instances(&self, caller: &Caller) -> Answer<Vec<Instance>> {
        self.answer(|state| {
            if !state.linked.contains_key(&caller.discord_id) {
                return Err(refused("not_linked", "Liez d’abord votre compte avec /link."));
            }
            Ok(state.instances.get(&caller.discord_id).cloned().unwrap_or_default())
        })?
    }

    async fn balance(&self, caller: &Caller) -> Answer<Balance> {
        self.answer(|state| {
            if !state.linked.contains_key(&caller.discord_id) {
                return Err(refused("not_linked", "Liez d’abord votre compte avec /link."));
            }
            Ok(Balance { credits: "12,5 crédits".to_owned(), lasts: Some("3 jours".to_owned()) })
        })?
    }

    async fn report(&self, _: &Caller, period: Period) -> Answer<Report> {
        self.answer(|_| report(period))
    }

    async fn carry_out(&self, caller: &Caller, deed: &Deed, key: &str) -> Answer<Begun> {
        self.answer(|state| {
            state.asked += 1;
            if let Some(begun) = state.keys.get(key) {
                return Ok(begun.clone());
            }
            let running = state.done.iter().any(|(_, other)| other == deed)
                && state.operations.values().any(|progress| progress.end.is_none());
            if matches!(deed, Deed::RestartService { .. }) && running {
                return Err(refused("busy", "Un redémarrage est déjà en cours."));
            }
            state.done.push((caller.discord_id, deed.clone()));
            let begun = match deed {
                Deed::CancelSleep { .. } => {
                    state.hosts[0].sleeps_at = None;
                    state.hosts[0].state = HostState::Ready;
                    Begun::Done
                }
                Deed::Maintenance { .. } | Deed::KeepAwake { .. } => Begun::Done,
                Deed::Wake { .. } if state.hosts[0].state == HostState::Ready => Begun::Already,
                _ => {
                    let id = format!("op_{}", state.operations.len() + 1);
                    let progress = Progress { version: 1, step: "demandé".to_owned(), end: None };
                    state.operations.insert(id.clone(), progress);
                    Begun::Operation(id)
                }
            };
            state.keys.insert(key.to_owned(), begun.clone());
            Ok(begun)
        })?
    }

    async fn progress(&self, _: &Caller, operation: &str, seen: u64, patience: Duration) -> Answer<Progress> {
        let mut changed = self.changed.subscribe();
        let newer = async {
            loop {
                changed.mark_unchanged();
                let progress = self.state().operations[operation].clone();
                if progress.version > seen {
                    return progress;
                }
                changed.changed().await.unwrap();
            }
        };
        if let Ok(progress) = tokio::time::timeout(patience, newer).await {
            return Ok(progress);
        }
        self.answer(|state| state.operations[operation].clone())
    }

    async fn begin_link(&self, caller: &Caller) -> Answer<Link> {
        self.answer(|state| match state.linked.get(&caller.discord_id) {
            Some(account) => Link::Linked { account: account.clone() },
            None => Link::Open {
                url: "https://inn.example/link/abc".to_owned(),
                code: "K7Q2".to_owned(),
                until: Timestamp(2_000_000_000_000_000),
            },
        })
    }

    async fn unlink(&self, caller: &Caller) -> Answer<bool> {
        self.answer(|state| state.linked.remove(&caller.discord_id).is_some())
    }

    async fn note_voice(&self, channel: u64, members: &[u64]) -> Answer<()> {
        self.answer(|state| {
            if state.voice.insert(channel, members.to_vec()).as_deref() != Some(members) {
                state.heard.push(format!("{} there", members.len()));
            }
        })
    }

    async fn voice_lost(&self, channel: Option<u64>) -> Answer<()> {
        self.answer(|state| {
            state.voice.retain(|there, _| channel.is_some_and(|channel| channel != *there));
            state.heard.push("lost".to_owned());
        })
    }

    async fn board(&self, _: Language) -> Answer<Board> {
        self.answer(|state| {
            state.looks += 1;
            Board { hosts: state.hosts.clone(), services: state.services.clone() }
        })
    }

    async fn board_message(&self, channel: u64) -> Answer<Option<u64>> {
        self.answer(|state| state.boards.get(&channel).copied())
    }

    async fn keep_board_message(&self, channel: u64, message: u64) -> Answer<()> {
        self.answer(|state| {
            state.boards.insert(channel, message);
        })
    }

    async fn claim_notices(&self, _: usize) -> Answer<Vec<Notice>> {
        self.answer(|state| std::mem::take(&mut state.notices))
    }

    async fn settle_notice(&self, id: &str, delivery: Delivery) -> Answer<()> {
        self.answer(|state| state.settled.push((id.to_owned(), delivery)))
    }
}

pub(crate) fn report(period: Period) -> Report {
    Report {
        period,
        from: Timestamp(1_800_000_000_000_000),
        to: Timestamp(1_800_086_400_000_000),
        wakes: 2,
        hours_slept: 17,
        restarts: 1,
        most_players: 6,
        failures: 0,
    }
}
