//! Announcements: staff write them, everybody who is signed in sees those whose time it is.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::announcements::{Announcement, BadAnnouncement, Level, State};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::events::Subject;
use innkeeper_domain::ids::AnnouncementId;
use innkeeper_domain::names::Told;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{Tx, announcements, events};

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// The most that are shown at once: nobody reads more.
const MOST_SHOWN: i64 = 20;

/// An announcement to be made.
#[derive(Clone, Debug)]
pub struct NewAnnouncement {
    /// How much it matters.
    pub level: Level,
    /// In English.
    pub text_en: Option<Told>,
    /// In French.
    pub text_fr: Option<Told>,
    /// From when on; none is now.
    pub from: Option<Timestamp>,
    /// Until when; none is until somebody ends it.
    pub until: Option<Timestamp>,
}

/// What to change of an announcement; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct AnnouncementChange {
    /// How much it matters.
    pub level: Option<Level>,
    /// In English, or not any more.
    pub text_en: Option<Option<Told>>,
    /// In French, or not any more.
    pub text_fr: Option<Option<Told>>,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when, or until somebody ends it.
    pub until: Option<Option<Timestamp>>,
}

impl From<BadAnnouncement> for Error {
    fn from(bad: BadAnnouncement) -> Self {
        Self::invalid(bad.field(), bad)
    }
}

impl Engine {
    /// Announces something: for staff.
    pub async fn create_announcement(
        &self,
        actor: &Actor,
        new: NewAnnouncement,
        key: Option<&Idempotency>,
    ) -> Result<Announcement, Error> {
        allow(may(actor, Action::RunHouse), "announcement")?;
        let now = self.clock().now();
        let announcement = Announcement {
            id: AnnouncementId::new(),
            level: new.level,
            text_en: new.text_en,
            text_fr: new.text_fr,
            from: new.from.unwrap_or(now),
            until: new.until,
            revision: 1,
            created_by: actor.user_id,
            created_at: now,
        };
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        announcement.check()?;
        if announcement.state(now) == State::Over {
            return Err(Error::invalid("until", "choose a time that is still to come, or none"));
        }
        announcements::insert(&mut tx, &announcement).await?;
        let deed = Deed::done("announcement.create", announcement.id);
        self.record(&mut tx, actor, deed.after(shown(&announcement)));
        tell(&mut tx, announcement.id, None, Some(&announcement), now).await?;
        self.remember(&mut tx, actor, key, &announcement).await?;
        tx.commit().await?;
        Ok(announcement)
    }

    /// All announcements, newest first: for staff.
    pub async fn announcements(
        &self,
        actor: &Actor,
        after: Option<AnnouncementId>,
        limit: i64,
    ) -> Result<Vec<Announcement>, Error> {
        allow(may(actor, Action::SeeHouse), "announcement")?;
        Ok(announcements::list(self.db(), after, limit).await?)
    }

    /// What everybody is told now: what matters most first, and of that the newest.
    pub async fn shown_announcements(&self, actor: &Actor) -> Result<Vec<Announcement>, Error> {
        allow(may(actor, Action::Look), "announcement")?;
        Ok(announcements::shown(self.db(), self.clock().now(), MOST_SHOWN).await?)
    }

    /// Changes an announcement, whatever its state: one that is over is shown again where its time is made longer.
    pub async fn change_announcement(
        &self,
        actor: &Actor,
        id: AnnouncementId,
        change: AnnouncementChange,
    ) -> Result<Announcement, Error> {
        allow(may(actor, Action::RunHouse), "announcement")?;
        let mut tx = self.db().begin().await?;
        let before = announcements::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("announcement"))?;
        let AnnouncementChange { level, text_en, text_fr, from, until } = change;
        let timed = Announcement {
            from: from.unwrap_or(before.from),
            until: until.unwrap_or(before.until),
            ..before.clone()
        };
        let text_en = text_en.unwrap_or_else(|| before.text_en.clone());
        let text_fr = text_fr.unwrap_or_else(|| before.text_fr.clone());
        let after = timed.reworded(level.unwrap_or(before.level), text_en, text_fr);
        after.check()?;
        self.replace(&mut tx, actor, "announcement.change", &before, &after).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Ends an announcement now. One that is over stays as it is; one that is planned is changed or deleted.
    pub async fn end_announcement(&self, actor: &Actor, id: AnnouncementId) -> Result<Announcement, Error> {
        allow(may(actor, Action::RunHouse), "announcement")?;
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        let before = announcements::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("announcement"))?;
        match before.state(now) {
            State::Over => return Ok(before),
            State::Planned => {
                return Err(Error::conflict(
                    "announcement_planned",
                    "nobody sees it yet; delete it, or choose another time",
                ));
            }
            State::Shown => {}
        }
        let after = Announcement { until: Some(now), ..before.clone() };
        self.replace(&mut tx, actor, "announcement.end", &before, &after).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Deletes an announcement, whatever its state.
    pub async fn delete_announcement(&self, actor: &Actor, id: AnnouncementId) -> Result<(), Error> {
        allow(may(actor, Action::RunHouse), "announcement")?;
        let mut tx = self.db().begin().await?;
        let before = announcements::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("announcement"))?;
        announcements::delete(&mut tx, id).await?;
        self.record(&mut tx, actor, Deed::done("announcement.delete", id).before(shown(&before)));
        tell(&mut tx, id, Some(&before), None, self.clock().now()).await?;
        Ok(tx.commit().await?)
    }

    async fn replace(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        deed: &'static str,
        before: &Announcement,
        after: &Announcement,
    ) -> Result<(), Error> {
        announcements::save(tx, after).await?;
        self.record(tx, actor, Deed::done(deed, after.id).before(shown(before)).after(shown(after)));
        tell(tx, after.id, Some(before), Some(after), self.clock().now()).await
    }
}

/// Says to live screens what changed. What nobody saw before and nobody sees now is `planned`, and for staff alone.
async fn tell(
    tx: &mut Tx,
    id: AnnouncementId,
    before: Option<&Announcement>,
    after: Option<&Announcement>,
    now: Timestamp,
) -> Result<(), Error> {
    let is_shown = |one: Option<&Announcement>| one.is_some_and(|one| one.state(now) == State::Shown);
    let what = match (is_shown(before), is_shown(after)) {
        (_, true) => "shown",
        (true, false) => "gone",
        (false, false) => "planned",
    };
    Ok(events::append(tx, now, None, Subject::Announcement, &id.to_string(), what).await?)
}
