//! A house with a simulated cluster whose guests run real processes.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use innkeeper_domain::access::Actor;
use innkeeper_domain::commands::{By, Command};
use innkeeper_domain::ids::{InstanceId, TemplateId};
use innkeeper_domain::operations::State;
use innkeeper_domain::time::Clock;
use innkeeper_engine::{
    AuditFilter, CommandOptions, Error, NewCommand, NewInstance, Options, Ran, Reach, Setup,
};
use innkeeper_store::management;
use innkeeper_testing::instance;
use pve_sim::{ClusterOptions, GuestProcesses};
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::plain;
use crate::sshd::Sshd;

pub(crate) struct House {
    plain: plain::House,
    /// Where instances are believed to answer by SSH.
    pub(crate) reach: Arc<Mutex<Option<SocketAddr>>>,
}

impl Deref for House {
    type Target = plain::House;

    fn deref(&self) -> &plain::House {
        &self.plain
    }
}

impl House {
    pub(crate) async fn open() -> Self {
        let clusters = vec![ClusterOptions::named("lodge", &["oak"])];
        let guests = GuestProcesses::Process;
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
        let clusters = pve_sim::Options { clusters, guests, ..Default::default() };
        Self { plain: plain::House::build(clusters, Clock::system(), options).await, reach }
    }

    pub(crate) async fn create(&self, template_id: TemplateId, setup: Setup) -> InstanceId {
        let ssh_keys = vec![OWNERS_KEY.parse().unwrap()];
        let new = NewInstance { ssh_keys, ..instance("web-1", template_id) };
        let asked = self.engine.create_instance_with(&self.owner, new, setup, None).await.unwrap();
        let done = self.settled(asked.id).await;
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
