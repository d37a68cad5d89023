//! Webhooks: what the owners of a project say of them, and the loops that find what they are to be told and tell it.

mod handing;
mod telling;

use innkeeper_connectors::webhooks::{BadAddress, new_secret};
use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{DeliveryId, ProjectId, WebhookId};
use innkeeper_domain::limits::Attempt;
use innkeeper_domain::names::Title;
use innkeeper_domain::webhooks::{Delivery, MOST_WEBHOOKS, Off, State, Webhook};
use innkeeper_store::{deliveries, events, projects, webhooks};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

pub(crate) use handing::run as run_handing;
pub(crate) use telling::run;

use crate::error::allow;
use crate::limits::Counted;
use crate::{Engine, Error, Idempotency};

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// What people call it.
    pub name: Title,
    /// Where it is told.
    pub url: String,
    /// What it is told of; empty means everything.
    pub subjects: Vec<Subject>,
    /// Whether it is told anything.
    pub enabled: bool,
}

/// What is to be changed of a webhook.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// What people call it.
    pub name: Option<Title>,
    /// Where it is told.
    pub url: Option<String>,
    /// What it is told of; empty means everything.
    pub subjects: Option<Vec<Subject>>,
    /// Whether it is told anything.
    pub enabled: Option<bool>,
}

/// To what a secret is bound.
fn place(id: WebhookId) -> String {
    format!("webhooks/secret/{id}")
}

/// What the audit log is told: of the address its host only, as the rest may be secret.
fn told(webhook: &Webhook) -> Value {
    let host = webhook.url.parse::<Url>().ok().and_then(|url| url.host_str().map(str::to_owned));
    json!({ "name": webhook.name, "host": host, "subjects": webhook.subjects, "off": webhook.off.map(|(why, _)| why) })
}

impl From<BadAddress> for Error {
    fn from(bad: BadAddress) -> Self {
        Self::invalid("url", bad)
    }
}

/// What it is told of, each once; only what happens to projects.
fn subjects(mut asked: Vec<Subject>) -> Result<Vec<Subject>, Error> {
    asked.sort_unstable();
    asked.dedup();
    if let Some(other) = asked.iter().find(|subject| !Subject::OF_PROJECTS.contains(subject)) {
        let known: Vec<_> = Subject::OF_PROJECTS.iter().map(|subject| subject.as_str()).collect();
        let message = format!(
            "`{other}` does not happen to projects; use some of {}, or none for all",
            known.join(", ")
        );
        return Err(Error::invalid("subjects", message));
    }
    Ok(asked)
}

/// In what is counted how often people have the webhooks of a project told something.
fn asked_to_tell(project: ProjectId) -> Counted {
    Counted::by_account(Attempt::Webhook, &project.to_string())
}

fn demand_on(webhook: &Webhook) -> Result<(), Error> {
    if webhook.is_on() {
        Ok(())
    } else {
        Err(Error::conflict("webhook_off", "the webhook is off; switch it on first"))
    }
}

impl Engine {
    /// Makes a webhook and gives its secret, which is not shown again. A repeated request gets the webhook without it.
    pub async fn create_webhook(
        &self,
        actor: &Actor,
        project: ProjectId,
        new: NewWebhook,
        key: Option<&Idempotency>,
    ) -> Result<(Webhook, Option<SecretString>), Error> {
        allow(may(actor, Action::ManageProject(project)), "project")?;
        let url = self.options().webhooks.address(&new.url)?;
        let subjects = subjects(new.subjects)?;
        let now = self.clock().now();
        let since = events::latest(self.db()).await?;
        let made = Webhook {
            id: WebhookId::new(),
            project_id: project,
            name: new.name,
            url: url.into(),
            subjects,
            off: (!new.enabled).then_some((Off::Asked, now)),
            since,
            failures: 0,
            failing_since: None,
            rests_until: None,
            created_at: now,
        };
        let secret = new_secret();
        let sealed = self.0.keys.seal(secret.expose_secret().as_bytes(), &place(made.id));
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<WebhookId>(&mut tx, actor, key).await? {
            drop(tx);
            let kept = webhooks::by_id(self.db(), before).await?.ok_or(Error::NotFound("webhook"))?;
            return Ok((kept, None));
        }
        // The row of the project makes several at once take turns.
        projects::by_id_tx(&mut tx, project).await?.ok_or(Error::NotFound("project"))?;
        if webhooks::count_of(&mut tx, project).await? >= MOST_WEBHOOKS {
            let message = format!(
                "the project has {MOST_WEBHOOKS} webhooks already; delete one that is not used any more"
            );
            return Err(Error::conflict("too_many_webhooks", message));
        }
        webhooks::insert(&mut tx, &made, &sealed).await?;
        self.record(&mut tx, actor, Deed::done("webhook.create", made.id).of(project).after(told(&made)));
        self.remember(&mut tx, actor, key, &made.id).await?;
        tx.commit().await?;
        Ok((made, Some(secret)))
    }

    /// The webhooks of a project, oldest first.
    pub async fn webhooks(&self, actor: &Actor, project: ProjectId) -> Result<Vec<Webhook>, Error> {
        allow(may(actor, Action::SeeManaged(project)), "project")?;
        projects::by_id(self.db(), project).await?.ok_or(Error::NotFound("project"))?;
        Ok(webhooks::of_project(self.db(), project).await?)
    }

    /// One webhook.
    pub async fn webhook(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, Error> {
        let webhook = webhooks::by_id(self.db(), id).await?.ok_or(Error::NotFound("webhook"))?;
        allow(may(actor, Action::SeeManaged(webhook.project_id)), "webhook")?;
        Ok(webhook)
    }

    async fn webhook_to_change(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, Error> {
        let webhook = self.webhook(actor, id).await?;
        allow(may(actor, Action::ManageProject(webhook.project_id)), "webhook")?;
        Ok(webhook)
    }

    /// Changes a webhook. Switched off, what it was still to be told is given up; switched on, it is told of what comes.
    pub async fn change_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook, Error> {
        self.webhook_to_change(actor, id).await?;
        let url = change.url.map(|url| self.options().webhooks.address(&url)).transpose()?;
        let asked = change.subjects.map(subjects).transpose()?;
        let now = self.clock().now();
        let newest = events::latest(self.db()).await?;
        let mut tx = self.db().begin().await?;
        let mut webhook = webhooks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("webhook"))?;
        let before = told(&webhook);
        if let Some(name) = change.name {
            webhook.name = name;
        }
        if let Some(url) = url {
            webhook.url = url.into();
            // Whoever answers there now has not failed yet.
            webhook.failures = 0;
            webhook.failing_since = None;
            webhook.rests_until = None;
        }
        if let Some(subjects) = asked {
            webhook.subjects = subjects;
        }
        match change.enabled {
            Some(true) if !webhook.is_on() => webhook.switch_on(newest),
            Some(false) if webhook.is_on() => {
                webhook.off = Some((Off::Asked, now));
                deliveries::give_up(&mut tx, id, now).await?;
            }
            _ => {}
        }
        webhooks::update(&mut tx, &webhook).await?;
        let deed = Deed::done("webhook.update", id).of(webhook.project_id);
        self.record(&mut tx, actor, deed.before(before).after(told(&webhook)));
        tx.commit().await?;
        Ok(webhook)
    }

    /// Deletes a webhook and all that it was told. Whoever may look may do that: it is a way out.
    pub async fn delete_webhook(&self, actor: &Actor, id: WebhookId) -> Result<(), Error> {
        let webhook = self.webhook(actor, id).await?;
        let mut tx = self.db().begin().await?;
        if !webhooks::delete(&mut tx, id).await? {
            return Err(Error::NotFound("webhook"));
        }
        self.record(
            &mut tx,
            actor,
            Deed::done("webhook.delete", id).of(webhook.project_id).before(told(&webhook)),
        );
        Ok(tx.commit().await?)
    }

    /// Gives a webhook another secret, good from now on, and shows it this once.
    pub async fn rotate_webhook_secret(
        &self,
        actor: &Actor,
        id: WebhookId,
    ) -> Result<(Webhook, SecretString), Error> {
        let webhook = self.webhook_to_change(actor, id).await?;
        let secret = new_secret();
        let sealed = self.0.keys.seal(secret.expose_secret().as_bytes(), &place(id));
        let mut tx = self.db().begin().await?;
        webhooks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("webhook"))?;
        webhooks::set_secret(&mut tx, id, &sealed).await?;
        self.record(&mut tx, actor, Deed::done("webhook.rotate", id).of(webhook.project_id));
        tx.commit().await?;
        Ok((webhook, secret))
    }

    /// What a webhook was told, newest first.
    pub async fn deliveries(
        &self,
        actor: &Actor,
        id: WebhookId,
        state: Option<State>,
        before: Option<DeliveryId>,
        limit: i64,
    ) -> Result<Vec<Delivery>, Error> {
        self.webhook(actor, id).await?;
        Ok(deliveries::list(self.db(), id, state, before, limit).await?)
    }

    /// One thing that a webhook was told, and its webhook.
    pub async fn delivery(
        &self,
        actor: &Actor,
        id: WebhookId,
        delivery: DeliveryId,
    ) -> Result<(Webhook, Delivery), Error> {
        let webhook = self.webhook(actor, id).await?;
        let found = deliveries::by_id(self.db(), id, delivery).await?.ok_or(Error::NotFound("delivery"))?;
        Ok((webhook, found))
    }

    /// Tells a webhook something that did not happen, at once.
    pub async fn test_webhook(
        &self,
        actor: &Actor,
        id: WebhookId,
        key: Option<&Idempotency>,
    ) -> Result<Delivery, Error> {
        let seen = self.webhook_to_change(actor, id).await?;
        let delivery = Delivery::test(id, self.clock().now());
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay::<DeliveryId>(&mut tx, actor, key).await? {
            drop(tx);
            return deliveries::by_id(self.db(), id, before).await?.ok_or(Error::NotFound("delivery"));
        }
        self.count_in(&mut tx, &asked_to_tell(seen.project_id)).await?;
        let mut webhook = webhooks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("webhook"))?;
        demand_on(&webhook)?;
        webhook.rests_until = None;
        webhooks::update(&mut tx, &webhook).await?;
        deliveries::insert(&mut tx, &delivery).await?;
        self.record(&mut tx, actor, Deed::done("webhook.test", id).of(webhook.project_id));
        self.remember(&mut tx, actor, key, &delivery.id).await?;
        tx.commit().await?;
        Ok(delivery)
    }

    /// Tells a webhook something once more, at once and under the same id.
    pub async fn resend_delivery(
        &self,
        actor: &Actor,
        id: WebhookId,
        delivery: DeliveryId,
    ) -> Result<Delivery, Error> {
        let seen = self.webhook_to_change(actor, id).await?;
        let mut tx = self.db().begin().await?;
        self.count_in(&mut tx, &asked_to_tell(seen.project_id)).await?;
        let mut webhook = webhooks::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("webhook"))?;
        let mut found =
            deliveries::by_id_tx(&mut tx, id, delivery).await?.ok_or(Error::NotFound("delivery"))?;
        demand_on(&webhook)?;
        webhook.rests_until = None;
        webhooks::update(&mut tx, &webhook).await?;
        found.resend(self.clock().now());
        deliveries::update(&mut tx, &found).await?;
        let after = json!({ "delivery": delivery, "type": found.kind() });
        self.record(&mut tx, actor, Deed::done("webhook.resend", id).of(webhook.project_id).after(after));
        tx.commit().await?;
        Ok(found)
    }
}
