//! Waking by a web address: the gateway of a management board, a smart plug. What is in the address and the headers may
//! be secret, so of all that is sent only the host is ever shown, and of what comes back only the status.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use innkeeper_domain::reports::Report;
use innkeeper_domain::time::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::wire::{Error, Wire};

/// How it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Without a body.
    Get,
    /// The usual one.
    #[default]
    Post,
    /// As some gateways have it.
    Put,
}

/// Names that belong to no public domain.
const PRIVATE_SUFFIXES: [&str; 6] = [".local", ".lan", ".home.arpa", ".internal", ".home", ".localdomain"];

/// Whom to ask, and how.
#[derive(Clone)]
pub struct Hook {
    /// May hold secrets. `https://`, or `http://` within one's own network: most plugs know no other.
    pub url: SecretString,
    /// How.
    pub method: Method,
    /// Names and values.
    pub headers: Vec<(String, SecretString)>,
    /// What is sent; nothing is sent with `GET`.
    pub body: Option<SecretString>,
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({:?} …)", self.method)
    }
}

impl Hook {
    /// The address, if it is one that can be called; the error says what is wrong and never what it is.
    pub fn address(&self) -> Result<Url, Error> {
        let bad = |why: &str| Error::Settings(format!("the address of the hook {why}"));
        let url: Url = self
            .url
            .expose_secret()
            .trim()
            .parse()
            .map_err(|error: url::ParseError| bad(&format!("cannot be read: {error}")))?;
        let host = url.host().ok_or_else(|| bad("has no host"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_private(&host) => Ok(url),
            _ => Err(bad("must begin with https:// (http:// only for a host of one's own network)")),
        }
    }
}

/// Calls it once. Success is an answer of 2xx.
pub async fn call(clock: &Clock, hook: &Hook, patience: Duration) -> Report {
    let host = hook.address().ok().and_then(|url| url.host_str().map(str::to_owned));
    let shown = host.clone().unwrap_or_else(|| "the hook".to_owned());
    let report = match ask(hook, patience).await {
        Ok(status @ 200..300) => {
            Report::success(clock.now(), format!("{shown} took the call.")).with("status", status)
        }
        Ok(status) => {
            let (code, what) = match status {
                300..400 => ("redirected", "it names another address, which is not followed"),
                400..500 => ("refused", "it refuses: look at the address, the headers and the body"),
                _ => ("failing", "it is in trouble"),
            };
            let message = format!("{shown} did not take the call ({status}): {what}.");
            Report::failure(clock.now(), message, code, format!("status {status}")).with("status", status)
        }
        Err(error) => {
            let code = match &error {
                Error::Settings(_) => "bad_request",
                Error::Unreachable { .. } => "unreachable",
                _ => "lost",
            };
            Report::failure(clock.now(), format!("{shown} could not be called: {error}."), code, &error)
        }
    };
    report.with("host", host)
}

async fn ask(hook: &Hook, patience: Duration) -> Result<u16, Error> {
    let url = hook.address()?;
    let wire = Wire::new("the hook", patience, None)?;
    let mut request = match hook.method {
        Method::Get => wire.get(url),
        Method::Post => wire.post(url),
        Method::Put => wire.put(url),
    };
    for (name, value) in &hook.headers {
        let bad = |what| Error::Settings(format!("a header of the hook has a {what} that is none"));
        let name: http::HeaderName = name.trim().parse().map_err(|_| bad("name"))?;
        let mut value: http::HeaderValue = value.expose_secret().trim().parse().map_err(|_| bad("value"))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    if let Some(body) = hook.body.as_ref().filter(|_| hook.method != Method::Get) {
        request = request.body(body.expose_secret().to_owned());
    }
    wire.status(request).await
}

/// Whether a host is of one's own network, as far as its name tells.
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Host::Ipv6(ip) => match ip.to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        },
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            !name.contains('.') || PRIVATE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_in_the_house() {
        let hook = |url: &str| Hook { url: url.into(), method: Method::Get, headers: vec![], body: None };
        let fine = [
            "https://plug.example/on",
            "http://192.168.1.4/relay/0?turn=on",
            "http://plug/on",
            "http://plug.lan/on",
            "http://[fd00::1]/on",
            "http://localhost:8080/on",
        ];
        for url in fine {
            assert!(hook(url).address().is_ok(), "{url}");
        }
        for url in ["http://plug.example/s3cret", "http://8.8.8.8/s3cret", "ftp://plug/s3cret", "s3cret", ""]
        {
            let error = hook(url).address().unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
        assert_eq!(format!("{:?}", hook("http://plug/s3cret")), "Hook(Get …)");
    }
}
