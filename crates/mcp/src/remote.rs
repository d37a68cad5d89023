//! A house elsewhere, spoken to by HTTP. TLS is verified, no redirect is followed: what a call carries is for this house.

use std::time::Duration;

use reqwest::redirect::Policy;
use url::{Host, Url};

use crate::door::{Answer, Ask, Door, LARGEST, Silence, json};

/// A command may run for 600 s, and the way to it takes time.
const PATIENCE: Duration = Duration::from_secs(660);

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// A house elsewhere.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    http: reqwest::Client,
}

/// The address cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadAddress {
    /// No web address.
    #[error("the address {0} must begin with https:// (http:// only for this machine)")]
    Plain(String),
    /// The HTTP client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(reqwest::Error),
}

impl Remote {
    /// The house at this address. Tokens and payments go there, so plain HTTP is for this machine only.
    pub fn new(address: &str) -> Result<Self, BadAddress> {
        let plain = || BadAddress::Plain(address.to_owned());
        let url: Url = address.parse().map_err(|_| plain())?;
        let local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && local) {
            return Err(plain());
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("innkeeper-mcp/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            .redirect(Policy::none())
            .referer(false)
            .build()
            .map_err(BadAddress::Client)?;
        Ok(Self { url, http })
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Door for Remote {
    async fn knock(&self, ask: Ask) -> Result<Answer, Silence> {
        let unreachable = |error: String| Silence::Unreachable(error);
        let url = self.url.join(&ask.path).map_err(|error| unreachable(error.to_string()))?;
        let mut request = self.http.request(ask.method, url).headers(ask.headers);
        if let Some(body) = ask.body {
            request = request.json(&body);
        }
        let mut response = request.send().await.map_err(|error| {
            let unsent = error.is_connect() || error.is_builder();
            let cause = error.without_url().to_string();
            if unsent { unreachable(cause) } else { Silence::Lost(cause) }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST => body.extend_from_slice(&chunk),
                Ok(Some(_)) => return Err(Silence::Lost("the answer is too large".to_owned())),
                Ok(None) => break,
                Err(error) => return Err(Silence::Lost(error.without_url().to_string())),
            }
        }
        Ok(Answer { status, headers, body: json(&body)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_for_this_machine_only() {
        let _ = rustls_ring();
        for good in ["https://inn.example", "http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(Remote::new(good).is_ok(), "{good}");
        }
        for bad in ["http://inn.example", "http://10.0.0.1", "ftp://inn.example", "inn.example", ""] {
            assert!(matches!(Remote::new(bad), Err(BadAddress::Plain(_))), "{bad}");
        }
    }

    fn rustls_ring() -> Result<(), ()> {
        rustls::crypto::ring::default_provider().install_default().map_err(|_| ())
    }
}
