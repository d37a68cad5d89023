//! Telling webhooks, as Standard Webhooks has it: a body, who it is from proved by a signature. Whoever has a project
//! chooses the address, so it is one of the Internet only: a name is looked up here, and no other address is connected to
//! than those that were looked at. Of the answer only the status is read.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use innkeeper_domain::addresses::{AddressRange, is_public};
use innkeeper_domain::time::Timestamp;
use innkeeper_domain::webhooks::Fault;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use url::{Host, Url};

use crate::wire::{self, Error};

/// What every secret begins with.
pub const PREFIX: &str = "whsec_";

/// The longest address.
const LONGEST: usize = 2000;

/// What the operator decides about webhooks.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks that are not of the Internet, and may be told nevertheless: over `http://` too.
    pub own_networks: Vec<AddressRange>,
    /// Certificates (PEM) that are trusted besides those that the system trusts.
    pub extra_ca: Option<String>,
    /// How long a receiver may take to answer.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { own_networks: Vec::new(), extra_ca: None, patience: Duration::from_secs(10) }
    }
}

/// Why an address was refused. Tells nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is none.
    #[error("give an address like https://hooks.example/in, of at most 2000 characters")]
    Unreadable,
    /// It is not `https://`.
    #[error("it must begin with https://")]
    Plain,
    /// A name or a password stands in it.
    #[error("leave out the name and password before the @; the signature tells who we are")]
    Userinfo,
    /// What stands after `#` is sent to nobody.
    #[error("leave out what stands after #; it is sent to nobody")]
    Fragment,
    /// It is not of the Internet.
    #[error("use an address on the Internet: those of private networks and of this machine are not called")]
    NotPublic,
}

impl Settings {
    fn is_own(&self, address: IpAddr) -> bool {
        self.own_networks.iter().any(|range| range.contains(address))
    }

    fn may_call(&self, address: IpAddr) -> bool {
        is_public(address) || self.is_own(address)
    }

    /// The address, if it is one that may be called. What a name stands for is looked at when it is called.
    pub fn address(&self, text: &str) -> Result<Url, BadAddress> {
        let url: Url = text.parse().map_err(|_| BadAddress::Unreadable)?;
        let host = url.host().ok_or(BadAddress::Unreadable)?;
        // Written out, it may be three times as long.
        if text.len().max(url.as_str().len()) > LONGEST || !matches!(url.scheme(), "https" | "http") {
            return Err(BadAddress::Unreadable);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadAddress::Userinfo);
        }
        if url.fragment().is_some() {
            return Err(BadAddress::Fragment);
        }
        let address: Option<IpAddr> = match host {
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
            Host::Domain(_) => None,
        };
        if address.is_some_and(|address| !self.may_call(address)) {
            return Err(BadAddress::NotPublic);
        }
        // A name may stand for something else tomorrow, so that plain text would leave the house.
        if url.scheme() == "http" && !address.is_some_and(|address| self.is_own(address)) {
            return Err(BadAddress::Plain);
        }
        Ok(url)
    }
}

/// A new secret: 256 bits.
pub fn new_secret() -> SecretString {
    format!("{PREFIX}{}", STANDARD.encode(rand::random::<[u8; 32]>())).into()
}

/// The signature of a message; none when the secret is none.
pub fn sign(secret: &SecretString, id: &str, at: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose_secret().strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

/// Something to be told.
#[derive(Clone)]
pub struct Message {
    /// To where.
    pub url: String,
    /// By what the receiver knows us.
    pub secret: SecretString,
    /// By what it knows this message again.
    pub id: String,
    /// What it is told, as JSON.
    pub body: String,
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} …)", self.id)
    }
}

/// Brings messages to their receivers.
#[derive(Clone, Debug)]
pub struct Postman {
    settings: Arc<Settings>,
    http: reqwest::Client,
}

impl Postman {
    /// Fails where the certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let settings = Arc::new(settings);
        let http = wire::client(settings.patience, settings.extra_ca.as_deref())?
            .dns_resolver(Arc::new(Guide(Arc::clone(&settings))))
            .build()
            .map_err(|error| Error::Settings(error.to_string()))?;
        Ok(Self { settings, http })
    }

    /// Sends a message once, and answers the status.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Result<u16, Fault> {
        let url = self.settings.address(&message.url).map_err(|_| Fault::NotAllowed)?;
        let at = now.0.div_euclid(1_000_000);
        let signature = sign(&message.secret, &message.id, at, &message.body).ok_or(Fault::Unsigned)?;
        let request = self
            .http
            .post(url)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &message.id)
            .header("webhook-timestamp", at)
            .header("webhook-signature", signature)
            .body(message.body.clone());
        match request.send().await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) => Err(fault_of(&error)),
        }
    }
}

/// Looks names up, and leaves out the addresses that may not be called. Only what it gives is connected to.
struct Guide(Arc<Settings>);

/// Why there is no address to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Lost {
    #[error("the name is not known")]
    Unknown,
    #[error("the name stands for no address that may be called")]
    NotAllowed,
}

impl Resolve for Guide {
    fn resolve(&self, name: Name) -> Resolving {
        let settings = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map_err(|_| Lost::Unknown)?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                return Err(Lost::Unknown.into());
            }
            let allowed: Vec<_> = found.into_iter().filter(|at| settings.may_call(at.ip())).collect();
            if allowed.is_empty() {
                return Err(Lost::NotAllowed.into());
            }
            let allowed: Addrs = Box::new(allowed.into_iter());
            Ok(allowed)
        })
    }
}

/// What went wrong, in a word: what the error says may name the address.
fn fault_of(error: &reqwest::Error) -> Fault {
    if error.is_timeout() {
        return Fault::TimedOut;
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = next {
        if let Some(lost) = cause.downcast_ref::<Lost>() {
            return match lost {
                Lost::Unknown => Fault::Unresolved,
                Lost::NotAllowed => Fault::NotAllowed,
            };
        }
        if cause.is::<rustls::Error>() {
            return Fault::Tls;
        }
        let Some(io) = cause.downcast_ref::<std::io::Error>() else {
            next = cause.source();
            continue;
        };
        match io.kind() {
            std::io::ErrorKind::ConnectionRefused => return Fault::Refused,
            std::io::ErrorKind::TimedOut => return Fault::TimedOut,
            // What it says is its source is that of the error within, not the error itself.
            _ => next = io.get_ref().map(|within| within as &(dyn std::error::Error + 'static)),
        }
    }
    if error.is_connect() { Fault::Unreachable } else { Fault::Broken }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_specification() {
        // The example that the libraries of Standard Webhooks are tested with.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into();
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
        for bad in ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%"] {
            assert_eq!(sign(&bad.to_owned().into(), "a", 0, ""), None, "{bad}");
        }
    }

    #[test]
    fn only_addresses_of_the_internet_are_called_and_only_by_https() {
        let house = Settings::default();
        let open = Settings { own_networks: vec!["127.0.0.0/8".parse().unwrap()], ..Settings::default() };
        for fine in [
            "https://hooks.example/in?key=1",
            "https://hooks.example:8443",
            "https://8.8.8.8/",
            "https://[2606:4700::1]/",
        ] {
            assert!(house.address(fine).is_ok(), "{fine}");
        }
        for (bad, why) in [
            ("", BadAddress::Unreadable),
            ("hooks.example/in", BadAddress::Unreadable),
            ("ftp://hooks.example/in", BadAddress::Unreadable),
            ("file:///etc/passwd", BadAddress::Unreadable),
            ("http://hooks.example/in", BadAddress::Plain),
            ("http://8.8.8.8/in", BadAddress::Plain),
            ("https://ada:s3cret@hooks.example/in", BadAddress::Userinfo),
            ("https://ada@hooks.example/in", BadAddress::Userinfo),
            ("https://hooks.example/in#s3cret", BadAddress::Fragment),
            ("https://127.0.0.1/in", BadAddress::NotPublic),
            ("https://2130706433/in", BadAddress::NotPublic),
            ("https://0x7f.1/in", BadAddress::NotPublic),
            ("https://[::1]/in", BadAddress::NotPublic),
            ("https://[::ffff:10.0.0.1]/in", BadAddress::NotPublic),
            ("https://[64:ff9b::a00:1]/in", BadAddress::NotPublic),
            ("https://169.254.169.254/latest", BadAddress::NotPublic),
            ("https://10.1.2.3/in", BadAddress::NotPublic),
        ] {
            assert_eq!(house.address(bad).map(drop), Err(why), "{bad}");
            assert!(!why.to_string().contains("s3cret"));
        }
        let long = format!("https://hooks.example/{}", "a".repeat(LONGEST));
        assert_eq!(house.address(&long), Err(BadAddress::Unreadable));
        let written_out = format!("https://hooks.example/{}", "é".repeat(LONGEST / 3));
        assert_eq!(house.address(&written_out), Err(BadAddress::Unreadable));
        let kept = house.address(&format!("https://hooks.example/{}", "é".repeat(300))).unwrap();
        assert_eq!(house.address(kept.as_str()), Ok(kept), "what was taken once is taken again");
        assert!(open.address("http://127.0.0.1:9000/in").is_ok());
        assert!(open.address("https://127.0.0.1/in").is_ok());
        assert_eq!(open.address("http://localhost:9000/in"), Err(BadAddress::Plain));
        assert_eq!(open.address("http://10.0.0.1/in"), Err(BadAddress::NotPublic));
    }
}
