//! One connection per cluster: a client, the limit of calls in flight, and the circuit breaker.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use innkeeper_domain::breaker::Breaker;
use innkeeper_domain::clusters::Cluster;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::time::{Clock, Timestamp};
use innkeeper_store::{Sealed, clusters};
use pve::{Client, Credentials, Endpoint, Fingerprint, Trust};
use secrecy::SecretString;
use tokio::sync::{Notify, Semaphore};

use crate::{Engine, Error, Options};

/// Why a call gave no result.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The cluster did not answer lately; nobody asks before this time.
    Resting(Timestamp),
    /// Proxmox, or the way to it, said no.
    Pve(pve::Error),
}

impl From<pve::Error> for CallError {
    fn from(error: pve::Error) -> Self {
        Self::Pve(error)
    }
}

/// The way to one cluster.
pub(crate) struct Connection {
    pub(crate) cluster: Cluster,
    sealed: Sealed,
    client: Client,
    calls: Semaphore,
    /// Consoles that are being opened or looked at: a share of the calls, so that a console that hangs leaves room for
    /// the others.
    consoles: Semaphore,
    breaker: Mutex<Breaker>,
    clock: Clock,
    /// When this was last held against the cluster's row, in microseconds.
    checked_at: AtomicI64,
}

impl Connection {
    fn checked_at(&self) -> Timestamp {
        Timestamp(self.checked_at.load(Ordering::Relaxed))
    }

    /// Whether the cluster is still reached as this connection does.
    fn reached_by(&self, cluster: &Cluster, sealed: &Sealed) -> bool {
        let ours = &self.cluster;
        let place = (&ours.bridge, &ours.pool) == (&cluster.bridge, &cluster.pool);
        let way = ours.endpoints == cluster.endpoints && ours.token_id == cluster.token_id;
        place && way && self.sealed.as_str() == sealed.as_str()
    }

    /// Makes one call, unless the cluster rests. Waits for its turn when too many are in flight.
    pub(crate) async fn call<T, F, Fut>(&self, ask: F) -> Result<T, CallError>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<T, pve::Error>>,
    {
        if let Some(until) = self.resting() {
            return Err(CallError::Resting(until));
        }
        self.probe(ask).await
    }

    /// Makes one call even while the cluster rests: the poller's question is the one that ends the rest.
    pub(crate) async fn probe<T, F, Fut>(&self, ask: F) -> Result<T, CallError>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<T, pve::Error>>,
    {
        // The semaphore is never closed, so that acquiring can only wait.
        let _turn = self.calls.acquire().await;
        let result = ask(self.client.clone()).await;
        let silent = matches!(
            &result,
            Err(pve::Error::Unreachable { .. }
                | pve::Error::OutcomeUnknown { .. }
                | pve::Error::NoAnswer { .. })
        );
        if silent {
            self.breaker().failed(self.clock.now());
        } else {
            self.breaker().answered();
        }
        result.map_err(CallError::Pve)
    }

    /// Makes one call for a console.
    pub(crate) async fn console<T, F, Fut>(&self, ask: F) -> Result<T, CallError>
    where
        F: FnOnce(Client) -> Fut,
        Fut: Future<Output = Result<T, pve::Error>>,
    {
        // Never closed either.
        let _turn = self.consoles.acquire().await;
        self.call(ask).await
    }

    /// Until when nobody asks this cluster; none when one may.
    pub(crate) fn resting(&self) -> Option<Timestamp> {
        self.breaker().closed_at(self.clock.now())
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        // A breaker is a plain value: after a panic elsewhere it is still good.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connections made so far.
#[derive(Default)]
pub(crate) struct Connections {
    known: RwLock<HashMap<ClusterId, Arc<Connection>>>,
    added: Notify,
}

impl Connections {
    fn known(&self, id: ClusterId) -> Option<Arc<Connection>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// A cluster was added: it wants to be observed at once.
    pub(crate) fn announce(&self) {
        self.added.notify_one();
    }

    /// Waits until a cluster is added in this process.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Of several that were made side by side for the same way, one counts: each by itself would let its own number of
    /// calls through.
    fn keep(&self, id: ClusterId, connection: Arc<Connection>) -> Arc<Connection> {
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(&id)
            && known.reached_by(&connection.cluster, &connection.sealed)
        {
            return known.clone();
        }
        all.insert(id, connection.clone());
        connection
    }

    /// How a cluster is reached has changed in this process.
    pub(crate) fn forget(&self, id: ClusterId) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Engine {
    /// The connection to a cluster, made when first needed, and made anew when another process has changed how the
    /// cluster is reached.
    pub(crate) async fn connection(&self, id: ClusterId) -> Result<Arc<Connection>, Error> {
        let now = self.clock().now();
        let known = self.0.connections.known(id);
        if let Some(known) = &known
            && now < known.checked_at().after(self.options().poll_every)
        {
            return Ok(known.clone());
        }
        let cluster = clusters::by_id(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        let sealed = clusters::secret(self.db(), id).await?.ok_or(Error::NotFound("cluster"))?;
        if let Some(known) = known
            && known.reached_by(&cluster, &sealed)
        {
            known.checked_at.store(now.0, Ordering::Relaxed);
            return Ok(known);
        }
        let secret = self.open_secret(id, &sealed)?;
        let client = client(&cluster.endpoints, &cluster.token_id, secret, self.options())?;
        let connection = Connection {
            cluster,
            sealed,
            client,
            calls: Semaphore::new(self.options().limits.calls),
            consoles: Semaphore::new((self.options().limits.calls / 2).max(1)),
            breaker: Mutex::default(),
            clock: self.clock().clone(),
            checked_at: AtomicI64::new(now.0),
        };
        Ok(self.0.connections.keep(id, Arc::new(connection)))
    }

    /// The token secret of a cluster, opened.
    pub(crate) fn open_secret(&self, id: ClusterId, sealed: &Sealed) -> Result<SecretString, Error> {
        let plain = self.0.keys.open(sealed, &secret_place(id)).map_err(|error| {
            let advice = "is this the right key file?";
            Error::Internal(format!("the token of cluster {id} cannot be opened ({error}); {advice}"))
        })?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_| Error::Internal("the sealed token is not text".into()))?;
        Ok(SecretString::from(text.to_owned()))
    }
}

/// What the sealed token of a cluster is bound to.
pub(crate) fn secret_place(id: ClusterId) -> String {
    format!("clusters/token_secret/{id}")
}

/// A client for these endpoints.
pub(crate) fn client(
    endpoints: &[innkeeper_domain::clusters::Endpoint],
    token_id: &str,
    secret: SecretString,
    options: &Options,
) -> Result<Client, Error> {
    let credentials =
        Credentials::token(token_id, secret).map_err(|error| Error::invalid("token_id", error))?;
    let mut known = Vec::new();
    for endpoint in endpoints {
        let trust = match &endpoint.fingerprint {
            Some(text) => {
                let print: Fingerprint =
                    text.parse().map_err(|error| Error::invalid("fingerprint", error))?;
                Trust::pin(print)
            }
            None => Trust::SystemRoots,
        };
        known.push(Endpoint::new(&endpoint.url, trust).map_err(|error| Error::invalid("url", error))?);
    }
    let mut known = known.into_iter();
    let first = known.next().ok_or_else(|| Error::invalid("endpoints", "give at least one endpoint"))?;
    let mut builder = Client::builder(first, credentials).request_timeout(options.call_timeout);
    for endpoint in known {
        builder = builder.endpoint(endpoint);
    }
    builder.build().map_err(|error| Error::invalid("endpoints", error))
}
