//! Users: the first administrator, and those made after.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::{Deed, Doer};
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::mails::Language;
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::projects::{Membership, Project};
use innkeeper_domain::standing::Measures;
use innkeeper_domain::users::{Role, User};
use innkeeper_store::{Tx, projects, users};
use secrecy::SecretString;
use serde_json::json;

pub use innkeeper_store::users::Filter;

use crate::audit::shown;
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Signs in with it.
    pub email: Email,
    /// How to greet them.
    pub name: Title,
    /// House-wide role.
    pub role: Role,
    /// The password, in clear; only its hash is kept.
    pub password: SecretString,
}

/// A user to be written down.
pub(crate) struct Newcomer {
    pub(crate) email: Email,
    pub(crate) name: Title,
    pub(crate) role: Role,
    /// Whether the address is known to be theirs.
    pub(crate) email_verified: bool,
    pub(crate) language: Language,
    /// None for those who sign in by other means.
    pub(crate) password_hash: Option<String>,
}

impl Newcomer {
    /// Somebody for whom an administrator vouches.
    fn vouched(new: &NewUser, hash: String) -> Self {
        Self {
            email: new.email.clone(),
            name: new.name.clone(),
            role: new.role,
            email_verified: true,
            language: Language::default(),
            password_hash: Some(hash),
        }
    }
}

/// What to change of a user; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// How to greet them.
    pub name: Option<Title>,
    /// House-wide role.
    pub role: Option<Role>,
}

impl Engine {
    /// Whether nobody has been made yet, so that the first administrator may be.
    pub async fn is_new_house(&self) -> Result<bool, Error> {
        Ok(users::count(self.db()).await? == 0)
    }

    /// Makes the first administrator. Works exactly once: afterwards the house has somebody to ask.
    pub async fn create_first_admin(&self, doer: &Doer, new: NewUser) -> Result<User, Error> {
        let taken =
            || Error::conflict("already_set_up", "this house already has its first administrator; sign in");
        if !self.is_new_house().await? {
            return Err(taken());
        }
        let hash = self.0.passwords.hash(&new.password).await?;
        let mut tx = self.db().begin().await?;
        // Two people at the door at once: only one of them finds the setting unset.
        if !innkeeper_store::settings::put_new(&mut tx, "first_admin", new.email.as_str()).await? {
            return Err(taken());
        }
        let user =
            self.insert_user(&mut tx, Newcomer::vouched(&NewUser { role: Role::Admin, ..new }, hash)).await?;
        self.record_by(&mut tx, doer, Deed::done("user.create", user.id).after(shown(&user)));
        tx.commit().await?;
        Ok(user)
    }

    /// Makes a user. Only the house (command line) and administrators may.
    pub async fn create_user(
        &self,
        actor: &Actor,
        new: NewUser,
        key: Option<&Idempotency>,
    ) -> Result<User, Error> {
        allow(may(actor, Action::RunPeople), "user")?;
        let hash = self.0.passwords.hash(&new.password).await?;
        let mut tx = self.db().begin().await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let user = self.insert_user(&mut tx, Newcomer::vouched(&new, hash)).await?;
        self.record(&mut tx, actor, Deed::done("user.create", user.id).after(shown(&user)));
        self.remember(&mut tx, actor, key, &user).await?;
        tx.commit().await?;
        Ok(user)
    }

    /// Users, in the order in which they were made.
    pub async fn users(
        &self,
        actor: &Actor,
        filter: &Filter,
        after: Option<UserId>,
        limit: i64,
    ) -> Result<Vec<User>, Error> {
        allow(may(actor, Action::SeeHouse), "user")?;
        let now = self.clock().now();
        let found = users::list(self.db(), filter, now, after, limit).await?;
        Ok(found.into_iter().map(|user| user.as_of(now)).collect())
    }

    /// One user.
    pub async fn user(&self, actor: &Actor, id: UserId) -> Result<User, Error> {
        allow(may(actor, Action::SeeHouse), "user")?;
        let user = users::by_id(self.db(), id).await?.ok_or(Error::NotFound("user"))?;
        Ok(user.as_of(self.clock().now()))
    }

    /// Changes how a user is called, or what they may do across the house.
    pub async fn change_user(&self, actor: &Actor, id: UserId, change: UserChange) -> Result<User, Error> {
        allow(may(actor, Action::RunPeople), "user")?;
        let mut tx = self.db().begin().await?;
        let mut user = users::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("user"))?;
        let shows = |user: &User| json!({ "name": user.name, "role": user.role });
        let before = shows(&user);
        let role = change.role.unwrap_or(user.role);
        if user.role == Role::Admin && role != Role::Admin {
            self.keep_an_admin(&mut tx, id).await?;
        }
        user.role = role;
        user.name = change.name.unwrap_or(user.name);
        users::change(&mut tx, id, &user.name, user.role).await?;
        self.record(&mut tx, actor, Deed::done("user.change", id).before(before).after(shows(&user)));
        tx.commit().await?;
        Ok(user.as_of(self.clock().now()))
    }

    pub(crate) async fn insert_user(&self, tx: &mut Tx, new: Newcomer) -> Result<User, Error> {
        let now = self.clock().now();
        let user = User {
            id: UserId::new(),
            email: new.email,
            name: new.name,
            role: new.role,
            personal_project: ProjectId::new(),
            email_verified_at: new.email_verified.then_some(now),
            language: new.language,
            measures: Measures::default(),
            created_at: now,
        };
        let project = Project {
            id: user.personal_project,
            name: user.name.clone(),
            personal_of: Some(user.id),
            created_at: now,
        };
        match users::insert(tx, &user, new.password_hash.as_deref()).await {
            Err(innkeeper_store::Error::Conflict(_)) => {
                return Err(Error::conflict(
                    "email_taken",
                    "somebody with this e-mail address exists already",
                ));
            }
            other => other?,
        }
        projects::insert(tx, &project).await?;
        projects::add_member(tx, project.id, user.id, Membership::Owner).await?;
        Ok(user)
    }
}
