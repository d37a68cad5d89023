//! Announcements: what the house tells everybody who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::announcements as domain;
use innkeeper_domain::announcements::{Level, State as Stage};
use innkeeper_domain::ids::{AnnouncementId, UserId};
use innkeeper_domain::names::Told;
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{AnnouncementChange, Engine, NewAnnouncement};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Keyed, Query, said};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};

/// Something that everybody is told for a while, as those see it who look after it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Announcement {
    /// Identity.
    id: AnnouncementId,
    /// How much it matters.
    level: Level,
    /// In English: plain text; null when it is written in French alone.
    text_en: Option<Told>,
    /// In French: plain text; null when it is written in English alone.
    text_fr: Option<Told>,
    /// From when on it is shown.
    from: Timestamp,
    /// Until when; null is until somebody ends it.
    until: Option<Timestamp>,
    /// Where it stands now.
    state: Stage,
    /// Grows when the text or the level changes.
    revision: i64,
    /// Who made it; null is the house.
    created_by: Option<UserId>,
    /// When.
    created_at: Timestamp,
}

impl Announcement {
    fn new(one: domain::Announcement, now: Timestamp) -> Self {
        Self {
            state: one.state(now),
            id: one.id,
            level: one.level,
            text_en: one.text_en,
            text_fr: one.text_fr,
            from: one.from,
            until: one.until,
            revision: one.revision,
            created_by: one.created_by,
            created_at: one.created_at,
        }
    }
}

/// Something that everybody is told now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownAnnouncement {
    /// Identity.
    id: AnnouncementId,
    /// How much it matters. What is critical cannot be put away.
    level: Level,
    /// In English: plain text; where null, the French is shown to all.
    text_en: Option<Told>,
    /// In French: plain text; where null, the English is shown to all.
    text_fr: Option<Told>,
    /// Since when it is shown.
    from: Timestamp,
    /// Until when; null is until somebody ends it.
    until: Option<Timestamp>,
    /// Grows when the text or the level changes: who has put the one before away sees this one.
    revision: i64,
}

impl From<domain::Announcement> for ShownAnnouncement {
    fn from(one: domain::Announcement) -> Self {
        let domain::Announcement { id, level, text_en, text_fr, from, until, revision, .. } = one;
        Self { id, level, text_en, text_fr, from, until, revision }
    }
}

/// An announcement to be made, in English, in French, or in both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "level": "warning", "text_en": "No power on Saturday from 20:00 to 22:00 UTC: all hosts will be off.",
    "text_fr": "Pas de courant samedi de 20:00 à 22:00 UTC : tous les hôtes seront éteints.",
}))]
pub(crate) struct AnnouncementAsked {
    /// How much it matters.
    #[serde(default = "good_to_know")]
    level: Level,
    /// In English: 1 to 1000 characters of plain text.
    text_en: Option<Told>,
    /// In French: 1 to 1000 characters of plain text.
    text_fr: Option<Told>,
    /// From when on it is shown; now where nothing is said.
    from: Option<Timestamp>,
    /// Until when, after `from` and still to come; until somebody ends it where nothing is said.
    until: Option<Timestamp>,
}

fn good_to_know() -> Level {
    Level::Info
}

/// What to change of an announcement; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "level": "critical" }))]
#[expect(clippy::option_option, reason = "null and left out say different things")]
pub(crate) struct AnnouncementChanged {
    /// How much it matters.
    level: Option<Level>,
    /// In English; null when it is to be in French alone.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Told>)]
    text_en: Option<Option<Told>>,
    /// In French; null when it is to be in English alone.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Told>)]
    text_fr: Option<Option<Told>>,
    /// From when on.
    from: Option<Timestamp>,
    /// Until when; null is until somebody ends it.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Timestamp>)]
    until: Option<Option<Timestamp>>,
}

/// What the house tells everybody now: what matters most first, and of that the newest.
#[utoipa::path(get, path = "/announcements/shown", tag = "announcements", responses(
    (status = 200, description = "All of them, at most 20", body = Vec<ShownAnnouncement>),
))]
pub(crate) async fn list_shown_announcements(
    caller: Caller,
    State(engine): State<Engine>,
) -> Result<Json<Vec<ShownAnnouncement>>, Problem> {
    let shown = engine.shown_announcements(&caller.actor).await?;
    Ok(Json(shown.into_iter().map(ShownAnnouncement::from).collect()))
}

/// All announcements, newest first, with those that are planned and those that are over. For staff.
#[utoipa::path(get, path = "/announcements", tag = "announcements", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<Announcement>),
))]
pub(crate) async fn list_announcements(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Announcement>>, Problem> {
    let limit = paging.limit();
    let found = engine.announcements(&caller.actor, paging.after()?, limit.rows()).await?;
    let now = engine.clock().now();
    Ok(Json(Page::of(found, limit, |one| one.id.to_string(), |one| Announcement::new(one, now))))
}

/// Announce something to everybody. For staff.
#[utoipa::path(post, path = "/announcements", tag = "announcements", request_body = AnnouncementAsked,
    params(IdempotencyKey),
    responses(
        (status = 201, description = "Made", body = Announcement),
        (status = 409, description = "The key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn create_announcement(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<AnnouncementAsked>,
) -> Result<(StatusCode, Json<Announcement>), Problem> {
    let AnnouncementAsked { level, text_en, text_fr, from, until } = body;
    let new = NewAnnouncement { level, text_en, text_fr, from, until };
    let made = engine.create_announcement(&caller.actor, new, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Json(Announcement::new(made, engine.clock().now()))))
}

/// Change an announcement, whatever its state. Who has put it away sees it again when its text or level changes. For
/// staff.
#[utoipa::path(patch, path = "/announcements/{id}", tag = "announcements", request_body = AnnouncementChanged,
    params(("id" = AnnouncementId, Path, description = "The announcement")),
    responses((status = 200, description = "The announcement as it is now", body = Announcement)),
)]
pub(crate) async fn change_announcement(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<AnnouncementId>,
    Asked(body): Asked<AnnouncementChanged>,
) -> Result<Json<Announcement>, Problem> {
    let AnnouncementChanged { level, text_en, text_fr, from, until } = body;
    let change = AnnouncementChange { level, text_en, text_fr, from, until };
    let changed = engine.change_announcement(&caller.actor, id, change).await?;
    Ok(Json(Announcement::new(changed, engine.clock().now())))
}

/// End an announcement now. One that is over stays as it is. For staff.
#[utoipa::path(post, path = "/announcements/{id}/end", tag = "announcements",
    params(("id" = AnnouncementId, Path, description = "The announcement")),
    responses(
        (status = 200, description = "The announcement as it is now", body = Announcement),
        (status = 409, description = "Nobody sees it yet (`announcement_planned`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn end_announcement(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<AnnouncementId>,
) -> Result<Json<Announcement>, Problem> {
    let ended = engine.end_announcement(&caller.actor, id).await?;
    Ok(Json(Announcement::new(ended, engine.clock().now())))
}

/// Delete an announcement, whatever its state. For staff.
#[utoipa::path(delete, path = "/announcements/{id}", tag = "announcements",
    params(("id" = AnnouncementId, Path, description = "The announcement")),
    responses((status = 204, description = "Deleted")),
)]
pub(crate) async fn delete_announcement(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<AnnouncementId>,
) -> Result<StatusCode, Problem> {
    engine.delete_announcement(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
