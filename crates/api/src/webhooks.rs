//! Webhooks: addresses that are told what happens to a project.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::{DeliveryId, ProjectId, WebhookId};
use innkeeper_domain::names::Title;
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::webhooks::{self as domain, Fault, Off, State as DeliveryState};
use innkeeper_engine::{Engine, NewWebhook, WebhookChange};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Key, Keyed, Query};
use crate::page::{Cursor, Limit, Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// An address that is told what happens to a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Webhook {
    /// Identity.
    id: WebhookId,
    /// Whose events it is told.
    project_id: ProjectId,
    /// What people call it.
    name: Title,
    /// Where it is told.
    url: String,
    /// What it is told of; empty means everything.
    subjects: Vec<Subject>,
    /// Whether it is told anything.
    enabled: bool,
    /// Why it is off; null while it is on.
    off_reason: Option<Off>,
    /// Since when it is off.
    off_at: Option<Timestamp>,
    /// Since when its receiver has taken nothing; null while it takes what it is told. After five days it is switched off.
    failing_since: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
}

impl From<domain::Webhook> for Webhook {
    fn from(webhook: domain::Webhook) -> Self {
        let (off_reason, off_at) = webhook.off.unzip();
        Self {
            id: webhook.id,
            project_id: webhook.project_id,
            name: webhook.name,
            url: webhook.url,
            subjects: webhook.subjects,
            enabled: off_reason.is_none(),
            off_reason,
            off_at,
            failing_since: webhook.failing_since,
            created_at: webhook.created_at,
        }
    }
}

/// A webhook and its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookMade {
    /// By what the receiver knows us: `whsec_` and 32 bytes in Base64. It is shown this once, and is null when an
    /// idempotency key comes again.
    secret: Option<String>,
    /// The webhook.
    webhook: Webhook,
}

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "deploy", "url": "https://hooks.example/in", "subjects": ["instance", "operation"] }))]
pub(crate) struct WebhookAsked {
    /// What people call it: 1 to 64 characters.
    name: Title,
    /// Where it is told: an `https://` address on the Internet.
    #[schema(max_length = 2000)]
    url: String,
    /// What it is told of: `instance`, `operation`, `project`, `lease`, `service`; everything where nothing is said.
    #[serde(default)]
    subjects: Vec<Subject>,
    /// Whether it is told anything; true where nothing is said.
    enabled: Option<bool>,
}

/// What is to be changed of a webhook; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "enabled": false }))]
pub(crate) struct WebhookChanged {
    /// What people call it.
    name: Option<Title>,
    /// Where it is told.
    #[schema(max_length = 2000)]
    url: Option<String>,
    /// What it is told of; an empty list means everything.
    subjects: Option<Vec<Subject>>,
    /// Whether it is told anything.
    enabled: Option<bool>,
}

/// One try to deliver.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryTry {
    /// When it was begun.
    at: Timestamp,
    /// How long it took, in milliseconds.
    milliseconds: u64,
    /// The status of the answer; null when none came.
    status: Option<u16>,
    /// Why it failed; null when it was taken.
    fault: Option<Fault>,
}

/// Something that a webhook was told, or is to be told.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivery {
    /// Identity; the receiver gets it as `webhook-id`.
    id: DeliveryId,
    /// Who is told.
    webhook_id: WebhookId,
    /// What it tells of, for example `instance.running`.
    #[serde(rename = "type")]
    kind: String,
    /// To what kind of thing it happened.
    subject: String,
    /// To which.
    subject_id: String,
    /// When it happened.
    happened_at: Timestamp,
    /// What became of it.
    state: DeliveryState,
    /// The newest tries, oldest first.
    tries: Vec<DeliveryTry>,
    /// When it is tried next; null when it is over.
    next_try_at: Option<Timestamp>,
    /// When it was taken or given up.
    ended_at: Option<Timestamp>,
}

impl From<domain::Delivery> for Delivery {
    fn from(delivery: domain::Delivery) -> Self {
        let kind = delivery.kind();
        let tries = delivery.tries.into_iter().map(|tried| DeliveryTry {
            at: tried.at,
            milliseconds: tried.ms,
            status: tried.status,
            fault: tried.fault,
        });
        Self {
            id: delivery.id,
            webhook_id: delivery.webhook_id,
            kind,
            subject: delivery.subject,
            subject_id: delivery.subject_id,
            happened_at: delivery.at,
            state: delivery.state,
            tries: tries.collect(),
            next_try_at: delivery.due_at,
            ended_at: delivery.ended_at,
        }
    }
}

/// Something that a webhook was told, to the letter.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliverySent {
    /// How it stands.
    delivery: Delivery,
    /// The body, as it is sent at every try.
    body: String,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveriesWanted {
    /// Only those in this state.
    state: Option<DeliveryState>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// The webhooks of a project, oldest first. For its owners.
#[utoipa::path(get, path = "/projects/{id}/webhooks", tag = "webhooks",
    params(("id" = ProjectId, Path, description = "The project"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Webhook>)),
)]
pub(crate) async fn list_webhooks(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Webhook>>, Problem> {
    let all = engine.webhooks(&caller.actor, id).await?;
    Page::within(all, paging, |webhook| webhook.id.to_string(), Webhook::from).map(Json)
}

/// Have an address told what happens to a project. For its owners.
///
/// What is sent is signed as Standard Webhooks has it (`webhook-id`, `webhook-timestamp`, `webhook-signature`). What is
/// not answered with 2xx within 10 seconds is sent again, ten times over two to three days.
#[utoipa::path(post, path = "/projects/{id}/webhooks", tag = "webhooks", request_body = WebhookAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "Made; the secret is shown this once", body = WebhookMade),
        (status = 409, description = "The project has ten already (`too_many_webhooks`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn create_webhook(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Keyed { body, key }: Keyed<WebhookAsked>,
) -> Result<(StatusCode, Json<WebhookMade>), Problem> {
    let WebhookAsked { name, url, subjects, enabled } = body;
    let new = NewWebhook { name, url, subjects, enabled: enabled.unwrap_or(true) };
    let (made, secret) = engine.create_webhook(&caller.actor, id, new, key.as_ref()).await?;
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(WebhookMade { secret, webhook: made.into() })))
}

/// One webhook.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "It", body = Webhook)),
)]
pub(crate) async fn get_webhook(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
) -> Result<Json<Webhook>, Problem> {
    Ok(Json(engine.webhook(&caller.actor, id).await?.into()))
}

/// Change a webhook. Switched off, what it was still to be told is given up; switched on, it is told of what comes.
#[utoipa::path(patch, path = "/webhooks/{id}", tag = "webhooks", request_body = WebhookChanged,
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "As it is now", body = Webhook)),
)]
pub(crate) async fn change_webhook(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
    Asked(body): Asked<WebhookChanged>,
) -> Result<Json<Webhook>, Problem> {
    let WebhookChanged { name, url, subjects, enabled } = body;
    let change = WebhookChange { name, url, subjects, enabled };
    Ok(Json(engine.change_webhook(&caller.actor, id, change).await?.into()))
}

/// Delete a webhook and all that it was told.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 204, description = "It is gone")),
)]
pub(crate) async fn delete_webhook(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
) -> Result<StatusCode, Problem> {
    engine.delete_webhook(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a webhook another secret. The one before is worth nothing from now on; what is under way is tried again with it.
#[utoipa::path(post, path = "/webhooks/{id}/rotate-secret", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 200, description = "The secret is shown this once", body = WebhookMade)),
)]
pub(crate) async fn rotate_webhook_secret(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
) -> Result<Json<WebhookMade>, Problem> {
    let (webhook, secret) = engine.rotate_webhook_secret(&caller.actor, id).await?;
    let secret = Some(secret.expose_secret().to_owned());
    Ok(Json(WebhookMade { secret, webhook: webhook.into() }))
}

/// Send `webhook.test` to a webhook, at once. Follow the delivery to see what came of it.
#[utoipa::path(post, path = "/webhooks/{id}/test", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook"), IdempotencyKey),
    responses(
        (status = 202, description = "It is on its way", body = Delivery),
        (status = 409, description = "The webhook is off (`webhook_off`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "So much was asked for in this project (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn test_webhook(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
    Key(key): Key,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let delivery = engine.test_webhook(&caller.actor, id, key.as_ref()).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}

/// What a webhook was told in the last 30 days, newest first.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = WebhookId, Path, description = "The webhook"), DeliveriesWanted),
    responses((status = 200, description = "A page of them", body = Page<Delivery>)),
)]
pub(crate) async fn list_deliveries(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<WebhookId>,
    Query(wanted): Query<DeliveriesWanted>,
) -> Result<Json<Page<Delivery>>, Problem> {
    let DeliveriesWanted { state, limit, cursor } = wanted;
    let before = Cursor::read(cursor)?;
    let found = engine.deliveries(&caller.actor, id, state, before, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |delivery| delivery.id.to_string(), Delivery::from)))
}

/// One thing that a webhook was told, with the body.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries/{delivery}", tag = "webhooks",
    params(
        ("id" = WebhookId, Path, description = "The webhook"),
        ("delivery" = DeliveryId, Path, description = "The delivery"),
    ),
    responses((status = 200, description = "It", body = DeliverySent)),
)]
pub(crate) async fn get_delivery(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, delivery)): At<(WebhookId, DeliveryId)>,
) -> Result<Json<DeliverySent>, Problem> {
    let (webhook, delivery) = engine.delivery(&caller.actor, id, delivery).await?;
    let body = delivery.body(webhook.project_id);
    Ok(Json(DeliverySent { delivery: delivery.into(), body }))
}

/// Send something once more, at once and under the same `webhook-id`, whatever became of it.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery}/resend", tag = "webhooks",
    params(
        ("id" = WebhookId, Path, description = "The webhook"),
        ("delivery" = DeliveryId, Path, description = "The delivery"),
    ),
    responses(
        (status = 202, description = "It is on its way", body = Delivery),
        (status = 409, description = "The webhook is off (`webhook_off`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 429, description = "So much was asked for in this project (`too_many_attempts`); `Retry-After` says how long to wait", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn resend_delivery(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, delivery)): At<(WebhookId, DeliveryId)>,
) -> Result<(StatusCode, Json<Delivery>), Problem> {
    let delivery = engine.resend_delivery(&caller.actor, id, delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(delivery.into())))
}
