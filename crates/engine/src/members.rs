//! Who belongs to a project: members, and those who are invited to be.

use innkeeper_domain::access::{Action, Actor, may};
use innkeeper_domain::audit::Deed;
use innkeeper_domain::ids::{InvitationId, ProjectId, UserId};
use innkeeper_domain::mails::{Language, Letter};
use innkeeper_domain::names::Email;
use innkeeper_domain::projects::{
    BadChange, INVITATION_LIFETIME, Invitation, Member, Membership, Project, check_change,
};
use innkeeper_domain::users::Standing;
use innkeeper_store::{Tx, project_invitations as invitations, projects, users};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::audit::shown;
use crate::callers::{hash_of, new_token};
use crate::error::allow;
use crate::{Engine, Error, Idempotency};

/// The most open invitations that a project has.
const MOST_INVITATIONS: i64 = 100;

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Whoever has this address, now or later.
    pub email: Email,
    /// What they may do then.
    pub membership: Membership,
}

/// An invitation with the name of what it invites into, for whoever is invited.
#[derive(Clone, Debug)]
pub struct Received {
    /// The invitation.
    pub invitation: Invitation,
    /// The project.
    pub project: Project,
}

impl Engine {
    /// Who belongs to a project.
    pub async fn members(&self, actor: &Actor, id: ProjectId) -> Result<Vec<Member>, Error> {
        self.project(actor, id).await?;
        Ok(projects::members(self.db(), id).await?)
    }

    /// Changes what a member may do, or removes them.
    pub async fn change_member(
        &self,
        actor: &Actor,
        id: ProjectId,
        member: UserId,
        to: Option<Membership>,
    ) -> Result<(), Error> {
        allow(may(actor, Action::ManageProject(id)), "project")?;
        let action = if to.is_some() { "project.change_member" } else { "project.remove_member" };
        self.write_membership(actor, id, member, to, action).await
    }

    /// Leaves a project.
    pub async fn leave_project(&self, actor: &Actor, id: ProjectId) -> Result<(), Error> {
        allow(may(actor, Action::SeeProject(id)), "project")?;
        allow(may(actor, Action::Leave), "project")?;
        let user = actor.user_id.ok_or(Error::NotFound("member"))?;
        self.write_membership(actor, id, user, None, "project.leave").await
    }

    async fn write_membership(
        &self,
        actor: &Actor,
        id: ProjectId,
        member: UserId,
        to: Option<Membership>,
        action: &str,
    ) -> Result<(), Error> {
        let mut tx = self.db().begin().await?;
        let before = projects::membership(&mut tx, id, member).await?.ok_or(Error::NotFound("member"))?;
        let project = projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("project"))?;
        let owners = projects::owners(&mut tx, id).await?;
        check_change(&project, &owners, member, to).map_err(|bad| {
            let code = match bad {
                BadChange::LastOwner => "last_owner",
                BadChange::Personal => "personal_project",
            };
            Error::conflict(code, bad.to_string())
        })?;
        match to {
            Some(membership) => projects::add_member(&mut tx, id, member, membership).await?,
            None => projects::remove_member(&mut tx, id, member).await?,
        }
        self.restrict_as_owners_stand(&mut tx, actor, id).await?;
        let shows = |membership: Option<Membership>| json!({ "user_id": member, "membership": membership });
        let deed = Deed::done(action, id).of(id).before(shows(Some(before))).after(shows(to));
        self.record(&mut tx, actor, deed);
        Ok(tx.commit().await?)
    }

    /// Invites somebody into a project, by mail where the house sends mails, and gives the token to hand to them, which is
    /// kept nowhere else. An earlier invitation
    /// of the same address is replaced. A repeated request gets the invitation without the token.
    pub async fn invite(
        &self,
        actor: &Actor,
        id: ProjectId,
        new: NewInvitation,
        key: Option<&Idempotency>,
    ) -> Result<(Invitation, Option<SecretString>), Error> {
        allow(may(actor, Action::ManageProject(id)), "project")?;
        let now = self.clock().now();
        let invitation = Invitation {
            id: InvitationId::new(),
            project_id: id,
            email: new.email,
            membership: new.membership,
            invited_by: actor.user_id,
            created_at: now,
            expires_at: now.after(INVITATION_LIFETIME),
        };
        let members = projects::members(self.db(), id).await?;
        if members.iter().any(|member| member.email == invitation.email) {
            return Err(Error::conflict(
                "already_member",
                "they are a member already; change what they may do",
            ));
        }
        let by = match actor.user_id {
            Some(user) => users::by_id(self.db(), user).await?.map(|user| user.name.to_string()),
            None => None,
        };
        let by = by.unwrap_or_else(|| self.options().access.house_name.clone());
        let token = new_token("ink_inv_");
        let mut tx = self.db().begin().await?;
        users::lock_people(&mut tx).await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok((before, None));
        }
        let project = projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("project"))?;
        if invitations::count_of_project(&mut tx, id, now).await? >= MOST_INVITATIONS {
            let message = "the project has too many open invitations; take some back, or wait until they end";
            return Err(Error::conflict("too_many_invitations", message));
        }
        invitations::replace(&mut tx, &invitation, &hash_of(token.expose_secret())).await?;
        let link = self.link(&format!("/invitations#token={}", token.expose_secret()));
        let told = [("project", project.name.as_str()), ("by", by.as_str()), ("link", link.as_str())];
        self.write_mail(&mut tx, &invitation.email, Language::default(), Letter::ProjectInvitation, &told)
            .await?;
        self.record(&mut tx, actor, Deed::done("project.invite", id).of(id).after(shown(&invitation)));
        self.remember(&mut tx, actor, key, &invitation).await?;
        tx.commit().await?;
        Ok((invitation, Some(token)))
    }

    /// The open invitations into a project, newest first.
    pub async fn invitations(&self, actor: &Actor, id: ProjectId) -> Result<Vec<Invitation>, Error> {
        allow(may(actor, Action::SeeManaged(id)), "project")?;
        Ok(invitations::of_project(self.db(), id, self.clock().now()).await?)
    }

    /// Takes an invitation back.
    pub async fn revoke_invitation(
        &self,
        actor: &Actor,
        id: ProjectId,
        invitation: InvitationId,
    ) -> Result<(), Error> {
        allow(may(actor, Action::ManageProject(id)), "project")?;
        let mut tx = self.db().begin().await?;
        users::lock_people(&mut tx).await?;
        let found = invitations::by_id(&mut tx, invitation, self.clock().now()).await?;
        let found = found.filter(|found| found.project_id == id).ok_or(Error::NotFound("invitation"))?;
        invitations::delete(&mut tx, invitation).await?;
        self.record(&mut tx, actor, Deed::done("project.revoke_invitation", id).of(id).before(shown(&found)));
        Ok(tx.commit().await?)
    }

    /// The open invitations of the actor, newest first: those of their address, if it is known to be theirs.
    pub async fn received_invitations(&self, actor: &Actor) -> Result<Vec<Received>, Error> {
        allow(may(actor, Action::SeeAccount), "invitation")?;
        let (Some(user), true) = (actor.user_id, actor.standing != Standing::Unverified) else {
            return Ok(Vec::new());
        };
        let user = users::by_id(self.db(), user).await?.ok_or(Error::NotFound("user"))?;
        let mut received = Vec::new();
        for invitation in invitations::of_address(self.db(), &user.email, self.clock().now()).await? {
            let project = projects::by_id(self.db(), invitation.project_id).await?;
            received.extend(project.map(|project| Received { invitation, project }));
        }
        Ok(received)
    }

    /// Accepts an invitation of the actor's address.
    pub async fn accept_invitation(
        &self,
        actor: &Actor,
        id: InvitationId,
        key: Option<&Idempotency>,
    ) -> Result<Project, Error> {
        allow(may(actor, Action::CreateProject), "invitation")?;
        let mut tx = self.db().begin().await?;
        users::lock_people(&mut tx).await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let invitation = self.own_invitation(&mut tx, actor, id).await?;
        self.join(tx, actor, invitation, key).await
    }

    /// Accepts the invitation with this token, whatever address it was sent to: whoever was given it was meant.
    pub async fn accept_invitation_by_token(
        &self,
        actor: &Actor,
        token: &SecretString,
        key: Option<&Idempotency>,
    ) -> Result<Project, Error> {
        allow(may(actor, Action::CreateProject), "invitation")?;
        let mut tx = self.db().begin().await?;
        users::lock_people(&mut tx).await?;
        if let Some(before) = self.replay(&mut tx, actor, key).await? {
            return Ok(before);
        }
        let hash = hash_of(token.expose_secret());
        let found = invitations::by_token(&mut tx, &hash, self.clock().now()).await?;
        self.join(tx, actor, found.ok_or(Error::NotFound("invitation"))?, key).await
    }

    async fn join(
        &self,
        mut tx: Tx,
        actor: &Actor,
        invitation: Invitation,
        key: Option<&Idempotency>,
    ) -> Result<Project, Error> {
        allow(may(actor, Action::CreateProject), "invitation")?;
        let user = actor.user_id.ok_or(Error::NotFound("invitation"))?;
        let id = invitation.project_id;
        let before = projects::membership(&mut tx, id, user).await?;
        let project = projects::by_id_tx(&mut tx, id).await?.ok_or(Error::NotFound("invitation"))?;
        if before.is_some() {
            return Err(Error::conflict("already_member", "you are a member of this project already"));
        }
        invitations::delete(&mut tx, invitation.id).await?;
        projects::add_member(&mut tx, id, user, invitation.membership).await?;
        self.restrict_as_owners_stand(&mut tx, actor, id).await?;
        let after = json!({ "user_id": user, "membership": invitation.membership });
        let deed = Deed::done("project.join", id).of(id).before(shown(&invitation)).after(after);
        self.record(&mut tx, actor, deed);
        self.remember(&mut tx, actor, key, &project).await?;
        tx.commit().await?;
        Ok(project)
    }

    /// Declines an invitation of the actor's address.
    pub async fn decline_invitation(&self, actor: &Actor, id: InvitationId) -> Result<(), Error> {
        allow(may(actor, Action::Leave), "invitation")?;
        let mut tx = self.db().begin().await?;
        let invitation = self.own_invitation(&mut tx, actor, id).await?;
        invitations::delete(&mut tx, id).await?;
        let project = invitation.project_id;
        let deed = Deed::done("project.decline_invitation", project).of(project).before(shown(&invitation));
        self.record(&mut tx, actor, deed);
        Ok(tx.commit().await?)
    }

    /// An open invitation of the actor's own address, if that is known to be theirs.
    async fn own_invitation(
        &self,
        tx: &mut Tx,
        actor: &Actor,
        id: InvitationId,
    ) -> Result<Invitation, Error> {
        let none = || Error::NotFound("invitation");
        let user = actor.user_id.filter(|_| actor.standing != Standing::Unverified).ok_or_else(none)?;
        let user = users::by_id_tx(tx, user).await?.ok_or_else(none)?;
        let found = invitations::by_id(tx, id, self.clock().now()).await?;
        found.filter(|found| found.email == user.email).ok_or_else(none)
    }
}
