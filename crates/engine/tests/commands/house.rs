//! A house with a simulated cluster whose guests run real processes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::{Endpoint, VmidRange};
use innkeeper_domain::commands::{By, Command};
use innkeeper_domain::ids::{ClusterId, InstanceId, SessionId, TemplateId, UserId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::operations::State;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_domain::time::Clock;
use innkeeper_domain::users::Role;
use innkeeper_engine::{
    AuditFilter, CommandOptions, Engine, Error, NewCluster, NewCommand, NewInstance, NewSource, NewTemplate,
    NewUser, Options, Ran, Reach, Setup, WantedSize,
};
use innkeeper_store::{Db, KeyRing, SealKey, management};
use pve_sim::{ClusterOptions, GuestProcesses, Sim};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use tokio_util::sync::CancellationToken;

use crate::sshd::Sshd;

const SECRET: &str = "6b1f1f36-3a2e-4d5e-9a51-6f5d8f0f2a11";

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) sim: Sim,
    pub(crate) db: Db,
    pub(crate) cluster: ClusterId,
    pub(crate) owner: Actor,
    pub(crate) user: UserId,
    pub(crate) container: TemplateId,
    pub(crate) machine: TemplateId,
    /// Where instances are believed to answer by SSH.
    pub(crate) reach: Arc<Mutex<Option<SocketAddr>>>,
    stop: CancellationToken,
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let clusters = vec![ClusterOptions::named("lodge", &["oak"])];
        let guests = GuestProcesses::Process;
        let sim = Sim::start(pve_sim::Options { clusters, guests, ..Default::default() }).await.unwrap();
        sim.cluster("lodge").with(|world| world.add_token("root@pam", "inn", false, SECRET));
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&format!("sqlite:{}", folder.path().join("t.db").display())).await.unwrap();
        db.migrate().await.unwrap();
        let reach = Arc::<Mutex<Option<SocketAddr>>>::default();
        let found = Arc::clone(&reach);
        let options = Options {
            settle: Duration::from_millis(200),
            commands: CommandOptions {
                ssh_user: Sshd::user(),
                reach: Some(Reach::new(move |_| *found.lock().unwrap())),
                look_every: Duration::from_millis(100),
                ..CommandOptions::default()
            },
            ..Options::default()
        };
        let engine =
            Engine::new(db.clone(), KeyRing::new(SealKey::generate(), Vec::new()), Clock::system(), options);
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
        let memberships = vec![(user.personal_project, Membership::Owner)];
        let owner = Actor::user(user.id, Role::User, memberships, SessionId::new());
        let endpoints = sim.cluster("lodge").endpoints().iter();
        let cluster = NewCluster {
            name: "lodge".parse().unwrap(),
            endpoints: endpoints
                .map(|e| Endpoint { url: e.url.clone(), fingerprint: Some(e.fingerprint.clone()) })
                .collect(),
            token_id: "root@pam!inn".into(),
            token_secret: SECRET.to_owned().into(),
            bridge: "vmbr0".into(),
            pool: None,
            vmids: VmidRange { first: 10_000, last: 10_999 },
            priority: 0,
        };
        let cluster = engine.add_cluster(&house, cluster, None).await.unwrap().id;
        let container = template(&engine, cluster, Kind::Lxc).await;
        let machine = template(&engine, cluster, Kind::Qemu).await;
        Self { engine, sim, db, cluster, owner, user: user.id, container, machine, reach, stop, folder }
    }

    pub(crate) async fn create(&self, template_id: TemplateId, setup: Setup) -> InstanceId {
        let new = NewInstance {
            project_id: None,
            name: "web-1".parse().unwrap(),
            template_id,
            size: WantedSize::Default,
            ssh_keys: vec![OWNERS_KEY.parse().unwrap()],
            fittings: innkeeper_engine::Fittings::default(),
        };
        let asked = self.engine.create_instance_with(&self.owner, new, setup, None).await.unwrap();
        let done = self.engine.await_operation(&self.owner, asked.id, Duration::from_secs(30)).await.unwrap();
        assert_eq!(done.state, State::Succeeded, "{done:#?}");
        asked.instance_id
    }

    /// A container with an `sshd` in it that lets our key in.
    pub(crate) async fn container_with_sshd(&self) -> Option<(InstanceId, Sshd)> {
        let sshd = Sshd::start()?;
        let id = self.create(self.container, Setup::default()).await;
        self.open_door(id, &sshd).await;
        Some((id, sshd))
    }

    pub(crate) async fn open_door(&self, id: InstanceId, sshd: &Sshd) {
        sshd.authorize(&management::public_key(&self.db, id).await.unwrap().unwrap());
        *self.reach.lock().unwrap() = Some(sshd.address);
    }

    pub(crate) async fn run(&self, id: InstanceId, new: NewCommand) -> Result<Ran, Error> {
        self.engine.run_command(&self.owner, id, new).await
    }

    pub(crate) async fn code(&self, id: InstanceId, new: NewCommand) -> &'static str {
        code(self.run(id, new).await.unwrap_err())
    }

    /// As if an instance had been made by an earlier release.
    pub(crate) async fn forget_management(&self, id: InstanceId) {
        let file = self.folder.path().join("t.db");
        let mut hand = SqliteConnection::connect(&format!("sqlite:{}", file.display())).await.unwrap();
        sqlx::query("delete from management where instance_id = $1")
            .bind(id.0)
            .execute(&mut hand)
            .await
            .unwrap();
    }

    /// What the audit log says of an action, newest first.
    pub(crate) async fn log(&self, action: &str) -> Vec<Value> {
        let entries =
            self.engine.audit_log(&Actor::house(), &AuditFilter::default(), None, 200).await.unwrap();
        entries
            .into_iter()
            .filter(|entry| entry.deed.action == action)
            .map(|entry| entry.deed.after)
            .collect()
    }

    /// Everything that the audit log says.
    pub(crate) async fn whole_log(&self) -> String {
        let entries =
            self.engine.audit_log(&Actor::house(), &AuditFilter::default(), None, 200).await.unwrap();
        format!("{entries:?}")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) const OWNERS_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHZ0d2V0b3Jrc2FyZWp1c3RsaWtlZmFrZWtleXM ada";

pub(crate) fn code(error: Error) -> &'static str {
    let Error::Conflict { code, message } = error else { panic!("{error:?}") };
    for word in ["oak", "10000", "pct", "root@pam", "UPID", "127.0.0.1"] {
        assert!(!message.contains(word), "{message}");
    }
    code
}

pub(crate) fn script(text: &str) -> NewCommand {
    NewCommand {
        command: Command::Script(text.to_owned()),
        input: Vec::new(),
        timeout_seconds: None,
        user: None,
        by: None,
    }
}

pub(crate) fn by(by: By, new: NewCommand) -> NewCommand {
    NewCommand { by: Some(by), ..new }
}

async fn template(engine: &Engine, cluster_id: ClusterId, kind: Kind) -> TemplateId {
    let house = Actor::house();
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    let new = NewTemplate {
        name: kind.as_str().parse().unwrap(),
        kind,
        least: size(1, 64, 1),
        default_size: size(1, 256, 6),
        most: size(8, 8192, 50),
        reports_address: true,
    };
    let template = engine.create_template(&house, new, None).await.unwrap();
    let (node, origin) = match kind {
        Kind::Lxc => (None, Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into())),
        Kind::Qemu => (Some("oak".parse().unwrap()), Origin::Vm(9000)),
    };
    let source = NewSource { cluster_id, node, origin };
    engine.add_template_source(&house, template.id, source, None).await.unwrap();
    template.id
}
