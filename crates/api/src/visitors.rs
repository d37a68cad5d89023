//! From where a request comes. The connection tells; a header is believed only when a proxy of ours has written it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use innkeeper_domain::addresses::AddressRange;
use innkeeper_domain::mails::Language;

use crate::App;

/// Somebody at a public door.
pub(crate) struct Visitor(pub(crate) innkeeper_engine::Visitor);

impl FromRequestParts<App> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Self(innkeeper_engine::Visitor {
            address: address(&parts.extensions, &parts.headers, &app.options.trusted_proxies),
            user_agent: text(header::USER_AGENT).map(str::to_owned),
            language: text(header::ACCEPT_LANGUAGE).map(Language::of_header).unwrap_or_default(),
        }))
    }
}

/// The address of whoever asks. Behind proxies that we trust it is the last one in `X-Forwarded-For` that is not theirs:
/// what stands before it is what the caller says of themselves.
pub(crate) fn address(
    extensions: &Extensions,
    headers: &HeaderMap,
    trusted: &[AddressRange],
) -> Option<IpAddr> {
    let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    let mut address = peer.ip().to_canonical();
    let is_ours = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    let said: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    for hop in said.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_ours(address) {
            break;
        }
        let hop = hop.trim();
        let parsed = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|socket| socket.ip()));
        // What our proxy writes can be read; anything else was not written by it.
        let Ok(parsed) = parsed else { break };
        address = parsed.to_canonical();
    }
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<AddressRange> = trusted.iter().map(|range| range.parse().unwrap()).collect();
        address(&extensions, &headers, &trusted).unwrap().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_may_say_for_whom_it_asks() {
        let ours = ["10.0.0.0/8", "fd00::/8"];
        assert_eq!(seen("203.0.113.7:9", &["198.51.100.1"], &[]), "203.0.113.7");
        assert_eq!(seen("203.0.113.7:9", &["198.51.100.1"], &ours), "203.0.113.7");
        assert_eq!(seen("10.0.0.1:9", &["198.51.100.1"], &ours), "198.51.100.1");
        assert_eq!(seen("[::ffff:10.0.0.1]:9", &["198.51.100.1"], &ours), "198.51.100.1");
        // What the caller says stands on the left, and two proxies on the right.
        assert_eq!(seen("10.0.0.1:9", &["1.1.1.1, 198.51.100.1", "10.0.0.2"], &ours), "198.51.100.1");
        assert_eq!(seen("10.0.0.1:9", &["1.1.1.1, 10.9.9.9, 198.51.100.1"], &ours), "198.51.100.1");
        assert_eq!(seen("[fd00::1]:9", &["[2001:db8::7]:4711"], &ours), "2001:db8::7");
        // Without a header, or with one that nobody could have written, the proxy itself asks.
        assert_eq!(seen("10.0.0.1:9", &[], &ours), "10.0.0.1");
        assert_eq!(seen("10.0.0.1:9", &["198.51.100.1, unknown"], &ours), "10.0.0.1");
        let none = address(&Extensions::new(), &HeaderMap::new(), &[]);
        assert_eq!(none, None);
    }
}
