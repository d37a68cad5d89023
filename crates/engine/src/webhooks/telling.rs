//! The loop that tells webhooks. One process at a time tells a webhook, one thing after the other, so that a receiver that
//! is slow or dead keeps nobody waiting but itself. A claim that nobody renews runs out, and what was being told then is
//! told again: at least once, never lost.

use std::time::{Duration, Instant};

use innkeeper_connectors::webhooks::{Message, Postman};
use innkeeper_domain::access::Actor;
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::WebhookId;
use innkeeper_domain::mails::Letter;
use innkeeper_domain::users::User;
use innkeeper_domain::webhooks::{Delivery, Fault, Off, Try, Webhook};
use innkeeper_store::{Topic, deliveries, projects, webhooks};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, error, info, info_span};

use super::{place, told};
use crate::{Engine, Error, turns};

/// How long a webhook stays claimed after the last word: longer than a receiver may take to answer.
const CLAIM: Duration = Duration::from_secs(60);

/// The longest pause between two looks for what is due.
const SWEEP: Duration = Duration::from_secs(5);

/// Webhooks that this process tells at once.
const AT_ONCE: usize = 32;

/// Deliveries after which a webhook lets others go first.
const IN_A_ROW: usize = 20;

/// Time after which it does so too: one that answers slowly takes a place for one delivery, not for twenty.
const TURN: Duration = Duration::from_secs(2);

/// Tells webhooks until `stop`.
pub(crate) async fn run(engine: Engine, stop: CancellationToken) {
    let turns_taken = TaskTracker::new();
    let hints = engine.db().wakeups(Topic::Webhooks);
    turns::take("telling webhooks", hints, SWEEP, &stop, || claim_and_tell(&engine, &turns_taken, &stop))
        .await;
    turns_taken.close();
    turns_taken.wait().await;
}

async fn claim_and_tell(
    engine: &Engine,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Duration, Error> {
    let free = AT_ONCE.saturating_sub(tracker.len());
    if free == 0 {
        // Whoever is done gives a hint.
        return Ok(SWEEP);
    }
    for (id, fence) in engine.claim_webhooks(free).await? {
        let (engine, stop) = (engine.clone(), stop.clone());
        let span = info_span!("webhook", %id);
        tracker.spawn(
            async move {
                if let Err(error) = engine.tell_webhook(id, fence, &stop).await {
                    // The claim runs out by itself, and the webhook is told then.
                    error!(%error, "telling was broken off; it will be taken up again");
                }
            }
            .instrument(span),
        );
    }
    let next = webhooks::next_due(engine.db()).await?;
    let sweep = if tracker.len() < AT_ONCE { SWEEP } else { SWEEP / 5 };
    Ok(turns::pause(next, engine.clock().now(), sweep))
}

impl Engine {
    /// Tells every webhook what is due, once, and waits until all have been told. [`Engine::run`] does it by itself.
    pub async fn tell_webhooks(&self) -> Result<(), Error> {
        let stop = CancellationToken::new();
        let claimed = self.claim_webhooks(AT_ONCE).await?;
        let told = claimed.into_iter().map(|(id, fence)| self.tell_webhook(id, fence, &stop));
        futures_util::future::try_join_all(told).await?;
        Ok(())
    }

    async fn claim_webhooks(&self, most: usize) -> Result<Vec<(WebhookId, i64)>, Error> {
        // Asked without a transaction first: mostly there is nothing.
        let now = self.clock().now();
        if webhooks::next_due(self.db()).await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let mut tx = self.db().begin().await?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let claimed = webhooks::claim(&mut tx, now, now.after(CLAIM), most).await?;
        tx.commit().await?;
        Ok(claimed)
    }

    /// Tells a webhook that was claimed what is due, until it fails or others should have their turn.
    async fn tell_webhook(&self, id: WebhookId, fence: i64, stop: &CancellationToken) -> Result<(), Error> {
        let begun = Instant::now();
        for _ in 0..IN_A_ROW {
            if begun.elapsed() > TURN {
                break;
            }
            let now = self.clock().now();
            let (Some(webhook), Some(delivery)) =
                (webhooks::by_id(self.db(), id).await?, deliveries::next_of(self.db(), id, now).await?)
            else {
                break;
            };
            if !webhook.is_on() || stop.is_cancelled() {
                break;
            }
            let tried = self.try_delivery(&webhook, &delivery).await?;
            let taken = tried.is_taken();
            if !self.note_try(fence, &webhook, &delivery, tried).await? || !taken {
                break;
            }
        }
        let mut tx = self.db().begin().await?;
        webhooks::release(&mut tx, id, fence).await?;
        Ok(tx.commit().await?)
    }

    async fn postman(&self) -> Result<&Postman, Error> {
        let settings = || async { Postman::new(self.options().webhooks.clone()) };
        let made = self.0.postman.get_or_try_init(settings).await;
        made.map_err(|error| Error::Internal(format!("webhooks cannot be told: {error}")))
    }

    async fn try_delivery(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Try, Error> {
        let (at, begun) = (self.clock().now(), Instant::now());
        let sealed = webhooks::secret(self.db(), webhook.id).await?;
        let opened = sealed.and_then(|sealed| self.0.keys.open(&sealed, &place(webhook.id)).ok());
        let secret = opened.and_then(|plain| String::from_utf8(plain.to_vec()).ok());
        let answer = match secret {
            None => Err(Fault::Unsigned),
            Some(secret) => {
                let message = Message {
                    url: webhook.url.clone(),
                    secret: secret.into(),
                    id: delivery.id.to_string(),
                    body: delivery.body(webhook.project_id),
                };
                self.postman().await?.send(&message, at).await
            }
        };
        Ok(Try::of(answer, at, begun.elapsed()))
    }

    /// Writes down how a try went. False when another tells this webhook by now, and nothing was written.
    async fn note_try(
        &self,
        fence: i64,
        webhook: &Webhook,
        delivery: &Delivery,
        tried: Try,
    ) -> Result<bool, Error> {
        // Read before anything is locked.
        let project = if tried.is_taken() { None } else { self.project_of(webhook).await? };
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let held = webhooks::held(&mut tx, webhook.id, fence, now.after(CLAIM)).await?;
        let Some(mut webhook) = held else { return Ok(false) };
        let kept = deliveries::by_id_tx(&mut tx, webhook.id, delivery.id).await?;
        let Some(mut delivery) = kept else { return Ok(false) };
        let (status, fault) = (tried.status, tried.fault);
        let was_on = webhook.is_on();
        webhook.note(&tried, rand::random(), now);
        delivery.note(tried, rand::random(), now);
        deliveries::update(&mut tx, &delivery).await?;
        webhooks::update(&mut tx, &webhook).await?;
        info!(delivery = %delivery.id, state = %delivery.state, status, fault = fault.map(Fault::as_str), "a webhook was told");
        if let Some((why, _)) = webhook.off.filter(|_| was_on) {
            deliveries::give_up(&mut tx, webhook.id, now).await?;
            let deed =
                Deed::done("webhook.switch_off", webhook.id).of(webhook.project_id).after(told(&webhook));
            self.record(&mut tx, &Actor::house(), deed);
            let (name, readers) = project.unwrap_or_default();
            let link = self.link(&format!("/webhooks/{}", webhook.id));
            let letter = if why == Off::Gone { Letter::WebhookGone } else { Letter::WebhookFailing };
            let words = [("webhook", webhook.name.as_str()), ("project", name.as_str()), ("link", &link)];
            for reader in &readers {
                self.write_to(&mut tx, reader, letter, &words).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// What the project of a webhook is called, and its owners who read letters.
    async fn project_of(&self, webhook: &Webhook) -> Result<Option<(String, Vec<User>)>, Error> {
        let project = projects::by_id(self.db(), webhook.project_id).await?;
        let readers = self.readers_of(webhook.project_id).await?;
        Ok(project.map(|project| (project.name.to_string(), readers)))
    }
}
