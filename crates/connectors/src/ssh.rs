//! SSH: running one command in a guest or on a node, by an ed25519 key of ours.
//!
//! Three steps, each by itself, so that the caller can write down what it learns in between: [`connect`] knocks and
//! looks at the host's key, which must be the one that is known if one is; [`Session::sign_in`] shows our key;
//! [`Session::run`] runs one command. No shell is involved on our side: what is sent is one text, which the other side
//! gives to the shell of the user who signs in.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::client::{self, AuthResult, Handle};
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::ssh_key::{Algorithm, EcdsaCurve, LineEnding};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{ChannelMsg, Disconnect, Preferred, Sig};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

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

/// The key of a host, as known or shown: `ssh-ed25519 AAAA…`.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey(PublicKey);

impl HostKey {
    fn new(key: &PublicKey) -> Self {
        let mut key = key.clone();
        key.set_comment("");
        Self(key)
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }
}

impl FromStr for HostKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let key = PublicKey::from_openssh(text).map_err(|error| Error::BadKey(error.to_string()))?;
        Ok(Self::new(&key))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostKey({})", self.fingerprint())
    }
}

/// A pair of keys of ours.
#[derive(Clone)]
pub struct KeyPair(Arc<PrivateKey>);

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(…)")
    }
}

impl KeyPair {
    /// A new one (ed25519), with this comment on its public part.
    pub fn generate(comment: &str) -> Result<Self, Error> {
        let pair = Ed25519Keypair::from_seed(&rand::random());
        let key = PrivateKey::new(KeypairData::from(pair), comment);
        key.map(|key| Self(Arc::new(key))).map_err(|error| Error::BadKey(error.to_string()))
    }

    /// Reads the private part, in OpenSSH's form.
    pub fn read(text: &SecretString) -> Result<Self, Error> {
        let key = PrivateKey::from_openssh(text.expose_secret());
        key.map(|key| Self(Arc::new(key))).map_err(|error| Error::BadKey(error.to_string()))
    }

    /// The private part, in OpenSSH's form.
    pub fn private_part(&self) -> Result<SecretString, Error> {
        let text = self.0.to_openssh(LineEnding::LF).map_err(|error| Error::BadKey(error.to_string()))?;
        Ok(SecretString::from(text.to_string()))
    }

    /// The public part as a line of `authorized_keys`.
    pub fn public_part(&self) -> Result<String, Error> {
        self.0.public_key().to_openssh().map_err(|error| Error::BadKey(error.to_string()))
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
    handle: Handle<Doorman>,
    host_key: HostKey,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.host_key)
    }
}

/// Looks at the key that the host shows.
struct Doorman {
    known: Option<HostKey>,
    shown: Arc<std::sync::OnceLock<HostKey>>,
}

impl client::Handler for Doorman {
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
    let first = known.map(|known| known.0.algorithm());
    kinds.sort_by_key(|kind| Some(kind) != first.as_ref());
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
    let doorman = Doorman { known, shown: Arc::clone(&shown) };
    let handle = match timeout(patience, client::connect(Arc::new(config), address, doorman)).await {
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
        let key = PrivateKeyWithHashAlg::new(Arc::clone(&key.0), None);
        match timeout(patience, self.handle.authenticate_publickey(user, key)).await {
            Ok(Ok(AuthResult::Success)) => Ok(()),
            // Some hosts hang up on whom they do not know.
            Ok(Ok(AuthResult::Failure { .. }) | Err(russh::Error::Disconnect)) => Err(Error::KeyRefused),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Error::Unreachable(format!("no answer within {} s", patience.as_secs()))),
        }
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
                    self.kill(&outgoing, process(mark, &outcome.stderr)).await;
                    ends = Instant::now() + FAREWELL;
                    continue;
                }
                () = &mut cancelled, if !killed => {
                    outcome.cancelled = true;
                    killed = true;
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
    fn a_pair_is_read_back_and_shows_nothing_of_itself() {
        let pair = KeyPair::generate("innkeeper").unwrap();
        let public = pair.public_part().unwrap();
        assert!(public.starts_with("ssh-ed25519 AAAA") && public.ends_with(" innkeeper"), "{public}");
        let private = pair.private_part().unwrap();
        assert!(private.expose_secret().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(KeyPair::read(&private).unwrap().public_part().unwrap(), public);
        assert_eq!(format!("{pair:?}"), "KeyPair(…)");
        assert_ne!(KeyPair::generate("innkeeper").unwrap().public_part().unwrap(), public);
        assert!(matches!(KeyPair::read(&"x".to_owned().into()), Err(Error::BadKey(_))));
    }

    #[test]
    fn a_host_key_is_compared_without_its_comment() {
        let public = KeyPair::generate("one").unwrap().public_part().unwrap();
        let (bare, _) = public.rsplit_once(' ').unwrap();
        let (one, other): (HostKey, HostKey) = (public.parse().unwrap(), bare.parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.to_string(), bare);
        assert!(one.fingerprint().starts_with("SHA256:"));
        assert!("ssh-ed25519 AAAA".parse::<HostKey>().is_err());
    }

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
