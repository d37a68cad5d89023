//! Suspending and banning users, and what follows for the projects that they own. All of it is decided in one
//! transaction; the guests are stopped, and started again, by the loop of `restrictions`.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::names::Reason;
use innkeeper_domain::projects::Restriction;
use innkeeper_domain::standing::{Ban, Measures, Suspension, restriction};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::users::{Role, Standing, User};
use innkeeper_store::{Tx, impersonations, projects, restrictions, sessions, users};
use tracing::info;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// Bans whose end is written down in one go.
const BATCH: i64 = 100;

impl Engine {
    /// Suspends a user: they look, pay and leave; what they own stops.
    pub async fn suspend_user(
        &self,
        actor: &Actor,
        id: UserId,
        reason: Reason,
        key: Option<&Idempotency>,
    ) -> Result<User, Error> {
        let now = self.clock().now();
        self.decide(actor, id, "user.suspend", key, |measures| {
            let since = measures.suspension.as_ref().map_or(now, |before| before.since);
            measures.suspension = Some(Suspension { since, reason });
        })
        .await
    }

    /// Ends a suspension; what ran when it came runs again.
    pub async fn unsuspend_user(
        &self,
        actor: &Actor,
        id: UserId,
        key: Option<&Idempotency>,
    ) -> Result<User, Error> {
        self.decide(actor, id, "user.unsuspend", key, |measures| measures.suspension = None).await
    }

    /// Bans a user, for good or until then: their sessions end, they do not get in, what they own stops.
    pub async fn ban_user(
        &self,
        actor: &Actor,
        id: UserId,
        reason: Reason,
        until: Option<Timestamp>,
        key: Option<&Idempotency>,
    ) -> Result<User, Error> {
        let now = self.clock().now();
        if until.is_some_and(|until| until <= now) {
            return Err(Error::invalid("until", "give a time in the future, or none for a ban without end"));
        }
        self.decide(actor, id, "user.ban", key, |measures| {
            measures.ban = Some(Ban { since: now, until, reason });
        })
        .await
    }

    /// Ends a ban; what ran when it came runs again.
    pub async fn unban_user(
        &self,
        actor: &Actor,
        id: UserId,
        key: Option<&Idempotency>,
    ) -> Result<User, Error> {
        self.decide(actor, id, "user.unban", key, |measures| measures.ban = None).await
    }

    async fn decide(
        &self,
        actor: &Actor,
        id: UserId,
        action: &str,
        key: Option<&Idempotency>,
        change: impl FnOnce(&mut Measures),
    ) -> Result<User, Error> {
        allow(may(actor, Action::RunPeople), "user")?;
        if actor.user_id == Some(id) {
            let message = "nobody decides about themselves; ask another administrator";
            return Err(Error::conflict("yourself", message));
        }
        let now = self.clock().now();
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let mut user = users::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("user"))?;
        let before = user.measures.clone();
        change(&mut user.measures);
        if user.role == Role::Admin && user.standing(now) != Standing::Good {
            self.keep_an_admin(&mut tx, id).await?;
        }
        self.apply(&mut tx, actor, &user, &before).await?;
        let deed = Deed::done(action, id).before(shown(&before.as_of(now))).after(shown(&user.measures));
        self.record(&mut tx, actor, deed);
        let user = user.as_of(now);
        self.remember(&mut tx, actor, key, &user).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Refuses what would leave the house without an administrator.
    pub(crate) async fn keep_an_admin(&self, tx: &mut Tx, but: UserId) -> Result<(), Error> {
        if users::other_admins(tx, but, self.clock().now()).await? == 0 {
            let message = "this is the last administrator; make somebody else one first";
            return Err(Error::conflict("last_admin", message));
        }
        Ok(())
    }

    /// Writes what stands against a user, and does what follows from it.
    async fn apply(&self, tx: &mut Tx, actor: &Actor, user: &User, before: &Measures) -> Result<(), Error> {
        users::set_measures(tx, user.id, &user.measures).await?;
        // The sessions from before a ban stay while it is written down, to be told of it; then they go.
        if let Some(over) = before.ban.as_ref().filter(|_| user.measures.ban.is_none()) {
            sessions::delete_until(tx, user.id, over.since).await?;
        }
        if user.standing(self.clock().now()) == Standing::Banned {
            impersonations::delete_of(tx, user.id).await?;
        }
        for project in projects::owned_by(tx, user.id).await? {
            self.restrict_as_owners_stand(tx, actor, project).await?;
        }
        Ok(())
    }

    /// Restricts a project, or no longer, as its owners stand now. Belongs into every transaction that changes who owns
    /// it, after the change; whoever decides about people holds the lock for that.
    pub(crate) async fn restrict_as_owners_stand(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        project: ProjectId,
    ) -> Result<(), Error> {
        let now = self.clock().now();
        let mut standings = Vec::new();
        for owner in projects::owners(tx, project).await? {
            let owner = users::by_id_tx(tx, owner).await?;
            standings.extend(owner.map(|owner| owner.standing(now)));
        }
        let wanted = restriction(standings);
        for one in [Restriction::Suspended, Restriction::Banned] {
            let (changed, action) = if wanted == Some(one) {
                (restrictions::impose(tx, project, one, now).await?, "project.restrict")
            } else {
                (restrictions::lift(tx, project, one).await?, "project.unrestrict")
            };
            if changed {
                let deed = Deed::done(action, project).of(project);
                self.record(tx, actor, deed.after(serde_json::json!({ "restriction": one })));
            }
        }
        Ok(())
    }

    /// Writes down the end of bans that are over. Their users get in without it; what they own runs again by it.
    pub(crate) async fn end_bans(&self) -> Result<(), Error> {
        let house = Actor::house();
        for id in users::bans_over(self.db(), self.clock().now(), BATCH).await? {
            let mut tx = self.db().begin().await?;
            let Some(mut user) = users::by_id_tx(&mut tx, id).await? else { continue };
            let before = user.measures.clone();
            user.measures = user.measures.as_of(self.clock().now());
            if user.measures == before {
                continue;
            }
            self.apply(&mut tx, &house, &user, &before).await?;
            let deed = Deed::done("user.ban_ends", id).before(shown(&before)).after(shown(&user.measures));
            self.record(&mut tx, &house, deed);
            tx.commit().await?;
            info!(user = %id, "a ban is over");
        }
        Ok(())
    }
}
