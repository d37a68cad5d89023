//! What all payment providers have in common.
//!
//! Ensures: a payment is known by our order's id on their side, so that it is found again whatever was lost; asking
//! twice for the same order begins one payment, and refunding twice with the same key refunds once.

use std::future::Future;
use std::pin::Pin;

use http::HeaderMap;
use innkeeper_domain::payments::{Amount, Provider};
use innkeeper_domain::time::Timestamp;
use url::Url;

use crate::Error;

/// What a call to a provider comes to.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// A payment to be made.
#[derive(Clone, Debug)]
pub struct Order {
    /// Our order's id; also the key by which the provider knows a repeated request.
    pub id: String,
    /// How much is to be paid.
    pub amount: Amount,
    /// What the payer reads: one line.
    pub description: String,
    /// Where the payer comes back to after paying. Coming back proves nothing.
    pub success_url: Url,
    /// Where the payer comes back to after changing their mind.
    pub cancel_url: Url,
    /// When the provider should stop accepting it; one without such a notion ignores it.
    pub expires_at: Option<Timestamp>,
}

/// A payment that the provider knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The provider's own id of it.
    pub reference: String,
    /// Where to send the payer.
    pub redirect: Url,
}

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The payer has not agreed yet.
    Open,
    /// The payer has agreed; the money moves when we capture it.
    Approved,
    /// The money is on its way and may still not come.
    Pending,
    /// The money is there.
    Paid,
    /// Nothing was paid, and nothing will be.
    Failed,
}

/// A payment as the provider sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The provider's id: what [`Begun::reference`] was.
    pub reference: String,
    /// Our order's id, as the provider kept it.
    pub order: Option<String>,
    /// How much; none when the provider names a currency that we do not know.
    pub amount: Option<Amount>,
    /// How far it is.
    pub state: State,
    /// What a refund needs, once paid.
    pub receipt: Option<String>,
}

/// What a webhook tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The provider's id of the event: the same event may come many times.
    pub id: String,
    /// The provider's word for it, for the log.
    pub kind: String,
    /// What it says.
    pub news: News,
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A payment is now so.
    Payment(Seen),
    /// Money went back, asked for by us or by somebody at the provider.
    Refund {
        /// Our order's id, where the provider kept it.
        order: Option<String>,
        /// What was returned: the [`Seen::receipt`] of the payment.
        receipt: String,
        /// How much in all, or in this refund, as the provider says it.
        amount: Option<Amount>,
    },
    /// Nothing that we act on.
    Other,
}

/// What we return to a payer.
#[derive(Clone, Debug)]
pub struct Refund {
    /// Our key: the same key never refunds twice.
    pub key: String,
    /// The [`Seen::receipt`] of the payment.
    pub receipt: String,
    /// How much.
    pub amount: Amount,
}

/// How far a refund is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// The provider's id of it.
    pub reference: String,
    /// Whether the money has gone, or is going and cannot fail for reasons of ours.
    pub done: bool,
}

/// Somebody who takes payments.
pub trait PaymentProvider: Send + Sync {
    /// Which one it is.
    fn provider(&self) -> Provider;

    /// Begins a payment. Repeating it with the same order answers the same payment.
    fn begin<'a>(&'a self, order: &'a Order) -> Reply<'a, Begun>;

    /// How the payment is now.
    fn look<'a>(&'a self, reference: &'a str) -> Reply<'a, Seen>;

    /// Takes the money of an [`State::Approved`] payment; repeating it takes it once. Where the provider takes it by
    /// itself this only looks.
    fn capture<'a>(&'a self, reference: &'a str, order: &'a str) -> Reply<'a, Seen>;

    /// Returns money.
    fn refund<'a>(&'a self, refund: &'a Refund) -> Reply<'a, Refunded>;

    /// Reads a webhook after proving that it is from the provider. `body` is what arrived, byte for byte.
    /// [`Error::Forged`] when it is not theirs or too old; [`Error::Unreadable`] when it is theirs but not understood.
    fn verify_webhook<'a>(
        &'a self,
        headers: &'a HeaderMap,
        body: &'a [u8],
        now: Timestamp,
    ) -> Reply<'a, Event>;
}
