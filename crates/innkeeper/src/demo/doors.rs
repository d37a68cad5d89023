//! The way into the demo's containers. Simulated guests have no SSH server and no network, so the demo plays their nodes:
//! an SSH server on this machine's loopback, which knows one key and one program, as `deploy/innkeeper-pct-exec` says it.
//! What comes in by it runs in the guest's own processes. Everything on our side of the wire is as in any house.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use innkeeper_domain::access::Actor;
use innkeeper_domain::clusters::VmidRange;
use innkeeper_domain::ids::ClusterId;
use innkeeper_domain::node_access::{Door, LONGEST};
use innkeeper_engine::{Engine, NewNodeAccess};
use pve_sim::{Cluster, Executed, Pct};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId};
use tokio::net::TcpListener;

/// The account on each simulated node.
const USER: &str = "root";

/// What the program refuses with, and what `timeout` ends with.
const REFUSED: i32 = 97;
const TIMED_OUT: i32 = 124;

/// The most that a command is given.
const MOST_INPUT: usize = 128 * 1024;

/// Opens a door in every node of a cluster, where its guests run processes at all.
pub(super) async fn open(
    engine: &Engine,
    cluster: &Cluster,
    id: ClusterId,
    vmids: VmidRange,
) -> anyhow::Result<()> {
    let Some(pct) = cluster.pct() else { return Ok(()) };
    let known = Arc::<Mutex<Option<PublicKey>>>::default();
    let mut doors = BTreeMap::new();
    for endpoint in cluster.endpoints() {
        let key = PrivateKey::new(KeypairData::from(Ed25519Keypair::from_seed(&rand::random())), "")?;
        let host_key = key.public_key().to_openssh()?;
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        doors.insert(endpoint.node.parse()?, Door { address: listener.local_addr()?, host_key });
        let config = Arc::new(Config {
            keys: vec![key],
            inactivity_timeout: Some(Duration::from_mins(15)),
            ..Config::default()
        });
        let visitor = Visitor {
            pct: pct.clone(),
            node: endpoint.node.clone(),
            vmids,
            known: Arc::clone(&known),
            input: Vec::new(),
            asked: None,
            running: None,
        };
        tokio::spawn(serve(listener, config, visitor));
    }
    let new = NewNodeAccess { user: USER.to_owned(), doors, new_key: false };
    let (access, _) = engine.set_node_access(&Actor::house(), id, new).await?;
    let ours = PublicKey::from_openssh(&access.public_key).context("the key for the nodes")?;
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(ours);
    Ok(())
}

async fn serve(listener: TcpListener, config: Arc<Config>, visitor: Visitor) {
    while let Ok((stream, _)) = listener.accept().await {
        let (config, visitor) = (Arc::clone(&config), visitor.clone());
        tokio::spawn(async move {
            if let Ok(session) = run_stream(config, stream, visitor).await {
                let _ = session.await;
            }
        });
    }
}

/// One connection to one node.
struct Visitor {
    pct: Pct,
    node: String,
    vmids: VmidRange,
    /// The one key that opens the door.
    known: Arc<Mutex<Option<PublicKey>>>,
    /// What the command is given, and the command, until both are there.
    input: Vec<u8>,
    asked: Option<(ChannelId, String)>,
    running: Option<tokio::task::AbortHandle>,
}

impl Clone for Visitor {
    /// Another connection begins with nothing.
    fn clone(&self) -> Self {
        Self {
            pct: self.pct.clone(),
            node: self.node.clone(),
            vmids: self.vmids,
            known: Arc::clone(&self.known),
            input: Vec::new(),
            asked: None,
            running: None,
        }
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

impl Handler for Visitor {
    type Error = russh::Error;

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = known.as_ref().is_some_and(|known| known.key_data() == key.public_key.key_data());
        Ok(if ours && user == USER { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.asked.is_some() {
            return session.channel_failure(channel);
        }
        self.asked = Some((channel, String::from_utf8_lossy(data).into_owned()));
        session.channel_success(channel)
    }

    async fn data(&mut self, _: ChannelId, data: &[u8], _: &mut Session) -> Result<(), russh::Error> {
        if self.input.len() + data.len() > MOST_INPUT {
            return Err(russh::Error::Disconnect);
        }
        self.input.extend_from_slice(data);
        Ok(())
    }

    /// All that the command is to read has come: it runs now.
    async fn channel_eof(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        let Some((asked, text)) = self.asked.take() else { return Ok(()) };
        if asked != channel {
            return Ok(());
        }
        let (pct, node, input) = (self.pct.clone(), self.node.clone(), std::mem::take(&mut self.input));
        let (vmids, handle) = (self.vmids, session.handle());
        let running = tokio::spawn(async move {
            let done = match request(&text, vmids) {
                Ok(Request { vmid, limit, words }) => {
                    let run = pct.exec(&node, vmid, &words, &input);
                    tokio::time::timeout(limit, run).await.unwrap_or_else(|_| told(TIMED_OUT, ""))
                }
                Err(why) => told(REFUSED, &format!("innkeeper-pct-exec: refused: {why}\n")),
            };
            let _ = handle.data(channel, done.out).await;
            let _ = handle.extended_data(channel, 1, done.err).await;
            let _ = handle.exit_status_request(channel, done.code.unsigned_abs()).await;
            let _ = handle.eof(channel).await;
            let _ = handle.close(channel).await;
        });
        self.running = Some(running.abort_handle());
        Ok(())
    }
}

fn told(code: i32, err: &str) -> Executed {
    Executed { code, out: Vec::new(), err: err.as_bytes().to_vec() }
}

/// What the program is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    vmid: u32,
    limit: Duration,
    words: Vec<String>,
}

fn request(text: &str, vmids: VmidRange) -> Result<Request, &'static str> {
    if text.len() > LONGEST {
        return Err("the request is too long");
    }
    let mut words = text.split(' ');
    if words.next() != Some("pct-exec") {
        return Err("only pct-exec is done here");
    }
    let mut number = || words.next().and_then(|word| word.parse::<u32>().ok());
    let vmid = number().filter(|vmid| (vmids.first..=vmids.last).contains(vmid));
    let vmid = vmid.ok_or("the VMID is not one of ours")?;
    let seconds = number().filter(|seconds| (1..=3600).contains(seconds));
    let seconds = seconds.ok_or("the time is not within the limits")?;
    let word = |word: &str| {
        let coded = word.strip_prefix('=')?;
        String::from_utf8(STANDARD.decode(coded).ok()?).ok()
    };
    let words: Option<Vec<String>> = words.map(word).collect();
    let words = words.filter(|words| !words.is_empty()).ok_or("a word is not written as it should be")?;
    Ok(Request { vmid, limit: Duration::from_secs(seconds.into()), words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_house_asks_is_understood_and_nothing_else() {
        let vmids = VmidRange { first: 100, last: 199 };
        let words = ["sh", "", "-c", "é"].map(str::to_owned);
        let asked = innkeeper_domain::node_access::request(150, 5, &words).unwrap();
        let read = request(&asked, vmids).unwrap();
        assert_eq!(read, Request { vmid: 150, limit: Duration::from_secs(5), words: words.to_vec() });
        for bad in [
            "",
            "sh",
            "pct-exec 99 5 =",
            "pct-exec 200 5 =",
            "pct-exec 150 0 =",
            "pct-exec 150 5",
            "pct-exec 150 5 c2g=",
        ] {
            assert!(request(bad, vmids).is_err(), "{bad}");
        }
    }
}
