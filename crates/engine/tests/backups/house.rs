//! A house with one simulated cluster of two nodes that share a storage for backups, and somebody who looks into
//! Proxmox behind its back.

use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::backups::{Backup, BackupState};
use innkeeper_domain::clusters::{Cluster, Endpoint, VmidRange};
use innkeeper_domain::ids::{BackupId, InstanceId, OperationId, SessionId, TemplateId};
use innkeeper_domain::instances::{Instance, Kind};
use innkeeper_domain::operations::{Operation, State, Verb};
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    BackupFilter, BackupOptions, Engine, NewBackup, NewCluster, NewInstance, NewSource, NewTemplate, NewUser,
    Options, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey};
use pve::{Client, Credentials, NodeName, StorageId, Trust, Upid, Volume, VolumeId};
use pve_sim::{ClusterOptions, Sim, StorageOptions};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) sim: Sim,
    pub(crate) cluster: Cluster,
    pub(crate) owner: Actor,
    pub(crate) proxmox: Client,
    container: TemplateId,
    machine: TemplateId,
    url: String,
    key: String,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
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
        let _ = rustls::crypto::ring::default_provider().install_default();
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
        let sim =
            Sim::start(pve_sim::Options { clusters: vec![cluster], ..Default::default() }).await.unwrap();
        sim.cluster("lodge").with(|world| {
            world.add_token("root@pam", "inn", false, SECRET);
            world.add_token("root@pam", "other", false, SECRET);
        });
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("t.db").display());
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        let key = SealKey::generate();
        let text = key.to_text().to_string();
        let engine = Engine::new(db, KeyRing::new(key, Vec::new()), clock, options);
        let stop = CancellationToken::new();
        tokio::spawn({
            let (engine, stop) = (engine.clone(), stop.clone());
            async move { engine.run(stop).await }
        });
        let house = Actor::house();
        let new = NewUser {
            email: "owner@inn.example".parse().unwrap(),
            name: "Owner".parse().unwrap(),
            role: Role::User,
            password: "correct horse battery".to_owned().into(),
        };
        let user = engine.create_user(&house, new, None).await.unwrap();
        let project = user.personal_project;
        let owner = Actor::user(user.id, Role::User, vec![(project, Membership::Owner)], SessionId::new());
        let endpoint = sim.cluster("lodge").endpoint("oak");
        let new = NewCluster {
            name: "lodge".parse().unwrap(),
            endpoints: vec![Endpoint {
                url: endpoint.url.clone(),
                fingerprint: Some(endpoint.fingerprint.clone()),
            }],
            token_id: "root@pam!inn".into(),
            token_secret: SECRET.to_owned().into(),
            bridge: "vmbr0".into(),
            pool: None,
            vmids: VmidRange { first: 10_000, last: 10_999 },
            priority: 0,
        };
        let cluster = engine.add_cluster(&house, new, None).await.unwrap();
        let container = template(&engine, &cluster, Kind::Lxc).await;
        let machine = template(&engine, &cluster, Kind::Qemu).await;
        let trust = Trust::pin(endpoint.fingerprint.parse().unwrap());
        let credentials = Credentials::token("root@pam!other", SECRET.to_owned()).unwrap();
        let proxmox =
            Client::builder(pve::Endpoint::new(&endpoint.url, trust).unwrap(), credentials).build().unwrap();
        let house = Self {
            engine,
            sim,
            cluster,
            owner,
            proxmox,
            container,
            machine,
            url,
            key: text,
            stop,
            _folder: folder,
        };
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
        let new = NewInstance {
            project_id: None,
            name: name.parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: Vec::new(),
            fittings: innkeeper_engine::Fittings::default(),
        };
        let operation = self.engine.create_instance(&self.owner, new, None).await.unwrap();
        let operation = self.settled(operation.id).await;
        assert_eq!(operation.state, State::Succeeded, "{operation:#?}");
        self.instance(operation.instance_id).await
    }

    pub(crate) async fn settled(&self, id: OperationId) -> Operation {
        let operation = self.engine.await_operation(&self.owner, id, Duration::from_secs(30)).await.unwrap();
        assert!(operation.state.is_final(), "{operation:#?}");
        operation
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
        let db = Db::open(&self.url).await.unwrap();
        let key = SealKey::parse(&self.key).unwrap();
        let engine = Engine::new(db, KeyRing::new(key, Vec::new()), clock, options);
        tokio::spawn({
            let (engine, stop) = (engine.clone(), self.stop.clone());
            async move { engine.run(stop).await }
        });
        engine
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn template(engine: &Engine, cluster: &Cluster, kind: Kind) -> TemplateId {
    let house = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: kind.as_str().parse().unwrap(),
        kind,
        least: size(1, 64, 1),
        default_size: size(2, 512, 6),
        most: size(8, 8192, 50),
        reports_address: true,
    };
    let template = engine.create_template(&house, new, None).await.unwrap();
    let (node, origin) = match kind {
        Kind::Lxc => (None, Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into())),
        Kind::Qemu => (Some("oak".parse().unwrap()), Origin::Vm(9000)),
    };
    let source = NewSource { cluster_id: cluster.id, node, origin };
    engine.add_template_source(&house, template.id, source, None).await.unwrap();
    template.id
}
