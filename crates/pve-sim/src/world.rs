//! The state of one cluster, and the ways tests seed and bend it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

use crate::auth::{Access, Token, User};
use crate::backend::LiveGuests;
use crate::clock::{Clock, Micros, SECOND};
use crate::consoles::Desk;
use crate::faults::Faults;
use crate::guests::Guest;
use crate::guests::agent::Done;
use crate::node::Node;
use crate::options::{ClusterOptions, Latency, Profile};
use crate::resources::Published;
use crate::stats::Counters;
use crate::storage::Storage;
use crate::tasks::Tasks;

/// How often status daemons publish what `/cluster/resources` shows.
pub(crate) const PUBLISH_EVERY: Micros = 10 * SECOND;

/// Everything one cluster is made of.
pub struct World {
    pub(crate) name: String,
    pub(crate) profile: Profile,
    pub(crate) latency: Latency,
    pub(crate) clock: Clock,
    /// The time all steps of one look at the world see.
    at: Micros,
    rng: StdRng,
    pub(crate) nodes: BTreeMap<String, Node>,
    pub(crate) guests: BTreeMap<u32, Guest>,
    pub(crate) storages: BTreeMap<String, Storage>,
    pub(crate) pools: BTreeMap<String, Pool>,
    pub(crate) access: Access,
    pub(crate) tasks: Tasks,
    pub(crate) ha: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) options: BTreeMap<String, String>,
    /// Backup jobs by id.
    pub(crate) jobs: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) log: VecDeque<Value>,
    pub(crate) log_uid: u64,
    pub(crate) published: BTreeMap<u32, Published>,
    pub(crate) published_at: Micros,
    /// Commands run in machines through their agent, by guest and process, until their output is read.
    pub(crate) commands: BTreeMap<(u32, u64), Done>,
    /// What is known only inside guests: keys of root that containers were made with.
    pub(crate) keys_inside: BTreeMap<u32, String>,
    /// Passwords that agents have set, by machine and user.
    pub(crate) passwords_inside: BTreeMap<(u32, String), String>,
    pub(crate) quorate: bool,
    pub(crate) faults: Arc<Faults>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) desk: Desk,
    events: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    sequence: u64,
}

/// A resource pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pool {
    pub(crate) comment: Option<String>,
    pub(crate) storages: BTreeSet<String>,
}

/// Something that happens at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    TaskEnd(String),
    LockTimeout(String),
    NodeGone(String),
    NodeBack(String),
}

impl World {
    pub(crate) fn new(options: &ClusterOptions, latency: Latency, clock: Clock, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let now = clock.now();
        let access = Access::new(rng.random(), options.profile);
        let mut world = Self {
            name: options.name.clone(),
            profile: options.profile,
            latency,
            at: now,
            clock,
            rng,
            nodes: BTreeMap::new(),
            guests: BTreeMap::new(),
            storages: BTreeMap::new(),
            pools: BTreeMap::new(),
            access,
            tasks: Tasks::default(),
            ha: BTreeMap::new(),
            options: BTreeMap::new(),
            jobs: BTreeMap::new(),
            log: VecDeque::new(),
            log_uid: 0,
            published: BTreeMap::new(),
            published_at: now / PUBLISH_EVERY * PUBLISH_EVERY,
            commands: BTreeMap::new(),
            keys_inside: BTreeMap::new(),
            passwords_inside: BTreeMap::new(),
            quorate: true,
            faults: Arc::default(),
            counters: Arc::default(),
            desk: Desk::new(Arc::new(LiveGuests::new(None))),
            events: BinaryHeap::new(),
            sequence: 0,
        };
        for (at, node) in options.nodes.iter().enumerate() {
            world.nodes.insert(node.name.clone(), Node::new(node, at as u32 + 1, now));
        }
        crate::seed::default_world(&mut world, options);
        world.publish(now);
        world
    }

    /// The time of this look at the world.
    pub(crate) fn now(&self) -> Micros {
        self.at
    }

    /// Brings the world up to the clock: everything due happens, in order.
    pub(crate) fn advance(&mut self) {
        let now = self.clock.now().max(self.at);
        while let Some(Reverse((due, ..))) = self.events.peek() {
            if *due > now {
                break;
            }
            let Some(Reverse((due, _, event))) = self.events.pop() else { break };
            self.publish_until(due);
            self.at = self.at.max(due);
            match event {
                Event::TaskEnd(upid) => self.complete(&upid),
                Event::LockTimeout(upid) => self.lock_timeout(&upid),
                Event::NodeGone(node) => self.kill_node(&node),
                Event::NodeBack(node) => self.power_on(&node),
            }
        }
        self.publish_until(now);
        self.at = now;
        if self.tasks.has_held() && !self.faults.holds_tasks() {
            self.release_held();
        }
    }

    fn publish_until(&mut self, now: Micros) {
        let last = now / PUBLISH_EVERY * PUBLISH_EVERY;
        if last > self.published_at {
            self.publish(last);
        }
    }

    pub(crate) fn schedule(&mut self, due: Micros, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((due, self.sequence, event)));
    }

    /// A number that grows, for file names and the like.
    pub(crate) fn sequence_number(&self) -> u64 {
        self.sequence
    }

    /// A number in 0..1.
    pub(crate) fn random_unit(&mut self) -> f64 {
        self.rng.random()
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.rng.random()
    }

    /// A random UUID in text form.
    pub(crate) fn uuid(&mut self) -> String {
        uuid::Builder::from_random_bytes(self.rng.random()).into_uuid().to_string()
    }

    /// A new MAC address under Proxmox's prefix.
    pub(crate) fn mac(&mut self) -> String {
        let [a, b, c]: [u8; 3] = self.rng.random();
        format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}")
    }

    /// Notes a line of `/cluster/log`.
    pub(crate) fn log_cluster(&mut self, node: &str, user: &str, severity: u8, text: String) {
        self.log_uid += 1;
        let uid = self.log_uid;
        self.log.push_front(serde_json::json!({
            "msg": text, "node": node, "pid": 1000 + uid % 3, "uid": uid.to_string(), "time": self.at / SECOND,
            "tag": "pvedaemon", "user": user, "pri": severity, "id": format!("{uid}:{node}"),
        }));
        self.log.truncate(500);
    }

    /// The pool a guest belongs to.
    pub(crate) fn pool_of(&self, vmid: u32) -> Option<&str> {
        self.guests.get(&vmid).and_then(|g| g.pool.as_deref())
    }

    // ---- for tests and seeding ----

    /// Adds an API token and its user if missing (enabled, without a password). Replaces a token of that id.
    pub fn add_token(&mut self, user: &str, id: &str, privsep: bool, secret: &str) {
        let user = self.add_user(user, None);
        let token = Token { secret: secret.into(), privsep, expire: 0, comment: None };
        user.tokens.insert(id.into(), token);
    }

    fn add_user(&mut self, name: &str, password: Option<&str>) -> &mut User {
        let user = self
            .access
            .users
            .entry(name.to_owned())
            .or_insert_with(|| User { enable: true, ..User::default() });
        if let Some(password) = password {
            user.password = Some(password.to_owned());
        }
        user
    }

    /// Sets a user's password, adding the user if missing.
    pub fn set_password(&mut self, user: &str, password: &str) {
        self.add_user(user, Some(password));
    }

    /// Takes an API token away.
    pub fn revoke_token(&mut self, user: &str, id: &str) -> bool {
        self.access.users.get_mut(user).is_some_and(|u| u.tokens.remove(id).is_some())
    }

    /// Makes every ticket given out until now worthless, as a change of the signing key does.
    pub fn expire_tickets(&mut self) {
        self.access.key = self.rng.random();
    }

    /// Gives `role` on `path` to `user@realm` or `user@realm!token`.
    pub fn grant(&mut self, path: &str, subject: &str, role: &str) {
        let kind =
            if subject.contains('!') { crate::auth::acl::Kind::Token } else { crate::auth::acl::Kind::User };
        self.access.acl.push(crate::auth::acl::Entry {
            path: path.into(),
            kind,
            subject: subject.into(),
            role: role.into(),
            propagate: true,
        });
    }

    /// Adds a role with these privileges.
    pub fn add_role(&mut self, name: &str, privileges: &[&str]) {
        self.access.roles.insert(name.into(), privileges.iter().map(|&p| p.into()).collect());
    }

    /// Adds a pool.
    pub fn add_pool(&mut self, name: &str) {
        self.pools.entry(name.to_owned()).or_default();
    }

    /// Sets how long what begins from now on takes.
    pub fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// Sets whether the cluster has quorum. Without it every write fails.
    pub fn set_quorum(&mut self, quorate: bool) {
        self.quorate = quorate;
    }

    /// Sets a guest's config lock, or takes it away.
    pub fn set_lock(&mut self, vmid: u32, lock: Option<&str>) {
        if let Some(guest) = self.guests.get_mut(&vmid) {
            match lock {
                Some(lock) => guest.config.insert("lock".into(), lock.into()),
                None => guest.config.remove("lock"),
            };
        }
    }

    /// Lets go of every task a fault holds.
    pub fn release_tasks(&mut self) {
        self.release_held();
    }

    /// Publishes now what `/cluster/resources` shows, as the status daemons do every ten seconds.
    pub fn publish_now(&mut self) {
        self.publish(self.at);
    }

    /// The guest with this id.
    pub fn guest(&self, vmid: u32) -> Option<&Guest> {
        self.guests.get(&vmid)
    }

    /// The guest with this id, to change behind the API's back.
    pub fn guest_mut(&mut self, vmid: u32) -> Option<&mut Guest> {
        self.guests.get_mut(&vmid)
    }

    /// The lines of `ssh-public-keys` that the container was made with: what its root's `authorized_keys` has.
    pub fn keys_inside(&self, vmid: u32) -> Option<&str> {
        self.keys_inside.get(&vmid).map(String::as_str)
    }

    /// The password that the machine's agent has set for this user.
    pub fn password_inside(&self, vmid: u32, user: &str) -> Option<&str> {
        self.passwords_inside.get(&(vmid, user.to_owned())).map(String::as_str)
    }

    /// All guests.
    pub fn guests(&self) -> impl Iterator<Item = &Guest> {
        self.guests.values()
    }

    /// Names of the nodes.
    pub fn node_names(&self) -> Vec<String> {
        self.nodes.keys().cloned().collect()
    }

    /// Takes all free space of a storage, or gives it back.
    pub fn set_storage_full(&mut self, storage: &str, full: bool) {
        if let Some(storage) = self.storages.get_mut(storage) {
            storage.full = full;
        }
    }
}

#[cfg(test)]
impl World {
    pub(crate) fn for_test() -> Self {
        Self::for_test_with_clock().0
    }

    pub(crate) fn for_test_with_clock() -> (Self, Clock) {
        let clock = Clock::manual(1_795_221_600);
        (Self::new(&ClusterOptions::named("lab", &["pve", "pve2"]), Latency::Zero, clock.clone(), 1), clock)
    }
}
