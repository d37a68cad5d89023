//! What is written of wallets and chains: addresses, nonces, transactions and networks. Hexadecimal may come in any
//! case (some clients send checksummed addresses, some do not); it is kept and compared in lower case.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHex {
    /// Not `0x` and as many digits as there must be.
    #[error("expected `0x` and {0} hexadecimal digits")]
    Digits(usize),
    /// Not a network of the kind that we speak of.
    #[error("expected a network like `eip155:8453`")]
    Network,
}

macro_rules! hexes {
    ($($(#[$meta:meta])* $name:ident = $bytes:literal),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $bytes]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl FromStr for $name {
            type Err = BadHex;
            fn from_str(text: &str) -> Result<Self, BadHex> {
                let bad = || BadHex::Digits($bytes * 2);
                let digits = text.strip_prefix("0x").ok_or_else(bad)?.as_bytes();
                if digits.len() != $bytes * 2 {
                    return Err(bad());
                }
                let value = |digit: u8| char::from(digit).to_digit(16).map(|d| d as u8).ok_or_else(bad);
                let mut bytes = [0; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    *byte = value(pair[0])? << 4 | value(pair[1])?;
                }
                Ok(Self(bytes))
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
                    .pattern(Some(format!("^0x[0-9a-fA-F]{{{}}}$", $bytes * 2)))
                    .into()
            }
        }

        #[cfg(feature = "openapi")]
        impl utoipa::ToSchema for $name {}
    )+ };
}

hexes! {
    /// An account or a contract on a chain.
    Address = 20,
    /// What makes an authorization unlike every other of its payer.
    Nonce = 32,
    /// A transaction on a chain.
    TxHash = 32,
}

/// A chain by its CAIP-2 name: `eip155:` and the chain id. Only such chains are spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// The chain id of EIP-155.
    pub chain_id: u64,
}

impl Network {
    /// Base.
    pub const BASE: Self = Self { chain_id: 8453 };
    /// Base's test net.
    pub const BASE_SEPOLIA: Self = Self { chain_id: 84532 };

    /// What the first generation of x402 called it, where it had a name for it.
    pub fn v1_name(self) -> Option<&'static str> {
        match self {
            Self::BASE => Some("base"),
            Self::BASE_SEPOLIA => Some("base-sepolia"),
            _ => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "eip155:{}", self.chain_id)
    }
}

impl FromStr for Network {
    type Err = BadHex;

    fn from_str(text: &str) -> Result<Self, BadHex> {
        let digits = text.strip_prefix("eip155:").ok_or(BadHex::Network)?;
        // One spelling per chain: no sign, no leading zero.
        let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        match digits.parse() {
            Ok(chain_id) if plain => Ok(Self { chain_id }),
            _ => Err(BadHex::Network),
        }
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Network {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^eip155:[1-9][0-9]*$"))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Network {
    // The networks of guests have the other name.
    fn name() -> std::borrow::Cow<'static, str> {
        "Chain".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_in_any_case_and_written_in_lower_case() {
        let checksummed: Address = "0x036CbD53842c5426634e7929541eC2318f3dCF7e".parse().unwrap();
        assert_eq!(checksummed.to_string(), "0x036cbd53842c5426634e7929541ec2318f3dcf7e");
        assert_eq!(checksummed.to_string().parse::<Address>().unwrap(), checksummed);
        let bad = [
            "",
            "0x",
            "036CbD53842c5426634e7929541eC2318f3dCF7e00",
            "0x036CbD53842c5426634e7929541eC2318f3dCF7",
            "0x036CbD53842c5426634e7929541eC2318f3dCF7g",
            "0x+36CbD53842c5426634e7929541eC2318f3dCF7e",
            "0xé36CbD53842c5426634e7929541eC2318f3dCF7",
        ];
        for bad in bad {
            assert_eq!(bad.parse::<Address>(), Err(BadHex::Digits(40)), "{bad}");
        }
    }

    #[test]
    fn a_network_has_one_spelling() {
        assert_eq!("eip155:84532".parse(), Ok(Network::BASE_SEPOLIA));
        for bad in [
            "",
            "eip155:",
            "eip155:0",
            "eip155:08453",
            "eip155:+8453",
            "eip155:x",
            "base",
            "solana:1",
            "eip155:99999999999999999999",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(BadHex::Network), "{bad}");
        }
    }
}
