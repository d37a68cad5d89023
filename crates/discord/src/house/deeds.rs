//! What can be asked to be done, who may, and what becomes of it.

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
