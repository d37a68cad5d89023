//! SSH: running one command in a guest or on a node, by a key of ours.
//!
//! Three steps, each by itself, so that the caller can write down what it learns in between: [`connect`] knocks and
//! looks at the host's key, which must be the one that is known if one is; [`Session::sign_in`] shows our key;
//! [`Session::run`] runs one command. No shell is involved on our side: what is sent is one text, which the other side
//! gives to the shell of the user who signs in.

mod key;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, AuthResult, Handle};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect, Preferred, Sig};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

pub use key::{HostKey, KeyPair};

/// How long a command that was killed may take to be gone, and one that has ended to close its outputs.
const FAREWELL: Duration = Duration::from_secs(2);

/// Input is sent in pieces of this many bytes.
const PIECE: usize = 32 * 1024;

/// What went wrong before a command ran, or on the way. None of these carries a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers there, or not in time; nothing was sent.
    #[error("nobody answers by SSH: {0}")]
    Unreachable(String),
    /// The host shows another key than the one that is known; nothing was sent.
    #[error("the host shows the key {shown}, and {known} is known")]
    HostKeyChanged {
        /// The fingerprint that is known.
        known: String,
        /// The fingerprint that it shows.
        shown: String,
    },
    /// Our key does not open this user's door.
    #[error("our key is not accepted there")]
    KeyRefused,
    /// It lets us in, and does not run commands.
    #[error("the host does not run commands")]
    Refused,
    /// The connection broke while the command ran: whether it has ended is not known.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// A key cannot be read.
    #[error("this is not a key: {0}")]
    BadKey(String),
}

impl From<russh::Error> for Error {
    fn from(error: russh::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Order {
    /// For the shell of the user there.
    pub command: String,
    /// What the command reads.
    pub input: Bytes,
    /// How long it may run before it is killed.
    pub limit: Duration,
    /// How much of each output is kept; what follows is read and thrown away.
    pub most_output: usize,
    /// Whether a shell is there that we may have tell us the number of its process, by which it can be killed: OpenSSH
    /// delivers no signal to what root runs. A forced command has none, and must keep to a time by itself.
    pub shell: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit code, when it ended by itself.
    pub exit_code: Option<u32>,
    /// The signal that ended it, without `SIG`.
    pub signal: Option<String>,
    /// What it wrote.
    pub stdout: Vec<u8>,
    /// What it wrote as errors.
    pub stderr: Vec<u8>,
    /// More was written than is kept.
    pub stdout_truncated: bool,
    /// More was written as errors than is kept.
    pub stderr_truncated: bool,
    /// It ran for too long and was killed.
    pub timed_out: bool,
    /// Nobody waited for it any more, and it was killed.
    pub cancelled: bool,
}

/// A connection to a host whose key is known by now.
pub struct Session {
    handle: Handle<Onlooker>,
    host_key: HostKey,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.host_key)
    }
}

/// Looks at the key that the host shows.
struct Onlooker {
    known: Option<HostKey>,
    shown: Arc<std::sync::OnceLock<HostKey>>,
}

impl client::Handler for Onlooker {
    type Error = Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = key else { return Ok(false) };
        let shown = HostKey::new(key);
        if let Some(known) = &self.known
            && *known != shown
        {
            let (known, shown) = (known.fingerprint(), shown.fingerprint());
            return Err(Error::HostKeyChanged { known, shown });
        }
        let _ = self.shown.set(shown);
        Ok(true)
    }
}

/// The kinds of host key that we can check. The kind that is known comes first, so that a host that has several shows
/// the same one again.
fn kinds(known: Option<&HostKey>) -> Vec<Algorithm> {
    let curves = [EcdsaCurve::NistP256, EcdsaCurve::NistP384, EcdsaCurve::NistP521];
    let mut kinds = vec![Algorithm::Ed25519];
    kinds.extend(curves.map(|curve| Algorithm::Ecdsa { curve }));
    // Never with SHA-1.
    kinds.extend([HashAlg::Sha512, HashAlg::Sha256].map(|hash| Algorithm::Rsa { hash: Some(hash) }));
    let first = known.map(HostKey::kind);
    kinds.sort_by_key(|kind| match (kind, &first) {
        (Algorithm::Rsa { .. }, Some(Algorithm::Rsa { .. })) => false,
        (kind, first) => Some(kind) != first.as_ref(),
    });
    kinds
}

/// Knocks at a host and looks at its key: if one is known it must be that. Without one, whatever it shows is taken, and
/// is to be kept before anything is told to that host.
pub async fn connect(
    address: SocketAddr,
    known: Option<HostKey>,
    patience: Duration,
) -> Result<Session, Error> {
    let preferred = Preferred {
        key: Cow::Owned(kinds(known.as_ref())),
        compression: Cow::Borrowed(&[russh::compression::NONE]),
        ..Preferred::DEFAULT
    };
    let config = client::Config {
        preferred,
        keepalive_interval: Some(Duration::from_secs(15)),
        nodelay: true,
        ..client::Config::default()
    };
    let shown = Arc::default();
    let onlooker = Onlooker { known, shown: Arc::clone(&shown) };
    let handle = match timeout(patience, client::connect(Arc::new(config), address, onlooker)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(Error::Broken(cause))) => return Err(Error::Unreachable(cause)),
        Ok(Err(error)) => return Err(error),
        Err(_) => {
            return Err(Error::Unreachable(format!("no answer within {} s", patience.as_secs())));
        }
    };
    let host_key = shown.get().cloned();
    let host_key = host_key.ok_or_else(|| Error::Unreachable("the host showed no key".to_owned()))?;
    Ok(Session { handle, host_key })
}

impl Session {
    /// The key that the host has shown.
    pub fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    /// Shows our key.
    pub async fn sign_in(&mut self, user: &str, key: &KeyPair, patience: Duration) -> Result<(), Error> {
        let late = || Error::Unreachable(format!("no answer within {} s", patience.as_secs()));
        timeout(patience, self.show(user, key)).await.unwrap_or_else(|_| Err(late()))
    }

    async fn show(&mut self, user: &str, key: &KeyPair) -> Result<(), Error> {
        // What a host says that it takes is not always what it takes, so an RSA key signs in both ways, but never with
        // SHA-1.
        let ways: &[_] = if key.is_rsa() { &[Some(HashAlg::Sha512), Some(HashAlg::Sha256)] } else { &[None] };
        for hash in ways {
            let key = PrivateKeyWithHashAlg::new(key.private(), *hash);
            match self.handle.authenticate_publickey(user, key).await {
                Ok(AuthResult::Success) => return Ok(()),
                Ok(AuthResult::Failure { .. }) => {}
                // Some hosts hang up on whom they do not know.
                Err(russh::Error::Disconnect) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::KeyRefused)
    }

    /// Runs one command to its end, until it has run for too long, or until `cancelled`; in the latter two cases it is
    /// killed.
    pub async fn run(self, order: Order, cancelled: impl Future<Output = ()>) -> Result<Outcome, Error> {
        let until = Instant::now() + order.limit;
        let mark = order.shell.then(|| format!("innkeeper-{:032x}", rand::random::<u128>()));
        let command =
            mark.as_ref().map_or_else(|| order.command.clone(), |mark| marked(mark, &order.command));
        let outcome = match timeout_at(until, self.begin(&command)).await {
            Ok(channel) => self.follow(channel?, &order, mark.as_deref(), until, cancelled).await,
            Err(_) => Err(Error::Unreachable("the host does not open a channel in time".to_owned())),
        };
        let _ = timeout(FAREWELL, self.handle.disconnect(Disconnect::ByApplication, "", "en")).await;
        outcome
    }

    async fn begin(&self, command: &str) -> Result<russh::Channel<client::Msg>, Error> {
        let mut channel = self.handle.channel_open_session().await?;
        channel.exec(true, command.as_bytes()).await?;
        // Data never comes before the answer to this request.
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Success => return Ok(channel),
                ChannelMsg::Failure | ChannelMsg::Close => return Err(Error::Refused),
                _ => {}
            }
        }
        Err(Error::Broken("it ended before the command began".to_owned()))
    }

    /// Feeds the command and collects what it says.
    async fn follow(
        &self,
        channel: russh::Channel<client::Msg>,
        order: &Order,
        mark: Option<&str>,
        until: Instant,
        cancelled: impl Future<Output = ()>,
    ) -> Result<Outcome, Error> {
        let (mut incoming, outgoing) = channel.split();
        let mut outcome = Outcome::default();
        let most = order.most_output;
        let most_errors = most + mark.map_or(0, |mark| mark.len() + 32);
        let feed = async {
            for piece in order.input.chunks(PIECE) {
                // A command that does not read its input closes the pipe: that is its right.
                if outgoing.data_bytes(Bytes::copy_from_slice(piece)).await.is_err() {
                    return;
                }
            }
            let _ = outgoing.eof().await;
        };
        tokio::pin!(feed, cancelled);
        let (mut fed, mut killed, mut ends) = (false, false, until);
        // Whether it was to be killed before it had told its number.
        let mut nameless = false;
        loop {
            let message = tokio::select! {
                message = incoming.wait() => message,
                () = &mut feed, if !fed => {
                    fed = true;
                    continue;
                }
                () = sleep_until(ends) => {
                    if killed || outcome.ended() {
                        break;
                    }
                    outcome.timed_out = true;
                    killed = true;
                    nameless = process(mark, &outcome.stderr).is_none();
                    self.kill(&outgoing, process(mark, &outcome.stderr)).await;
                    ends = Instant::now() + FAREWELL;
                    continue;
                }
                () = &mut cancelled, if !killed => {
                    outcome.cancelled = true;
                    killed = true;
                    nameless = process(mark, &outcome.stderr).is_none();
                    self.kill(&outgoing, process(mark, &outcome.stderr)).await;
                    ends = Instant::now() + FAREWELL;
                    continue;
                }
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    keep(&mut outcome.stdout, &mut outcome.stdout_truncated, &data, most);
                }
                Some(ChannelMsg::ExtendedData { data, ext: 1 }) => {
                    keep(&mut outcome.stderr, &mut outcome.stderr_truncated, &data, most_errors);
                    if nameless && let Some(process) = process(mark, &outcome.stderr) {
                        nameless = false;
                        self.kill(&outgoing, Some(process)).await;
                    }
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    outcome.exit_code = Some(exit_status);
                    // What it has started may hold its outputs open for ever.
                    ends = ends.min(Instant::now() + FAREWELL);
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    outcome.signal = Some(name(&signal_name));
                    ends = ends.min(Instant::now() + FAREWELL);
                }
                Some(ChannelMsg::Close) | None => break,
                Some(_) => {}
            }
        }
        if !outcome.ended() && !killed {
            return Err(Error::Broken("it ended before the command did".to_owned()));
        }
        unmark(mark, &mut outcome.stderr);
        outcome.stderr_truncated |= outcome.stderr.len() > most;
        outcome.stderr.truncate(most);
        Ok(outcome)
    }

    /// Has the host kill a command with everything that it started in its process group.
    async fn kill(&self, outgoing: &russh::ChannelWriteHalf<client::Msg>, process: Option<u32>) {
        let _ = timeout(FAREWELL, outgoing.signal(Sig::KILL)).await;
        let Some(process) = process else { return };
        let kill = async {
            let mut channel = self.begin(&format!("kill -KILL -{process}")).await?;
            while channel.wait().await.is_some() {}
            Ok::<_, Error>(())
        };
        let _ = timeout(FAREWELL, kill).await;
    }
}

/// The command, whose shell first tells the number of its process in a line of its own among the errors. The quotes keep
/// it whole on its way through whatever shell the user has.
fn marked(mark: &str, command: &str) -> String {
    let whole = format!("echo {mark}-$$ >&2; {command}");
    format!("exec /bin/sh -c '{}'", whole.replace('\'', "'\\''"))
}

/// Where the line with the mark lies in what was written as errors, and the number in it.
fn marked_line(mark: Option<&str>, errors: &[u8]) -> Option<(std::ops::Range<usize>, u32)> {
    let mark = mark?.as_bytes();
    let start = errors.windows(mark.len()).position(|window| window == mark)?;
    let end = start + errors[start..].iter().position(|byte| *byte == b'\n')?;
    let number = std::str::from_utf8(&errors[start + mark.len() + 1..end]).ok()?.parse().ok()?;
    Some((start..end + 1, number))
}

fn process(mark: Option<&str>, errors: &[u8]) -> Option<u32> {
    // Never everybody's, and never the first one's.
    marked_line(mark, errors).map(|(_, number)| number).filter(|number| *number > 1)
}

fn unmark(mark: Option<&str>, errors: &mut Vec<u8>) {
    if let Some((line, _)) = marked_line(mark, errors) {
        errors.drain(line);
    }
}

impl Outcome {
    fn ended(&self) -> bool {
        self.exit_code.is_some() || self.signal.is_some()
    }
}

fn keep(kept: &mut Vec<u8>, truncated: &mut bool, data: &[u8], most: usize) {
    let room = most.saturating_sub(kept.len()).min(data.len());
    kept.extend_from_slice(&data[..room]);
    *truncated |= room < data.len();
}

fn name(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.chars().filter(char::is_ascii_graphic).take(40).collect(),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_found_and_taken_out_wherever_it_stands() {
        let mark = Some("innkeeper-ab");
        let mut errors = b"motd\ninnkeeper-ab-4711\nerr\n".to_vec();
        assert_eq!(process(mark, &errors), Some(4711));
        unmark(mark, &mut errors);
        assert_eq!(errors, b"motd\nerr\n");
        assert_eq!(process(mark, b"innkeeper-ab-47"), None, "the line has not come to its end");
        assert_eq!(process(mark, b"innkeeper-ab-1\n"), None);
        assert_eq!(process(None, b"innkeeper-ab-4711\n"), None);
        assert_eq!(marked("m", "echo 'a'"), r"exec /bin/sh -c 'echo m-$$ >&2; echo '\''a'\'''");
    }

    #[test]
    fn output_is_cut_at_the_byte() {
        let (mut kept, mut truncated) = (Vec::new(), false);
        keep(&mut kept, &mut truncated, b"abc", 5);
        keep(&mut kept, &mut truncated, b"de", 5);
        assert!(!truncated);
        keep(&mut kept, &mut truncated, b"f", 5);
        assert_eq!((kept.as_slice(), truncated), (&b"abcde"[..], true));
    }
}
