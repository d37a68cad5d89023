//! Who calls a tool over HTTP: what of their request goes on to the API.

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName, header, request::Parts};
use std::net::SocketAddr;

/// The header by which a wallet signs in.
pub(crate) const SIGN_IN: HeaderName = HeaderName::from_static("sign-in-with-x");

/// Cookies are not among them: pages of others must not act for whoever has one.
const PASSED: [HeaderName; 5] = [
    header::AUTHORIZATION,
    SIGN_IN,
    header::USER_AGENT,
    header::ACCEPT_LANGUAGE,
    HeaderName::from_static("x-forwarded-for"),
];

/// What goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub(crate) headers: HeaderMap,
    pub(crate) extensions: Extensions,
}

impl Caller {
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut caller = Self::default();
        for name in PASSED {
            for value in parts.headers.get_all(&name) {
                caller.headers.append(name.clone(), value.clone());
            }
        }
        if let Some(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>() {
            caller.extensions.insert(*peer);
        }
        caller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_they_are_goes_on_and_cookies_do_not() {
        let request = axum::http::Request::post("/mcp")
            .header("authorization", "Bearer ikl_a")
            .header("sign-in-with-x", "e30=")
            .header("x-forwarded-for", "198.51.100.1")
            .header("x-forwarded-for", "10.0.0.2")
            .header("cookie", "session=a")
            .header("payment-signature", "e30=")
            .extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 9))))
            .body(())
            .unwrap();
        let caller = Caller::of(&request.into_parts().0);
        assert_eq!(caller.headers["authorization"], "Bearer ikl_a");
        assert_eq!(caller.headers["sign-in-with-x"], "e30=");
        assert_eq!(caller.headers.get_all("x-forwarded-for").iter().count(), 2);
        assert_eq!(caller.headers.len(), 4, "{:?}", caller.headers);
        assert_eq!(caller.extensions.get::<ConnectInfo<SocketAddr>>().unwrap().0.port(), 9);
    }
}
