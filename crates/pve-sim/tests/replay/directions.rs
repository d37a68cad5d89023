//! Stage directions: what happened in the recorded house between the exchanges.

use std::ops::RangeInclusive;
use std::time::Duration;

use pve_sim::{
    Clock, Cluster, ClusterOptions, Effect, Latency, NodeOptions, Options, Rule, Sim, StorageOptions,
};

use super::fixture::{Answer, Request};
use super::stage::{PASSWORDS, Stage};
use crate::wire::Place;

/// When the recording was made (UNIX seconds).
const THEN: u64 = 0x6B00_E859;

/// Seconds that pass before an exchange unless said otherwise: every task has ended by then.
const USUALLY: f64 = 15.0;

/// The container template of the recording.
const TEMPLATE: &str = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";

/// Exchanges that follow the one before at once.
const AT_ONCE: &[RangeInclusive<usize>] = &[
    46..=50,
    56..=59,
    65..=74,
    100..=100,
    102..=108,
    166..=167,
    174..=175,
    264..=264,
    266..=266,
    387..=387,
    398..=398,
    405..=405,
    429..=433,
    463..=469,
    511..=512,
];

/// Tasks that failed in the recorded house for want of something there: the exchange before which they
/// are told to, their type, and what they said.
const FAILURES: &[(usize, &str, &str)] = &[
    (
        45,
        "vzcreate",
        "command 'mkfs.ext4 -O mmp -E 'root_owner=100000:100000' /var/lib/vz/images/100/vm-100-disk-0.raw' failed: \
         open3: exec of mkfs.ext4 -O mmp -E root_owner=100000:100000 /var/lib/vz/images/100/vm-100-disk-0.raw failed: \
         No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174.",
    ),
    (55, "vzcreate", "command 'timedatectl show '--property=Timezone' --value' failed: exit code 1"),
    (
        236,
        "vzcreate",
        "command 'lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- tar xpf - --zstd --totals \
         --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' \
         '--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write' \
         -C /var/lib/lxc/108/rootfs --skip-old-files --anchored --exclude './dev/*'' failed: exit code 2",
    ),
    (
        253,
        "qmstart",
        "org.freedesktop.DBus.Error.FileNotFound: Failed to connect to socket /run/dbus/system_bus_socket: \
         No such file or directory",
    ),
    (256, "qmstart", "start failed: QEMU exited with code 1"),
    (279, "qmshutdown", "VM quit/powerdown failed - got timeout"),
    (
        298,
        "qmclone",
        "copy failed: command '/usr/bin/qemu-img convert -p -n -f raw -O raw \
         /var/lib/vz/images/200/vm-200-disk-0.raw zeroinit:/var/lib/vz/images/201/vm-201-disk-0.raw' failed: exit code 1",
    ),
    (365, "vzdump", "unable to find command 'sendmail'"),
    (504, "vzmigrate", "migration aborted"),
    (
        521,
        "hastop",
        "command 'ha-manager crm-command stop ct:132 0' failed: open3: exec of ha-manager crm-command stop ct:132 0 \
         failed: No such file or directory at /usr/share/perl5/PVE/Cmd.pm line 174.",
    ),
];

/// Tasks that took long in the recorded house, and the exchange before which they went on.
const HOLDS: &[(usize, &str, usize)] = &[(65, "vzstart", 75), (146, "vzstart", 153), (171, "vzclone", 176)];

/// Tokens of the recorded house: user, id, privilege separation, secret.
const TOKENS: [(&str, &str, bool, &str); 2] = [
    ("root@pam", "lab", false, "958e2b56-8f7c-4c11-9d6f-3a30d2f5a111"),
    ("alice@pve", "t1", true, "a7409d0e-11c5-4b0e-8f44-5d1c3f6c2222"),
];

/// The two houses of the recording: one server, which later became the first of two nodes.
pub(crate) struct Acts {
    sim: Sim,
    clock: Clock,
    first: Stage,
    second: Option<Stage>,
}

/// The storage with snapshots, which the first house adds in the course of the recording.
fn btrfs() -> StorageOptions {
    StorageOptions {
        id: "btr".into(),
        kind: "btrfs".into(),
        content: "rootdir,images".into(),
        shared: false,
        total: 21_474_836_480,
    }
}

fn node(name: &str) -> NodeOptions {
    NodeOptions { name: name.into(), cores: 2, memory: 25_276_502_016, ..NodeOptions::default() }
}

impl Acts {
    pub(crate) async fn start() -> Self {
        let clock = Clock::manual(THEN);
        let house = |name: &str, nodes: &[&str]| ClusterOptions {
            name: name.into(),
            nodes: nodes.iter().map(|n| node(n)).collect(),
            ..ClusterOptions::default()
        };
        let mut lab = house("lab", &["pve", "pve2"]);
        lab.nodes[0].storages.push(btrfs());
        let options = Options {
            clusters: vec![house("alone", &["pve"]), lab],
            latency: Latency::Scaled(0.05),
            clock: clock.clone(),
            ..Options::default()
        };
        let sim = Sim::start(options).await.unwrap();
        let first = raise(&sim, "alone", &clock).await;
        Self { sim, clock, first, second: None }
    }

    pub(crate) fn stage(&mut self) -> &mut Stage {
        self.second.as_mut().unwrap_or(&mut self.first)
    }

    fn cluster(&self) -> &Cluster {
        self.sim.cluster(if self.second.is_some() { "lab" } else { "alone" })
    }

    /// Brings the house into the state the exchange was recorded in.
    pub(crate) async fn before(&mut self, number: usize) {
        if number == 481 {
            let stage = raise(&self.sim, "lab", &self.clock).await;
            second_act(self.sim.cluster("lab"), &stage, &self.clock).await;
            self.second = Some(stage);
        }
        if !AT_ONCE.iter().any(|range| range.contains(&number)) {
            self.clock.advance(Duration::from_secs_f64(USUALLY));
        }
        for (_, task, text) in FAILURES.iter().filter(|(at, ..)| *at == number) {
            let fails = Rule::on_task(task, Effect::TaskFails((*text).into()));
            self.cluster().faults().add(fails).unwrap();
        }
        for (begin, task, end) in HOLDS {
            if *begin == number {
                self.cluster().faults().add(Rule::on_task(task, Effect::TaskHolds)).unwrap();
            }
            if *end == number {
                self.cluster().release_tasks();
                self.clock.advance(Duration::from_secs(1));
            }
        }
        let stage = self.second.as_ref().unwrap_or(&self.first);
        let cluster = self.cluster();
        match number {
            // The template was fetched after the empty list had been recorded.
            45 => cluster.with(|world| world.add_volume("pve", TEMPLATE, "vztmpl", 126_515_062)),
            // The restart of the machine that the recording made between two tries.
            314 => {
                stage.root("POST", "/nodes/pve/qemu/202/status/stop", &[]).await;
                self.clock.advance(Duration::from_secs(5));
            }
            // Four seconds went by between one terminal and the next but one.
            432 => self.clock.advance(Duration::from_secs(6)),
            337 => cluster.with(|world| world.set_lock(101, Some("backup"))),
            344 => cluster.with(|world| world.set_lock(101, None)),
            489 => cluster.with(|world| world.kill_node("pve2")),
            493 => cluster.with(|world| world.set_quorum(false)),
            501 => cluster.with(|world| world.set_quorum(true)),
            502 => cluster.with(|world| world.power_on("pve2")),
            503 => cluster.with(|world| world.set_proxy_stopped("pve2", true)),
            504 => cluster.with(|world| world.set_proxy_stopped("pve2", false)),
            531 => {
                for vmid in [105, 107, 110, 132] {
                    stage.call("POST", &format!("/nodes/pve/lxc/{vmid}/status/stop"), &[]).await;
                    self.clock.advance(Duration::from_secs_f64(USUALLY));
                    stage.call("DELETE", &format!("/nodes/pve/lxc/{vmid}"), &[]).await;
                    self.clock.advance(Duration::from_secs_f64(USUALLY));
                }
                stage.root("PUT", "/nodes/pve/lxc/104/config", &[("memory", "320")]).await;
                self.clock.advance(Duration::from_secs_f64(USUALLY));
                cluster.with(|world| world.kill_node("pve2"));
                self.clock.advance(Duration::from_mins(1));
            }
            532 => self.clock.advance(Duration::from_mins(5)),
            _ => {}
        }
    }

    pub(crate) async fn end(self) {
        self.sim.shutdown().await;
    }
}

/// A house with the recorded people and nothing of the simulator's own sample world.
async fn raise(sim: &Sim, cluster: &str, clock: &Clock) -> Stage {
    let cluster = sim.cluster(cluster);
    let password = "root-pw-12";
    let endpoint = cluster.endpoint("pve");
    let place = Place::new(endpoint.addr, &endpoint.fingerprint);
    let mut stage = Stage::new(place, clock.clone(), password);
    cluster.with(|world| {
        world.set_password("root@pam", password);
        for (user, password) in &PASSWORDS[..2] {
            world.set_password(user, password);
        }
        for (user, id, privsep, secret) in TOKENS {
            world.add_token(user, id, privsep, secret);
            stage.knows(&format!("{user}!{id}"), secret);
        }
        world.add_pool("tenant1");
    });
    cluster.with(|world| {
        for vmid in world.guests().map(|guest| guest.vmid).collect::<Vec<_>>() {
            world.remove_guest(vmid);
        }
    });
    stage.call("DELETE", "/storage/local-lvm", &[]).await;
    for node in cluster.with(|world| world.node_names()) {
        let path = format!("/nodes/{node}/storage/local/content");
        for volume in stage.root("GET", &path, &[]).await.as_array().unwrap() {
            stage.call("DELETE", &format!("{path}/{}", volume["volid"].as_str().unwrap()), &[]).await;
        }
    }
    clock.advance(Duration::from_secs_f64(USUALLY));
    stage
}

/// What the first house had become when the second node joined it.
async fn second_act(cluster: &Cluster, stage: &Stage, clock: &Clock) {
    let wait = || clock.advance(Duration::from_secs_f64(USUALLY));
    cluster.with(|world| world.add_pool("x1"));
    for (path, roles) in [
        ("/pool/tenant1", "PVEVMAdmin,PVEPoolUser"),
        ("/storage/btr", "PVEDatastoreUser"),
        ("/storage/local", "PVEDatastoreUser"),
        ("/sdn/zones/localnetwork/vmbr0", "PVESDNUser"),
    ] {
        for (subject, role) in roles.split(',').flat_map(|role| [("alice@pve", role), ("alice@pve!t1", role)])
        {
            cluster.with(|world| world.grant(path, subject, role));
        }
    }
    for node in ["pve", "pve2"] {
        cluster.with(|world| world.add_volume(node, TEMPLATE, "vztmpl", 126_515_062));
    }
    let containers: [&[(&str, &str)]; 5] = [
        &[
            ("vmid", "101"),
            ("rootfs", "btr:1"),
            ("hostname", "new101"),
            ("memory", "256"),
            ("cores", "2"),
            ("cpulimit", "0.5"),
            ("tags", "a;b;c;d"),
            ("pool", "tenant1"),
            ("start", "1"),
            ("features", "nesting=1"),
        ],
        &[
            ("vmid", "104"),
            ("rootfs", "local:3"),
            ("hostname", "ct104"),
            ("memory", "512"),
            ("swap", "0"),
            ("cores", "1"),
            ("tags", "demo"),
            ("description", "lab container"),
            ("features", "nesting=1"),
            ("net0", "name=eth0,bridge=vmbr0,ip=10.10.10.100/24,gw=10.10.10.1"),
        ],
        &[("vmid", "105"), ("rootfs", "btr:1"), ("hostname", "ct101"), ("memory", "256"), ("cores", "1")],
        &[("vmid", "107"), ("rootfs", "btr:1")],
        &[
            ("vmid", "110"),
            ("rootfs", "btr:1"),
            ("hostname", "ct101"),
            ("memory", "256"),
            ("cores", "2"),
            ("tags", "a;b"),
        ],
    ];
    for container in containers {
        let form: Vec<_> = [("ostemplate", TEMPLATE)].iter().chain(container).copied().collect();
        stage.call("POST", "/nodes/pve/lxc", &form).await;
        wait();
    }
    stage.root_ticket("PUT", "/nodes/pve/lxc/104/config", &[("mp0", "/srv,mp=/srv")]).await;
    let machine = [
        ("vmid", "200"),
        ("name", "vm200"),
        ("memory", "512"),
        ("cores", "2"),
        ("scsi0", "local:2"),
        ("pool", "tenant1"),
    ];
    stage.root("POST", "/nodes/pve/qemu", &machine).await;
    wait();
}

/// Whether the recorded answer is that of a task that has ended.
pub(crate) fn waits_for_task(request: &Request, recorded: &Answer) -> bool {
    request.target.contains("/tasks/UPID:")
        && (recorded.body.contains(r#""status":"stopped""#) || recorded.body.contains("TASK "))
}

/// Lets time pass until the task has ended.
pub(crate) async fn wait_for_task(stage: &Stage, request: &[u8]) {
    let request = String::from_utf8_lossy(request);
    let (target, rest) = request.split_once(" HTTP/1.1").unwrap();
    let target = target.split('?').next().unwrap().trim_end_matches("/log").trim_end_matches("/status");
    let status = format!("{target}/status HTTP/1.1{rest}");
    for _ in 0..60 {
        let answer = stage.place.exchange(status.as_bytes()).await;
        if answer.status != 200 || answer.json()["data"]["status"] != "running" {
            return;
        }
        stage.advance(0.5);
    }
}
