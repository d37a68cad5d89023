//! One endpoint: its connections, how a request is written for it, how its answers are taken.

use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::call::Ready;
use crate::endpoint::Endpoint;
use crate::error::answer::Refusal;
use crate::error::transport::{self, Failure};
use crate::error::{ConsoleFault, Error};
use crate::operations::Method;
use crate::session::Ticket;

/// One endpoint with its own connections and TLS sessions.
pub(crate) struct Host {
    /// `host:port`, as in addresses.
    pub(crate) name: String,
    http: reqwest::Client,
}

/// What proves who sends a request.
pub(crate) enum Identity {
    Nobody,
    Token(SecretString),
    Ticket(Ticket),
}

impl Host {
    pub(crate) fn new(endpoint: &Endpoint, connect: Duration, request: Duration) -> Result<Self, Error> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(endpoint.trust().client_config()?)
            .http1_only()
            .https_only(true)
            .tcp_nodelay(true)
            // The server closes idle connections after 5 s; using one at that moment would lose a request.
            .pool_idle_timeout(Duration::from_secs(3))
            .pool_max_idle_per_host(8)
            .connect_timeout(connect)
            .timeout(request)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("pve/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::Configuration(e.to_string()))?;
        let host = endpoint.url().host_str().unwrap_or_default();
        let port = endpoint.url().port_or_known_default().unwrap_or(8006);
        Ok(Self { name: format!("{host}:{port}"), http })
    }

    fn build(&self, ready: &Ready, identity: &Identity) -> Result<reqwest::RequestBuilder, Error> {
        let method = ready.operation.method();
        let mut url = format!("https://{}/api2/json{}", self.name, ready.path);
        if !method.has_body() && !ready.params.is_empty() {
            url.push('?');
            url.push_str(&ready.params);
        }
        let mut request = self.http.request(wire_method(method), url);
        if method.has_body() {
            // The server refuses chunked bodies, and reads a length even where there is no body.
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(CONTENT_LENGTH, ready.params.len())
                .body(ready.params.clone());
        }
        for (name, value) in identity_headers(identity, method)? {
            request = request.header(name, value);
        }
        Ok(request)
    }

    /// Sends a request and takes the complete answer.
    pub(crate) async fn request(&self, ready: &Ready, identity: &Identity) -> Result<Reply, Failure> {
        let request = self.build(ready, identity).map_err(Failure::NotSent)?;
        self.answer(request.send().await.map_err(|e| transport::read(&self.name, &e))?).await
    }

    /// Opens a websocket. The server echoes the protocol asked for, so exactly one is. No other handshake code is
    /// involved, because what carries the credentials must not be logged.
    pub(crate) async fn websocket(
        &self,
        ready: &Ready,
        identity: &Identity,
    ) -> Result<reqwest::Upgraded, Error> {
        let key = generate_key();
        let request = self
            .build(ready, identity)?
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key)
            .header(SEC_WEBSOCKET_PROTOCOL, "binary");
        let failed = |failure| match failure {
            Failure::NotSent(error) => error,
            Failure::Lost(message) | Failure::TimedOut(message) => {
                Error::Console { fault: ConsoleFault::Broken, message }
            }
        };
        let response = request.send().await.map_err(|e| failed(transport::read(&self.name, &e)))?;
        if response.status() != reqwest::StatusCode::SWITCHING_PROTOCOLS {
            let Reply { status, reason, body } = self.answer(response).await.map_err(failed)?;
            let (method, path) = (ready.operation.method(), ready.path.as_str());
            return Err(Refusal { method, path, status, reason: &reason, body: &body }.into_error());
        }
        let accepted = response.headers().get(SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        if accepted != Some(derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(Error::Console {
                fault: ConsoleFault::Broken,
                message: "the server accepted another websocket than this one".to_owned(),
            });
        }
        response.upgrade().await.map_err(|e| failed(transport::read(&self.name, &e)))
    }

    async fn answer(&self, response: reqwest::Response) -> Result<Reply, Failure> {
        let status = response.status().as_u16();
        let reason = match response.extensions().get::<hyper::ext::ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => response.status().canonical_reason().unwrap_or_default().to_owned(),
        };
        match response.bytes().await {
            Ok(body) => Ok(Reply { status, reason, body }),
            // A refusal is told by its status line; only the body of a success must be whole.
            Err(_) if status >= 400 => Ok(Reply { status, reason, body: bytes::Bytes::new() }),
            Err(e) => Err(transport::read(&self.name, &e)),
        }
    }
}

/// A complete answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    reason: String,
    body: bytes::Bytes,
}

/// `{"data": …, "total": …}`
#[derive(Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) data: T,
    #[serde(default, deserialize_with = "crate::lenient::optional")]
    pub(crate) total: Option<u64>,
}

impl Reply {
    pub(crate) fn read<T: DeserializeOwned>(self, method: Method, path: &str) -> Result<Answer<T>, Error> {
        let Self { status, reason, body } = &self;
        if !(200..300).contains(status) {
            return Err(Refusal { method, path, status: *status, reason, body }.into_error());
        }
        serde_json::from_slice(body).map_err(|e| Error::Decode {
            method,
            path: path.to_owned(),
            message: e.to_string(),
        })
    }
}

fn identity_headers(identity: &Identity, method: Method) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let header = |secret: &SecretString| -> Result<HeaderValue, Error> {
        let mut value = HeaderValue::from_str(secret.expose_secret())
            .map_err(|_| Error::Configuration("credentials hold control characters".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    };
    Ok(match identity {
        Identity::Nobody => Vec::new(),
        Identity::Token(authorization) => vec![(AUTHORIZATION, header(authorization)?)],
        Identity::Ticket(ticket) => {
            let mut headers = vec![(COOKIE, header(&ticket.cookie())?)];
            if method.mutates() {
                headers.push((HeaderName::from_static("csrfpreventiontoken"), header(ticket.csrf())?));
            }
            headers
        }
    })
}

fn wire_method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Delete => reqwest::Method::DELETE,
    }
}
