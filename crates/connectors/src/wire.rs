//! The HTTP client below the connectors: verified TLS, no redirects, limits on time and size, and errors that say
//! whether the call may have had an effect.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::de::DeserializeOwned;
use url::{Host, Url};

/// The largest answer that is read, in bytes.
const LARGEST: usize = 1024 * 1024;

/// Longer texts of others are cut before they enter an error.
const LONGEST_MESSAGE: usize = 300;

/// What went wrong on a wire. None of these carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings cannot work; nothing was sent.
    #[error("{0}")]
    Settings(String),
    /// No connection came about; nothing was sent.
    #[error("{whom} cannot be reached: {cause}")]
    Unreachable {
        /// The other side.
        whom: &'static str,
        /// As the network says it.
        cause: String,
    },
    /// The request may have arrived and had its effect, but no answer came back: look before trying again.
    #[error("{whom} did not answer: {cause}")]
    Lost {
        /// The other side.
        whom: &'static str,
        /// As the network says it.
        cause: String,
    },
    /// The other side is in trouble (5xx) or wants us to slow down (429); the request may have had its effect.
    #[error("{whom} is in trouble ({status}): {message}")]
    Failing {
        /// The other side.
        whom: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The other side understood and said no.
    #[error("{whom} refused ({status}): {message}")]
    Refused {
        /// The other side.
        whom: &'static str,
        /// The HTTP status.
        status: u16,
        /// Its own words.
        message: String,
    },
    /// The answer is not what was agreed.
    #[error("{whom} answered something else than expected: {what}")]
    Unreadable {
        /// The other side.
        whom: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// What came in is not from whom it claims to be, or too old.
    #[error("not from {whom}: {why}")]
    Forged {
        /// Whom it claims to be from.
        whom: &'static str,
        /// How we know.
        why: &'static str,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. } | Self::Failing { .. })
    }
}

/// One other side.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) whom: &'static str,
    http: reqwest::Client,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Wire {
    /// A client that trusts what the system trusts, and the certificates of `extra_ca` (PEM) besides.
    pub(crate) fn new(whom: &'static str, timeout: Duration, extra_ca: Option<&str>) -> Result<Self, Error> {
        let http = client(timeout, extra_ca)?.build().map_err(|error| Error::Settings(error.to_string()))?;
        Ok(Self { whom, http })
    }

    pub(crate) fn post(&self, url: Url) -> reqwest::RequestBuilder {
        self.http.post(url)
    }

    pub(crate) fn get(&self, url: Url) -> reqwest::RequestBuilder {
        self.http.get(url)
    }

    pub(crate) fn put(&self, url: Url) -> reqwest::RequestBuilder {
        self.http.put(url)
    }

    async fn execute(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, Error> {
        let request = request.build().map_err(|error| Error::Settings(error.without_url().to_string()))?;
        let whom = self.whom;
        self.http.execute(request).await.map_err(|error| {
            // A builder's error is ours too: nothing left this machine.
            let unsent = error.is_connect() || error.is_builder();
            let cause = cause(error);
            if unsent { Error::Unreachable { whom, cause } } else { Error::Lost { whom, cause } }
        })
    }

    /// Sends, and reads of the answer its status only.
    pub(crate) async fn status(&self, request: reqwest::RequestBuilder) -> Result<u16, Error> {
        Ok(self.execute(request).await?.status().as_u16())
    }

    /// Sends, whatever the status of the answer may be.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Answer, Error> {
        let whom = self.whom;
        let mut response = self.execute(request).await?;
        let mut body = BytesMut::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| Error::Lost { whom, cause: cause(error) })?
        {
            if body.len() + chunk.len() > LARGEST {
                return Err(Error::Unreadable { whom, what: format!("it is larger than {LARGEST} bytes") });
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        tracing::debug!(whom, status, "answer");
        Ok(Answer { status, headers, body: body.freeze() })
    }

    /// Sends, and reads a successful answer; `say` finds the other side's own words in an unsuccessful one.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        say: fn(&serde_json::Value) -> Option<String>,
    ) -> Result<T, Error> {
        let answer = self.send(request).await?;
        let whom = self.whom;
        if (200..300).contains(&answer.status) {
            return serde_json::from_slice(&answer.body)
                .map_err(|error| Error::Unreadable { whom, what: error.to_string() });
        }
        let said = serde_json::from_slice(&answer.body).ok().and_then(|json| say(&json));
        let message = shorten(&said.unwrap_or_else(|| "no reason given".to_owned()));
        let status = answer.status;
        Err(match status {
            // 409 of both payment providers: the same request is still under way there.
            409 | 429 | 500.. => Error::Failing { whom, status, message },
            300..400 => {
                Error::Unreadable { whom, what: format!("a redirect ({status}), which is not followed") }
            }
            _ => Error::Refused { whom, status, message },
        })
    }
}

/// What all clients have in common.
pub(crate) fn client(timeout: Duration, extra_ca: Option<&str>) -> Result<reqwest::ClientBuilder, Error> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(extra_ca)?)
        .connect_timeout(timeout.min(Duration::from_secs(8)))
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .user_agent(concat!("innkeeper/", env!("CARGO_PKG_VERSION"))))
}

/// TLS that verifies, with ring.
fn tls(extra_ca: Option<&str>) -> Result<rustls::ClientConfig, Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = extra_ca {
        let before = roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| Error::Settings(format!("extra CA: {error}")))?;
            roots.add(certificate).map_err(|error| Error::Settings(format!("extra CA: {error}")))?;
        }
        if roots.len() == before {
            return Err(Error::Settings("the extra CA holds no certificate".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Settings(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Whether the host is this machine, where plain text can be overheard by nobody else.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Refuses an address that would send secrets in plain text over a network.
pub(crate) fn demand_https(url: &Url, what: &str) -> Result<(), Error> {
    let local = match url.host() {
        Some(Host::Domain(name)) => is_loopback(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    if url.scheme() == "https" || (url.scheme() == "http" && local) {
        Ok(())
    } else {
        Err(Error::Settings(format!("{what} must begin with https:// (http:// only for this machine)")))
    }
}

/// Refuses a secret that is no secret.
pub(crate) fn demand_secret(secret: &secrecy::SecretString, what: &str) -> Result<(), Error> {
    if secrecy::ExposeSecret::expose_secret(secret).trim().is_empty() {
        return Err(Error::Settings(format!("{what} is empty")));
    }
    Ok(())
}

/// The innermost reason, without the address: addresses may carry what is not for logs.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    shorten(&innermost.to_string())
}

fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_MESSAGE).collect()
}
