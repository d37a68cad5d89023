//! Leases: prepaid rights to an instance, for whoever pays, with or without an account.
//!
//! What is bought is an order ([`ordering`]). A wallet's payment is claimed for it before anything else is done, then
//! verified, checked by our own rules, settled, and looked up on the chain, whose word alone counts ([`paying`]). What is
//! paid is delivered, or its payer has the price as credit ([`delivering`]). Each lease has a project of its own that
//! holds its instance and nothing else, so that whatever keeps projects apart keeps leases apart, and what keeps a
//! restricted project from running keeps an expired lease from running ([`lasting`]). A loop ([`watching`]) goes on with
//! everything that a request began and did not end.

mod calls;
mod catalogue;
mod delivering;
mod egress;
mod holding;
mod lasting;
mod ordering;
mod paying;
mod resizing;
mod watching;

use std::fmt;
use std::time::Duration;

use innkeeper_connectors::x402::chain::Chain;
use innkeeper_connectors::x402::facilitator::Facilitator;
use innkeeper_connectors::x402::{Atomic, Requirements};
use innkeeper_domain::ids::NetworkId;
use innkeeper_domain::leases::Terms;
use innkeeper_domain::money::Micros;
use innkeeper_domain::wallets::{Address, Network};
use url::Url;

pub use calls::Called;
pub use catalogue::{Catalogue, LeasePlan, LeaseQuote};
pub use egress::Egress;
pub use holding::{Challenge, Holding};
pub use innkeeper_store::leases::Filter as LeaseFilter;
pub use ordering::{Bought, Buying, Demand, NewLease, Ordered, Paying};
pub(crate) use watching::run;

use crate::{Engine, Error};

/// How leases are sold.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// What the house asks of them.
    pub terms: Terms,
    /// At which wallets pay; with none, leases are sold for credits only.
    pub desks: Vec<Desk>,
    /// Where buyers reach us.
    pub public_url: Url,
    /// The network that the instances of strangers are plugged into; none means their cluster's default.
    pub network: Option<NetworkId>,
    /// What the instances of strangers may reach.
    pub egress: Egress,
    /// How long a request waits for what it bought.
    pub wait: Duration,
    /// How long buyers make their authorizations valid.
    pub payable: Duration,
    /// The longest pause between two looks at what is due.
    pub look_every: Duration,
}

/// One way for wallets to pay: a token on a chain, an account of ours, and whom we ask.
#[derive(Clone)]
pub struct Desk {
    /// The chain.
    pub network: Network,
    /// The token.
    pub asset: Address,
    /// The token's name in its EIP-712 domain.
    pub token_name: String,
    /// The token's version in its EIP-712 domain.
    pub token_version: String,
    /// Our account.
    pub pay_to: Address,
    /// What a credit costs, in the token's smallest unit.
    pub credit_price: u64,
    /// So many blocks, its own counted, stand on a payment before it is believed.
    pub confirmations: u64,
    /// Who verifies and settles.
    pub facilitator: Facilitator,
    /// Who says what became of it.
    pub chain: Chain,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("network", &self.network)
            .field("asset", &self.asset)
            .field("pay_to", &self.pay_to)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// A price in the token's smallest unit, rounded up.
    fn amount(&self, price: Micros) -> u128 {
        let micros = u128::try_from(price.0).unwrap_or(0);
        (micros * u128::from(self.credit_price)).div_ceil(1_000_000)
    }

    /// An amount of the token in credits, rounded down.
    fn credits(&self, amount: u128) -> Micros {
        let micros = amount.saturating_mul(1_000_000) / u128::from(self.credit_price.max(1));
        Micros(i64::try_from(micros).unwrap_or(i64::MAX).min(Micros::MOST.0))
    }

    /// What a buyer must authorize for this price.
    fn requirements(&self, price: Micros, payable: Duration) -> Requirements {
        Requirements {
            network: self.network,
            asset: self.asset,
            amount: Atomic(self.amount(price)),
            pay_to: self.pay_to,
            max_timeout_s: payable.as_secs(),
            token_name: self.token_name.clone(),
            token_version: self.token_version.clone(),
        }
    }
}

const OFF: Error =
    Error::Unavailable { code: "leases_off", message: "this house does not lease; ask its administrator" };

impl Engine {
    /// How leases are sold; [`Error::Unavailable`] `leases_off` where they are not.
    pub fn lease_options(&self) -> Result<&LeaseOptions, Error> {
        self.options().leases.as_deref().ok_or(OFF)
    }

    fn desk(&self, network: Network, asset: Address) -> Result<&Desk, Error> {
        let mut desks = self.lease_options()?.desks.iter();
        desks.find(|desk| desk.network == network && desk.asset == asset).ok_or(Error::Unavailable {
            code: "desk_closed",
            message: "this house does not take that token any more; ask its administrator",
        })
    }
}
