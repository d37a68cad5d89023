//! `/access`: logins, users, tokens, groups, roles, rights, second factors.

pub(crate) mod acl;
pub(crate) mod factors;
pub(crate) mod groups;
pub(crate) mod login;
pub(crate) mod tokens;
pub(crate) mod users;

use serde_json::json;

use crate::call::Call;
use crate::error::{ApiError, Outcome};

/// `GET /access`.
pub(crate) fn index(_: &mut Call<'_>) -> Outcome {
    let names = ["users", "groups", "roles", "acl", "domains", "openid", "tfa", "ticket", "password"];
    Ok(names.iter().map(|n| json!({ "subdir": n })).collect::<serde_json::Value>().into())
}

impl Call<'_> {
    /// Refuses a change of users and rights without quorum; `what` is put in front.
    fn need_users_file(&self, what: &str) -> Result<(), ApiError> {
        if self.world.quorate {
            return Ok(());
        }
        Err(ApiError::die(format!("{what} failed: cfs-lock 'file-user_cfg' error: no quorum!")))
    }
}
