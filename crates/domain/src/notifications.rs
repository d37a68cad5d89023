//! What people choose to be told, and how: the letters that are about their things, in kinds that they understand. What is
//! about who may sign in, and what somebody waits for, is always mailed and has no kind.

use serde::{Deserialize, Serialize};

use crate::mails::Letter;

words! {
    /// What people are told about.
    pub enum Kind as "NotificationKind" {
        /// The credits of a project run out.
        Credits = "credits",
        /// Instances are stopped because no credits are left.
        Stopped = "stopped",
        /// Something will be deleted, unless somebody does something about it.
        Deletion = "deletion",
        /// The time of a lease is nearly over.
        Leases = "leases",
        /// Scheduled backups fail.
        Backups = "backups",
        /// A webhook is switched off, since nobody takes what it is told.
        Webhooks = "webhooks",
    }
}

impl Kind {
    /// Whether it must reach people, by one way at least: what it warns of cannot be undone.
    pub fn must_arrive(self) -> bool {
        matches!(self, Self::Deletion)
    }
}

impl Letter {
    /// What it tells about, for those who choose; none is always mailed.
    pub fn kind(self) -> Option<Kind> {
        match self {
            Self::Runway => Some(Kind::Credits),
            Self::BillingHold => Some(Kind::Stopped),
            // What a lease held is removed unless somebody renews it.
            Self::Deletion | Self::LeaseExpired => Some(Kind::Deletion),
            Self::LeaseEnding => Some(Kind::Leases),
            Self::BackupFailed => Some(Kind::Backups),
            Self::WebhookFailing | Self::WebhookGone => Some(Kind::Webhooks),
            Self::VerifyEmail
            | Self::ChangeEmail
            | Self::EmailChanged
            | Self::AddressTaken
            | Self::Recovery
            | Self::PasswordChanged
            | Self::FactorsChanged
            | Self::Invitation
            | Self::ProjectInvitation
            | Self::Notice => None,
        }
    }
}

/// How somebody is told of one kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Of what.
    pub kind: Kind,
    /// By e-mail.
    pub email: bool,
    /// By direct message at Discord.
    pub discord: bool,
}

/// Why a choice cannot be as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChoice {
    /// There is no account at Discord to write to.
    #[error("link your account with Discord first: ask the bot there with `/link`")]
    NotLinked,
    /// Nothing would be left, and this is the field that switched the last one off.
    #[error("what will be deleted is told by one way at least; switch the other one on first")]
    Nothing {
        /// The field.
        field: &'static str,
    },
}

impl BadChoice {
    /// The field that is to be mended.
    pub fn field(self) -> &'static str {
        match self {
            Self::NotLinked => "discord",
            Self::Nothing { field } => field,
        }
    }
}

impl Choice {
    /// What is so until somebody chooses.
    pub fn usual(kind: Kind) -> Self {
        Self { kind, email: true, discord: false }
    }

    /// What really happens: without a linked account nothing is told at Discord, and what must arrive comes by mail then.
    #[must_use]
    pub fn in_effect(self, linked: bool) -> Self {
        let discord = self.discord && linked;
        let email = self.email || (self.kind.must_arrive() && !discord);
        Self { kind: self.kind, email, discord }
    }

    /// The choice with what somebody changes of it.
    pub fn changed(
        self,
        email: Option<bool>,
        discord: Option<bool>,
        linked: bool,
    ) -> Result<Self, BadChoice> {
        if discord == Some(true) && !linked {
            return Err(BadChoice::NotLinked);
        }
        let now = self.in_effect(linked);
        let next = Self {
            kind: self.kind,
            email: email.unwrap_or(now.email),
            discord: discord.unwrap_or(now.discord),
        };
        if next.kind.must_arrive() && !next.email && !next.discord {
            let field = if now.email { "email" } else { "discord" };
            return Err(BadChoice::Nothing { field });
        }
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_letter_and_what_is_about_signing_in_has_none() {
        for kind in Kind::ALL {
            assert!(Letter::ALL.iter().any(|letter| letter.kind() == Some(*kind)), "{kind}");
        }
        for letter in [Letter::Recovery, Letter::VerifyEmail, Letter::EmailChanged, Letter::PasswordChanged] {
            assert_eq!(letter.kind(), None, "{letter}");
        }
    }

    #[test]
    fn whatever_is_chosen_what_must_arrive_has_a_way() {
        for &kind in Kind::ALL {
            for bits in 0..8 {
                let (email, discord, linked) = (bits & 1 > 0, bits & 2 > 0, bits & 4 > 0);
                let now = Choice { kind, email, discord }.in_effect(linked);
                assert!(!now.discord || linked);
                assert!(now.email || now.discord || !kind.must_arrive(), "{kind} {email} {discord} {linked}");
            }
        }
    }

    #[test]
    fn the_last_way_cannot_be_switched_off() {
        let usual = Choice::usual(Kind::Deletion);
        let nothing = |field| Err(BadChoice::Nothing { field });
        assert_eq!(usual.changed(Some(false), None, true), nothing("email"));
        let both = usual.changed(None, Some(true), true).unwrap();
        let discord = both.changed(Some(false), None, true).unwrap();
        assert_eq!((discord.email, discord.discord), (false, true));
        assert_eq!(discord.changed(None, Some(false), true), nothing("discord"));
        assert_eq!(both.changed(Some(false), Some(false), true), nothing("email"));
        // One for the other, at once.
        assert!(discord.changed(Some(true), Some(false), true).is_ok());
        // Who has ended the link is mailed again, and cannot switch that off.
        assert_eq!(discord.changed(Some(false), None, false), nothing("email"));
    }

    #[test]
    fn everything_else_can_and_discord_needs_a_link() {
        let usual = Choice::usual(Kind::Credits);
        let none = usual.changed(Some(false), None, false).unwrap();
        assert_eq!((none.email, none.discord), (false, false));
        assert_eq!(usual.changed(None, Some(true), false), Err(BadChoice::NotLinked));
    }
}
