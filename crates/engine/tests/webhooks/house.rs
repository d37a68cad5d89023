//! A house with a project, its owner, and a clock that is turned by hand.

use std::time::Duration;

use innkeeper_connectors::mail::{Mailer, Route};
use innkeeper_domain::access::Actor;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{ProjectId, WebhookId};
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_domain::users::Role;
use innkeeper_domain::webhooks::{Delivery, Webhook};
use innkeeper_engine::{Engine, NewWebhook, Options, WebhookOptions};
use innkeeper_store::{Db, KeyRing, SealKey, events};
use innkeeper_testing::person;
use secrecy::ExposeSecret;

use crate::receiver::Receiver;

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) db: Db,
    pub(crate) clock: Clock,
    pub(crate) owner: Actor,
    pub(crate) project: ProjectId,
    keys: KeyRing,
    options: Options,
    mails: tempfile::TempDir,
}

impl House {
    pub(crate) async fn open(db: Db) -> Self {
        let mails = tempfile::tempdir().unwrap();
        let route = Route::Folder(mails.path().to_owned());
        let mut options = Options {
            webhooks: WebhookOptions {
                own_networks: vec!["127.0.0.1".parse().unwrap()],
                patience: Duration::from_secs(20),
                ..WebhookOptions::default()
            },
            ..Options::default()
        };
        options.access.mailer = Some(Mailer::new("Inn <desk@inn.example>", route).unwrap());
        options.access.public_url = Some("https://inn.example".to_owned());
        let keys = KeyRing::new(SealKey::generate(), Vec::new());
        let clock = Clock::manual(Timestamp(1_795_221_883_000_000));
        let engine = Engine::new(db.clone(), keys.clone(), clock.clone(), options.clone());
        let (user, owner) = person(&engine, "ada@inn.example", Role::User).await;
        Self { engine, db, clock, owner, project: user.personal_project, keys, options, mails }
    }

    /// Another process of the same house.
    pub(crate) fn another(&self) -> Engine {
        self.another_with(self.options.webhooks.clone())
    }

    pub(crate) fn another_with(&self, webhooks: WebhookOptions) -> Engine {
        let options = Options { webhooks, ..self.options.clone() };
        Engine::new(self.db.clone(), self.keys.clone(), self.clock.clone(), options)
    }

    /// A webhook that tells this receiver.
    pub(crate) async fn webhook(&self, receiver: &Receiver, subjects: &[Subject]) -> Webhook {
        let new = NewWebhook {
            name: "deploy".parse().unwrap(),
            url: receiver.url.clone(),
            subjects: subjects.to_vec(),
            enabled: true,
        };
        let (made, secret) = self.engine.create_webhook(&self.owner, self.project, new, None).await.unwrap();
        receiver.knows(secret.unwrap().expose_secret());
        made
    }

    pub(crate) async fn happens(&self, project: Option<ProjectId>, subject: Subject, what: &str) {
        let mut tx = self.db.begin().await.unwrap();
        events::append(&mut tx, self.clock.now(), project, subject, "ins_1", what).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Something of the project, which is then told.
    pub(crate) async fn tells(&self, what: &str) {
        self.happens(Some(self.project), Subject::Instance, what).await;
        self.engine.hand_out_events().await.unwrap();
        self.engine.tell_webhooks().await.unwrap();
    }

    /// What is due is told so much later.
    pub(crate) async fn later(&self, by: Duration) {
        self.clock.advance(by);
        self.engine.tell_webhooks().await.unwrap();
    }

    pub(crate) async fn look(&self, id: WebhookId) -> Webhook {
        self.engine.webhook(&self.owner, id).await.unwrap()
    }

    /// What a webhook was told, oldest first.
    pub(crate) async fn deliveries(&self, id: WebhookId) -> Vec<Delivery> {
        let mut all = self.engine.deliveries(&self.owner, id, None, None, 200).await.unwrap();
        all.reverse();
        all
    }

    /// The mails that were written and sent, as they went.
    pub(crate) async fn mails(&self) -> Vec<String> {
        self.engine.send_mails().await.unwrap();
        let files = std::fs::read_dir(self.mails.path()).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}
