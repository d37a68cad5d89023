//! The ledger: postings that move credits between accounts, each of them once. What an account holds is the sum of its
//! entries, and all entries together come to nothing: credits are never made or lost, only moved.

use uuid::Uuid;

use crate::ids::{PostingId, ProjectId, UserId};
use crate::money::{Micros, Overflow};
use crate::time::Timestamp;

words! {
    /// What a project has.
    pub enum Purse {
        /// What can be spent.
        Wallet = "wallet",
        /// What is held for instances: a billing period each.
        Held = "held",
        /// What is owed, as a number below zero.
        Debt = "debt",
    }
}

words! {
    /// The house's own accounts, one per reason why credits come and go. Those from which credits come stand below zero.
    pub enum HouseAccount {
        /// What instances were charged.
        Revenue = "revenue",
        /// Gifts of an administrator.
        Grants = "grants",
        /// Corrections by an administrator.
        Corrections = "corrections",
        /// Credits that were paid for.
        Payments = "payments",
        /// Vouchers.
        Vouchers = "vouchers",
        /// Credits that were given back.
        Refunds = "refunds",
        /// Leases.
        Leases = "leases",
    }
}

words! {
    /// Why a posting was made.
    pub enum Cause {
        /// A gift of an administrator.
        Grant = "grant",
        /// A correction by an administrator.
        Correction = "correction",
        /// A billing period's cost set aside for an instance.
        Hold = "hold",
        /// What was held, given back.
        Release = "release",
        /// What an instance used.
        Charge = "charge",
        /// A payment.
        Payment = "payment",
        /// A voucher.
        Voucher = "voucher",
        /// A refund.
        Refund = "refund",
        /// A lease.
        Lease = "lease",
    }
}

/// An account: one of a project's, or one of the house's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// A project's.
    Of(ProjectId, Purse),
    /// The house's.
    House(HouseAccount),
}

impl Account {
    /// Its identity. Accounts are locked in the order of these, in which those of the house come last: everybody uses
    /// them, and so they are held shortest. A project's accounts carry its own id but for the last bits, which are
    /// random, so that they need not be looked up.
    pub fn id(self) -> Uuid {
        match self {
            Self::Of(project, purse) => Uuid::from_u128(project.0.as_u128() ^ (purse as u128 + 1)),
            Self::House(account) => {
                Uuid::from_u128(0xffff_ffff_ffff_7fff_bfff_ffff_ffff_ff00 | (account as u128 + 1))
            }
        }
    }

    /// The word for it: a [`Purse`] or a [`HouseAccount`].
    pub fn kind(self) -> &'static str {
        match self {
            Self::Of(_, purse) => purse.as_str(),
            Self::House(account) => account.as_str(),
        }
    }

    /// Whose it is.
    pub fn project(self) -> Option<ProjectId> {
        match self {
            Self::Of(project, _) => Some(project),
            Self::House(_) => None,
        }
    }

    /// Below this it may not fall.
    pub fn floor(self) -> Option<Micros> {
        matches!(self, Self::Of(_, Purse::Wallet | Purse::Held)).then_some(Micros::ZERO)
    }

    /// Above this it may not rise: nobody can owe less than nothing.
    pub fn ceiling(self) -> Option<Micros> {
        matches!(self, Self::Of(_, Purse::Debt)).then_some(Micros::ZERO)
    }
}

/// One account's part of a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which account.
    pub account: Account,
    /// How much it gains; what it loses is below zero.
    pub amount: Micros,
}

/// One movement of credits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// Identity.
    pub id: PostingId,
    /// Made from the cause, so that the same thing is posted once: `charge:{instance}:{segment}:{period}`.
    pub key: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: Cause,
    /// The id of what caused it, with its prefix.
    pub cause_id: String,
    /// In whose ledger it stands.
    pub project_id: ProjectId,
    /// Words for people.
    pub memo: Option<String>,
    /// Who did it; none is the house.
    pub by: Option<UserId>,
    /// The movements: no account twice, none of nothing, and together they come to nothing.
    pub entries: Vec<Entry>,
}

/// A posting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPosting {
    /// Credits would be made or lost.
    #[error("the entries come to {0} instead of nothing")]
    Unbalanced(Micros),
    /// An account stands in it twice, or with nothing, or there are no entries.
    #[error("the entries name an account twice, with nothing, or none at all")]
    Malformed,
    /// More than can be counted.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

impl Posting {
    /// Adds a movement; nothing is not written down.
    #[must_use]
    pub fn with(mut self, account: Account, amount: Micros) -> Self {
        if amount != Micros::ZERO {
            self.entries.push(Entry { account, amount });
        }
        self
    }

    /// Checks that credits are only moved.
    pub fn check(&self) -> Result<(), BadPosting> {
        let sum = Micros::sum(self.entries.iter().map(|entry| entry.amount))?;
        if sum != Micros::ZERO {
            return Err(BadPosting::Unbalanced(sum));
        }
        let twice =
            |n: usize, entry: &Entry| self.entries[..n].iter().any(|other| other.account == entry.account);
        let odd = |(n, entry): (usize, &Entry)| entry.amount == Micros::ZERO || twice(n, entry);
        if self.entries.is_empty() || self.entries.iter().enumerate().any(odd) {
            return Err(BadPosting::Malformed);
        }
        Ok(())
    }
}

/// From where something is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// From the wallet.
    pub wallet: Micros,
    /// From what is held for the instance.
    pub held: Micros,
    /// Owed from now on.
    pub owed: Micros,
}

/// Pays an amount that is not below zero: from the wallet, then from what is held, and the rest is owed.
pub fn pay(amount: Micros, wallet: Micros, held: Micros) -> Funding {
    let from_wallet = amount.min(wallet).max(Micros::ZERO);
    let rest = Micros(amount.0 - from_wallet.0);
    let from_held = rest.min(held).max(Micros::ZERO);
    Funding { wallet: from_wallet, held: from_held, owed: Micros(rest.0 - from_held.0) }
}

/// Divides credits that arrive: what is owed (a number below zero) is paid first, the rest goes to the wallet.
pub fn receive(amount: Micros, debt: Micros) -> (Micros, Micros) {
    let owed = Micros(debt.0.checked_neg().unwrap_or(i64::MAX));
    let paid = amount.min(owed).max(Micros::ZERO);
    (paid, Micros(amount.0 - paid.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn posting() -> Posting {
        Posting {
            id: PostingId::new(),
            key: "grant:1".into(),
            at: Timestamp(0),
            cause: Cause::Grant,
            cause_id: "1".into(),
            project_id: ProjectId::new(),
            memo: None,
            by: None,
            entries: Vec::new(),
        }
    }

    #[test]
    fn every_account_has_its_own_id_and_those_of_the_house_come_last() {
        let projects: Vec<ProjectId> = (0..100).map(|_| ProjectId::new()).collect();
        let mut ids: BTreeSet<Uuid> = BTreeSet::new();
        for &project in &projects {
            ids.extend(Purse::ALL.iter().map(|&purse| Account::Of(project, purse).id()));
        }
        let last = *ids.last().unwrap();
        let house: BTreeSet<Uuid> =
            HouseAccount::ALL.iter().map(|&account| Account::House(account).id()).collect();
        assert!(house.iter().all(|id| *id > last));
        assert_eq!((ids.len(), house.len()), (300, HouseAccount::ALL.len()));
    }

    #[test]
    fn a_posting_only_moves_credits() {
        let project = ProjectId::new();
        let wallet = Account::Of(project, Purse::Wallet);
        let grants = Account::House(HouseAccount::Grants);
        let good = posting().with(wallet, Micros(5)).with(grants, Micros(-5)).with(grants, Micros::ZERO);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(posting().check(), Err(BadPosting::Malformed));
        let more = posting().with(wallet, Micros(5)).with(grants, Micros(-4));
        assert_eq!(more.check(), Err(BadPosting::Unbalanced(Micros(1))));
        let twice = posting().with(wallet, Micros(5)).with(wallet, Micros(-5));
        assert_eq!(twice.check(), Err(BadPosting::Malformed));
        let much = posting().with(wallet, Micros(i64::MAX)).with(grants, Micros(i64::MAX));
        assert_eq!(much.check(), Err(BadPosting::Overflow(Overflow)));
    }

    proptest! {
        #[test]
        fn paying_and_receiving_lose_nothing(
            amount in 0..i64::MAX, wallet in 0..i64::MAX, held in 0..i64::MAX, debt in i64::MIN..=0,
        ) {
            let (amount, wallet, held) = (Micros(amount), Micros(wallet), Micros(held));
            let paid = pay(amount, wallet, held);
            prop_assert_eq!(Micros::sum([paid.wallet, paid.held, paid.owed]), Ok(amount));
            prop_assert!(paid.wallet <= wallet && paid.held <= held && paid.owed >= Micros::ZERO);
            prop_assert!(paid.held == Micros::ZERO || paid.wallet == wallet);
            prop_assert!(paid.owed == Micros::ZERO || paid.held == held);
            let (back, kept) = receive(amount, Micros(debt));
            prop_assert_eq!(Micros::sum([back, kept]), Ok(amount));
            prop_assert!(back >= Micros::ZERO && kept >= Micros::ZERO && Micros(debt).plus(back).unwrap() <= Micros::ZERO);
            prop_assert!(kept == Micros::ZERO || back.0 == -debt);
        }
    }
}
