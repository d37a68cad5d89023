//! What the house shows and tells.

use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;

/// A host as its people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Key for deeds.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: HostState,
    /// Why, in the caller's language: which signal keeps it busy, what failed.
    pub detail: Option<String>,
    /// When a countdown puts it to sleep.
    pub sleeps_at: Option<Timestamp>,
}

/// What a host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the product")]
pub enum HostState {
    Off,
    Waking,
    Booting,
    Ready,
    Countdown,
    Draining,
    ShuttingDown,
    Maintenance,
    Unknown,
    Error,
}

/// A service as its people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Key for deeds.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The key of the host it needs.
    pub host: Option<String>,
    /// Whether it answers.
    pub state: ServiceState,
    /// Where people connect.
    pub address: Option<String>,
    /// Who plays; none when that cannot be read.
    pub players: Option<Players>,
}

/// Whether a service answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "plain words")]
pub enum ServiceState {
    Up,
    Starting,
    Down,
    Unknown,
}

/// Who plays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Players {
    /// How many.
    pub online: u32,
    /// At most.
    pub max: u32,
    /// Names, as many as the server says.
    pub names: Vec<String>,
}

/// An instance of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Key for deeds.
    pub key: String,
    /// Its name.
    pub name: String,
    /// What it does, in the caller's language.
    pub state: String,
}

/// What the caller has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Credits, written out in the caller's language.
    pub credits: String,
    /// How long they last, written out; none when nothing is spent.
    pub lasts: Option<String>,
}

/// Of which time a report tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "plain words")]
pub enum Period {
    Daily,
    Weekly,
}

/// What happened in a day or a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which.
    pub period: Period,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// How often hosts were woken.
    pub wakes: u32,
    /// How long hosts slept, in hours, of all hosts together.
    pub hours_slept: u32,
    /// How often services were restarted.
    pub restarts: u32,
    /// The most players at once.
    pub most_players: u32,
    /// What failed.
    pub failures: u32,
}

/// How somebody says who they are in the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// They are linked already.
    Linked {
        /// To whom.
        account: String,
    },
    /// They open this address, signed in.
    Open {
        /// Where; made for them alone.
        url: String,
        /// What they compare or type there.
        code: String,
        /// Until when it counts.
        until: Timestamp,
    },
}

/// What the live message shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Board {
    /// Hosts that everybody may see.
    pub hosts: Vec<Host>,
    /// Services that everybody may see.
    pub services: Vec<Service>,
}

/// Something to tell somebody, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Identity, at most 25 bytes count for Discord's own protection against doubles.
    pub id: String,
    /// Whom.
    pub to: Recipient,
    /// In which language.
    pub language: Language,
    /// What.
    pub matter: Matter,
}

/// Whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// Somebody, by direct message.
    User(u64),
    /// Everybody in a channel.
    Channel(u64),
}

/// What to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Something went wrong.
    Alert {
        /// Which kind: `alert.<kind>` is its text; `alert.other` where there is none.
        kind: String,
        /// What it is about: repetitions are counted by it.
        subject: String,
        /// More, from outside: it is escaped.
        detail: String,
        /// When the same was last told to the same person.
        last_told: Option<Timestamp>,
        /// How many of the same were held back since.
        held_back: u32,
    },
    /// A letter that somebody has chosen to be told here, as it is said: nothing of others' in it has an effect.
    Letter {
        /// What is said.
        text: String,
    },
    /// What happened in a day or a week.
    Report(Report),
}

/// What became of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// They have it.
    Delivered,
    /// The same was told too recently.
    HeldBack,
    /// They cannot be reached; never to be tried again.
    Undeliverable(String),
    /// Not now.
    Later(String),
}
