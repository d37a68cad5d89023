//! A Discord of our own: gateway and REST v10 on one plain port, as strict as the real one where that matters to a bot.
//! It shares no code with the bot, so they cannot agree on a mistake.

mod gateway;
mod people;
mod rest;

pub(crate) use rest::direct;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::any;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

pub(crate) use people::{ANN, BEA, BOT, CAT, MUSIC, OTHER_BOT, ROLE_KEEPER, TEXT, VOICE, VOICE_TOO};

pub(crate) const TOKEN: &str = "MTIz.fake.token";

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
pub(crate) struct Fake {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    address: String,
    serving: tokio::task::JoinHandle<()>,
    key: Ed25519KeyPair,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A message as everybody, or one person, sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) id: u64,
    pub(crate) channel: u64,
    pub(crate) author: u64,
    pub(crate) content: String,
    pub(crate) components: Value,
    pub(crate) private: bool,
    pub(crate) loading: bool,
    pub(crate) edits: usize,
}

impl Shown {
    /// The buttons: label, custom id, and whether they can be pressed.
    pub(crate) fn buttons(&self) -> Vec<(String, String, bool)> {
        let rows = self.components.as_array().cloned().unwrap_or_default();
        let buttons = rows.iter().flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        buttons.map(|one| (text(&one["label"]), text(&one["custom_id"]), one["disabled"] != true)).collect()
    }
}

/// One call to REST.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) at: Instant,
}

/// An interaction that the bot was told of.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) token: String,
}

struct Interaction {
    token: String,
    kind: u64,
    born: Instant,
    answer: Option<Value>,
    /// What `@original` is.
    message: Option<u64>,
    /// The message whose button was pressed.
    source: Option<u64>,
    channel: u64,
    expired: bool,
}

struct Session {
    intents: u64,
    events: Vec<Value>,
}

enum Out {
    Say(Value),
    Close(u16),
}

struct Limit {
    prefix: String,
    times: usize,
    retry_after: f64,
    global: bool,
}

pub(crate) struct State {
    next_id: u64,
    pub(crate) commands: Value,
    pub(crate) messages: BTreeMap<u64, Shown>,
    pub(crate) calls: Vec<Call>,
    pub(crate) connects: usize,
    pub(crate) identifies: usize,
    pub(crate) resumes: usize,
    pub(crate) heartbeats: usize,
    pub(crate) intents: u64,
    /// Who is in which voice channel.
    pub(crate) voice: BTreeMap<u64, u64>,
    /// Those who take no direct messages.
    pub(crate) shy: Vec<u64>,
    /// What was sent with a nonce: the same is given back, even when it was deleted since.
    nonces: HashMap<String, Shown>,
    roles: BTreeMap<u64, Vec<u64>>,
    interactions: HashMap<u64, Interaction>,
    sessions: HashMap<String, Session>,
    line: Option<(String, mpsc::UnboundedSender<Out>)>,
    limits: Vec<Limit>,
    acknowledges: bool,
    allows_content: bool,
    heartbeat: Duration,
    /// Every connection is closed at once with this.
    slams: Option<u16>,
    sign_ins_left: u64,
}

impl Fake {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let inner = Arc::new_cyclic(|weak: &std::sync::Weak<Inner>| {
            let app =
                Router::new().route("/", any(gateway::enter)).fallback(rest::call).with_state(weak.clone());
            Inner {
                state: Mutex::new(State::new()),
                changed: watch::Sender::new(()),
                address,
                serving: tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
                key: Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap(),
            }
        });
        Self { inner }
    }

    pub(crate) fn rest_url(&self) -> String {
        format!("http://{}", self.inner.address)
    }

    pub(crate) fn gateway_url(&self) -> String {
        format!("ws://{}", self.inner.address)
    }

    /// The application's public key, by which HTTP interactions are signed.
    pub(crate) fn public_key(&self) -> String {
        hex::encode(self.inner.key.public_key().as_ref())
    }

    pub(crate) fn sign(&self, timestamp: &str, body: &[u8]) -> String {
        hex::encode(self.inner.key.sign(&[timestamp.as_bytes(), body].concat()).as_ref())
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    /// Changes something, and wakes whoever waits.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.inner.change(change)
    }

    /// Waits for what is looked for; says what was waited for when it does not come.
    pub(crate) async fn until<T>(&self, what: &str, look: impl Fn(&State) -> Option<T>) -> T {
        let mut changed = self.inner.changed.subscribe();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                changed.mark_unchanged();
                if let Some(found) = look(&self.state()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        });
        found.await.unwrap_or_else(|_| {
            let state = self.state();
            let calls: Vec<String> = state
                .calls
                .iter()
                .rev()
                .take(12)
                .map(|call| format!("{} {} {}", call.method, call.path, call.status))
                .collect();
            panic!("did not come: {what}\nmessages: {:#?}\nlast calls: {calls:#?}", state.messages)
        })
    }

    /// The bot has signed in and heard of the guild.
    pub(crate) async fn until_ready(&self) {
        self.until("the bot signs in", |state| state.line.as_ref().map(drop)).await;
    }

    /// How many calls there were to paths that begin so.
    pub(crate) fn calls(&self, method: &str, prefix: &str) -> Vec<Call> {
        let state = self.state();
        let ours = state.calls.iter().filter(|call| call.method == method && call.path.starts_with(prefix));
        ours.cloned().collect()
    }

    /// The next calls to paths that begin so are answered with 429.
    pub(crate) fn limit(&self, prefix: &str, times: usize, retry_after: f64, global: bool) {
        let prefix = prefix.to_owned();
        self.change(|state| state.limits.push(Limit { prefix, times, retry_after, global }));
    }

    pub(crate) fn forbid_content(&self) {
        self.change(|state| state.allows_content = false);
    }

    pub(crate) fn delete_message(&self, id: u64) {
        self.change(|state| state.messages.remove(&id));
    }
}

impl Inner {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.send_replace(());
        changed
    }
}

impl State {
    /// What stands as the answer to an interaction.
    #[allow(dead_code)] // not every test binary asks
    pub(crate) fn message_of(&self, asked: &Asked) -> Option<&Shown> {
        self.messages.get(&self.interactions[&asked.id].message?)
    }

    fn new() -> Self {
        Self {
            next_id: 500_000_000_000_000_000,
            commands: Value::Null,
            messages: BTreeMap::new(),
            calls: Vec::new(),
            connects: 0,
            identifies: 0,
            resumes: 0,
            heartbeats: 0,
            intents: 0,
            voice: BTreeMap::new(),
            shy: Vec::new(),
            nonces: HashMap::new(),
            roles: BTreeMap::new(),
            interactions: HashMap::new(),
            sessions: HashMap::new(),
            line: None,
            limits: Vec::new(),
            acknowledges: true,
            allows_content: true,
            heartbeat: Duration::from_secs(40),
            slams: None,
            sign_ins_left: 1000,
        }
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}
