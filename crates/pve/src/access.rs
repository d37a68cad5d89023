//! Users, tokens, roles and rights: what setting up an account for a program takes.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::call::Call;
use crate::client::Client;
use crate::error::Error;
use crate::ids::{RoleId, TokenName, UserId};
use crate::lenient;
use crate::operations as ops;

/// Who gets a right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grantee {
    /// A user.
    User(UserId),
    /// A token. With privilege separation it needs the right itself and its user needs it too.
    Token(UserId, TokenName),
    /// A group.
    Group(String),
}

/// A right: a role on a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// For example `/pool/tenants` or `/storage/local-lvm`.
    pub path: String,
    /// The role.
    pub role: RoleId,
    /// Who gets it.
    pub to: Grantee,
    /// Whether it also holds below the path.
    pub propagate: bool,
}

/// A right in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AclEntry {
    /// The path.
    pub path: String,
    /// `user`, `token` or `group`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who has it.
    #[serde(rename = "ugid")]
    pub who: String,
    /// The role.
    #[serde(rename = "roleid")]
    pub role: String,
    /// Whether it also holds below the path.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub propagate: bool,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Role {
    /// Its name.
    #[serde(rename = "roleid")]
    pub id: String,
    /// Its privileges, separated by commas.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub privs: String,
    /// Whether it is built in.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub special: bool,
}

/// A user in the list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct User {
    /// `name@realm`.
    pub userid: UserId,
    /// Whether it may log in.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub enable: bool,
    /// When it ends, seconds since 1970; 0 is never.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub expire: i64,
    /// A remark.
    #[serde(default, deserialize_with = "lenient::optional")]
    pub comment: Option<String>,
}

/// A new token. Its secret is shown this once.
#[derive(Debug)]
pub struct NewToken {
    /// `user@realm!name`
    pub full_name: String,
    /// The secret.
    pub secret: SecretString,
}

impl Client {
    /// All users the caller may see.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        self.send(Call::new(&ops::USER_LIST)).await
    }

    /// Makes a user. A password (8 characters at least) only works in the realm `pve`; a program needs none.
    pub async fn create_user(
        &self,
        user: &UserId,
        password: Option<&SecretString>,
        comment: Option<&str>,
    ) -> Result<(), Error> {
        let call = Call::new(&ops::USER_CREATE)
            .param("userid", user)
            .param_some("password", password.map(ExposeSecret::expose_secret))
            .param_some("comment", comment);
        self.send_unit(call).await
    }

    /// Removes a user with its tokens and rights.
    pub async fn delete_user(&self, user: &UserId) -> Result<(), Error> {
        self.send_unit(Call::new(&ops::USER_DELETE).at("userid", user)).await
    }

    /// Makes a token. With `separate` it has only the rights given to it that its user has too.
    pub async fn create_token(
        &self,
        user: &UserId,
        name: &TokenName,
        separate: bool,
        comment: Option<&str>,
    ) -> Result<NewToken, Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(rename = "full-tokenid")]
            full_name: String,
            value: String,
        }
        let call = Call::new(&ops::TOKEN_CREATE)
            .at("userid", user)
            .at("tokenid", name)
            .param("privsep", separate)
            .param_some("comment", comment);
        let Wire { full_name, value } = self.send(call).await?;
        Ok(NewToken { full_name, secret: value.into() })
    }

    /// Names of a user's tokens.
    pub async fn tokens(&self, user: &UserId) -> Result<Vec<TokenName>, Error> {
        #[derive(Deserialize)]
        struct Wire {
            tokenid: TokenName,
        }
        let found: Vec<Wire> = self.send(Call::new(&ops::TOKEN_LIST).at("userid", user)).await?;
        Ok(found.into_iter().map(|token| token.tokenid).collect())
    }

    /// Removes a token.
    pub async fn delete_token(&self, user: &UserId, name: &TokenName) -> Result<(), Error> {
        self.send_unit(Call::new(&ops::TOKEN_DELETE).at("userid", user).at("tokenid", name)).await
    }

    /// All roles.
    pub async fn roles(&self) -> Result<Vec<Role>, Error> {
        self.send(Call::new(&ops::ROLE_LIST)).await
    }

    /// Makes a role. A privilege that this version does not know is refused: `VM.Monitor` ended with 8.x,
    /// `VM.GuestAgent.*` began with 9.
    pub async fn create_role(&self, role: &RoleId, privileges: &[&str]) -> Result<(), Error> {
        let call = Call::new(&ops::ROLE_CREATE).param("roleid", role).param("privs", privileges.join(","));
        self.send_unit(call).await
    }

    /// Sets the privileges of a role anew.
    pub async fn set_role(&self, role: &RoleId, privileges: &[&str]) -> Result<(), Error> {
        self.send_unit(Call::new(&ops::ROLE_SET).at("roleid", role).param("privs", privileges.join(",")))
            .await
    }

    /// Removes a role.
    pub async fn delete_role(&self, role: &RoleId) -> Result<(), Error> {
        self.send_unit(Call::new(&ops::ROLE_DELETE).at("roleid", role)).await
    }

    /// All rights the caller may see.
    pub async fn acl(&self) -> Result<Vec<AclEntry>, Error> {
        self.send(Call::new(&ops::ACL_LIST)).await
    }

    /// Gives a right; giving it twice is fine.
    pub async fn grant(&self, grant: &Grant) -> Result<(), Error> {
        self.set_acl(grant, false).await
    }

    /// Takes a right away; taking it twice is fine.
    pub async fn revoke(&self, grant: &Grant) -> Result<(), Error> {
        self.set_acl(grant, true).await
    }

    async fn set_acl(&self, grant: &Grant, delete: bool) -> Result<(), Error> {
        let (kind, who) = match &grant.to {
            Grantee::User(user) => ("users", user.to_string()),
            Grantee::Token(user, token) => ("tokens", format!("{user}!{token}")),
            Grantee::Group(group) => ("groups", group.clone()),
        };
        let call = Call::new(&ops::ACL_SET)
            .param("path", &grant.path)
            .param("roles", &grant.role)
            .param("propagate", grant.propagate)
            .param(kind, who)
            .param_some("delete", delete.then_some(true));
        self.send_unit(call).await
    }
}
