//! The audit log: who did what.

use axum::Json;
use axum::extract::State;
use innkeeper_domain::audit::{self as domain, Means, Outcome};
use innkeeper_domain::ids::{ProjectId, UserId};
use innkeeper_domain::time::Timestamp;
use innkeeper_engine::{AuditFilter, AuditVerification, Engine};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::auth::Caller;
use crate::extract::{At, Query};
use crate::page::{Cursor, Limit, Page, Paging};
use crate::problem::Problem;

/// One line of the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Grows with every entry.
    seq: i64,
    /// When.
    at: Timestamp,
    /// Who; null for the house itself, and for a stranger.
    user_id: Option<UserId>,
    /// How they proved who they are.
    means: Means,
    /// The session or key.
    proof_id: Option<String>,
    /// The administrator who acted for the user.
    impersonator: Option<UserId>,
    /// From where.
    address: Option<String>,
    /// Noun and verb, for example `instance.start`; of what was refused, the request.
    action: String,
    /// The id of the thing; empty where there is no one thing.
    object: String,
    /// Whose it is; null for what only staff may see.
    project_id: Option<ProjectId>,
    /// What was true of it before.
    before: Value,
    /// What is true of it now.
    after: Value,
    /// What came of it.
    outcome: Outcome,
}

impl From<domain::Entry> for AuditEntry {
    fn from(entry: domain::Entry) -> Self {
        let domain::Entry { seq, at, doer, deed } = entry;
        let domain::Doer { user_id, means, proof_id, impersonator, address } = doer;
        let domain::Deed { action, object, project_id, before, after, outcome } = deed;
        let address = address.map(|address| address.to_string());
        Self {
            seq,
            at,
            user_id,
            means,
            proof_id,
            impersonator,
            address,
            action,
            object,
            project_id,
            before,
            after,
            outcome,
        }
    }
}

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditQuery {
    /// Only those by this user, or by an administrator who acted for somebody.
    user_id: Option<UserId>,
    /// Only those about what is this project's.
    project_id: Option<ProjectId>,
    /// Only those about the thing with this id.
    object: Option<String>,
    /// Only those of this action, or of this noun (`instance` for `instance.start`).
    action: Option<String>,
    /// How many items at most.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Who did what, newest first. For administrators.
#[utoipa::path(get, path = "/audit", tag = "audit", params(AuditQuery), responses(
    (status = 200, description = "A page of it", body = Page<AuditEntry>),
))]
pub(crate) async fn list_audit(
    caller: Caller,
    State(engine): State<Engine>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let AuditQuery { user_id, project_id, object, action, limit, cursor } = query;
    let filter = AuditFilter { user_id, project_id, object, action };
    let found = engine.audit_log(&caller.actor, &filter, Cursor::read(cursor)?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |entry| entry.seq.to_string(), AuditEntry::from)))
}

/// Who did what in a project, newest first. For its owners.
#[utoipa::path(get, path = "/projects/{id}/audit", tag = "audit",
    params(("id" = ProjectId, Path, description = "The project"), Paging),
    responses((status = 200, description = "A page of it", body = Page<AuditEntry>)),
)]
pub(crate) async fn list_project_audit(
    caller: Caller,
    State(engine): State<Engine>,
    At(id): At<ProjectId>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let filter = AuditFilter { project_id: Some(id), ..AuditFilter::default() };
    let limit = paging.limit();
    let found = engine.audit_log(&caller.actor, &filter, paging.after()?, limit.rows()).await?;
    Ok(Json(Page::of(found, limit, |entry| entry.seq.to_string(), AuditEntry::from)))
}

/// What a verification of the log found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    /// Whether nothing is wrong.
    whole: bool,
    /// Seals that were checked.
    seals: u64,
    /// Entries that lie under them, unchanged.
    entries: u64,
    /// Entries that were removed for their age; their seals still hold the chain together.
    removed: u64,
    /// Entries that are too new to be sealed.
    unsealed: u64,
    /// The hash at the end of the chain, in hexadecimal: kept elsewhere, it shows later that nothing before it changed.
    head: String,
    /// What is wrong, in the order in which it was found.
    faults: Vec<String>,
}

impl From<AuditVerification> for Verification {
    fn from(found: AuditVerification) -> Self {
        let AuditVerification { seals, entries, removed, unsealed, head, faults } = found;
        Self { whole: faults.is_empty(), seals, entries, removed, unsealed, head, faults }
    }
}

/// What to compare with.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerificationQuery {
    /// The `head` of an earlier verification, kept elsewhere: the log must still contain it.
    expect: Option<String>,
}

/// Check that nobody has changed the log behind our back. For administrators.
///
/// Reads all of it.
#[utoipa::path(get, path = "/audit/verification", tag = "audit", params(VerificationQuery), responses(
    (status = 200, description = "What was found, whole or not", body = Verification),
))]
pub(crate) async fn verify_audit(
    caller: Caller,
    State(engine): State<Engine>,
    Query(query): Query<VerificationQuery>,
) -> Result<Json<Verification>, Problem> {
    Ok(Json(engine.verify_audit(&caller.actor, query.expect.as_deref()).await?.into()))
}
