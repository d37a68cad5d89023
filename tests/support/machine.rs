//! A machine in a network of its own that sleeps and wakes: a card that hears frames, Proxmox, and perhaps an `sshd`. As in
//! the real thing, its disks outlive its sleep: the simulator stays, and only its power goes.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pve_sim::{ClusterOptions, Latency, Sim};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::network;
use super::sshd::Sshd;
use super::{game, in_repository};

/// The node that every machine is.
pub const NODE: &str = "pve1";
/// Where its `sshd` listens, if it has one.
pub const SSH_PORT: u16 = 2222;
const API_PORT: u16 = 8006;
const SECRET: &str = "6a1f2a52-7c0e-4f0e-8d51-2f5d8f0f2a77";

/// How a machine is made.
pub struct Made {
    pub name: &'static str,
    pub mac: &'static str,
    pub address: Ipv4Addr,
    /// Its card asks for this password.
    pub secure_on: Option<&'static str>,
    /// Our token may switch it off.
    pub power_by_api: bool,
    /// It has an `sshd` with the program that we may run there.
    pub ssh: bool,
    /// The guest on which a game runs.
    pub game: Option<u32>,
}

/// What the test does with a machine by hand.
#[derive(Default)]
struct Hands {
    /// What its card has heard, as whole frames.
    heard: Mutex<Vec<String>>,
    /// It has power.
    on: AtomicBool,
    /// It gets no further than its network.
    hangs: AtomicBool,
    /// It takes its time to go off.
    lingers: AtomicBool,
    /// Somebody pulls the plug.
    pull: AtomicBool,
    /// The house is closed.
    end: AtomicBool,
}

pub struct Machine {
    pub made: Made,
    cable: network::Machine,
    pub sim: Arc<Sim>,
    hands: Arc<Hands>,
    sshd: Option<Arc<Mutex<Sshd>>>,
    board: Option<JoinHandle<()>>,
}

/// The network at whose far ends the machines are.
pub fn lay_cables() {
    network::sh("ip link add br0 type bridge && ip addr add 10.88.0.1/24 dev br0 && ip link set br0 up");
}

impl Machine {
    /// Plugs it in and switches it on by hand.
    pub fn plug_in(made: Made) -> Self {
        let near = near(made.name);
        let cable = network::Machine::plug_in(&near, "nic0");
        network::sh(&format!("ip link set {near} master br0"));
        cable.sh(&format!("ip link set nic0 address {}", made.mac));
        cable.sh(&format!("ip addr add {}/24 dev nic0", made.address));
        let hands = Arc::new(Hands { on: AtomicBool::new(true), ..Hands::default() });
        let (tell, told) = std::sync::mpsc::channel();
        let board = std::thread::spawn({
            let network = std::fs::File::open(cable.network()).unwrap();
            let mut card = cable.command();
            card.arg("python3").arg(in_repository("crates/connectors/tests/foreign/nic.py"));
            card.args(["nic0", made.mac, &format!("{}/24", made.address)]).args(made.secure_on);
            let (hands, ssh, address) = (Arc::clone(&hands), made.ssh, made.address);
            let (name, power_by_api, off) = (made.name, made.power_by_api, cable.network());
            let game = made.game;
            move || {
                use std::os::fd::AsFd as _;
                // Everything that this thread opens is in the network of the machine.
                rustix::thread::move_into_link_name_space(network.as_fd(), None).unwrap();
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async move {
                    let sim = Arc::new(proxmox(name, power_by_api).await);
                    let sshd = ssh.then(|| Arc::new(Mutex::new(secure_shell(address))));
                    tell.send((Arc::clone(&sim), sshd.clone())).unwrap();
                    Board { name, network: off, sim, sshd, game, hands }.run(card).await;
                });
            }
        });
        let (sim, sshd) = told.recv().unwrap();
        Self { made, cable, sim, hands, sshd, board: Some(board) }
    }

    /// The request that adds its cluster to a server.
    pub fn introduction(&self) -> Value {
        let fingerprint = &self.sim.cluster(self.made.name).endpoint(NODE).fingerprint;
        json!({
            "name": self.made.name,
            "endpoints": [{
                "url": format!("https://{}:{API_PORT}", self.made.address),
                "fingerprint": fingerprint,
            }],
            "token_id": "root@pam!inn",
            "token_secret": SECRET,
            "bridge": "vmbr0",
            "vmids": { "first": 10_000, "last": 19_999 },
        })
    }

    pub fn cluster(&self) -> &pve_sim::Cluster {
        self.sim.cluster(self.made.name)
    }

    /// Whether a guest runs.
    pub fn runs(&self, vmid: u32) -> bool {
        self.cluster().with(|world| world.guest(vmid).is_some_and(|guest| guest.run.is_some()))
    }

    /// How many tasks of this kind were begun.
    pub fn tasks(&self, kind: &str) -> u64 {
        self.cluster().stats().tasks.get(kind).copied().unwrap_or_default()
    }

    /// How often it was told by its API to switch itself off.
    pub fn told_by_api(&self) -> u64 {
        self.cluster().stats().calls.get("POST /nodes/{node}/status").copied().unwrap_or_default()
    }

    /// What it was told by SSH.
    pub fn told_by_ssh(&self) -> String {
        self.sshd.as_ref().map(|sshd| orders(&sshd.lock().unwrap())).unwrap_or_default()
    }

    pub fn is_on(&self) -> bool {
        self.hands.on.load(Ordering::SeqCst)
    }

    /// What its card has heard until now.
    pub fn heard(&self) -> Vec<String> {
        self.hands.heard.lock().unwrap().clone()
    }

    /// It gets no further than its network when it is switched on, until this is taken back.
    pub fn hang(&self, hangs: bool) {
        self.hands.hangs.store(hangs, Ordering::SeqCst);
    }

    /// Told to go off, it keeps its network until this is taken back.
    pub fn linger(&self, lingers: bool) {
        self.hands.lingers.store(lingers, Ordering::SeqCst);
    }

    pub fn pull_the_plug(&self) {
        self.hands.pull.store(true, Ordering::SeqCst);
    }

    /// Cuts its cable, or mends it.
    pub fn cut(&self, cut: bool) {
        let to = if cut { "down" } else { "up" };
        network::sh(&format!("ip link set {} {to}", near(self.made.name)));
    }

    /// One line of shell there.
    pub fn sh(&self, line: &str) {
        self.cable.sh(line);
    }

    /// The key that its `sshd` shows.
    pub fn host_key(&self) -> String {
        self.sshd.as_ref().unwrap().lock().unwrap().host_key()
    }

    /// Lets in whoever has this key, as a line of `authorized_keys` with the program's usual place; none for nobody.
    pub fn authorize(&self, line: Option<&str>) {
        let sshd = self.sshd.as_ref().unwrap().lock().unwrap();
        let usual = "/usr/local/sbin/innkeeper-host";
        let line = line.map(|line| {
            assert!(line.contains(&format!("command=\"{usual}\"")), "{line}");
            line.replace(usual, program(&sshd).to_str().unwrap())
        });
        sshd.authorize(line.as_deref().unwrap_or_default());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.hands.end.store(true, Ordering::SeqCst);
        let ended = self.board.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the machine {} broke", self.made.name);
    }
}

/// Our end of the cable of a machine.
fn near(name: &str) -> String {
    format!("lan-{name}")
}

async fn proxmox(name: &str, power_by_api: bool) -> Sim {
    let mut cluster = ClusterOptions::named(name, &[NODE]);
    cluster.first_port = Some(API_PORT);
    let sim = Sim::start(pve_sim::Options {
        clusters: vec![cluster],
        bind: Ipv4Addr::UNSPECIFIED.into(),
        latency: Latency::Scaled(0.1),
        ..pve_sim::Options::default()
    });
    let sim = sim.await.unwrap();
    sim.cluster(name).with(|world| {
        world.add_token("root@pam", "inn", !power_by_api, SECRET);
        if !power_by_api {
            // Everything but the power of nodes.
            world.grant("/", "root@pam!inn", "PVEAdmin");
        }
    });
    sim
}

/// An `sshd` that listens at the address of the machine too. What it may run is what we ship, with a `shutdown` that the
/// machine hears.
fn secure_shell(address: Ipv4Addr) -> Sshd {
    let sshd = Sshd::start_with(&format!("Port {SSH_PORT}\nListenAddress {address}")).unwrap();
    let shipped = std::fs::read_to_string(in_repository("docs/examples/innkeeper-host")).unwrap();
    let bin = sshd.home().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let told = sshd.home().join("told");
    write(&bin.join("shutdown"), &format!("#!/bin/sh\necho \"$*\" >> {}\n", told.display()));
    let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin\n";
    assert_eq!(shipped.matches(path).count(), 1);
    write(&program(&sshd), &shipped.replace(path, &format!("PATH={}:/usr/bin:/bin\n", bin.display())));
    sshd
}

fn program(sshd: &Sshd) -> PathBuf {
    sshd.home().join("innkeeper-host")
}

fn orders(sshd: &Sshd) -> String {
    std::fs::read_to_string(sshd.home().join("told")).unwrap_or_default()
}

fn write(file: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(file, text).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// What switches a machine on and off.
struct Board {
    name: &'static str,
    network: String,
    sim: Arc<Sim>,
    sshd: Option<Arc<Mutex<Sshd>>>,
    game: Option<u32>,
    hands: Arc<Hands>,
}

impl Board {
    async fn run(self, mut card: tokio::process::Command) {
        card.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).kill_on_drop(true);
        let mut card = card.spawn().unwrap();
        let mut lines = BufReader::new(card.stdout.take().unwrap()).lines();
        let (mut booted, mut orders, mut game) = (true, 0, None);
        while !self.hands.end.load(Ordering::SeqCst) {
            tokio::select! {
                line = lines.next_line() => match line.unwrap().expect("the card ended").as_str() {
                    "asleep" => {}
                    "awake" => self.hands.on.store(true, Ordering::SeqCst),
                    frame => self.hands.heard.lock().unwrap().push(frame.to_owned()),
                },
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
            let is = |hand: &AtomicBool| hand.load(Ordering::SeqCst);
            if is(&self.hands.on) && !booted && !is(&self.hands.hangs) {
                self.boot();
                booted = true;
            }
            let told = self.orders();
            let pulled = self.hands.pull.swap(false, Ordering::SeqCst);
            let down =
                booted && (told > orders || !self.sim.cluster(self.name).with(|world| world.has_power(NODE)));
            if pulled || down && !is(&self.hands.lingers) {
                self.go_off();
                (booted, orders) = (false, told);
            }
            let plays = booted && self.game.is_some_and(|vmid| self.runs(vmid));
            if !plays {
                // Whoever goes off says nothing more.
                game = None;
            } else if game.is_none() {
                game = Some(game::serve("The Barn"));
            }
        }
        let _ = card.kill().await;
    }

    fn runs(&self, vmid: u32) -> bool {
        self.sim.cluster(self.name).with(|world| world.guest(vmid).is_some_and(|guest| guest.run.is_some()))
    }

    fn orders(&self) -> usize {
        self.sshd.as_ref().map(|sshd| orders(&sshd.lock().unwrap()).lines().count()).unwrap_or_default()
    }

    fn boot(&self) {
        if let Some(sshd) = &self.sshd {
            sshd.lock().unwrap().resume();
        }
        self.sim.cluster(self.name).with(|world| world.power_on(NODE));
    }

    fn go_off(&self) {
        self.hands.on.store(false, Ordering::SeqCst);
        network::sh(&format!("nsenter --net={} -- ip addr flush dev nic0", self.network));
        self.sim.cluster(self.name).with(|world| world.kill_node(NODE));
        if let Some(sshd) = &self.sshd {
            sshd.lock().unwrap().stop();
        }
    }
}
