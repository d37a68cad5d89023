//! What you are told, and how: by e-mail, at Discord, or not at all.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::notifications::{Choice, Kind};
use innkeeper_engine::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::extract::{Asked, At};
use crate::problem::Problem;

/// How you are told of one kind of thing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationChoice {
    /// Of what.
    kind: Kind,
    /// By e-mail, once your address is confirmed.
    email: bool,
    /// By direct message at Discord, as long as your account is linked.
    discord: bool,
    /// Whether one of the ways must stay on.
    must_arrive: bool,
}

impl From<Choice> for NotificationChoice {
    fn from(Choice { kind, email, discord }: Choice) -> Self {
        Self { kind, email, discord, must_arrive: kind.must_arrive() }
    }
}

/// How you are told of things. What is about signing in, and invitations, are always mailed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    /// Every kind, as it is in effect now.
    choices: Vec<NotificationChoice>,
    /// Whether this house sends mails.
    mails: bool,
    /// Whether your account is linked with one at Discord; without it nothing can be told there.
    discord_linked: bool,
}

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": false }))]
pub(crate) struct NotificationChanged {
    /// Tell it by e-mail. Off is refused where nothing else would tell what must arrive.
    email: Option<bool>,
    /// Tell it by direct message at Discord. On is refused without a linked account.
    discord: Option<bool>,
}

/// How you are told of things.
#[utoipa::path(get, path = "/me/notifications", tag = "account", responses(
    (status = 200, description = "How you are told of each kind of thing", body = Notifications),
))]
pub(crate) async fn get_notifications(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Notifications>, Problem> {
    let found = engine.notifications(&caller.actor).await?;
    let choices = found.choices.into_iter().map(NotificationChoice::from).collect();
    Ok(Json(Notifications { choices, mails: engine.sends_mail(), discord_linked: found.linked }))
}

/// Choose how you are told of one kind of thing.
#[utoipa::path(patch, path = "/me/notifications/{kind}", tag = "account", request_body = NotificationChanged,
    params(("kind" = Kind, Path, description = "What you are told of")),
    responses((status = 200, description = "As it is in effect now", body = NotificationChoice)),
)]
pub(crate) async fn choose_notification(
    caller: Caller,
    State(engine): State<Engine>,
    At(kind): At<Kind>,
    Asked(NotificationChanged { email, discord }): Asked<NotificationChanged>,
) -> Result<Json<NotificationChoice>, Problem> {
    Ok(Json(engine.choose_notification(&caller.actor, kind, email, discord).await?.into()))
}
