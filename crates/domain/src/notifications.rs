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

/// The ways by which somebody can be told anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// The house sends mails, and they have confirmed their address.
    pub email: bool,
    /// Their account is linked with one at Discord.
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

    /// What really happens: without a linked account nothing is told at Discord, and what must arrive comes by a way that
    /// there is.
    #[must_use]
    pub fn in_effect(self, ways: Ways) -> Self {
        let shown = Self { discord: self.discord && ways.discord, ..self };
        if !self.kind.must_arrive() || shown.arrives(ways) {
            shown
        } else if ways.discord && !ways.email {
            Self { discord: true, ..shown }
        } else {
            Self { email: true, ..shown }
        }
    }

    fn arrives(self, ways: Ways) -> bool {
        self.email && ways.email || self.discord && ways.discord
    }

    /// The choice with what somebody changes of it.
    pub fn changed(self, email: Option<bool>, discord: Option<bool>, ways: Ways) -> Result<Self, BadChoice> {
        if discord == Some(true) && !ways.discord {
            return Err(BadChoice::NotLinked);
        }
        let now = self.in_effect(ways);
        let next = Self {
            kind: self.kind,
            email: email.unwrap_or(now.email),
            discord: discord.unwrap_or(now.discord),
        };
        // Where no way leads to them, one stays chosen for the day on which it does.
        let left = next.arrives(ways) || (!ways.email && !ways.discord && (next.email || next.discord));
        if next.kind.must_arrive() && !left {
            let field = if now.email && email == Some(false) { "email" } else { "discord" };
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

    const BOTH: Ways = Ways { email: true, discord: true };
    const MAIL: Ways = Ways { email: true, discord: false };
    const DISCORD: Ways = Ways { email: false, discord: true };
    const NONE: Ways = Ways { email: false, discord: false };

    #[test]
    fn whatever_is_chosen_what_must_arrive_has_a_way() {
        for &kind in Kind::ALL {
            for bits in 0..4 {
                for ways in [BOTH, MAIL, DISCORD, NONE] {
                    let chosen = Choice { kind, email: bits & 1 > 0, discord: bits & 2 > 0 };
                    let now = chosen.in_effect(ways);
                    assert!(!now.discord || ways.discord);
                    assert!(now.arrives(ways) || !kind.must_arrive() || ways == NONE, "{chosen:?} {ways:?}");
                    assert!(now.email || now.discord || !kind.must_arrive(), "{chosen:?} {ways:?}");
                }
            }
        }
    }

    #[test]
    fn the_last_way_cannot_be_switched_off() {
        let usual = Choice::usual(Kind::Deletion);
        let nothing = |field| Err(BadChoice::Nothing { field });
        assert_eq!(usual.changed(Some(false), None, BOTH), nothing("email"));
        let both = usual.changed(None, Some(true), BOTH).unwrap();
        let discord = both.changed(Some(false), None, BOTH).unwrap();
        assert_eq!((discord.email, discord.discord), (false, true));
        assert_eq!(discord.changed(None, Some(false), BOTH), nothing("discord"));
        assert_eq!(both.changed(Some(false), Some(false), BOTH), nothing("email"));
        // One for the other, at once.
        assert!(discord.changed(Some(true), Some(false), BOTH).is_ok());
        // Who has ended the link is mailed again, and cannot switch that off.
        assert_eq!(discord.changed(Some(false), None, MAIL), nothing("email"));
        // Where no mail arrives, Discord tells it whatever was chosen before, and that stays.
        let told = usual.in_effect(DISCORD);
        assert_eq!((told.email, told.discord), (true, true));
        assert_eq!(usual.changed(None, Some(false), DISCORD), nothing("discord"));
        assert!(usual.changed(Some(false), None, DISCORD).is_ok());
        // Where nothing arrives at all, something stays chosen.
        assert_eq!(usual.changed(Some(false), None, NONE), nothing("email"));
    }

    #[test]
    fn everything_else_can_and_discord_needs_a_link() {
        let usual = Choice::usual(Kind::Credits);
        let none = usual.changed(Some(false), None, MAIL).unwrap();
        assert_eq!((none.email, none.discord), (false, false));
        assert_eq!(usual.changed(None, Some(true), MAIL), Err(BadChoice::NotLinked));
    }
}
