//! From asked to running, with a Proxmox that takes no time: what is left is Innkeeper, HTTP, TLS and the simulator.
//! Beside it, in turn, the bare client makes the same calls in the same order.

use std::time::Instant;

use innkeeper_domain::time::Timestamp;
use pve::{
    Client, CloneOptions, CloudInit, ConfigChange, Credentials, Endpoint, Error, GuestRef, LxcCreate,
    NewSize, NodeName, PropertyString, Size, StorageId, TaskStatus, Trust, Upid, Vmid, VolumeId,
};
use pve_sim::Latency;
use serde_json::Value;

use crate::DATABASES;
use crate::report::{Report, milliseconds, quantile};
use crate::support::{Lab, Server, TestDatabase};

const CONTAINERS: usize = 200;
const MACHINES: usize = 100;

pub(crate) async fn measure(report: &mut Report) {
    report.section(
        "Overhead",
        "One create after the other, from `created_at` to `ended_at` of its operation; after each, the bare `pve` \
         client makes the same calls on a cluster of its own. Goals: p50 below 50 ms, p99 below 250 ms.",
    );
    report.head(&["ms", "n", "p50", "p90", "p99", "bare p50", "bare p90", "bare p99", "calls", "bare calls"]);
    for (kind, name) in DATABASES {
        let Some(database) = TestDatabase::make(kind).await else { continue };
        let mut lab = Lab::start(2, 3, Latency::Zero).await;
        // The second cluster is the bare client's; the house does not know it.
        let other = lab.names.pop().unwrap();
        let bare = Bare::new(&lab, &other);
        let server = Server::start(database, &[]).await;
        let (container, machine) = server.furnish(&lab).await;
        for (what, template, count) in
            [("containers", &container, CONTAINERS), ("machines", &machine, MACHINES)]
        {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for cluster in lab.sim.clusters() {
                cluster.counters().reset();
            }
            for number in 0..count {
                let asked = server.create(&format!("{what}-{number}"), template).await;
                let ended = server.settled(&asked).await;
                assert_eq!(ended["state"], "succeeded", "{ended:#}");
                ours.push(milliseconds(at(&ended["ended_at"]).since(at(&ended["created_at"]))));
                let began = Instant::now();
                bare.make(what == "containers", number).await.unwrap();
                theirs.push(milliseconds(began.elapsed()));
            }
            let calls = |cluster: &str| {
                let stats = lab.sim.cluster(cluster).stats();
                let polls = stats.calls.get("GET /cluster/resources").copied().unwrap_or(0);
                format!("{:.1}", (stats.total - polls) as f64 / count as f64)
            };
            let mut cells = vec![format!("{what}, {name}"), count.to_string()];
            for times in [&mut ours, &mut theirs] {
                cells.extend([0.5, 0.9, 0.99].map(|share| format!("{:.1}", quantile(times, share))));
            }
            cells.extend([calls(&lab.names[0]), calls(&other)]);
            report.row(&cells);
        }
    }
}

fn at(time: &Value) -> Timestamp {
    serde_json::from_value(time.clone()).unwrap()
}

/// The client alone, doing what the reconciler does for a new instance.
struct Bare {
    client: Client,
}

impl Bare {
    fn new(lab: &Lab, cluster: &str) -> Self {
        let introduction = lab.introduction(cluster);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let credentials =
            Credentials::token(&text(&introduction["token_id"]), text(&introduction["token_secret"]))
                .unwrap();
        let first = &introduction["endpoints"][0];
        let trust = Trust::pin(text(&first["fingerprint"]).parse().unwrap());
        let endpoint = Endpoint::new(&text(&first["url"]), trust).unwrap();
        Self { client: Client::builder(endpoint, credentials).build().unwrap() }
    }

    async fn make(&self, container: bool, number: usize) -> Result<(), Error> {
        let vmid = Vmid::new(10_000 + number as u32 + if container { 0 } else { 1000 })?;
        let node = number % 3 + 1;
        let node_name = NodeName::new(format!("n{node}"))?;
        let at;
        if container {
            at = GuestRef::lxc(node_name.clone(), vmid);
            let template = VolumeId::new("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst")?;
            let net = PropertyString::new().set("name", "eth0").set("bridge", "vmbr0").set("ip", "dhcp");
            let wanted = LxcCreate {
                hostname: Some(format!("bare-{number}")),
                rootfs: Some(PropertyString::with_default("local-lvm:4")),
                nets: [(0, net)].into(),
                cores: Some(1),
                memory_mib: Some(256),
                swap_mib: Some(0),
                features: PropertyString::new().flag("nesting", true),
                description: Some("bare".into()),
                ..LxcCreate::new(vmid, template)
            };
            self.ended(self.client.create_lxc(&node_name, &wanted).await?).await?;
        } else {
            at = GuestRef::qemu(node_name.clone(), vmid);
            let template = GuestRef::qemu(node_name, Vmid::new(8999 + node as u32)?);
            let copy = CloneOptions {
                name: Some(format!("bare-{number}")),
                description: Some("bare".into()),
                storage: Some(StorageId::new("local-lvm")?),
                full: Some(true),
                ..CloneOptions::new(vmid)
            };
            self.ended(self.client.guest(&template).clone_to(&copy).await?).await?;
        }
        let guest = self.client.guest(&at);
        guest.config().await?;
        guest.status().await?;
        let config = guest.config().await?;
        let mut change = ConfigChange {
            cores: Some(1),
            memory_mib: Some(256),
            tags: Some(config.common().tags.clone()),
            digest: config.common().digest.clone(),
            ..ConfigChange::default()
        };
        if !container {
            let ip = [(0, PropertyString::new().set("ip", "dhcp"))].into();
            change.extra = CloudInit { ip, ..CloudInit::default() }.params()?;
        }
        guest.set_config(&change).await?;
        if !container {
            guest.config().await?;
            let to = NewSize::Absolute(Size::bytes(4 << 30));
            if let Some(task) = guest.resize("scsi0", to).await? {
                self.ended(task).await?;
            }
            guest.config().await?;
            guest.status().await?;
        }
        self.ended(guest.start().await?).await?;
        guest.config().await?;
        guest.status().await?;
        guest.interfaces().await?;
        Ok(())
    }

    /// One look at the task: with no latency it has ended.
    async fn ended(&self, task: Upid) -> Result<(), Error> {
        match self.client.task(&task).status().await? {
            TaskStatus::Ended(outcome) => outcome.into_result(),
            TaskStatus::Running => panic!("a task takes time"),
        }
    }
}
