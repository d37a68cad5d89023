//! Who the client is: an API token, or a user with a password and perhaps a second factor.

use std::fmt;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::error::Error;
use crate::ids::{TokenName, UserId};

/// How the client proves who it is. Secrets never appear when this is printed.
#[derive(Clone)]
pub enum Credentials {
    /// An API token: no session, no CSRF, works on every node at once. To be preferred.
    Token {
        /// The owner.
        user: UserId,
        /// The part after `!`.
        name: TokenName,
        /// The secret (a UUID), shown once when the token was made.
        secret: SecretString,
    },
    /// User and password: a ticket is fetched, renewed and replaced as needed.
    Password {
        /// `name@realm`.
        user: UserId,
        /// The password.
        password: SecretString,
        /// Answers the second factor, if the account has one.
        second_factor: Option<SecondFactor>,
    },
}

impl Credentials {
    /// A token in its full form `user@realm!name` with its secret.
    pub fn token(full_name: &str, secret: impl Into<SecretString>) -> Result<Self, Error> {
        let (user, name) = full_name
            .split_once('!')
            .ok_or_else(|| Error::Configuration("a token is named user@realm!name".to_owned()))?;
        Ok(Self::Token { user: UserId::new(user)?, name: TokenName::new(name)?, secret: secret.into() })
    }

    /// A user without a second factor.
    pub fn password(user: &str, password: impl Into<SecretString>) -> Result<Self, Error> {
        Ok(Self::Password { user: UserId::new(user)?, password: password.into(), second_factor: None })
    }

    /// Adds the answer to a second factor; without effect on tokens, which need none.
    #[must_use]
    pub fn with_second_factor(self, factor: SecondFactor) -> Self {
        match self {
            Self::Password { user, password, .. } => {
                Self::Password { user, password, second_factor: Some(factor) }
            }
            token @ Self::Token { .. } => token,
        }
    }

    /// `PVEAPIToken=USER@REALM!NAME=SECRET`. The server percent-decodes this header once.
    pub(crate) fn authorization(&self) -> Option<SecretString> {
        match self {
            Self::Token { user, name, secret } => {
                let secret = secret.expose_secret().trim().replace('%', "%25");
                Some(format!("PVEAPIToken={user}!{name}={secret}").into())
            }
            Self::Password { .. } => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { user, name, .. } => write!(f, "Token({user}!{name})"),
            Self::Password { user, .. } => write!(f, "Password({user})"),
        }
    }
}

/// An answer to the second step of a login.
#[derive(Clone)]
pub struct FactorAnswer(SecretString);

impl FactorAnswer {
    /// The six digits of an authenticator.
    pub fn totp(code: &str) -> Self {
        Self(format!("totp:{}", code.trim()).into())
    }

    /// One of the recovery keys; each works once.
    pub fn recovery(key: &str) -> Self {
        Self(format!("recovery:{}", key.trim()).into())
    }

    pub(crate) fn secret(&self) -> &SecretString {
        &self.0
    }
}

type Answer = dyn Fn(&[String]) -> Option<FactorAnswer> + Send + Sync;

/// Supplies an answer whenever a login asks for one: codes are good for one login only, and a client that lives long
/// logs in more than once.
#[derive(Clone)]
pub struct SecondFactor(Arc<Answer>);

impl SecondFactor {
    /// `answer` is given the kinds offered (`totp`, `recovery`, …) and returns none to give up.
    pub fn new(answer: impl Fn(&[String]) -> Option<FactorAnswer> + Send + Sync + 'static) -> Self {
        Self(Arc::new(answer))
    }

    pub(crate) fn answer(&self, offered: &[String]) -> Option<FactorAnswer> {
        (self.0)(offered)
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecondFactor")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_makes_one_header_and_prints_without_its_secret() {
        let token = Credentials::token("prov@pve!front-desk", "11-22%3").unwrap();
        let header = token.authorization().unwrap();
        assert_eq!(header.expose_secret(), "PVEAPIToken=prov@pve!front-desk=11-22%253");
        assert_eq!(format!("{token:?}"), "Token(prov@pve!front-desk)");
        assert!(Credentials::token("prov@pve", "x").is_err());
    }

    #[test]
    fn a_password_is_not_printed() {
        let user = Credentials::password("root@pam", "hunter2").unwrap();
        assert_eq!(format!("{user:?}"), "Password(root@pam)");
        assert!(user.authorization().is_none());
        assert!(Credentials::password("root", "x").is_err(), "a realm is needed");
    }
}
