//! Discord: linking one's account, what administrators set for the bot, its texts, and the door at which Discord itself
//! knocks where the bot is reached by HTTP.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use innkeeper_domain::discord::{Settings, Snowflake, catalogue};
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, LinkedAs};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::auth::Caller;
use crate::extract::{Asked, Raw};
use crate::problem::{MEDIA_TYPE, Problem};

/// What the bot answers to a request of Discord's: the status, and JSON or nothing.
pub type Answered = (u16, Vec<u8>);

type Knock = dyn Fn(Option<String>, Option<String>, Bytes) -> Pin<Box<dyn Future<Output = Answered> + Send>>
    + Send
    + Sync;

/// Where requests of Discord's go: the signature, its time, and the body as it came. The bot is another face, which this
/// one does not know.
#[derive(Clone)]
pub struct DiscordDoor(Arc<Knock>);

impl DiscordDoor {
    /// A door behind which this answers.
    pub fn new<F: Future<Output = Answered> + Send + 'static>(
        answer: impl Fn(Option<String>, Option<String>, Bytes) -> F + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(move |signature, timestamp, body| Box::pin(answer(signature, timestamp, body))))
    }
}

impl fmt::Debug for DiscordDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DiscordDoor(…)")
    }
}

/// An account at Discord that is linked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({ "discord_id": "80351110224678912", "name": "ada", "linked_at": "2026-11-21T18:00:00Z" }))]
pub(crate) struct DiscordLink {
    /// Its number there.
    discord_id: Snowflake,
    /// As its owner was called there.
    name: String,
    /// Since when.
    linked_at: Timestamp,
}

impl From<LinkedAs> for DiscordLink {
    fn from(link: LinkedAs) -> Self {
        Self { discord_id: link.discord_id, name: link.name, linked_at: link.linked_at }
    }
}

/// The code that the bot showed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "ikt_Yk3…" }))]
pub(crate) struct DiscordLinkAsked {
    /// The code, as the bot showed it after `/link`.
    token: String,
}

/// A text of the bot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiscordText {
    /// Its key.
    key: &'static str,
    /// What may be put into it, as `{name}`.
    places: &'static [&'static str],
    /// Ours, in English.
    en: &'static str,
    /// Ours, in French.
    fr: &'static str,
    /// What is said in its place in English.
    own_en: Option<String>,
    /// What is said in its place in French.
    own_fr: Option<String>,
}

/// Link an account at Discord with one's own, by the code that the bot shows after `/link`. It is good once, and for ten
/// minutes.
#[utoipa::path(post, path = "/discord/links", tag = "discord", request_body = DiscordLinkAsked,
    responses(
        (status = 201, description = "Linked", body = DiscordLink),
        (status = 409, description = "The account here (`already_linked`) or there (`linked_elsewhere`) has another link", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn link_discord(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(body): Asked<DiscordLinkAsked>,
) -> Result<(StatusCode, Json<DiscordLink>), Problem> {
    let link = engine.complete_discord_link(&caller.actor, body.token.trim()).await?;
    Ok((StatusCode::CREATED, Json(link.into())))
}

/// One's own link; null when there is none.
#[utoipa::path(get, path = "/discord/links", tag = "discord",
    responses((status = 200, description = "The link", body = Option<DiscordLink>)),
)]
pub(crate) async fn get_discord_link(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Option<DiscordLink>>, Problem> {
    Ok(Json(engine.discord_link(&caller.actor).await?.map(DiscordLink::from)))
}

/// End one's own link. Ended or never there, it is gone.
#[utoipa::path(delete, path = "/discord/links", tag = "discord",
    responses((status = 204, description = "There is none any more")),
)]
pub(crate) async fn unlink_discord(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<StatusCode, Problem> {
    engine.unlink_discord(&caller.actor).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is set for the bot. For administrators.
#[utoipa::path(get, path = "/discord/settings", tag = "discord",
    responses((status = 200, description = "The settings", body = Settings)),
)]
pub(crate) async fn get_discord_settings(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Settings>, Problem> {
    Ok(Json(engine.discord_settings(&caller.actor).await?))
}

/// Set everything for the bot: what is left out is as at the beginning. It counts at once. For administrators.
#[utoipa::path(put, path = "/discord/settings", tag = "discord", request_body = Settings,
    responses((status = 200, description = "The settings", body = Settings)),
)]
pub(crate) async fn set_discord_settings(
    caller: Caller,
    State(engine): State<Engine>,
    Asked(body): Asked<Settings>,
) -> Result<Json<Settings>, Problem> {
    Ok(Json(engine.set_discord_settings(&caller.actor, body).await?))
}

/// All texts of the bot, with what is said in their place. For administrators.
#[utoipa::path(get, path = "/discord/texts", tag = "discord",
    responses((status = 200, description = "The texts", body = Vec<DiscordText>)),
)]
pub(crate) async fn get_discord_texts(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Vec<DiscordText>>, Problem> {
    let set = engine.discord_settings(&caller.actor).await?;
    let own = |key: &str, language: Language| {
        let found = set.texts.iter().find(|change| change.key == key && change.language == language);
        found.map(|change| change.text.clone())
    };
    let texts = catalogue().iter().map(|text| DiscordText {
        key: text.key,
        places: text.places,
        en: text.en,
        fr: text.fr,
        own_en: own(text.key, Language::En),
        own_fr: own(text.key, Language::Fr),
    });
    Ok(Json(texts.collect()))
}

/// Where Discord sends what people ask the bot, when the bot is not connected to the gateway. Nobody signs in here: each
/// request is signed by Discord, and its time is bounded.
#[utoipa::path(post, path = "/discord/interactions", tag = "discord",
    responses(
        (status = 200, description = "The answer, in Discord's own shape", body = Object),
        (status = 401, description = "It is not from Discord, or too old (`discord_refused`)", body = Problem, content_type = MEDIA_TYPE),
        (status = 404, description = "The bot is not reached by HTTP", body = Problem, content_type = MEDIA_TYPE),
        (status = 409, description = "It came before (`discord_refused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn discord_interaction(
    State(app): State<App>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<Response, Problem> {
    let Some(door) = &app.options.discord else {
        return Err(innkeeper_engine::Error::NotFound("bot that is reached by HTTP").into());
    };
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (status, answer) =
        (door.0)(header("x-signature-ed25519"), header("x-signature-timestamp"), body).await;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status == StatusCode::NOT_FOUND {
        return Err(innkeeper_engine::Error::NotFound("bot that is reached by HTTP").into());
    }
    if !status.is_success() {
        return Err(Problem::refused_interaction(status));
    }
    Ok((status, [(header::CONTENT_TYPE, "application/json")], answer).into_response())
}
