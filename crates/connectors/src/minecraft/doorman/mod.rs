//! The doorman: he stands where players connect while their server sleeps, shows in the server list what the desk tells
//! him to, and knocks at the desk when somebody joins. While the server is awake he passes everybody on to it.
//!
//! Who comes is taken at their word: a name is what somebody calls themselves, since only the server asks for proof.
//! What comes is bounded in length, in time and in number, so that nobody keeps others out or the doorman busy.

mod greeting;
mod relay;
mod seats;
mod visit;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use seats::Seats;
use visit::Visit;

/// When no more connections can be opened, some of those that are must end first.
const BREATH: Duration = Duration::from_millis(100);

/// What the doorman asks; the engine answers.
pub trait Desk: Send + Sync + 'static {
    /// What is to be shown. Asked for every connection.
    fn posture(&self) -> impl Future<Output = Posture> + Send;

    /// Somebody wants to join a server that is not ready. It goes on to its end only as long as the doorman waits:
    /// what takes longer is to be begun here and done elsewhere.
    fn knock(&self, player: &Player) -> impl Future<Output = Welcome> + Send;
}

/// What is shown in the server list while the server sleeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posture {
    /// In the place of a version. The client's own protocol goes with it, so that nobody is told to update.
    pub version_name: String,
    /// The message: plain text, or JSON text.
    pub motd: String,
    /// How many play.
    pub online: u32,
    /// How many may.
    pub max: u32,
    /// The lines that are shown above the number of players.
    pub sample: Vec<String>,
    /// The server, when it is ready: then it answers by itself, and the rest is shown only if it does not.
    pub forward: Option<Server>,
}

/// Where the server is, as seen from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it expects to be told who comes, by version 2 of the PROXY protocol.
    pub proxy: bool,
}

/// Who wants to join, by their own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Player {
    /// Letters, digits and `_`, 16 at most; a `.` in front of those who come from the Bedrock edition.
    pub name: String,
    /// As far as their version tells it.
    pub uuid: Option<Uuid>,
    /// Where they come from.
    pub address: IpAddr,
    /// The version of the protocol that they speak.
    pub protocol: i32,
}

/// What becomes of somebody who joins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// The server is ready by now: they are passed on.
    Forward(Server),
    /// They are sent to another address, as they see it, and leave us; whoever is older than 1.20.5 is passed on there.
    Transfer {
        /// A name or an address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// They are told to come back, in plain text or JSON text.
    Later {
        /// What they read.
        text: String,
    },
}

/// Bounds for what comes from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections that have not been passed on, in all.
    pub connections: usize,
    /// Of those, from one address (of IPv6, from one network of 64 bits).
    pub per_address: usize,
    /// Connections that were passed on, in all.
    pub forwarded: usize,
    /// Of those, from one address.
    pub forwarded_per_address: usize,
    /// How long somebody may take to say what they want, and to take the answer.
    pub greeting: Duration,
    /// How long the desk may take to answer a knock. Players wait for 30 seconds.
    pub knock: Duration,
    /// How long the server may take to open its door.
    pub dial: Duration,
    /// What players read when the desk or the server does not answer in time.
    pub excuse: String,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            per_address: 16,
            forwarded: 1024,
            forwarded_per_address: 64,
            greeting: Duration::from_secs(5),
            knock: Duration::from_secs(25),
            dial: Duration::from_secs(5),
            excuse: "The server is not ready yet. Please try again in a minute.".to_owned(),
        }
    }
}

/// Attends to everybody who comes, until `stop`; then every connection ends, those that were passed on too.
pub async fn run<D: Desk>(listener: TcpListener, desk: Arc<D>, stop: CancellationToken, limits: Limits) {
    let greeting = Arc::new(Seats::new(limits.connections, limits.per_address));
    let forwarded = Arc::new(Seats::new(limits.forwarded, limits.forwarded_per_address));
    let limits = Arc::new(limits);
    let mut visits = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = visits.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let address = peer.ip().to_canonical();
                    let Some(seat) = greeting.take(address) else {
                        tracing::debug!(%address, "the doorman has no hand free");
                        continue;
                    };
                    let (desk, limits) = (Arc::clone(&desk), Arc::clone(&limits));
                    let visit = Visit::new(stream, peer, limits, seat, Arc::clone(&forwarded));
                    visits.spawn(async move {
                        if let Err(error) = visit.attend(&*desk).await {
                            tracing::debug!(%address, %error, "a visitor left");
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the doorman cannot let anybody come nearer");
                    sleep(BREATH).await;
                }
            },
        }
    }
}
