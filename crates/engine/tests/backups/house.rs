//! A house with one simulated cluster of two nodes that share a storage for backups, and somebody who looks into
//! Proxmox behind its back.

use std::ops::Deref;
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::backups::{Backup, BackupState};
use innkeeper_domain::ids::{BackupId, InstanceId};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::operations::{Operation, Verb};
use innkeeper_domain::time::Clock;
use innkeeper_engine::{BackupFilter, BackupOptions, Engine, NewBackup, Options};
use innkeeper_store::Db;
use innkeeper_testing::{SECRET, run};
use pve::{Client, Credentials, NodeName, StorageId, Trust, Upid, Volume, VolumeId};
use pve_sim::{ClusterOptions, StorageOptions};

use crate::plain;

pub(crate) struct House {
    plain: plain::House,
    pub(crate) proxmox: Client,
}

impl Deref for House {
    type Target = plain::House;

    fn deref(&self) -> &plain::House {
        &self.plain
    }
}

pub(crate) fn options() -> Options {
    Options {
        settle: Duration::from_millis(200),
        sweep_every: Duration::from_millis(100),
        poll_every: Duration::from_millis(300),
        claim: Duration::from_millis(600),
        backups: BackupOptions { look_every: Duration::from_millis(300), ..BackupOptions::default() },
        ..Options::default()
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(Clock::system(), options()).await
    }

    pub(crate) async fn open_with(clock: Clock, options: Options) -> Self {
        let mut cluster = ClusterOptions::named("lodge", &["oak", "elm"]);
        for node in &mut cluster.nodes {
            let vault = StorageOptions {
                id: "vault".into(),
                kind: "nfs".into(),
                content: "backup".into(),
                shared: true,
                total: 4 << 40,
            };
            node.storages.push(vault);
        }
        let clusters = pve_sim::Options { clusters: vec![cluster], ..Default::default() };
        let house = plain::House::build(clusters, clock, options).await;
        house.sim.cluster("lodge").with(|world| world.add_token("root@pam", "other", false, SECRET));
        let endpoint = house.sim.cluster("lodge").endpoint("oak");
        let trust = Trust::pin(endpoint.fingerprint.parse().unwrap());
        let credentials = Credentials::token("root@pam!other", SECRET.to_owned()).unwrap();
        let proxmox =
            Client::builder(pve::Endpoint::new(&endpoint.url, trust).unwrap(), credentials).build().unwrap();
        let house = Self { plain: house, proxmox };
        house
            .until("the storages are known", async || {
                let (_, seen) = house.engine.cluster_nodes(&Actor::house(), house.cluster.id).await.unwrap();
                seen.iter().any(|storage| storage.holds_backups).then_some(())
            })
            .await;
        house
    }

    /// Waits for something to become true, for a while.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Option<T>) -> T {
        for _ in 0..1000 {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("waited in vain: {what}");
    }

    pub(crate) async fn create(&self, name: &str, kind: Kind) -> Instance {
        let template_id = if kind == Kind::Lxc { self.container } else { self.machine };
        self.made(name, template_id).await
    }

    pub(crate) async fn change(&self, id: InstanceId, verb: Verb) -> Operation {
        let operation = self.engine.change_instance(&self.owner, id, verb, None).await.unwrap();
        self.settled(operation.id).await
    }

    pub(crate) async fn instance(&self, id: InstanceId) -> Instance {
        self.engine.instance(&self.owner, id).await.unwrap()
    }

    /// Makes a backup, and says how its operation and its row end.
    pub(crate) async fn back_up(&self, id: InstanceId) -> (Operation, Backup) {
        let asked = self.engine.make_backup(&self.owner, id, NewBackup::default(), None).await;
        let (backup, operation) = asked.unwrap();
        assert_eq!(backup.state, BackupState::Pending);
        let operation = self.settled(operation.id).await;
        (operation, self.ended(backup.id).await)
    }

    pub(crate) async fn ended(&self, id: BackupId) -> Backup {
        self.until("the backup is there, or failed", async || {
            let backup = self.engine.backup(&self.owner, id).await.unwrap();
            (backup.state != BackupState::Pending).then_some(backup)
        })
        .await
    }

    pub(crate) async fn restore(&self, instance: &Instance, backup: BackupId) -> Operation {
        let name = instance.name.to_string();
        let asked = self.engine.restore_backup(&self.owner, instance.id, backup, &name, None).await;
        self.settled(asked.unwrap().id).await
    }

    pub(crate) async fn backups(&self, id: InstanceId) -> Vec<Backup> {
        let filter = BackupFilter { instance_id: Some(id), ..BackupFilter::default() };
        self.engine.backups(&self.owner, filter, None, 100).await.unwrap()
    }

    pub(crate) fn config(&self, vmid: u32, name: &str) -> Option<String> {
        self.sim.cluster("lodge").with(|world| world.guest(vmid)?.config.get(name).cloned())
    }

    pub(crate) fn set_config(&self, vmid: u32, name: &str, value: &str) {
        self.sim.cluster("lodge").with(|world| {
            world.guest_mut(vmid).unwrap().config.insert(name.into(), value.into());
        });
    }

    /// What lies on a storage, whoever made it.
    pub(crate) async fn volumes(&self, storage: &str) -> Vec<Volume> {
        let (node, storage) = (NodeName::new("oak").unwrap(), StorageId::new(storage).unwrap());
        self.proxmox.backups(&node, &storage, None).await.unwrap()
    }

    /// A backup that somebody makes in Proxmox.
    pub(crate) async fn back_up_in_proxmox(&self, node: &str, vmid: u32, notes: Option<&str>) -> Volume {
        let before = self.volumes("vault").await;
        let storage = StorageId::new("vault").unwrap();
        let backup = pve::Backup {
            notes: notes.map(str::to_owned),
            compress: Some("zstd".into()),
            ..pve::Backup::new(pve::Vmid::new(vmid).unwrap(), storage)
        };
        let upid = self.proxmox.backup(&NodeName::new(node).unwrap(), &backup).await.unwrap().unwrap();
        self.task_ends(&upid).await;
        let after = self.volumes("vault").await;
        after.into_iter().find(|volume| !before.iter().any(|b| b.volid == volume.volid)).unwrap()
    }

    pub(crate) async fn remove_in_proxmox(&self, volume: &VolumeId) {
        let upid = self.proxmox.delete_volume(&NodeName::new("oak").unwrap(), volume).await.unwrap().unwrap();
        self.task_ends(&upid).await;
    }

    pub(crate) async fn task_ends(&self, upid: &Upid) {
        self.until("a task in Proxmox ends", async || {
            match self.proxmox.task(upid).status().await.unwrap() {
                pve::TaskStatus::Ended(outcome) => {
                    assert_eq!(outcome, pve::TaskOutcome::Ok);
                    Some(())
                }
                pve::TaskStatus::Running => None,
            }
        })
        .await;
    }

    /// Another process on the same database.
    pub(crate) async fn second(&self, clock: Clock, options: Options) -> Engine {
        let url = format!("sqlite:{}", self.folder.path().join("t.db").display());
        let engine = Engine::new(Db::open(&url).await.unwrap(), self.keys.clone(), clock, options);
        run(&engine, &self.stop);
        engine
    }
}
