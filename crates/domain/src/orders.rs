//! Orders: what is bought for a lease, and how far its payment and its delivery have come.
//!
//! An order that a wallet pays is bound to one authorization, and an authorization to one order. What the chain says
//! decides; what a facilitator says is a reason to look. An order is never given up while its authorization may still
//! move money, and whatever moved is delivered or credited, once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{LeaseId, OrderId, ProjectId};
use crate::leases::Room;
use crate::money::Micros;
use crate::time::Timestamp;
use crate::wallets::{Address, Network, Nonce, TxHash};

words! {
    /// How an order stands.
    pub enum OrderState {
        /// Its payment is taken note of, and nothing was done yet that could move money.
        Claimed = "claimed",
        /// The payment was not accepted, or the order was not; no money has moved. The same payment can be sent again.
        Refused = "refused",
        /// The payment is being settled; whether money has moved is found out.
        Settling = "settling",
        /// It is paid, and what was bought is on its way.
        Paid = "paid",
        /// What was bought is there.
        Delivered = "delivered",
        /// It was paid and could not be delivered: whoever paid has the price as credit.
        Credited = "credited",
        /// It was never paid, and can not be any more.
        Lapsed = "lapsed",
    }
}

impl OrderState {
    /// Whether nothing will come of it any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Delivered | Self::Credited | Self::Lapsed)
    }

    /// Whether the same payment may be sent for it again, since nothing was done that could move money.
    pub fn can_be_tried_again(self) -> bool {
        matches!(self, Self::Claimed | Self::Refused)
    }
}

/// What is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Goods {
    /// A lease.
    Lease(Room),
    /// More time.
    Time {
        /// How much, in minutes.
        minutes: u32,
        /// At which price by the hour: the lease may have another size when it is paid.
        hourly: Micros,
    },
    /// A command or a console, where the house charges for them.
    Call {
        /// Which: `exec` or `console`.
        what: String,
    },
}

impl Goods {
    /// The word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Lease(_) => "lease",
            Self::Time { .. } => "time",
            Self::Call { .. } => "call",
        }
    }
}

/// A wallet's authorization to move money to us, as far as it tells it from every other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// On which chain.
    pub network: Network,
    /// In which token.
    pub asset: Address,
    /// Whose money.
    pub payer: Address,
    /// What makes it unlike every other of its payer.
    pub nonce: Nonce,
    /// To which of our accounts.
    pub pay_to: Address,
    /// How much, in the token's smallest unit.
    pub amount: u128,
    /// From then on it moves nothing any more.
    pub valid_before: Timestamp,
    /// It was not used before this block.
    pub from_block: u64,
}

/// Something bought for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Identity.
    pub id: OrderId,
    /// The lease that it makes or changes.
    pub lease_id: LeaseId,
    /// What is bought.
    pub goods: Goods,
    /// How it stands.
    pub state: OrderState,
    /// What it costs.
    pub price: Micros,
    /// The payment of a wallet; none when it is paid with credits.
    pub payment: Option<Authorization>,
    /// The project whose credits pay for it.
    pub buyer: Option<ProjectId>,
    /// Of the method, the path and the body that asked for it.
    pub fingerprint: Vec<u8>,
    /// Of the key that the client chose for it.
    pub key_hash: Option<Vec<u8>>,
    /// Of the token that its lease will be held by.
    pub token_hash: Option<Vec<u8>>,
    /// The transaction by which it was paid.
    pub transaction: Option<TxHash>,
    /// What went wrong, in words that the buyer may read.
    pub problem: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When we saw that it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// When it is to be looked at.
    pub due_at: Option<Timestamp>,
    /// How often it was looked at in this state.
    pub tries: u32,
}

/// What a chain says of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has moved nothing; and, when it is expired by the chain's own time, it never will.
    Unused {
        /// Whether it is.
        expired: bool,
    },
    /// It has moved its amount to us.
    Paid(TxHash),
    /// It moves nothing to us any more: it was taken back, or used for something else.
    Void,
    /// It is used, in a place where we cannot see what it moved.
    Hidden,
    /// The chain does not say, or not with certainty yet.
    Unknown,
}

/// What follows for an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is paid: deliver.
    Deliver(TxHash),
    /// Its money came without our asking for it, so that it is not known for whom: credit the payer.
    Credit(TxHash),
    /// It will never be paid.
    Lapse,
    /// Look again.
    Wait,
}

/// How long after the end of an authorization we look whether it was used: chains and those who read them to us are some
/// blocks late.
pub const MARGIN: Duration = Duration::from_mins(1);

/// How long an order that was paid may take to be delivered.
pub const DELIVERY: Duration = Duration::from_mins(30);

impl Order {
    /// What the chain's word means for it.
    pub fn judge(&self, fate: Fate) -> Verdict {
        match (fate, self.state) {
            (Fate::Paid(transaction), OrderState::Settling) => Verdict::Deliver(transaction),
            (Fate::Paid(transaction), OrderState::Claimed | OrderState::Refused) => {
                Verdict::Credit(transaction)
            }
            (
                Fate::Void | Fate::Unused { expired: true },
                OrderState::Settling | OrderState::Claimed | OrderState::Refused,
            )
            // We never asked for it, and nobody can say more: whoever made it can still come to the house with it.
            | (Fate::Hidden, OrderState::Claimed | OrderState::Refused) => Verdict::Lapse,
            _ => Verdict::Wait,
        }
    }

    /// When it is to be looked at again, if nothing happens before.
    pub fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let doubled = |least: u64, most: u64| {
            let wait = least.saturating_mul(1 << self.tries.min(16)).min(most);
            Some(now.after(Duration::from_secs(wait)))
        };
        match self.state {
            OrderState::Delivered | OrderState::Credited | OrderState::Lapsed => None,
            OrderState::Settling => doubled(1, 600),
            OrderState::Paid => doubled(1, 15),
            // Somebody else may still have it moved.
            OrderState::Claimed | OrderState::Refused => {
                let over = self.payment.as_ref().map(|payment| payment.valid_before.after(MARGIN))?;
                if now < over { Some(over) } else { doubled(5, 600) }
            }
        }
    }

    /// Whether it may still be delivered, or its payer must be credited.
    pub fn may_deliver(&self, now: Timestamp) -> bool {
        self.paid_at.is_some_and(|paid_at| now < paid_at.after(DELIVERY))
    }

    /// Whether its authorization is worth another try at settling it.
    pub fn may_settle(&self, now: Timestamp) -> bool {
        self.state == OrderState::Settling
            && self.payment.as_ref().is_some_and(|payment| now < payment.valid_before)
    }
}
