//! The client: endpoints with failover, credentials, one place where requests are sent and answers are read.
//!
//! Ensures: a changing request leaves this process at most once; another endpoint is tried only when no connection
//! came about; a reading request is repeated once, and only when its connection was closed under it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::call::{Call, Ready};
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::transport::{self, Failure};
use crate::error::{Attempt, Error};
use crate::host::{Answer, Host, Identity, Reply};
use crate::ids::NodeName;
use crate::session::Session;

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
        let host = |e| Host::new(e, self.connect_timeout, self.request_timeout);
        let hosts = self.endpoints.iter().map(host).collect::<Result<_, _>>()?;
        Ok(Client {
            inner: Arc::new(Inner {
                authorization: self.credentials.authorization(),
                hosts,
                preferred: AtomicUsize::new(0),
                session: Session::default(),
                nodes: Mutex::default(),
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
    /// The endpoint to begin with: the one that answered last, or the one after it if it then fell silent.
    preferred: AtomicUsize,
    session: Session,
    /// Which endpoint is which node, as far as consoles have told: by the node's name.
    nodes: Mutex<BTreeMap<String, usize>>,
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
        let first = self.inner.preferred.load(Ordering::Relaxed);
        self.send_first_to(call, first).await
    }

    /// The same, beginning with this endpoint.
    async fn send_first_to<T: DeserializeOwned>(
        &self,
        call: Call,
        first: usize,
    ) -> Result<(Answer<T>, usize), Error> {
        let ready = call.finish()?;
        let identity = self.identity().await?;
        match self.exchange(&ready, &identity, first).await {
            Err(Error::Unauthorized { message }) => {
                // A refused ticket changed nothing, so the same call may go out with a new one. A token stays refused.
                let Identity::Ticket(ticket) = &identity else { return Err(Error::Unauthorized { message }) };
                self.inner.session.refused(ticket.generation).await;
                let identity = self.identity().await?;
                self.exchange(&ready, &identity, first).await
            }
            other => other,
        }
    }

    /// Sends a call without credentials (the login itself).
    pub(crate) async fn send_anonymous<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let first = self.inner.preferred.load(Ordering::Relaxed);
        Ok(self.exchange(&call.finish()?, &Identity::Nobody, first).await?.0.data)
    }

    pub(crate) async fn identity(&self) -> Result<Identity, Error> {
        match &self.inner.authorization {
            Some(header) => Ok(Identity::Token(header.clone())),
            // Boxed: a login is itself a request.
            None => Ok(Identity::Ticket(Box::pin(self.inner.session.ticket(self)).await?)),
        }
    }

    /// Prepares a console of a guest on this node. Whoever answers opens the port, and reaches a guest of another node
    /// through one more connection; so the node's own endpoint is asked where it is known, and one of which nothing is
    /// known where it is not.
    pub(crate) async fn send_near<T: DeserializeOwned>(
        &self,
        node: &NodeName,
        call: Call,
    ) -> Result<(Answer<T>, usize), Error> {
        let first = {
            let known = self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            let preferred = self.inner.preferred.load(Ordering::Relaxed);
            let unknown = (0..self.inner.hosts.len())
                .map(|step| (preferred + step) % self.inner.hosts.len())
                .find(|number| !known.values().any(|other| other == number));
            known.get(node.as_str()).copied().or(unknown).unwrap_or(preferred)
        };
        self.send_first_to(call, first).await
    }

    /// Remembers that this endpoint is that node.
    pub(crate) fn answered_by(&self, node: &NodeName, host: usize) {
        let mut known = self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, number| *number != host);
        known.insert(node.as_str().to_owned(), host);
    }

    pub(crate) fn host(&self, number: usize) -> &Host {
        &self.inner.hosts[number]
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        ready: &Ready,
        identity: &Identity,
        first: usize,
    ) -> Result<(Answer<T>, usize), Error> {
        let started = tokio::time::Instant::now();
        let result = self.over_endpoints(ready, identity, first).await;
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

    /// Tries the endpoints in turn, beginning with this one, as long as nothing was sent.
    async fn over_endpoints(
        &self,
        ready: &Ready,
        identity: &Identity,
        first: usize,
    ) -> Result<(Reply, usize), Error> {
        let hosts = &self.inner.hosts;
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
                    // Something may have been sent, so this call ends here; the next one begins elsewhere.
                    self.inner.preferred.store((number + 1) % hosts.len(), Ordering::Relaxed);
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

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.inner.hosts.iter().map(|h| h.name.as_str()).collect();
        f.debug_struct("Client")
            .field("endpoints", &names)
            .field("credentials", &self.config().credentials)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_can_be_shared_between_threads() {
        fn shared<T: Clone + Send + Sync + 'static>() {}
        shared::<Client>();
    }

    #[test]
    fn a_client_without_a_usable_endpoint_is_not_made() {
        let builder = ClientBuilder { endpoints: Vec::new(), ..unpinned() };
        assert!(matches!(builder.build(), Err(Error::Configuration(_))));
        assert!(matches!(unpinned().build(), Err(Error::Configuration(_))));
    }

    fn unpinned() -> ClientBuilder {
        let endpoint = Endpoint::new("pve.example", crate::Trust::Fingerprints(Vec::new())).unwrap();
        Client::builder(endpoint, Credentials::token("a@pve!bb", "x").unwrap())
    }
}
