//! Signing in with a wallet: x402's extension `sign-in-with-x`, which is CAIP-122 in the words of EIP-4361.
//!
//! The text that was signed is built anew from the fields of the header. Nonces are made and spent by the caller.
//! Wallets that are a key can sign in; a smart wallet's signature only its contract could judge.

use innkeeper_domain::time::Timestamp;
use innkeeper_domain::wallets::{Address, Network};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

use super::eip712::{BadSignature, keccak, signer};
use super::header::{BadHeader, decode, must, wrong};
use super::payment::Signature;

/// The header, and the extension's name.
pub const SIGN_IN: &str = "sign-in-with-x";

/// As errors name the header.
const HEADER: &str = "SIGN-IN-WITH-X";

/// For how long after it was made a challenge can be answered, whatever end it names.
const LONGEST: Duration = Duration::from_mins(5);

/// How far the clocks of two machines that make and check challenges may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// The statement above the fields, which a wallet shows its owner.
const STATEMENT: &str = "Sign in to manage your leases.";

/// Why nobody is signed in; its words are for whoever tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSignIn {
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] BadHeader),
    /// Signed for somebody else.
    #[error("the challenge is of another server: sign the one that this server gave")]
    Domain,
    /// Signed for something else.
    #[error("`uri` is not an address of this server: sign the challenge that this server gave")]
    Uri,
    /// Signed for a chain that is not used here.
    #[error("`chainId` is none of the networks that are used here")]
    Network,
    /// Too old.
    #[error("the challenge is too old: get a new one")]
    Expired,
    /// Signed for later.
    #[error("the challenge is not valid yet")]
    Early,
    /// Not a signature of the address.
    #[error("{0}")]
    Signature(BadSignature),
}

/// What a server gives to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Challenge {
    /// The fields of the text.
    pub info: Info,
    /// The chains for which it may be signed.
    pub supported_chains: Vec<ChainKind>,
}

/// The fields of the text that a server decides on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    /// Who asks: the host of its public address, with the port where there is one.
    pub domain: String,
    /// For what: an address of that server.
    pub uri: String,
    /// Of the text's form: `1`.
    pub version: String,
    /// What makes it good once.
    pub nonce: String,
    /// When it was made (RFC 3339).
    pub issued_at: String,
    /// When it ends (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<String>,
    /// When it begins (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<String>,
    /// What the wallet's owner reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// A name of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Further addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Vec<String>>,
}

/// A chain for which a text may be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChainKind {
    /// Its CAIP-2 name.
    pub chain_id: String,
    /// How it is signed: `eip191` for us.
    #[serde(rename = "type")]
    pub kind: String,
}

fn written(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map(|at| format!("{at:.3}")).unwrap_or_default()
}

/// What stands for a server in a challenge: its host, with the port where it is not the usual one. Clients sign for
/// nothing else than the server that they spoke to.
pub fn domain_of(public_url: &Url) -> String {
    let host = public_url.host_str().unwrap_or_default();
    public_url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// A challenge to be signed for any of the networks. The nonce is 8 letters and digits at least, made by the caller,
/// who spends it when it comes back.
pub fn challenge(
    domain: &str,
    uri: &Url,
    networks: &[Network],
    nonce: &str,
    issued_at: Timestamp,
    expires_at: Timestamp,
) -> Challenge {
    let kind = |network: &Network| ChainKind { chain_id: network.to_string(), kind: "eip191".to_owned() };
    Challenge {
        info: Info {
            domain: domain.to_owned(),
            uri: uri.to_string(),
            version: "1".to_owned(),
            nonce: nonce.to_owned(),
            issued_at: written(issued_at),
            expiration_time: Some(written(expires_at)),
            not_before: None,
            statement: Some(STATEMENT.to_owned()),
            request_id: None,
            resources: None,
        },
        supported_chains: networks.iter().map(kind).collect(),
    }
}

impl Challenge {
    /// Whether it is of this server. Who signs another's challenge signs in there, for whoever asked.
    pub fn is_of(&self, server: &Url) -> bool {
        let same_origin = |uri: Url| uri.origin() == server.origin();
        self.info.domain == domain_of(server) && self.info.uri.parse().is_ok_and(same_origin)
    }

    /// As the extension [`SIGN_IN`] of an offer, and as a plain answer.
    pub fn extension(&self) -> Value {
        let text = json!({"type": "string"});
        let required =
            ["domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt", "signature"];
        let properties: serde_json::Map<_, _> =
            required.iter().map(|key| ((*key).to_owned(), text.clone())).collect();
        json!({
            "info": self.info,
            "supportedChains": self.supported_chains,
            "schema": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": properties,
                "required": required,
            },
        })
    }
}

/// The digest that a wallet signs, of EIP-4361's text by EIP-191. The address stands in the text as it is written.
pub(super) fn digest(info: &Info, network: Network, address: &str) -> [u8; 32] {
    let statement = info.statement.as_deref().filter(|statement| !statement.is_empty());
    let mut lines = vec![
        format!("{} wants you to sign in with your Ethereum account:", info.domain),
        address.to_owned(),
        String::new(),
    ];
    lines.extend(statement.map(str::to_owned));
    lines.extend([
        String::new(),
        format!("URI: {}", info.uri),
        format!("Version: {}", info.version),
        format!("Chain ID: {}", network.chain_id),
        format!("Nonce: {}", info.nonce),
        format!("Issued At: {}", info.issued_at),
    ]);
    let named = [
        ("Expiration Time", &info.expiration_time),
        ("Not Before", &info.not_before),
        ("Request ID", &info.request_id),
    ];
    lines.extend(named.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}", value.as_ref()?))));
    if let Some(resources) = &info.resources {
        lines.push("Resources:".to_owned());
        lines.extend(resources.iter().map(|resource| format!("- {resource}")));
    }
    let text = lines.join("\n");
    keccak(format!("\x19Ethereum Signed Message:\n{}{text}", text.len()).as_bytes())
}

/// What came in the header, not yet believed.
#[derive(Clone, Debug)]
pub struct SignIn {
    info: Info,
    network: Network,
    address: Address,
    /// As it stands in the signed text.
    spelling: String,
    signature: Signature,
    issued_at: Timestamp,
    expires_at: Option<Timestamp>,
    not_before: Option<Timestamp>,
}

fn time(text: &str, field: &'static str) -> Result<Timestamp, BadHeader> {
    let at: jiff::Timestamp =
        text.parse().map_err(|_| wrong(field, "a time like 2026-11-21T12:00:00.000Z"))?;
    Ok(Timestamp(at.as_microsecond()))
}

impl SignIn {
    /// Reads `SIGN-IN-WITH-X`.
    pub fn from_header(header: &str) -> Result<Self, BadSignIn> {
        let mut from = decode(HEADER, header)?;
        if from.text("type")? != "eip191" {
            return Err(wrong("type", "`eip191`").into());
        }
        if from.maybe_text("signatureScheme")?.is_some_and(|scheme| scheme != "eip191") {
            return Err(wrong("signatureScheme", "`eip191`: smart wallets cannot sign in here").into());
        }
        let network = from.parsed("chainId", must::NETWORK)?;
        let spelling = from.text("address")?;
        let address = spelling.parse().map_err(|_| wrong("address", must::ADDRESS))?;
        let signature = from.parsed("signature", "`0x` and hexadecimal digits")?;
        let fields = serde_json::Value::Object(from.0);
        // The error of `serde_json` may repeat what was sent; it is not passed on.
        let info: Info = serde_json::from_value(fields).map_err(|_| {
            wrong("SIGN-IN-WITH-X", "the challenge's own fields, all strings, with `address` and `signature`")
        })?;
        check_lines(&info)?;
        if info.version != "1" {
            return Err(wrong("version", "`1`").into());
        }
        if info.nonce.len() < 8 || !info.nonce.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(wrong("nonce", "8 letters and digits at least").into());
        }
        let maybe = |text: &Option<String>, field| text.as_deref().map(|text| time(text, field)).transpose();
        Ok(Self {
            network,
            address,
            spelling,
            signature,
            issued_at: time(&info.issued_at, "issuedAt")?,
            expires_at: maybe(&info.expiration_time, "expirationTime")?,
            not_before: maybe(&info.not_before, "notBefore")?,
            info,
        })
    }

    /// The server's own nonce: whoever verifies must spend it.
    pub fn nonce(&self) -> &str {
        &self.info.nonce
    }

    /// Who signed in, once the nonce is spent. `domain` and `uri_prefix` are our own configuration's, never a request's.
    pub fn verify(
        &self,
        now: Timestamp,
        domain: &str,
        uri_prefix: &Url,
        networks: &[Network],
    ) -> Result<Address, BadSignIn> {
        if self.info.domain != domain {
            return Err(BadSignIn::Domain);
        }
        if !self.info.uri.parse().is_ok_and(|uri: Url| is_below(&uri, uri_prefix)) {
            return Err(BadSignIn::Uri);
        }
        if !networks.contains(&self.network) {
            return Err(BadSignIn::Network);
        }
        let ended = self.expires_at.is_some_and(|end| now >= end);
        if ended || now.since(self.issued_at) > LONGEST {
            return Err(BadSignIn::Expired);
        }
        let begin = self.not_before.map_or(self.issued_at, |begin| begin.max(self.issued_at));
        if begin.since(now) > SKEW {
            return Err(BadSignIn::Early);
        }
        match signer(&digest(&self.info, self.network, &self.spelling), &self.signature) {
            Ok(signer) if signer == self.address => Ok(self.address),
            Ok(_) => Err(BadSignIn::Signature(BadSignature::Other)),
            Err(error) => Err(BadSignIn::Signature(error)),
        }
    }
}

/// A line break would let one field of the text pass for another.
pub(super) fn check_lines(info: &Info) -> Result<(), BadHeader> {
    let resources = info.resources.iter().flatten().map(|text| (text, "resources"));
    let maybe = [
        (&info.expiration_time, "expirationTime"),
        (&info.not_before, "notBefore"),
        (&info.statement, "statement"),
        (&info.request_id, "requestId"),
    ];
    let maybe = maybe.into_iter().filter_map(|(text, field)| Some((text.as_ref()?, field)));
    let all = [(&info.domain, "domain"), (&info.uri, "uri"), (&info.issued_at, "issuedAt")];
    match all.into_iter().chain(maybe).chain(resources).find(|(text, _)| text.chars().any(char::is_control)) {
        Some((_, field)) => Err(wrong(field, "one line")),
        None => Ok(()),
    }
}

/// Of the same origin, and below its path.
fn is_below(uri: &Url, prefix: &Url) -> bool {
    let path = prefix.path().trim_end_matches('/');
    let rest = uri.path().strip_prefix(path);
    uri.origin() == prefix.origin()
        && uri.origin().is_tuple()
        && uri.username().is_empty()
        && uri.password().is_none()
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
