//! A house with one host: a simulated cluster of one node, and a socket where magic packets arrive.

use std::ops::Deref;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::hosts::{Host, Profile, Reading, SignalKind, State};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Error, HostChange, Options};
use innkeeper_store::Db;
use innkeeper_testing::Barn;
use pve_sim::Kind;

pub(crate) use innkeeper_testing::{BARN, SECOND, SECRET};

pub(crate) const MAC: [u8; 6] = [0x00, 0x23, 0x7d, 0xfd, 0xc0, 0x5c];

/// More looks than any way takes.
const MOST_LOOKS: usize = 300;

pub(crate) struct House(Barn);

impl Deref for House {
    type Target = Barn;

    fn deref(&self) -> &Barn {
        &self.0
    }
}

impl House {
    /// A host that is awake, and sleeps by itself after a minute of quiet and half a minute of countdown.
    pub(crate) async fn open(db: Db) -> Self {
        Self::open_with(db, |_| {}).await
    }

    pub(crate) async fn open_with(db: Db, set: impl FnOnce(&mut Profile)) -> Self {
        let house = Self::build(db, set).await;
        house.until(State::Ready).await;
        house
    }

    /// The same, and the host has no power.
    pub(crate) async fn open_asleep(db: Db) -> Self {
        let house = Self::build(db, |_| {}).await;
        house.cut_power();
        house.until(State::Off).await;
        house
    }

    async fn build(db: Db, set: impl FnOnce(&mut Profile)) -> Self {
        let options = Options { call_timeout: Duration::from_secs(10), ..Options::default() };
        Self(Barn::build(db, "shed", options, set).await)
    }

    /// The process ends, and another begins.
    pub(crate) fn restart(&mut self) {
        self.0.engine = self.another();
    }

    /// The host is looked at this much later, due or not.
    pub(crate) async fn look(&self, after: Duration) -> Host {
        self.clock.advance(after);
        self.look_now().await
    }

    /// The host is looked at now if its time has come.
    pub(crate) async fn look_if_due(&self) -> Host {
        self.engine.watch_hosts().await.unwrap();
        self.host().await
    }

    /// The host is looked at until it stands there, every few seconds; less often for an error, which time alone brings.
    pub(crate) async fn until(&self, state: State) -> Host {
        let pause = if state == State::Error { 30 * SECOND } else { 3 * SECOND };
        for _ in 0..MOST_LOOKS {
            let host = self.look(pause).await;
            if host.course.state == state {
                return host;
            }
        }
        panic!("it never was {state}: {:?}", self.host().await);
    }

    /// For as long as it takes to fall asleep, and more, it is looked at; answers where it stood.
    pub(crate) async fn wait(&self) -> Vec<State> {
        let mut states = Vec::new();
        for _ in 0..30 {
            states.push(self.look(5 * SECOND).await.course.state);
        }
        states.dedup();
        states
    }

    /// A container that is not ours and runs.
    pub(crate) fn stranger(&self, vmid: u32) {
        self.sim.cluster("annex").with(|world| {
            world.add_guest(BARN, Kind::Lxc, vmid, &[("hostname", "stranger")], true);
        });
    }

    pub(crate) fn runs(&self, vmid: u32) -> bool {
        self.sim.cluster("annex").with(|world| world.guest(vmid).unwrap().is_running())
    }

    /// What this kind of need says.
    pub(crate) async fn reading(&self, kind: SignalKind) -> Reading {
        let host = self.host().await;
        host.signals
            .iter()
            .find(|signal| signal.kind == kind)
            .unwrap_or_else(|| panic!("no {kind}: {host:?}"))
            .reading
    }

    pub(crate) async fn change(&self, set: impl FnOnce(&mut Profile)) {
        let mut profile = self.host().await.profile;
        set(&mut profile);
        let change = HostChange { profile: Some(profile), ..HostChange::default() };
        self.engine.change_host(&Actor::house(), self.id, change).await.unwrap();
    }

    pub(crate) async fn wake(&self) {
        self.engine.wake_host(&Actor::house(), self.id, Some("game night")).await.unwrap();
    }

    /// Where it stood from the beginning on.
    pub(crate) async fn way(&self) -> Vec<State> {
        let (from, to) = (Timestamp(0), self.clock.now().after(SECOND));
        let turns = self.engine.host_history(&Actor::house(), self.id, from, to).await.unwrap();
        turns.into_iter().map(|turn| turn.state).collect()
    }
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    match result.unwrap_err() {
        Error::Conflict { code, .. } => code,
        other => panic!("{other:?}"),
    }
}
