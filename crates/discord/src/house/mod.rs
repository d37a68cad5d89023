//! What the bot may ask of the house, in plain types. The bot has no rights of its own: every question names who asks,
//! and the house decides. What the house keeps (settings, messages of ours, what is to be told) is read at use, so that
//! a change counts at once and a restart forgets nothing.

mod deeds;
mod things;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use innkeeper_domain::mails::Language;

pub use deeds::{Ability, Begun, Deed, End, Power, Progress};
pub use things::{
    Balance, Board, Delivery, Host, HostState, Instance, Link, Matter, Notice, Period, Players, Recipient,
    Report, Service, ServiceState,
};

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
