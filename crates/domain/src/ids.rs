//! One identifier type per kind of thing: a UUIDv7 behind a prefix (`ins_…`), so that an id says what it names
//! and a wrong kind of id is refused before any look-up. Version 7 sorts by creation time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The text is not an identifier of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id like `{prefix}_0190b2c3…` (prefix `{prefix}_`, then 32 hexadecimal digits)")]
pub struct BadId {
    /// The prefix that this kind of id carries.
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id; ids made later sort later.
            pub fn new() -> Self { Self(Uuid::now_v7()) }
        }

        impl Default for $name {
            fn default() -> Self { Self::new() }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                let bad = BadId { prefix: $prefix };
                let hex = text.strip_prefix(concat!($prefix, "_")).ok_or_else(|| bad.clone())?;
                // Exactly one spelling per id: 32 lower-case digits, no hyphens.
                if hex.len() != 32 || hex.bytes().any(|b| !b.is_ascii_digit() && !(b'a'..=b'f').contains(&b)) {
                    return Err(bad);
                }
                Uuid::try_parse(hex).map(Self).map_err(|_| bad)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .pattern(Some(concat!("^", $prefix, "_[0-9a-f]{32}$")))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )+ };
}

ids! {
    /// A person or machine that signs in.
    UserId = "usr",
    /// An owner of instances.
    ProjectId = "prj",
    /// A signed-in session.
    SessionId = "ses",
    /// A key that programs use in place of a session.
    KeyId = "key",
    /// A passkey.
    PasskeyId = "psk",
    /// An invitation into the house.
    HouseInvitationId = "hiv",
    /// A mail on its way.
    MailId = "mai",
    /// An invitation into a project.
    InvitationId = "inv",
    /// A Proxmox VE installation.
    ClusterId = "clu",
    /// What an instance is made from.
    TemplateId = "tpl",
    /// A named size.
    PlanId = "pln",
    /// A guest that we own for somebody.
    InstanceId = "ins",
    /// A way to an instance's terminal or screen.
    ConsoleId = "con",
    /// A guest that was in Proxmox before we looked after it.
    AdoptionId = "adp",
    /// One asked-for change.
    OperationId = "op",
    /// Prices that hold from a time on.
    PriceListId = "prc",
    /// A stretch of time at one price.
    SegmentId = "seg",
    /// One movement of credits.
    PostingId = "pst",
    /// Something to tell people.
    NoticeId = "ntc",
    /// An order of credits, paid through a provider.
    PaymentId = "pay",
    /// Money given back.
    RefundId = "rfd",
    /// A code that is worth credits.
    VoucherId = "vch",
    /// A month's account on paper.
    InvoiceId = "inv",
    /// Names a backup.
    BackupId = "bkp",
    /// Names a schedule of backups.
    ScheduleId = "sch",
    /// Names a network.
    NetworkId = "net",
    /// Names a pool of addresses.
    PoolId = "pool",
    /// Names a drain of a node.
    DrainId = "drn",
    /// Names an ISO image.
    IsoId = "iso",
    /// A prepaid right to an instance.
    LeaseId = "lea",
    /// Something of a lease that is bought.
    OrderId = "ord",
    /// A machine that is woken and laid to rest.
    HostId = "hst",
    /// Something that players or users connect to.
    ServiceId = "svc",
    /// A restart of a service.
    RestartId = "rst",
    /// Something that staff are told.
    AlertId = "alr",
    /// Something that everybody is told.
    AnnouncementId = "ann",
    /// An address that is told what happens.
    WebhookId = "whk",
    /// Something that a webhook is told.
    DeliveryId = "whd",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_writes_and_refuses_other_kinds() {
        let id = InstanceId::new();
        assert_eq!(id.to_string().parse::<InstanceId>(), Ok(id));
        for bad in [
            "",
            "ins_",
            &id.to_string().replace("ins", "op"),
            &id.0.to_string(),
            &id.to_string().to_uppercase(),
        ] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad} was accepted");
        }
    }
}
