//! What a buyer gets after paying, or after trying to.

use innkeeper_domain::wallets::{Address, Network, TxHash};
use serde_json::json;

use super::Version;
use super::eip712::checksummed;
use super::header::{BadHeader, decode, encode, must, wrong};

/// A receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whether the money moved.
    pub success: bool,
    /// Who paid, where it is known.
    pub payer: Option<Address>,
    /// By which transaction, where there is one.
    pub transaction: Option<TxHash>,
    /// On which chain.
    pub network: Network,
    /// Why not.
    pub error_reason: Option<String>,
}

impl Receipt {
    /// The value of `PAYMENT-RESPONSE`, or of `X-PAYMENT-RESPONSE`.
    pub fn header(&self, version: Version) -> String {
        let network = match (version, self.network.v1_name()) {
            (Version::V1, Some(name)) => name.to_owned(),
            _ => self.network.to_string(),
        };
        let mut json = json!({
            "success": self.success,
            "transaction": self.transaction.map(|hash| hash.to_string()).unwrap_or_default(),
            "network": network,
        });
        if let Some(payer) = self.payer {
            json["payer"] = checksummed(payer).into();
        }
        if let Some(reason) = &self.error_reason {
            json["errorReason"] = reason.as_str().into();
        }
        encode(&json)
    }

    /// Reads `PAYMENT-RESPONSE`, as a buyer.
    pub fn from_header(text: &str) -> Result<Self, BadHeader> {
        let mut from = decode("PAYMENT-RESPONSE", text)?;
        let transaction = from.maybe_text("transaction")?.filter(|text| !text.is_empty());
        let payer = from.maybe_text("payer")?.filter(|text| !text.is_empty());
        Ok(Self {
            success: from.take("success")?.as_bool().ok_or(wrong("success", "true or false"))?,
            payer: payer.map(|text| text.parse().map_err(|_| wrong("payer", must::ADDRESS))).transpose()?,
            transaction: transaction
                .map(|text| text.parse().map_err(|_| wrong("transaction", must::NONCE)))
                .transpose()?,
            network: from.parsed("network", must::NETWORK)?,
            error_reason: from.maybe_text("errorReason")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;

    fn decoded(text: &str) -> Value {
        serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn a_receipt_is_read_by_both_generations() {
        let paid = Receipt {
            success: true,
            payer: Some("0x24d4d4baac81f5cbb23dea7aec11ca166b27e18a".parse().unwrap()),
            transaction: Some(TxHash([7; 32])),
            network: Network::BASE_SEPOLIA,
            error_reason: None,
        };
        assert_eq!(Receipt::from_header(&paid.header(Version::V2)).unwrap(), paid);
        let v1 = decoded(&paid.header(Version::V1));
        assert_eq!(v1["network"], "base-sepolia");
        assert_eq!(v1["payer"], "0x24D4D4bAaC81F5CBB23DEA7aEc11Ca166b27e18A");

        let refused = Receipt {
            success: false,
            payer: None,
            transaction: None,
            network: Network { chain_id: 10 },
            error_reason: Some("insufficient_funds".to_owned()),
        };
        assert_eq!(Receipt::from_header(&refused.header(Version::V2)).unwrap(), refused);
        // Both generations' clients want the field, empty where there is no transaction.
        assert_eq!(decoded(&refused.header(Version::V2))["transaction"], "");
        assert_eq!(decoded(&refused.header(Version::V1))["network"], "eip155:10");
    }
}
