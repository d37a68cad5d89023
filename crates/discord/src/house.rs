//! What the bot may ask of the house, in plain types. The bot has no rights of its own: every question names who asks,
//! and the house decides. What the house keeps (settings, messages of ours, what is to be told) is read at use, so that
//! a change counts at once and a restart forgets nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The house says no, in words for whoever asked, in their language.
    #[error("{message}")]
    Refused {
        /// A stable word, such as `forbidden` or `cooldown`.
        code: String,
        /// What is shown.
        message: String,
    },
    /// The house cannot be asked now; the words are for the log.
    #[error("the house cannot answer: {0}")]
    Unavailable(String),
}

/// What the house answers.
pub type Answer<T> = Result<T, Failure>;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Their account at Discord.
    pub discord_id: u64,
    /// The name they go by there.
    pub name: String,
    /// Their roles in the guild they ask from, as Discord says them with this very request.
    pub roles: Vec<u64>,
    /// The guild; none in a direct message.
    pub guild: Option<u64>,
    /// In which language they are answered.
    pub language: Language,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ability {
    /// See hosts, services and players.
    See,
    /// Wake hosts.
    Wake,
    /// Put hosts to sleep.
    Sleep,
    /// Keep hosts awake, and cancel a countdown.
    KeepAwake,
    /// Restart services.
    Restart,
    /// Start and stop their own instances.
    Power,
    /// Set hosts aside for maintenance.
    Maintain,
    /// Read reports.
    Report,
}

impl Ability {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::See,
        Self::Wake,
        Self::Sleep,
        Self::KeepAwake,
        Self::Restart,
        Self::Power,
        Self::Maintain,
        Self::Report,
    ];

    /// The word in settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::Wake => "wake",
            Self::Sleep => "sleep",
            Self::KeepAwake => "keep_awake",
            Self::Restart => "restart",
            Self::Power => "power",
            Self::Maintain => "maintain",
            Self::Report => "report",
        }
    }

    /// The ability of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ability| ability.as_str() == word)
    }
}

/// Something that can be asked to be done. Keys are the house's ids, at most 44 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Wake a host.
    Wake {
        /// Its key.
        host: String,
    },
    /// Put a host to sleep.
    Sleep {
        /// Its key.
        host: String,
    },
    /// End a host's countdown to sleep.
    CancelSleep {
        /// Its key.
        host: String,
    },
    /// Let a host not sleep for so many hours.
    KeepAwake {
        /// Its key.
        host: String,
        /// How long from now.
        hours: u8,
    },
    /// Set a host aside, or take it back.
    Maintenance {
        /// Its key.
        host: String,
        /// Aside, or back.
        on: bool,
    },
    /// Announce, save, restart, and wait until it is ready.
    RestartService {
        /// Its key.
        service: String,
    },
    /// Power of an instance.
    Power {
        /// Its key.
        instance: String,
        /// Which way.
        power: Power,
    },
}

/// Power of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// On.
    Start,
    /// Off, gracefully first.
    Stop,
    /// Off and on.
    Restart,
}

impl Deed {
    /// What one must be able to do.
    pub const fn ability(&self) -> Ability {
        match self {
            Self::Wake { .. } => Ability::Wake,
            Self::Sleep { .. } => Ability::Sleep,
            Self::CancelSleep { .. } | Self::KeepAwake { .. } => Ability::KeepAwake,
            Self::Maintenance { .. } => Ability::Maintain,
            Self::RestartService { .. } => Ability::Restart,
            Self::Power { .. } => Ability::Power,
        }
    }

    /// Whether somebody can lose something by it, so that it is asked once more.
    pub const fn is_dangerous(&self) -> bool {
        match self {
            Self::Sleep { .. } | Self::RestartService { .. } | Self::Maintenance { on: true, .. } => true,
            Self::Power { power, .. } => !matches!(power, Power::Start),
            _ => false,
        }
    }

    /// The key of what it is done to.
    pub fn target(&self) -> &str {
        match self {
            Self::Wake { host }
            | Self::Sleep { host }
            | Self::CancelSleep { host }
            | Self::KeepAwake { host, .. }
            | Self::Maintenance { host, .. } => host,
            Self::RestartService { service } => service,
            Self::Power { instance, .. } => instance,
        }
    }

    /// The word in keys of texts: `ask.restart`, `done.restart`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Wake { .. } => "wake",
            Self::Sleep { .. } => "sleep",
            Self::CancelSleep { .. } => "cancel",
            Self::KeepAwake { .. } => "keep",
            Self::Maintenance { on: true, .. } => "maintenance_on",
            Self::Maintenance { on: false, .. } => "maintenance_off",
            Self::RestartService { .. } | Self::Power { power: Power::Restart, .. } => "restart",
            Self::Power { power: Power::Start, .. } => "start",
            Self::Power { power: Power::Stop, .. } => "stop",
        }
    }
}

/// What became of asking for a deed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is done.
    Done,
    /// There was nothing to do: it is so already.
    Already,
    /// It is under way.
    Operation(String),
}

/// How far an operation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Grows with every change.
    pub version: u64,
    /// What is being done, in the caller's language.
    pub step: String,
    /// How it ended, when it has.
    pub end: Option<End>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As asked, after so many seconds.
    Done {
        /// From asking to being ready.
        seconds: u64,
    },
    /// Not.
    Failed {
        /// Why, in the caller's language.
        message: String,
    },
}

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

/// What the operator set, read at use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The language where nobody's is known.
    pub language: Language,
    /// Texts in place of ours.
    pub texts: Vec<(String, Language, String)>,
    /// What roles may do.
    pub roles: BTreeMap<u64, BTreeSet<Ability>>,
    /// What everybody may do.
    pub everyone: BTreeSet<Ability>,
    /// Where the live message stands, and in which language.
    pub board_channels: BTreeMap<u64, Language>,
    /// Where commands count; everywhere when empty.
    pub command_channels: BTreeSet<u64>,
    /// Whose members count as somebody being there.
    pub voice_channels: BTreeSet<u64>,
    /// How long the same alert is not told again, by kind; an hour where none is given.
    pub repeat_after: BTreeMap<String, Duration>,
}

impl Settings {
    /// What these roles may do. The house joins it with what a linked account may do.
    pub fn granted(&self, roles: &[u64]) -> BTreeSet<Ability> {
        let of_roles = roles.iter().filter_map(|role| self.roles.get(role)).flatten();
        self.everyone.iter().chain(of_roles).copied().collect()
    }
}

/// The house, as far as the bot goes.
pub trait House: Send + Sync + 'static {
    /// What the operator set.
    fn settings(&self) -> impl Future<Output = Answer<Settings>> + Send;
    /// What somebody may do now.
    fn abilities(&self, caller: &Caller) -> impl Future<Output = Answer<BTreeSet<Ability>>> + Send;
    /// The hosts that they may see.
    fn hosts(&self, caller: &Caller) -> impl Future<Output = Answer<Vec<Host>>> + Send;
    /// The services that they may see.
    fn services(&self, caller: &Caller) -> impl Future<Output = Answer<Vec<Service>>> + Send;
    /// Their instances.
    fn instances(&self, caller: &Caller) -> impl Future<Output = Answer<Vec<Instance>>> + Send;
    /// Their credits.
    fn balance(&self, caller: &Caller) -> impl Future<Output = Answer<Balance>> + Send;
    /// What happened.
    fn report(&self, caller: &Caller, period: Period) -> impl Future<Output = Answer<Report>> + Send;
    /// Does it, or begins to: once per key, and the same answer for the same key.
    fn carry_out(
        &self,
        caller: &Caller,
        deed: &Deed,
        key: &str,
    ) -> impl Future<Output = Answer<Begun>> + Send;
    /// How far an operation is, as soon as that is newer than `seen` or after `patience`.
    fn progress(
        &self,
        caller: &Caller,
        operation: &str,
        seen: u64,
        patience: Duration,
    ) -> impl Future<Output = Answer<Progress>> + Send;
    /// Begins linking their account here to theirs at Discord.
    fn begin_link(&self, caller: &Caller) -> impl Future<Output = Answer<Link>> + Send;
    /// Ends the link; whether there was one.
    fn unlink(&self, caller: &Caller) -> impl Future<Output = Answer<bool>> + Send;
    /// Who is in a watched voice channel, bots aside. Said at every change, and again now and then.
    fn note_voice(&self, channel: u64, members: &[u64]) -> impl Future<Output = Answer<()>> + Send;
    /// Nobody knows who is in a channel until it is noted again; none means any channel.
    fn voice_lost(&self, channel: Option<u64>) -> impl Future<Output = Answer<()>> + Send;
    /// What everybody may see.
    fn board(&self, language: Language) -> impl Future<Output = Answer<Board>> + Send;
    /// The live message of a channel.
    fn board_message(&self, channel: u64) -> impl Future<Output = Answer<Option<u64>>> + Send;
    /// Remembers it.
    fn keep_board_message(&self, channel: u64, message: u64) -> impl Future<Output = Answer<()>> + Send;
    /// What is to be told now. Whoever claims it has it for a minute.
    fn claim_notices(&self, most: usize) -> impl Future<Output = Answer<Vec<Notice>>> + Send;
    /// What became of it.
    fn settle_notice(&self, id: &str, delivery: Delivery) -> impl Future<Output = Answer<()>> + Send;
}
