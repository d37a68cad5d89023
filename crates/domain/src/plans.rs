//! Plans: named sizes that people choose from.

use serde::{Deserialize, Serialize};

use crate::ids::PlanId;
use crate::names::Title;
use crate::prices::Rate;
use crate::sizes::Size;
use crate::time::Timestamp;

/// A named size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Identity.
    pub id: PlanId,
    /// As shown, for example `Small`.
    pub name: Title,
    /// What one gets.
    pub size: Size,
    /// What it costs; none means what the price list says of its size.
    pub price: Option<Rate>,
    /// A plan that is not offered stays for the instances that have it.
    pub offered: bool,
    /// When it was made.
    pub created_at: Timestamp,
}
