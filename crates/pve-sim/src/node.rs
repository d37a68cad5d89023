//! A node: what it has, and whether it has power.

use std::time::Duration;

use crate::clock::{Micros, SECOND};
use crate::options::NodeOptions;
use crate::world::{Event, World};

/// Seconds a node needs to boot on a real machine.
const BOOT: f64 = 40.0;

/// One node of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) id: u32,
    pub(crate) cores: u32,
    pub(crate) memory: u64,
    pub(crate) booted: Micros,
    /// Since when it has no power.
    pub(crate) dead_since: Option<Micros>,
    /// Whether its API proxy is stopped though the node is up.
    pub(crate) proxy_stopped: bool,
    pub(crate) bridges: Vec<String>,
    /// SHA-256 of its certificate, `AA:BB:..`.
    pub(crate) fingerprint: String,
    /// Its certificate as PEM.
    pub(crate) certificate: String,
    pub(crate) description: Option<String>,
    /// MAC address a wake-up packet is sent to.
    pub(crate) wake_on_lan: Option<String>,
    next_pid: u32,
    /// Tells the node's listener whether to listen.
    pub(crate) power: tokio::sync::watch::Sender<bool>,
}

impl Node {
    pub(crate) fn new(options: &NodeOptions, id: u32, now: Micros) -> Self {
        Self {
            name: options.name.clone(),
            id,
            cores: options.cores,
            memory: options.memory,
            booted: now.saturating_sub(2000 * SECOND),
            dead_since: None,
            proxy_stopped: false,
            bridges: vec!["vmbr0".into()],
            fingerprint: String::new(),
            certificate: String::new(),
            description: None,
            wake_on_lan: Some(format!("BC:24:11:00:00:{id:02X}")),
            next_pid: 1200 + id * 100,
            power: tokio::sync::watch::Sender::new(true),
        }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.dead_since.is_none()
    }

    /// Address in `/cluster/status`.
    pub(crate) fn address(&self) -> String {
        format!("10.10.10.{}", self.id)
    }

    pub(crate) fn uptime(&self, now: Micros) -> u64 {
        now.saturating_sub(self.booted) / SECOND
    }
}

impl World {
    /// A new process on the node: its id, and its start in hundredths of a second since boot.
    pub(crate) fn fork(&mut self, node: &str) -> (u32, u64) {
        let now = self.now();
        let step = 3 + (self.random() % 30) as u32;
        let Some(node) = self.nodes.get_mut(node) else { return (1, 1) };
        node.next_pid = (node.next_pid + step) % 4_194_304;
        (node.next_pid.max(300), now.saturating_sub(node.booted) / 10_000)
    }

    /// Cuts a node's power: its guests stop, its tasks are lost, it answers nothing.
    pub fn kill_node(&mut self, name: &str) {
        let now = self.now();
        self.lose_tasks(name);
        let Some(node) = self.nodes.get_mut(name) else { return };
        if node.is_alive() {
            node.dead_since = Some(now);
            node.power.send_replace(false);
        }
    }

    /// Whether a node has power.
    pub fn has_power(&self, name: &str) -> bool {
        self.nodes.get(name).is_some_and(Node::is_alive)
    }

    /// Gives a node its power back. Guests with `onboot` start.
    pub fn power_on(&mut self, name: &str) {
        let now = self.now();
        let Some(node) = self.nodes.get_mut(name) else { return };
        if node.dead_since.take().is_none() {
            return;
        }
        node.booted = now;
        node.power.send_replace(true);
        let here: Vec<u32> = self.guests.values().filter(|g| g.node == name).map(|g| g.vmid).collect();
        for vmid in here {
            let Some(guest) = self.guests.get_mut(&vmid) else { continue };
            guest.run = None;
            if guest.flag("onboot") && !guest.is_template() {
                self.boot_guest(vmid);
            }
        }
    }

    /// Takes a node's power away once it has answered; a restart gives it back after its boot.
    pub(crate) fn power_off_after_answer(&mut self, name: &str, restarts: bool) {
        let factor = self.latency.factor();
        let off = self.now() + (3.0 * factor * SECOND as f64) as Micros;
        self.schedule(off, Event::NodeGone(name.to_owned()));
        if restarts {
            let boot = off + (BOOT * factor * SECOND as f64) as Micros;
            self.schedule(boot, Event::NodeBack(name.to_owned()));
        }
    }

    /// Powers a node on after it has booted (at once without latency).
    pub(crate) fn power_on_later(&mut self, name: &str) {
        let wait = Duration::from_secs_f64(BOOT * self.latency.factor());
        self.schedule(self.now() + wait.as_micros() as Micros, Event::NodeBack(name.to_owned()));
    }

    /// Stops or starts only the API proxy of a node (calls relayed to it: `595 Connection refused`).
    pub fn set_proxy_stopped(&mut self, name: &str, stopped: bool) {
        if let Some(node) = self.nodes.get_mut(name) {
            node.proxy_stopped = stopped;
            node.power.send_replace(!stopped && node.dead_since.is_none());
        }
    }
}
