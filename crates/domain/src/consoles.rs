//! Consoles: a person's way to the terminal or the screen of an instance, for a while. How many there may be, when one
//! ends and how that is told, and what a client says beside the bytes that it types.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, ConsoleId, InstanceId, KeyId, LeaseId, ProjectId, SessionId, UserId};
use crate::names::NodeName;
use crate::time::Timestamp;

words! {
    /// What a console shows.
    pub enum Kind as "ConsoleKind" {
        /// A terminal: bytes of text.
        Text = "text",
        /// A screen: the RFB protocol.
        Graphics = "graphics",
    }
}

words! {
    /// Why a console ended, or did not open.
    pub enum Ending as "ConsoleEnding" {
        /// The client closed it.
        Closed = "closed",
        /// The server stops.
        ServerStops = "server_stops",
        /// The instance stopped, or its terminal was closed on its side.
        Ended = "ended",
        /// Its user may no longer use it.
        NotAllowed = "not_allowed",
        /// Something stands against the project.
        Restricted = "restricted",
        /// The instance was deleted, or is about to be.
        Deleted = "deleted",
        /// Nothing was typed for too long.
        Idle = "idle",
        /// It was open for as long as a console may be.
        TimeIsUp = "time_is_up",
        /// The client does not take what is shown, or did not greet, in time.
        ClientTooSlow = "client_too_slow",
        /// The instance does not take what is typed.
        GuestTooSlow = "guest_too_slow",
        /// The client sent more at once than is taken.
        MessageTooLarge = "message_too_large",
        /// The client sent what is not understood.
        BadMessage = "bad_message",
        /// The node cannot be reached.
        NodeUnreachable = "node_unreachable",
        /// Nobody answered where the console should be.
        NoAnswer = "no_answer",
        /// The instance does not run.
        Stopped = "stopped",
        /// The instance has no display.
        NoDisplay = "no_display",
        /// The instance has no serial port.
        NoSerialPort = "no_serial_port",
        /// There are as many consoles as there may be.
        TooManyConsoles = "too_many_consoles",
        /// The host offers no text consoles yet.
        TextUnsupported = "text_unsupported",
        /// The guest is not, or not certainly, the instance's.
        Missing = "missing",
        /// What goes wrong on our side.
        Internal = "internal",
    }
}

impl Ending {
    /// The code of the WebSocket's closing frame; those from 4000 on are our own.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Closed => 1000,
            Self::ServerStops => 1001,
            Self::Ended => 4000,
            Self::NotAllowed => 4001,
            Self::Restricted => 4002,
            Self::Deleted => 4003,
            Self::Idle => 4004,
            Self::TimeIsUp => 4005,
            Self::ClientTooSlow => 4006,
            Self::GuestTooSlow => 4007,
            Self::MessageTooLarge => 4008,
            Self::BadMessage => 4009,
            Self::NodeUnreachable => 4010,
            Self::NoAnswer => 4011,
            Self::Stopped => 4012,
            Self::NoDisplay => 4013,
            Self::NoSerialPort => 4014,
            Self::TooManyConsoles => 4015,
            Self::TextUnsupported => 4016,
            Self::Missing => 4017,
            Self::Internal => 4500,
        }
    }

    /// For people: what happened, and what to do.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Closed => "closed by you",
            Self::ServerStops => "the server stops; try again in a moment",
            Self::Ended => "the instance stopped, or ended its console",
            Self::NotAllowed => "you may no longer use this console",
            Self::Restricted => "something stands against the project",
            Self::Deleted => "the instance is deleted",
            Self::Idle => "nothing was typed for too long",
            Self::TimeIsUp => "it was open for as long as a console may be",
            Self::ClientTooSlow => "what was shown was not taken in time",
            Self::GuestTooSlow => "the instance takes no input",
            Self::MessageTooLarge => "a message was too large",
            Self::BadMessage => "a message was not understood",
            Self::NodeUnreachable => "where it runs cannot be reached",
            Self::NoAnswer => "it did not answer in time; try again",
            Self::Stopped => "the instance does not run; start it",
            Self::NoDisplay => "it has no display; use the text console",
            Self::NoSerialPort => "it has no serial port; use graphics",
            Self::TooManyConsoles => "too many are open; close one",
            Self::TextUnsupported => "its host has no text console; use graphics",
            Self::Missing => "it is not as it should be; tell an operator",
            Self::Internal => "something went wrong on our side",
        }
    }

    /// The reason in the closing frame: the word, and the same for people.
    pub fn reason(self) -> String {
        format!("{self}: {}", self.message())
    }
}

/// How many consoles there may be at once, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one user.
    pub per_user: u32,
    /// To guests of one node.
    pub per_node: u32,
    /// In the whole house.
    pub in_house: u32,
    /// Bytes that a client may send at once.
    pub message_bytes: usize,
    /// How long one stays open in which nothing is typed.
    pub idle: Duration,
    /// How long one stays open.
    pub total: Duration,
    /// How often it is asked anew whether its user may use it.
    pub ask_again: Duration,
    /// How long a console may take to open, and each side to take what is sent to it.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user: 10,
            per_node: 20,
            in_house: 500,
            message_bytes: 64 * 1024,
            idle: Duration::from_mins(15),
            total: Duration::from_hours(8),
            ask_again: Duration::from_mins(1),
            patience: Duration::from_secs(20),
        }
    }
}

/// How many consoles are open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Of the user.
    pub of_user: u64,
    /// To guests of the node.
    pub of_node: u64,
    /// In the whole house.
    pub in_house: u64,
}

words! {
    /// Of what there are as many consoles as there may be.
    pub enum Full {
        /// Of the user.
        User = "user",
        /// Of the node.
        Node = "node",
        /// In the house.
        House = "house",
    }
}

impl Full {
    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::User => "you have as many consoles open as you may; close one first",
            Self::Node | Self::House => {
                "too many consoles are open at the moment; try again in a few minutes"
            }
        }
    }
}

impl Limits {
    /// Whether one more may be opened.
    pub fn admit(&self, open: Count) -> Result<(), Full> {
        if open.of_user >= u64::from(self.per_user) {
            return Err(Full::User);
        }
        if open.of_node >= u64::from(self.per_node) {
            return Err(Full::Node);
        }
        if open.in_house >= u64::from(self.in_house) {
            return Err(Full::House);
        }
        Ok(())
    }

    /// How long an open console counts without a sign of life: whoever relays it tells every [`ask_again`](Self::ask_again).
    pub fn believed_for(&self) -> Duration {
        self.ask_again * 3 + self.patience
    }
}

/// By what its user proved who they are: as long as that stands, so may the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By a session.
    Session(SessionId),
    /// By a key.
    Key(KeyId),
    /// By a session in which an administrator acts for them.
    Impersonation(SessionId),
    /// By holding the lease of the instance.
    Lease(LeaseId),
}

/// What a ticket for a console says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// The console that it opens.
    pub console_id: ConsoleId,
    /// Of which instance.
    pub instance_id: InstanceId,
    /// What it shows.
    pub kind: Kind,
    /// By what its user proved who they are.
    pub way: Way,
}

/// A console that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Identity.
    pub id: ConsoleId,
    /// Whose it is; none for whoever holds the lease of the instance.
    pub user_id: Option<UserId>,
    /// Whose the instance is.
    pub project_id: ProjectId,
    /// What it leads to.
    pub instance_id: InstanceId,
    /// Where that is.
    pub cluster_id: ClusterId,
    /// On which node.
    pub node: NodeName,
    /// What it shows.
    pub kind: Kind,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When whoever relays it last said so.
    pub seen_at: Timestamp,
    /// Bytes from the client until then.
    pub bytes_in: u64,
    /// Bytes to the client until then.
    pub bytes_out: u64,
}

/// What a client says beside the bytes that it types: a text message, in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Control {
    /// The size of its window, in characters.
    Resize(Window),
}

/// The size of a terminal's window, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Characters in a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// The largest window that anybody has.
const LARGEST_WINDOW: u16 = 1000;

/// The longest of these messages.
const LONGEST_CONTROL: usize = 200;

impl Control {
    /// Reads what a client says; none when it makes no sense.
    pub fn read(text: &str) -> Option<Self> {
        let Self::Resize(window) =
            serde_json::from_str(text).ok().filter(|_| text.len() <= LONGEST_CONTROL)?;
        let good = 1..=LARGEST_WINDOW;
        (good.contains(&window.columns) && good.contains(&window.rows)).then_some(Self::Resize(window))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_ending_has_a_code_of_its_own_and_fits_into_a_closing_frame() {
        let codes: BTreeSet<u16> = Ending::ALL.iter().map(|ending| ending.close_code()).collect();
        assert_eq!(codes.len(), Ending::ALL.len());
        for &ending in Ending::ALL {
            // RFC 6455: a control frame holds 125 bytes, two of which are the code.
            assert!(ending.reason().len() <= 123, "{ending}");
            assert!(matches!(ending.close_code(), 1000 | 1001 | 4000..=4999), "{ending}");
        }
    }

    #[test]
    fn each_limit_holds_by_itself() {
        let limits = Limits { per_user: 2, per_node: 3, in_house: 4, ..Limits::default() };
        let count = |of_user, of_node, in_house| Count { of_user, of_node, in_house };
        assert_eq!(limits.admit(count(1, 2, 3)), Ok(()));
        assert_eq!(limits.admit(count(2, 0, 2)), Err(Full::User));
        assert_eq!(limits.admit(count(0, 3, 3)), Err(Full::Node));
        assert_eq!(limits.admit(count(0, 0, 4)), Err(Full::House));
        assert!(limits.believed_for() > limits.ask_again * 2);
    }

    #[test]
    fn a_client_tells_the_size_of_its_window_and_nothing_else() {
        let size = Control::read(r#"{"resize":{"columns":120,"rows":40}}"#);
        assert_eq!(size, Some(Control::Resize(Window { columns: 120, rows: 40 })));
        for bad in [
            "",
            "{}",
            "resize",
            r#"{"resize":{"columns":0,"rows":40}}"#,
            r#"{"resize":{"columns":120}}"#,
            r#"{"resize":{"columns":120,"rows":-1}}"#,
            r#"{"resize":{"columns":120,"rows":1001}}"#,
            r#"{"resize":{"columns":120,"rows":40,"depth":1}}"#,
            r#"{"resize":{"columns":120,"rows":40},"run":"rm"}"#,
            r#"{"run":"rm"}"#,
        ] {
            assert_eq!(Control::read(bad), None, "{bad}");
        }
        let long = format!(r#"{{"resize":{{"columns":120,{}"rows":40}}}}"#, " ".repeat(LONGEST_CONTROL));
        assert_eq!(Control::read(&long), None);
    }
}
