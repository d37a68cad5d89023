//! Ranges of network addresses, by which keys are limited and proxies are trusted.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Some of the addresses of the network: `192.0.2.0/24`, `2001:db8::/32`, or one
/// address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange {
    base: IpAddr,
    length: u8,
}

/// Why a range of addresses was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "use one address or a range like `192.0.2.0/24` or `2001:db8::/32`, with no bits set after its length"
)]
pub struct BadRange;

impl AddressRange {
    /// Whom a caller's address stands for when callers are counted: itself with IPv4, its /64 with IPv6, where everybody
    /// has so many to change between.
    pub fn of_caller(address: IpAddr) -> Self {
        match address.to_canonical() {
            address @ IpAddr::V4(_) => Self { base: address, length: 32 },
            IpAddr::V6(address) => {
                Self { base: IpAddr::V6(Ipv6Addr::from_bits(cut(address.to_bits(), 64))), length: 64 }
            }
        }
    }

    /// The first address.
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many bits all of its addresses share.
    pub fn length(&self) -> u8 {
        self.length
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        let rest =
            |bits: u8| u128::MAX.checked_shr(u32::from(self.length) + 128 - u32::from(bits)).unwrap_or(0);
        match self.base {
            IpAddr::V4(base) => {
                let rest = u32::try_from(rest(32)).unwrap_or(u32::MAX);
                IpAddr::V4(std::net::Ipv4Addr::from_bits(base.to_bits() | rest))
            }
            IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | rest(128))),
        }
    }

    /// Whether the address lies within.
    pub fn contains(&self, address: IpAddr) -> bool {
        // An IPv4 caller on a socket of both kinds is still an IPv4 caller.
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                cut(u128::from(base.to_bits()) << 96, self.length)
                    == cut(u128::from(address.to_bits()) << 96, self.length)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                cut(base.to_bits(), self.length) == cut(address.to_bits(), self.length)
            }
            _ => false,
        }
    }
}

/// Networks that are nobody's on the Internet, or lead back to such: what is there is somebody's own.
const NOT_PUBLIC: [&str; 22] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    // Of IPv6, only 2000::/3 is given out at all.
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",
    "2001:db8::/32",
    // An IPv4 address within: any, so also those above.
    "2002::/16",
    "3ffe::/16",
    "3fff::/20",
];

/// Whether an address is one of the Internet, where whoever asks us may be connected to.
pub fn is_public(address: IpAddr) -> bool {
    let holds = |range: &str| range.parse::<AddressRange>().map_or(true, |range| range.contains(address));
    !NOT_PUBLIC.into_iter().any(holds)
}

/// The first bits alone.
fn cut(bits: u128, length: u8) -> u128 {
    bits & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

impl FromStr for AddressRange {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let (base, length) = match text.split_once('/') {
            Some((base, length)) => (base, Some(length)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().map_err(|_| BadRange)?;
        let (bits, most) = match base {
            IpAddr::V4(base) => (u128::from(base.to_bits()) << 96, 32),
            IpAddr::V6(base) => (base.to_bits(), 128),
        };
        let length = match length {
            Some(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().map_err(|_| BadRange)?,
            Some(_) => return Err(BadRange),
            None => most,
        };
        if length > most || cut(bits, length) != bits {
            return Err(BadRange);
        }
        Ok(Self { base, length })
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.length)
    }
}

impl TryFrom<String> for AddressRange {
    type Error = BadRange;

    fn try_from(text: String) -> Result<Self, BadRange> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for AddressRange {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .examples(["192.0.2.0/24"])
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for AddressRange {}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_somebodys_own_is_not_of_the_internet() {
        let public = |text: &str| is_public(text.parse().unwrap());
        for fine in
            ["8.8.8.8", "1.1.1.1", "192.0.1.1", "172.32.0.1", "2606:4700::1", "2a01:4f8::1", "::ffff:8.8.8.8"]
        {
            assert!(public(fine), "{fine}");
        }
        for own in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.31.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::1",
            "5f00::1",
        ] {
            assert!(!public(own), "{own}");
        }
        assert!(NOT_PUBLIC.iter().all(|range| range.parse::<AddressRange>().is_ok()));
    }

    #[test]
    fn ranges_hold_what_they_say() {
        let holds = |text: &str, address: &str| range(text).contains(address.parse().unwrap());
        assert!(holds("192.0.2.0/24", "192.0.2.255") && !holds("192.0.2.0/24", "192.0.3.0"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.8"));
        assert!(holds("0.0.0.0/0", "255.255.255.255") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::1"));
        assert!(holds("::/0", "::1") && !holds("::/0", "127.0.0.1"));
        // As a socket of both kinds shows it.
        assert!(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
        assert_eq!(range("192.0.2.7").to_string(), "192.0.2.7/32");
    }

    #[test]
    fn the_last_address_has_all_its_own_bits_set() {
        let last = |text: &str| range(text).last().to_string();
        assert_eq!(last("192.0.2.0/24"), "192.0.2.255");
        assert_eq!(last("0.0.0.0/0"), "255.255.255.255");
        assert_eq!(last("192.0.2.7"), "192.0.2.7");
        assert_eq!(last("2001:db8::/64"), "2001:db8::ffff:ffff:ffff:ffff");
        assert_eq!(last("::/0"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    }

    #[test]
    fn a_caller_is_one_address_of_ipv4_and_a_64_of_ipv6() {
        let of = |text: &str| AddressRange::of_caller(text.parse().unwrap()).to_string();
        assert_eq!(of("203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("::ffff:203.0.113.7"), "203.0.113.7/32");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for bad in [
            "",
            "x",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "2001:db8::1/32",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "/8",
            "1.2.3.4/8/8",
        ] {
            assert!(bad.parse::<AddressRange>().is_err(), "{bad}");
        }
    }
}
