//! The client: endpoints with failover, credentials, one place where requests are sent and answers are read.
//!
//! Ensures: a changing request leaves this process at most once; another endpoint is tried only when no connection
//! came about; a reading request is repeated once, and only when its connection was closed under it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, Ready};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::answer::Refusal;
use crate::error::transport::{self, Failure};
use crate::error::{Attempt, Error};
use crate::operations::Method;
use crate::session::{Session, Ticket};

/// Settings of a [`Client`]; see [`Client::builder`].
#[derive(Debug, Clone)]
pub struct ClientBuilder {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) credentials: Credentials,
    pub(crate) request_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) renew_ticket_after: Duration,
}

impl ClientBuilder {
    /// Adds an endpoint to fall back to.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.endpoints.push(endpoint);
        self
    }

    /// The whole time of one request, 45 s by default: the server gives its own parts 30 s.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// The time to connect to one endpoint, TLS included; 8 s by default.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The age at which a ticket is renewed; 50 min by default, tickets live 2 h.
    #[must_use]
    pub fn renew_ticket_after(mut self, age: Duration) -> Self {
        self.renew_ticket_after = age;
        self
    }

    /// Makes the client. Nothing is sent yet.
    pub fn build(self) -> Result<Client, Error> {
        if self.endpoints.is_empty() {
            return Err(Error::Configuration("no endpoint".to_owned()));
        }
        let hosts = self.endpoints.iter().map(|e| Host::new(e, &self)).collect::<Result<_, _>>()?;
        Ok(Client {
            inner: Arc::new(Inner {
                authorization: self.credentials.authorization(),
                hosts,
                preferred: AtomicUsize::new(0),
                session: Session::default(),
                config: self,
            }),
        })
    }
}

/// Talks to one Proxmox VE server or cluster. Cheap to clone; all clones share connections and session.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientBuilder,
    authorization: Option<SecretString>,
    hosts: Vec<Host>,
    /// The endpoint that connected last.
    preferred: AtomicUsize,
    session: Session,
}

/// One endpoint with its own connections and TLS sessions.
pub(crate) struct Host {
    /// `host:port`, as in addresses.
    pub(crate) name: String,
    /// Host without the brackets of IPv6, and port.
    pub(crate) address: (String, u16),
    base: String,
    http: reqwest::Client,
    pub(crate) tls: Arc<rustls::ClientConfig>,
}

impl Host {
    fn new(endpoint: &Endpoint, config: &ClientBuilder) -> Result<Self, Error> {
        let tls = endpoint.trust().client_config()?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .http1_only()
            .https_only(true)
            .tcp_nodelay(true)
            // The server closes idle connections after 5 s; using one at that moment would lose a request.
            .pool_idle_timeout(Duration::from_secs(3))
            .pool_max_idle_per_host(8)
            .connect_timeout(config.connect_timeout)
            .timeout(config.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("pve/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::Configuration(e.to_string()))?;
        let host = endpoint.url().host_str().unwrap_or_default();
        let port = endpoint.url().port_or_known_default().unwrap_or(8006);
        let name = format!("{host}:{port}");
        let address = (host.trim_matches(['[', ']']).to_owned(), port);
        Ok(Self { base: format!("https://{name}/api2/json"), name, address, http, tls: Arc::new(tls) })
    }
}

/// What proves who sends a request.
pub(crate) enum Identity {
    Nobody,
    Token(SecretString),
    Ticket(Ticket),
}

/// `{"data": …, "total": …}`
#[derive(Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) data: T,
    #[serde(default, deserialize_with = "crate::lenient::optional")]
    pub(crate) total: Option<u64>,
}

impl Client {
    /// Starts with the first endpoint and the credentials; see [`ClientBuilder`] for the rest.
    pub fn builder(endpoint: Endpoint, credentials: Credentials) -> ClientBuilder {
        ClientBuilder {
            endpoints: vec![endpoint],
            credentials,
            request_timeout: Duration::from_secs(45),
            connect_timeout: Duration::from_secs(8),
            renew_ticket_after: Duration::from_mins(50),
        }
    }

    pub(crate) fn config(&self) -> &ClientBuilder {
        &self.inner.config
    }

    /// Sends a call and reads its `data`.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        Ok(self.send_whole(call).await?.data)
    }

    /// Sends a call whose answer does not matter.
    pub(crate) async fn send_unit(&self, call: Call) -> Result<(), Error> {
        self.send::<serde::de::IgnoredAny>(call).await.map(drop)
    }

    /// Sends a call and reads the whole answer.
    pub(crate) async fn send_whole<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<T>, Error> {
        self.send_from(call).await.map(|(answer, _)| answer)
    }

    /// The same, and the number of the endpoint that answered.
    pub(crate) async fn send_from<T: DeserializeOwned>(
        &self,
        call: Call,
    ) -> Result<(Answer<T>, usize), Error> {
        let ready = call.finish()?;
        let identity = self.identity().await?;
        match self.exchange(&ready, &identity).await {
            Err(Error::Unauthorized { message }) => {
                // A refused ticket changed nothing, so the same call may go out with a new one. A token stays refused.
                let Identity::Ticket(ticket) = &identity else { return Err(Error::Unauthorized { message }) };
                self.inner.session.refused(ticket.generation).await;
                let identity = self.identity().await?;
                self.exchange(&ready, &identity).await
            }
            other => other,
        }
    }

    /// Sends a call without credentials (the login itself).
    pub(crate) async fn send_anonymous<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        Ok(self.exchange(&call.finish()?, &Identity::Nobody).await?.0.data)
    }

    pub(crate) async fn identity(&self) -> Result<Identity, Error> {
        match &self.inner.authorization {
            Some(header) => Ok(Identity::Token(header.clone())),
            // Boxed: a login is itself a request.
            None => Ok(Identity::Ticket(Box::pin(self.inner.session.ticket(self)).await?)),
        }
    }

    pub(crate) fn host(&self, number: usize) -> &Host {
        &self.inner.hosts[number]
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        ready: &Ready,
        identity: &Identity,
    ) -> Result<(Answer<T>, usize), Error> {
        let started = tokio::time::Instant::now();
        let result = self.over_endpoints(ready, identity).await;
        let method = ready.operation.method();
        let elapsed_ms = started.elapsed().as_millis() as u64;
        let (reply, host) = match result {
            Ok(reply) => reply,
            Err(error) => {
                tracing::debug!(%method, path = ready.path, elapsed_ms, %error, "no answer");
                return Err(error);
            }
        };
        tracing::debug!(%method, path = ready.path, elapsed_ms, status = reply.status, "answer");
        let answer = reply.read(method, &ready.path)?;
        Ok((answer, host))
    }

    /// Tries the endpoints in turn, beginning with the one that worked last, as long as nothing was sent.
    async fn over_endpoints(&self, ready: &Ready, identity: &Identity) -> Result<(Reply, usize), Error> {
        let hosts = &self.inner.hosts;
        let first = self.inner.preferred.load(Ordering::Relaxed);
        let mut tried: Vec<Attempt> = Vec::new();
        let mut distrusted = None;
        for step in 0..hosts.len() {
            let number = (first + step) % hosts.len();
            let host = &hosts[number];
            let mut outcome = host.request(ready, identity).await;
            if matches!(outcome, Err(Failure::Lost(_))) && !ready.operation.method().mutates() {
                outcome = host.request(ready, identity).await;
            }
            match outcome {
                Ok(reply) => {
                    self.inner.preferred.store(number, Ordering::Relaxed);
                    return Ok((reply, number));
                }
                Err(Failure::Lost(cause) | Failure::TimedOut(cause)) => {
                    return Err(transport::no_answer(ready.operation.method(), &ready.path, cause));
                }
                Err(Failure::NotSent(Error::Configuration(text))) => return Err(Error::Configuration(text)),
                Err(Failure::NotSent(error)) => {
                    tracing::warn!(endpoint = host.name, %error, "endpoint not usable");
                    match error {
                        Error::Unreachable { tried: mut one } => tried.append(&mut one),
                        // A wrong identity is what a person must hear of, even if others are merely down.
                        other => distrusted = distrusted.or(Some(other)),
                    }
                }
            }
        }
        Err(distrusted.unwrap_or(Error::Unreachable { tried }))
    }
}

impl Host {
    async fn request(&self, ready: &Ready, identity: &Identity) -> Result<Reply, Failure> {
        let method = ready.operation.method();
        let mut url = format!("{}{}", self.base, ready.path);
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
        let response = request.send().await.map_err(|e| transport::read(&self.name, &e))?;
        let status = response.status().as_u16();
        let reason = match response.extensions().get::<hyper::ext::ReasonPhrase>() {
            Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
            None => response.status().canonical_reason().unwrap_or_default().to_owned(),
        };
        match response.bytes().await {
            Ok(body) => Ok(Reply { status, reason, body: body.to_vec() }),
            // A refusal is told by its status line; only the body of a success must be whole.
            Err(_) if status >= 400 => Ok(Reply { status, reason, body: Vec::new() }),
            Err(e) => Err(transport::read(&self.name, &e)),
        }
    }
}

/// A complete answer.
struct Reply {
    status: u16,
    reason: String,
    body: Vec<u8>,
}

impl Reply {
    fn read<T: DeserializeOwned>(self, method: Method, path: &str) -> Result<Answer<T>, Error> {
        if !(200..300).contains(&self.status) {
            let Self { status, reason, body } = &self;
            return Err(Refusal { method, path, status: *status, reason, body }.into_error());
        }
        serde_json::from_slice(&self.body).map_err(|e| Error::Decode {
            method,
            path: path.to_owned(),
            message: e.to_string(),
        })
    }
}

pub(crate) fn identity_headers(
    identity: &Identity,
    method: Method,
) -> Result<Vec<(reqwest::header::HeaderName, HeaderValue)>, Failure> {
    let header = |secret: &SecretString| {
        let mut value = HeaderValue::from_str(secret.expose_secret()).map_err(|_| {
            Failure::NotSent(Error::Configuration("credentials hold control characters".to_owned()))
        })?;
        value.set_sensitive(true);
        Ok(value)
    };
    Ok(match identity {
        Identity::Nobody => Vec::new(),
        Identity::Token(authorization) => vec![(AUTHORIZATION, header(authorization)?)],
        Identity::Ticket(ticket) => {
            let mut headers = vec![(COOKIE, header(&ticket.cookie())?)];
            if method.mutates() {
                headers.push((
                    reqwest::header::HeaderName::from_static("csrfpreventiontoken"),
                    header(ticket.csrf())?,
                ));
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

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.inner.hosts.iter().map(|h| h.name.as_str()).collect();
        f.debug_struct("Client")
            .field("endpoints", &names)
            .field("credentials", &self.config().credentials)
            .finish()
    }
}
