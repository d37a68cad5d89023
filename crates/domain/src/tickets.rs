//! Tickets: secrets that are given out once, used once, and end by themselves. A link in a mail is one, and so is what
//! ties the two halves of a sign-in together.

use std::time::Duration;

use crate::ids::UserId;
use crate::time::Timestamp;

words! {
    /// What a ticket is good for, and for nothing else.
    pub enum Purpose {
        /// The password was right; the second factor is to follow.
        SecondFactor = "second_factor",
        /// A passkey is being added.
        PasskeyEnrolment = "passkey_enrolment",
        /// Somebody is signing in by a passkey.
        PasskeySignIn = "passkey_sign_in",
        /// Somebody was sent to another house to sign in there.
        Oidc = "oidc",
        /// An e-mail address is to be confirmed.
        Email = "email",
        /// A forgotten password is to be replaced.
        Recovery = "recovery",
        /// A console is to be opened.
        Console = "console",
        /// An account at Discord is to be linked.
        DiscordLink = "discord_link",
    }
}

impl Purpose {
    /// How long such a ticket is good for.
    pub const fn lifetime(self) -> Duration {
        match self {
            Self::Console => Duration::from_secs(30),
            Self::SecondFactor | Self::PasskeyEnrolment | Self::PasskeySignIn => Duration::from_mins(5),
            Self::Oidc | Self::DiscordLink => Duration::from_mins(10),
            Self::Recovery => Duration::from_mins(30),
            Self::Email => Duration::from_hours(24),
        }
    }
}

/// How often a wrong code may be given with one [`Purpose::SecondFactor`] ticket before the password is asked for again.
pub const CODES_PER_TICKET: i64 = 5;

/// What is known of a ticket. The ticket itself is kept nowhere: only its hash is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// What it is good for.
    pub purpose: Purpose,
    /// Whose it is, where that is known.
    pub user_id: Option<UserId>,
    /// When it was given out.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}
