//! Sessions: a signed-in person at one device. A session is a family of tokens: a short access token, and a refresh
//! token that is replaced at each use. Somebody who shows a refresh token that was already replaced has copied it, or
//! was copied from: the whole family ends.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{SessionId, UserId};
use crate::time::Timestamp;

words! {
    /// How somebody signed in.
    pub enum Method {
        /// By password, and by a second factor where one is on.
        Password = "password",
        /// By a passkey alone.
        Passkey = "passkey",
        /// By an account at another house (OIDC), and by a second factor where one is on here.
        Oidc = "oidc",
    }
}

/// A signed-in session. Its tokens are kept nowhere: only their hashes are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Identity, safe to show.
    pub id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// How.
    pub method: Method,
    /// The address from which they signed in, or last refreshed; none when it is not known.
    pub address: Option<IpAddr>,
    /// What the client said it is, cut to [`USER_AGENT_MAX`] characters.
    pub user_agent: Option<String>,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When a token was last given out: as precise as access tokens are short.
    pub last_used_at: Timestamp,
    /// When it ends unless it is refreshed before.
    pub expires_at: Timestamp,
}

/// The most characters of a user agent that are kept.
pub const USER_AGENT_MAX: usize = 200;

/// How long tokens are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token, from when it is given out.
    pub access: Duration,
    /// A session that nobody refreshes.
    pub idle: Duration,
    /// How long a refresh token that was just replaced still gets the same successor: an answer may be lost, and two
    /// windows of one browser may ask at once.
    pub grace: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            access: Duration::from_mins(15),
            idle: Duration::from_hours(24 * 30),
            grace: Duration::from_secs(30),
        }
    }
}

/// Which link of the chain a refresh token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The newest one that was given out.
    Newest,
    /// The one before it, replaced at this time. That the newest has not been used yet is what makes it so.
    Replaced(Timestamp),
    /// Any other of the family.
    Old,
}

/// What to do with a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Replace it.
    Rotate,
    /// Give the same successor again.
    Repeat,
    /// Two hold this family: end it.
    EndFamily,
}

/// Judges a refresh token of a session that has not ended.
pub fn judge(link: Link, lifetimes: Lifetimes, now: Timestamp) -> Verdict {
    match link {
        Link::Newest => Verdict::Rotate,
        Link::Replaced(at) if now.since(at) <= lifetimes.grace => Verdict::Repeat,
        Link::Replaced(_) | Link::Old => Verdict::EndFamily,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_token_is_forgiven_for_a_moment_only() {
        let (now, lifetimes) = (Timestamp(1_000_000_000), Lifetimes::default());
        let before = |seconds| Link::Replaced(now.before(Duration::from_secs(seconds)));
        assert_eq!(judge(Link::Newest, lifetimes, now), Verdict::Rotate);
        assert_eq!(judge(before(0), lifetimes, now), Verdict::Repeat);
        assert_eq!(judge(before(30), lifetimes, now), Verdict::Repeat);
        assert_eq!(judge(before(31), lifetimes, now), Verdict::EndFamily);
        assert_eq!(judge(Link::Old, lifetimes, now), Verdict::EndFamily);
        let strict = Lifetimes { grace: Duration::ZERO, ..lifetimes };
        assert_eq!(judge(before(1), strict, now), Verdict::EndFamily);
    }
}
