//! What a buyer signs: the digest of EIP-3009's `TransferWithAuthorization` by EIP-712, and who signed a digest.
//!
//! Only keys are known here, not contracts: a smart wallet's signature has another form, and its contract alone can
//! say whether it holds.

use innkeeper_domain::wallets::{Address, Network};
use k256::ecdsa::{RecoveryId, Signature as Ecdsa, VerifyingKey};
use sha3::{Digest, Keccak256};

use super::payment::{Authorization, Signature};

/// Why nobody can be said to have signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignature {
    /// Not the 65 bytes of a key's signature.
    #[error(
        "`signature` must have 65 bytes, as a key makes it; a smart wallet's signature cannot be checked here"
    )]
    Length,
    /// The last byte is none of 0, 1, 27 and 28.
    #[error("`signature` must end in 1b or 1c (or 00 or 01)")]
    Parity,
    /// The larger of the two numbers that would both verify; the token refuses it too.
    #[error("`signature` has a large `s`: send the smaller of its two forms")]
    Malleable,
    /// No key makes such a signature.
    #[error("`signature` is no signature of anybody")]
    Nobody,
    /// Somebody else's, or over something else.
    #[error("`signature` is not of this payer over this authorization for this token on this network")]
    Other,
}

/// What makes a signature for one token worthless for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain<'a> {
    /// The token's own name for itself.
    pub name: &'a str,
    /// The token's version.
    pub version: &'a str,
    /// The chain.
    pub network: Network,
    /// The token's contract.
    pub asset: Address,
}

pub(super) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// A word of the ABI: the value on the right.
fn word<const N: usize>(bytes: [u8; N]) -> [u8; 32] {
    let mut word = [0; 32];
    word[32 - N..].copy_from_slice(&bytes);
    word
}

impl Domain<'_> {
    /// What the contract answers to `DOMAIN_SEPARATOR()`.
    pub fn separator(&self) -> [u8; 32] {
        let kind = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        let words = [
            keccak(kind),
            keccak(self.name.as_bytes()),
            keccak(self.version.as_bytes()),
            word(self.network.chain_id.to_be_bytes()),
            word(self.asset.0),
        ];
        keccak(words.as_flattened())
    }

    /// What is signed.
    pub fn digest(&self, authorization: &Authorization) -> [u8; 32] {
        let kind = b"TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,\
                     uint256 validBefore,bytes32 nonce)";
        let words = [
            keccak(kind),
            word(authorization.from.0),
            word(authorization.to.0),
            word(authorization.value.0.to_be_bytes()),
            word(authorization.valid_after.to_be_bytes()),
            word(authorization.valid_before.to_be_bytes()),
            authorization.nonce.0,
        ];
        let mut whole = [0; 66];
        whole[..2].copy_from_slice(b"\x19\x01");
        whole[2..34].copy_from_slice(&self.separator());
        whole[34..].copy_from_slice(&keccak(words.as_flattened()));
        keccak(&whole)
    }
}

/// Whose key signed the digest.
pub fn signer(digest: &[u8; 32], signature: &Signature) -> Result<Address, BadSignature> {
    let bytes: &[u8; 65] = signature.expose().try_into().map_err(|_| BadSignature::Length)?;
    let parity = match bytes[64] {
        parity @ (0 | 1) => parity,
        parity @ (27 | 28) => parity - 27,
        _ => return Err(BadSignature::Parity),
    };
    let ecdsa = Ecdsa::from_slice(&bytes[..64]).map_err(|_| BadSignature::Nobody)?;
    if ecdsa.normalize_s() != ecdsa {
        return Err(BadSignature::Malleable);
    }
    let recovery = RecoveryId::from_byte(parity).ok_or(BadSignature::Parity)?;
    let key =
        VerifyingKey::recover_from_prehash(digest, &ecdsa, recovery).map_err(|_| BadSignature::Nobody)?;
    Ok(address_of(&key))
}

pub(super) fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    let hash = keccak(&point.as_bytes()[1..]);
    let mut address = [0; 20];
    address.copy_from_slice(&hash[12..]);
    Address(address)
}

/// With EIP-55's capitals: what some wallets insist on.
pub fn checksummed(address: Address) -> String {
    let plain = address.to_string();
    let hash = keccak(&plain.as_bytes()[2..]);
    let digit = |(at, c): (usize, char)| {
        let nibble = hash[at / 2] >> (4 * (1 - at % 2)) & 0xf;
        if nibble >= 8 { c.to_ascii_uppercase() } else { c }
    };
    "0x".chars().chain(plain[2..].chars().enumerate().map(digit)).collect()
}

#[cfg(test)]
mod tests {
    use innkeeper_domain::wallets::Nonce;
    use proptest::prelude::*;

    use super::*;
    use crate::x402::Atomic;

    const USDC: Domain<'_> = Domain {
        name: "USDC",
        version: "2",
        network: Network::BASE_SEPOLIA,
        asset: Address([
            0x03, 0x6c, 0xbd, 0x53, 0x84, 0x2c, 0x54, 0x26, 0x63, 0x4e, 0x79, 0x29, 0x54, 0x1e, 0xc2, 0x31,
            0x8f, 0x3d, 0xcf, 0x7e,
        ]),
    };

    /// The example of the protocol's own specification.
    fn example() -> (Authorization, Signature) {
        let authorization = Authorization {
            from: "0x857b06519E91e3A54538791bDbb0E22373e36b66".parse().unwrap(),
            to: "0x209693Bc6afc0C5328bA36FaF03C514EF312287C".parse().unwrap(),
            value: Atomic(10_000),
            valid_after: 1_740_672_089,
            valid_before: 1_740_672_154,
            nonce: "0xf3746613c2d920b5fdabc0856f2aeb2d4f88ee6037b8cc5d04a71a4462f13480".parse().unwrap(),
        };
        let signature = "0x2d6a7588d6acca505cbf0d9a4a227e0c52c6c34008c8e8986a1283259764173608a2ce6496642e377d6da8dbbf5836e9bd15092f9ecab05ded3d6293af148b571c";
        (authorization, signature.parse().unwrap())
    }

    #[test]
    fn separators_are_those_of_the_contracts() {
        assert_eq!(
            hex::encode(USDC.separator()),
            "71f17a3b2ff373b803d70a5a07c046c1a2bc8e89c09ef722fcb047abe94c9818"
        );
        let base = Domain {
            name: "USD Coin",
            version: "2",
            network: Network::BASE,
            asset: "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913".parse().unwrap(),
        };
        assert_eq!(
            hex::encode(base.separator()),
            "02fa7265e7c5d81118673727957699e4d68f74cd74b7db77da710fe8a2c7834f"
        );
    }

    #[test]
    fn the_specifications_example_is_of_its_payer() {
        let (authorization, signature) = example();
        assert_eq!(signer(&USDC.digest(&authorization), &signature), Ok(authorization.from));
        // Another token, chain, amount or receiver: another signer.
        let other = Domain { name: "USD Coin", ..USDC };
        assert_ne!(signer(&other.digest(&authorization), &signature), Ok(authorization.from));
        let other = Domain { network: Network::BASE, ..USDC };
        assert_ne!(signer(&other.digest(&authorization), &signature), Ok(authorization.from));
        for change in [
            Authorization { value: Atomic(10_001), ..authorization },
            Authorization { to: authorization.from, ..authorization },
            Authorization { valid_after: 0, ..authorization },
            Authorization { valid_before: authorization.valid_before + 1, ..authorization },
            Authorization { nonce: Nonce([0; 32]), ..authorization },
        ] {
            assert_ne!(signer(&USDC.digest(&change), &signature), Ok(authorization.from), "{change:?}");
        }
    }

    #[test]
    fn a_signature_has_one_form_that_is_accepted_but_for_its_last_byte() {
        let (authorization, signature) = example();
        let digest = USDC.digest(&authorization);
        let whole = signature.expose().to_vec();
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            change(&mut bytes);
            signer(&digest, &Signature::from_bytes(bytes))
        };
        assert_eq!(with(&|bytes| bytes[64] = 1), Ok(authorization.from));
        for parity in [2, 3, 26, 29, 255] {
            assert_eq!(with(&|bytes| bytes[64] = parity), Err(BadSignature::Parity));
        }
        assert_ne!(with(&|bytes| bytes[64] = 27), Ok(authorization.from));
        assert_eq!(with(&|bytes| bytes.truncate(64)), Err(BadSignature::Length));
        assert_eq!(with(&|bytes| bytes.push(0)), Err(BadSignature::Length));
        assert_eq!(with(&|bytes| bytes[..64].fill(0)), Err(BadSignature::Nobody));
        assert_eq!(with(&|bytes| bytes[..64].fill(0xff)), Err(BadSignature::Nobody));
        // The twin: n - s, with the other parity, recovers to the same key in naive code.
        let s = *Ecdsa::from_slice(&whole[..64]).unwrap().split_scalars().1;
        let twin = with(&|bytes| {
            bytes[32..64].copy_from_slice(&(-s).to_bytes());
            bytes[64] = 27;
        });
        assert_eq!(twin, Err(BadSignature::Malleable));
    }

    #[test]
    fn capitals_are_those_of_eip_55() {
        // The examples of the standard itself.
        for text in [
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            assert_eq!(checksummed(text.parse().unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(digest: [u8; 32], bytes in proptest::collection::vec(any::<u8>(), 0..70)) {
            let _ = signer(&digest, &Signature::from_bytes(bytes));
        }
    }
}
