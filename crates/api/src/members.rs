//! Who belongs to a project: members, and those who are invited to be.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use innkeeper_domain::ids::{InvitationId, ProjectId, UserId};
use innkeeper_domain::names::{Email, Title};
use innkeeper_domain::projects::{self as domain, Membership};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{Engine, NewInvitation, Received};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::docs::IdempotencyKey;
use crate::extract::{Asked, At, Key, Keyed, Query};
use crate::page::{Page, Paging};
use crate::problem::{MEDIA_TYPE, Problem};
use crate::projects::Project;
use crate::secret::Secret;

/// Somebody who belongs to a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Member {
    /// Who.
    user_id: UserId,
    /// How they are called.
    name: Title,
    /// How they are reached.
    email: Email,
    /// What they may do.
    membership: Membership,
}

impl From<domain::Member> for Member {
    fn from(member: domain::Member) -> Self {
        let domain::Member { user_id, name, email, membership } = member;
        Self { user_id, name, email, membership }
    }
}

/// Who belongs to a project, in the order in which they came to the house.
#[utoipa::path(get, path = "/projects/{id}/members", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Member>)),
)]
pub(crate) async fn list_members(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Member>>, Problem> {
    let members = engine.members(&caller.actor, id).await?;
    Page::within(members, paging, |member| member.user_id.to_string(), Member::from).map(Json)
}

/// What a member may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "membership": "viewer" }))]
pub(crate) struct MembershipAsked {
    /// What they may do.
    membership: Membership,
}

/// Change what a member may do. For the project's owners.
#[utoipa::path(patch, path = "/projects/{id}/members/{user_id}", tag = "projects", request_body = MembershipAsked,
    params(("id" = ProjectId, Path, description = "The project"), ("user_id" = UserId, Path, description = "The member")),
    responses(
        (status = 204, description = "Changed"),
        (status = 409, description = "The project would have no owner (`last_owner`), or is their own (`personal_project`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn change_member(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, user)): At<(ProjectId, UserId)>,
    Asked(asked): Asked<MembershipAsked>,
) -> Result<StatusCode, Problem> {
    engine.change_member(&caller.actor, id, user, Some(asked.membership)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a member. For the project's owners.
#[utoipa::path(delete, path = "/projects/{id}/members/{user_id}", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project"), ("user_id" = UserId, Path, description = "The member")),
    responses(
        (status = 204, description = "Removed; the keys that they had for this project are gone"),
        (status = 409, description = "The project would have no owner (`last_owner`), or is their own (`personal_project`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn remove_member(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, user)): At<(ProjectId, UserId)>,
) -> Result<StatusCode, Problem> {
    engine.change_member(&caller.actor, id, user, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leave a project.
#[utoipa::path(delete, path = "/projects/{id}/membership", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project")),
    responses(
        (status = 204, description = "You are no member any more"),
        (status = 409, description = "You are its last owner (`last_owner`), or it is your own (`personal_project`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn leave_project(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
) -> Result<StatusCode, Problem> {
    engine.leave_project(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An invitation into a project.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Invitation {
    /// Identity.
    id: InvitationId,
    /// Into which project.
    project_id: ProjectId,
    /// Whom: whoever has this address, now or later.
    email: Email,
    /// What they may do then.
    membership: Membership,
    /// Who invited them.
    invited_by: Option<UserId>,
    /// When.
    created_at: Timestamp,
    /// When it is over.
    expires_at: Timestamp,
}

impl From<domain::Invitation> for Invitation {
    fn from(invitation: domain::Invitation) -> Self {
        let domain::Invitation { id, project_id, email, membership, invited_by, created_at, expires_at } =
            invitation;
        Self { id, project_id, email, membership, invited_by, created_at, expires_at }
    }
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "email": "linus@example.org", "membership": "member" }))]
pub(crate) struct InvitationAsked {
    /// Their e-mail address; they need no account yet.
    email: Email,
    /// What they may do then.
    membership: Membership,
}

/// An invitation just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitationMade {
    /// To hand to them. It is shown this once, and is null when an idempotency key comes again.
    token: Option<String>,
    /// The invitation.
    invitation: Invitation,
}

/// Invite somebody into a project. For its owners.
///
/// Open for 7 days. Whoever has the address finds it under `GET /api/v1/invitations`; whoever has the token can accept
/// it too. An earlier invitation of the same address is replaced.
#[utoipa::path(post, path = "/projects/{id}/invitations", tag = "projects", request_body = InvitationAsked,
    params(("id" = ProjectId, Path, description = "The project"), IdempotencyKey),
    responses(
        (status = 201, description = "Invited; the token is shown this once", body = InvitationMade),
        (status = 409, description = "They are a member (`already_member`), too many are invited (`too_many_invitations`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn invite(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Keyed { body, key }: Keyed<InvitationAsked>,
) -> Result<(StatusCode, Json<InvitationMade>), Problem> {
    let new = NewInvitation { email: body.email, membership: body.membership };
    let (invitation, token) = engine.invite(&caller.actor, id, new, key.as_ref()).await?;
    let token = token.map(|token| token.expose_secret().to_owned());
    Ok((StatusCode::CREATED, Json(InvitationMade { token, invitation: invitation.into() })))
}

/// The open invitations into a project, newest first. For its owners.
#[utoipa::path(get, path = "/projects/{id}/invitations", tag = "projects",
    params(("id" = ProjectId, Path, description = "The project"), Paging),
    responses((status = 200, description = "A page of them", body = Page<Invitation>)),
)]
pub(crate) async fn list_invitations(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Invitation>>, Problem> {
    let found = engine.invitations(&caller.actor, id).await?;
    Page::within(found, paging, |one| one.id.to_string(), Invitation::from).map(Json)
}

/// Take an invitation back. For the project's owners.
#[utoipa::path(delete, path = "/projects/{id}/invitations/{invitation_id}", tag = "projects",
    params(
        ("id" = ProjectId, Path, description = "The project"),
        ("invitation_id" = InvitationId, Path, description = "The invitation"),
    ),
    responses((status = 204, description = "Taken back; its token is worth nothing from now on")),
)]
pub(crate) async fn revoke_invitation(
    caller: Caller,
    State(engine): State<Engine>,
    At((id, invitation)): At<(ProjectId, InvitationId)>,
) -> Result<StatusCode, Problem> {
    engine.revoke_invitation(&caller.actor, id, invitation).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An invitation that you have received.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedInvitation {
    /// The invitation.
    invitation: Invitation,
    /// The name of the project.
    project_name: Title,
}

impl From<Received> for ReceivedInvitation {
    fn from(received: Received) -> Self {
        Self { invitation: received.invitation.into(), project_name: received.project.name }
    }
}

/// The open invitations of your address, newest first.
#[utoipa::path(get, path = "/invitations", tag = "projects", params(Paging), responses(
    (status = 200, description = "A page of them", body = Page<ReceivedInvitation>),
))]
pub(crate) async fn list_received_invitations(
    caller: Caller,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ReceivedInvitation>>, Problem> {
    let found = engine.received_invitations(&caller.actor).await?;
    Page::within(found, paging, |one| one.invitation.id.to_string(), ReceivedInvitation::from).map(Json)
}

/// Accept an invitation of your address.
#[utoipa::path(post, path = "/invitations/{id}/accept", tag = "projects",
    params(("id" = InvitationId, Path, description = "The invitation"), IdempotencyKey),
    responses(
        (status = 200, description = "You are a member of this project", body = Project),
        (status = 409, description = "You are so already (`already_member`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
    ),
)]
pub(crate) async fn accept_invitation(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InvitationId>,
    Key(key): Key,
) -> Result<Json<Project>, Problem> {
    Ok(Json(engine.accept_invitation(&caller.actor, id, key.as_ref()).await?.into()))
}

/// Decline an invitation of your address.
#[utoipa::path(delete, path = "/invitations/{id}", tag = "projects",
    params(("id" = InvitationId, Path, description = "The invitation")),
    responses((status = 204, description = "Declined")),
)]
pub(crate) async fn decline_invitation(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<InvitationId>,
) -> Result<StatusCode, Problem> {
    engine.decline_invitation(&caller.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The token of an invitation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "ink_inv_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }))]
pub(crate) struct InvitationToken {
    /// As you were given it.
    token: Secret,
}

/// Accept the invitation with a token that you were given, whatever address it was meant for.
#[utoipa::path(post, path = "/invitations/accept", tag = "projects", params(IdempotencyKey), request_body = InvitationToken, responses(
    (status = 200, description = "You are a member of this project", body = Project),
    (status = 404, description = "No open invitation has this token (`not_found`)", body = Problem, content_type = MEDIA_TYPE),
    (status = 409, description = "You are so already (`already_member`), or the key was used for something else (`idempotency_key_reused`)", body = Problem, content_type = MEDIA_TYPE),
))]
pub(crate) async fn accept_invitation_by_token(
    caller: Caller,
    State(engine): State<Engine>,
    Keyed { body, key }: Keyed<InvitationToken>,
) -> Result<Json<Project>, Problem> {
    let project = engine.accept_invitation_by_token(&caller.actor, &body.token.0, key.as_ref()).await?;
    Ok(Json(project.into()))
}
