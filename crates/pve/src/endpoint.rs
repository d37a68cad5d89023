//! One address of a cluster, with its own proof of identity.

use url::Url;

use crate::error::Error;
use crate::trust::Trust;

/// Where to connect to, and how that server proves who it is.
#[derive(Debug, Clone)]
pub struct Endpoint {
    url: Url,
    trust: Trust,
}

impl Endpoint {
    /// `url` is `https://host[:port]`, port 8006 by default; a trailing `/api2/json` is tolerated.
    pub fn new(url: &str, trust: Trust) -> Result<Self, Error> {
        Ok(Self { url: parse_url(url)?, trust })
    }

    /// The base address, always with its port.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How it proves who it is.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// Reads an operator's text to `https://host:port/`.
pub(crate) fn parse_url(text: &str) -> Result<Url, Error> {
    let text = text.trim();
    let invalid = |why: &str| Error::Configuration(format!("endpoint {text:?}: {why}"));
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let parsed = Url::parse(&with_scheme).map_err(|e| invalid(&e.to_string()))?;
    if parsed.scheme() != "https" {
        return Err(invalid("only https is spoken"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Error::Configuration("an endpoint holds no credentials".to_owned()));
    }
    let path = parsed.path().trim_end_matches('/');
    if !matches!(path, "" | "/api2" | "/api2/json") || parsed.query().is_some() {
        return Err(invalid("only a host and a port are expected"));
    }
    let host = parsed.host_str().ok_or_else(|| invalid("no host"))?;
    // `Url` drops the default port of https: `https://host:443` must not become 8006.
    let explicit_443 = with_scheme
        .split("://")
        .nth(1)
        .is_some_and(|rest| rest.split('/').next().is_some_and(|authority| authority.ends_with(":443")));
    let port = if explicit_443 { 443 } else { parsed.port().unwrap_or(8006) };
    Url::parse(&format!("https://{host}:{port}/")).map_err(|e| invalid(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_type_becomes_one_form() {
        for (typed, expected) in [
            ("pve.example", "https://pve.example:8006/"),
            ("https://pve.example/", "https://pve.example:8006/"),
            ("https://pve.example:443", "https://pve.example/"),
            ("https://10.0.0.1:8007/api2/json", "https://10.0.0.1:8007/"),
            ("[fd00::1]", "https://[fd00::1]:8006/"),
            ("https://[fd00::1]:9000", "https://[fd00::1]:9000/"),
        ] {
            assert_eq!(parse_url(typed).unwrap().as_str(), expected, "{typed}");
        }
    }

    #[test]
    fn nonsense_is_refused_without_repeating_a_password() {
        for bad in ["", "http://pve", "https://pve/x", "ftp://pve", "https://"] {
            assert!(matches!(parse_url(bad), Err(Error::Configuration(_))), "{bad}");
        }
        let error = parse_url("https://root:hunter2@pve").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
