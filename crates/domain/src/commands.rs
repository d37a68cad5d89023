//! Commands in instances: which ways lead into one and why others do not, what may be run, and how a command is written
//! for a shell.

use crate::instances::{Kind, State};
use crate::names::SshKey;

words! {
    /// The ways into an instance, in the order in which they are tried.
    pub enum By as "CommandBy" {
        /// The QEMU guest agent.
        Agent = "agent",
        /// SSH, with a key of ours that was put there when the instance was made.
        Ssh = "ssh",
        /// The host that the container runs on, where the operator has allowed it.
        Node = "node",
    }
}

words! {
    /// Why a way does not lead into an instance.
    pub enum Unable as "CommandUnable" {
        /// It does not run.
        NotRunning = "not_running",
        /// It is a container: only virtual machines have a guest agent.
        NoAgentInContainers = "no_agent_in_containers",
        /// The template is not known to come with a guest agent.
        NoAgent = "no_agent",
        /// Whoever asked for the instance wanted no key of ours in it.
        KeyDeclined = "key_declined",
        /// It was made before this house put keys into instances.
        KeyMissing = "key_missing",
        /// It has not reported an address that we could reach.
        NoAddress = "no_address",
        /// It is a virtual machine: only containers can be entered through their host.
        NotAContainer = "not_a_container",
        /// The operator has not allowed it.
        NotOffered = "not_offered",
    }
}

impl Unable {
    /// For people: what stands in the way.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotRunning => "the instance does not run; start it first",
            Self::NoAgentInContainers => "containers have no guest agent",
            Self::NoAgent => "the template of this instance comes without a guest agent",
            Self::KeyDeclined => "the instance was made without our key (`management_key: false`)",
            Self::KeyMissing => "the instance was made before this house put its keys into instances",
            Self::NoAddress => "the instance has not reported an address yet",
            Self::NotAContainer => "virtual machines cannot be entered through their host",
            Self::NotOffered => "this house does not enter containers through their hosts",
        }
    }
}

words! {
    /// Whether an instance has a key of ours.
    pub enum Management {
        /// It has.
        Present = "present",
        /// It was not wanted.
        Declined = "declined",
        /// It is older than such keys.
        Missing = "missing",
    }
}

/// One way into an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// Which.
    pub by: By,
    /// Why it does not lead there; none when it does, as far as can be told without trying.
    pub unable: Option<Unable>,
}

/// What is known of an instance that decides about the ways into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Container or virtual machine.
    pub kind: Kind,
    /// How it is.
    pub state: State,
    /// Its template comes with a guest agent.
    pub agent: bool,
    /// Whether it has a key of ours.
    pub management: Management,
    /// It has reported an address that can be reached.
    pub addressed: bool,
    /// The operator lets us enter containers on its node.
    pub node: bool,
}

/// The ways into an instance, the best first.
pub fn ways(known: Known) -> [Way; 3] {
    let runs = if known.state == State::Running { None } else { Some(Unable::NotRunning) };
    let agent = match known.kind {
        Kind::Lxc => Some(Unable::NoAgentInContainers),
        Kind::Qemu if !known.agent => Some(Unable::NoAgent),
        Kind::Qemu => runs,
    };
    let ssh = match known.management {
        Management::Declined => Some(Unable::KeyDeclined),
        Management::Missing => Some(Unable::KeyMissing),
        Management::Present => runs.or((!known.addressed).then_some(Unable::NoAddress)),
    };
    let node = match known.kind {
        Kind::Qemu => Some(Unable::NotAContainer),
        Kind::Lxc if !known.node => Some(Unable::NotOffered),
        Kind::Lxc => runs,
    };
    [
        Way { by: By::Agent, unable: agent },
        Way { by: By::Ssh, unable: ssh },
        Way { by: By::Node, unable: node },
    ]
}

/// The ways to try, the best first: all that are open, or the one that is asked for. When there is none, the reason that
/// one can do most about.
pub fn choose(ways: &[Way], asked: Option<By>) -> Result<Vec<By>, Unable> {
    let wanted = || ways.iter().filter(|way| asked.is_none_or(|by| by == way.by));
    let open: Vec<By> = wanted().filter(|way| way.unable.is_none()).map(|way| way.by).collect();
    if open.is_empty() {
        // In the order of their words, those that pass by themselves come first.
        let first = |reason: &Unable| match reason {
            Unable::NotRunning => 0,
            Unable::NoAddress => 1,
            Unable::KeyDeclined | Unable::KeyMissing => 2,
            _ => 3,
        };
        let reason = wanted().filter_map(|way| way.unable).min_by_key(first);
        return Err(reason.unwrap_or(Unable::NotOffered));
    }
    Ok(open)
}

/// The most that a command may be given to read, in bytes: what the guest agent takes.
pub const MOST_INPUT: usize = 64 * 1024;

/// The longest command, all its words together, in bytes.
pub const LONGEST: usize = 64 * 1024;

/// The most words.
pub const MOST_WORDS: usize = 256;

/// How much is kept of each output, in bytes.
pub const MOST_OUTPUT: usize = 1024 * 1024;

/// How long a command may run when nothing is said, in seconds.
pub const DEFAULT_SECONDS: u32 = 60;

/// How long a command may run at most, in seconds.
pub const MOST_SECONDS: u32 = 600;

/// What is to be run.
#[derive(Clone, PartialEq, Eq)]
pub enum Command {
    /// A program and its arguments; no shell reads them.
    Words(Vec<String>),
    /// A script for `/bin/sh`.
    Script(String),
}

// What it says may be a secret.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Command({})", self.program())
    }
}

impl Command {
    /// Whether it can be run; the error says why not.
    pub fn check(&self) -> Result<(), String> {
        let words = match self {
            Self::Words(words) => words.as_slice(),
            Self::Script(script) => std::slice::from_ref(script),
        };
        let long: usize = words.iter().map(|word| word.len() + 1).sum();
        if words.first().is_none_or(String::is_empty) {
            return Err("name a program, or give a script".to_owned());
        }
        if words.len() > MOST_WORDS || long > LONGEST {
            return Err(format!("give at most {MOST_WORDS} words and {} KiB", LONGEST / 1024));
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err("a command cannot contain the character NUL".to_owned());
        }
        Ok(())
    }

    /// The program, for the audit log: its name only, since all else may be a secret.
    pub fn program(&self) -> String {
        match self {
            Self::Words(words) => words.first().map_or("", String::as_str).chars().take(100).collect(),
            Self::Script(_) => "(script)".to_owned(),
        }
    }

    /// As words for a program that is started directly.
    pub fn words(&self) -> Vec<String> {
        match self {
            Self::Words(words) => words.clone(),
            Self::Script(script) => vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()],
        }
    }
}

/// The words as one text that a shell reads as exactly these words.
pub fn shell_text(words: &[String]) -> String {
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A text that a shell reads as exactly this word.
pub fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether this is the name of a user as systems of that kind have them.
pub fn check_user(name: &str) -> Result<(), &'static str> {
    let good = (1..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
    if good { Ok(()) } else { Err("use 1 to 32 lower-case letters, digits, hyphens and underscores") }
}

/// Whether this can be the password of a user in an instance.
pub fn check_password(password: &str) -> Result<(), &'static str> {
    let good =
        (8..=128).contains(&password.len()) && password.bytes().all(|b| b.is_ascii_graphic() || b == b' ');
    if good { Ok(()) } else { Err("use 8 to 128 printable ASCII characters") }
}

/// The comment on the public part of our key.
pub const KEY_COMMENT: &str = "innkeeper";

/// What `authorized_keys` is to be changed by, for the script that does it: lines that go (ours, from before), an empty
/// line, and the lines of our block. Our own key stays whatever else is asked for.
pub fn key_change(before: &[SshKey], after: &[SshKey]) -> String {
    let gone = before.iter().filter(|key| !after.contains(key)).map(SshKey::as_str);
    let lines = gone.chain([""]).chain(after.iter().map(SshKey::as_str));
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEST: Known = Known {
        kind: Kind::Qemu,
        state: State::Running,
        agent: true,
        management: Management::Present,
        addressed: true,
        node: true,
    };

    fn open(known: Known) -> Result<Vec<By>, Unable> {
        choose(&ways(known), None)
    }

    #[test]
    fn a_machine_is_entered_by_its_agent_and_a_container_by_ssh_then_through_its_node() {
        assert_eq!(open(BEST), Ok(vec![By::Agent, By::Ssh]));
        let container = Known { kind: Kind::Lxc, ..BEST };
        assert_eq!(open(container), Ok(vec![By::Ssh, By::Node]));
        assert_eq!(open(Known { management: Management::Missing, ..container }), Ok(vec![By::Node]));
        assert_eq!(choose(&ways(container), Some(By::Node)), Ok(vec![By::Node]));
        assert_eq!(choose(&ways(container), Some(By::Agent)), Err(Unable::NoAgentInContainers));
        assert_eq!(choose(&ways(BEST), Some(By::Node)), Err(Unable::NotAContainer));
    }

    #[test]
    fn what_stands_in_the_way_is_named_the_most_useful_first() {
        let container = Known { kind: Kind::Lxc, node: false, ..BEST };
        for (known, reason) in [
            (Known { state: State::Stopped, ..container }, Unable::NotRunning),
            (Known { addressed: false, ..container }, Unable::NoAddress),
            (Known { management: Management::Declined, ..container }, Unable::KeyDeclined),
            (Known { management: Management::Missing, ..container }, Unable::KeyMissing),
            (Known { agent: false, management: Management::Declined, ..BEST }, Unable::KeyDeclined),
        ] {
            assert_eq!(open(known), Err(reason), "{known:?}");
        }
        for &state in State::ALL {
            assert_eq!(open(Known { state, ..BEST }).is_ok(), state == State::Running, "{state}");
        }
    }

    #[test]
    fn commands_are_checked_and_tell_the_log_no_more_than_their_program() {
        let words = |words: &[&str]| Command::Words(words.iter().map(|word| (*word).to_owned()).collect());
        assert!(words(&["mysql", "-psecret"]).check().is_ok());
        assert_eq!(format!("{:?}", words(&["mysql", "-psecret"])), "Command(mysql)");
        assert_eq!(format!("{:?}", Command::Script("echo secret".into())), "Command((script))");
        let large = "x".repeat(LONGEST);
        for bad in [words(&[]), words(&[""]), words(&["a", "b\0"]), words(&["a", &large]), words(&["a"; 257])]
        {
            assert!(bad.check().is_err(), "{bad:?}");
        }
        assert!(Command::Script(String::new()).check().is_err());
    }

    #[test]
    fn users_and_passwords_are_checked() {
        for good in ["root", "debian", "_apt", "www-data", "a1"] {
            assert!(check_user(good).is_ok(), "{good}");
        }
        for bad in ["", "-r", "1a", "a b", "a;b", "Root", "a:b", "a\nb", "$x", &"a".repeat(33)] {
            assert!(check_user(bad).is_err(), "{bad}");
        }
        assert!(check_password("with: colon and spaces").is_ok());
        for bad in ["short", "line\nbreaks", "ünicodeünicode", &"a".repeat(129)] {
            assert!(check_password(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn keys_that_are_no_longer_listed_go_and_others_stay() {
        let key = |n: u8| -> SshKey {
            format!("ssh-ed25519 {} k{n}", char::from(b'A' + n).to_string().repeat(43)).parse().unwrap()
        };
        assert_eq!(
            key_change(&[key(1), key(2)], &[key(2), key(3)]),
            format!("{}\n\n{}\n{}\n", key(1), key(2), key(3))
        );
        assert_eq!(key_change(&[], &[]), "\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// The system's own `sh` reads what was written, to the byte.
        #[test]
        fn a_shell_reads_exactly_the_words_that_were_given(
            words in proptest::collection::vec("(?s)[^\0]{0,12}|[ '\"\\\\$`!*?\n;&|<>(){}#~=-]{0,12}", 1..6)
        ) {
            let line = format!("printf '%s\\0' {}", shell_text(&words));
            let said = std::process::Command::new("/bin/sh").arg("-c").arg(&line).output().unwrap();
            let mut expected = Vec::new();
            for word in &words {
                expected.extend_from_slice(word.as_bytes());
                expected.push(0);
            }
            prop_assert_eq!(said.stdout, expected, "{}", line);
        }
    }
}
