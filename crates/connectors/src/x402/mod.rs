//! x402: payments of machines in USDC. What is spoken between buyer, seller, facilitator and chain, typed; nothing is
//! decided or kept here.
//!
//! Ensures: a payment's signature is in no error and in no `Debug`; what goes to a facilitator is built from what was
//! understood, never passed through; what a facilitator or a node says is bounded and checked before it is believed.

mod amount;
mod cdp;
mod header;

pub mod chain;
pub mod eip712;
pub mod facilitator;
pub mod offer;
pub mod payment;
pub mod receipt;
pub mod siwx;
pub mod wallet;

pub use amount::{Atomic, BadAtomic};
pub use header::BadHeader;
pub use offer::{Offer, Requirements};
pub use payment::{Authorization, BadPayment, Mismatch, Payment, Signature};
pub use receipt::Receipt;

/// The two generations of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// `X-PAYMENT`, offers in the body.
    V1,
    /// `PAYMENT-SIGNATURE`, offers in the header `PAYMENT-REQUIRED`.
    V2,
}

impl Version {
    /// As `x402Version` says it.
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The header in which the buyer pays.
    pub fn payment_header(self) -> &'static str {
        match self {
            Self::V1 => "x-payment",
            Self::V2 => "payment-signature",
        }
    }

    /// The header in which the buyer gets the receipt.
    pub fn receipt_header(self) -> &'static str {
        match self {
            Self::V1 => "x-payment-response",
            Self::V2 => "payment-response",
        }
    }
}

/// The header of the second generation's offers.
pub const OFFER_HEADER: &str = "payment-required";
