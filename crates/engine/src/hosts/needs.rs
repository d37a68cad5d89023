//! What needs a host: each signal read and given its reason.

use std::collections::HashSet;
use std::time::Duration;

use innkeeper_domain::hosts::{Host, Presence, Reading, Resting, Signal, SignalKind, State};
use innkeeper_domain::instances::Instance;
use innkeeper_domain::operations::Verb;
use innkeeper_domain::time::Timestamp;
use innkeeper_store::{instances, leases, nodes, rests, voices};
use pve::{GuestKind, GuestRef, RunState, TaskFilter, TaskSource, Vmid};

use crate::connections::CallError;
use crate::{Engine, Error};

/// What was told of a voice channel counts for this long.
const VOICE_FRESH: Duration = Duration::from_secs(90);

/// How long we wait for Proxmox to say what runs.
const PATIENCE: Duration = Duration::from_secs(5);

/// What needs a host, and what sleeps with it.
pub(super) struct Needs {
    pub(super) signals: Vec<Signal>,
    pub(super) resting: Resting,
    /// Guests that are to be stopped for its sleep and still run, in their order.
    pub(super) to_stop: Vec<Sleeper>,
}

/// A guest that sleeps and wakes with its host.
#[derive(Clone, Debug)]
pub(super) struct Sleeper {
    pub(super) at: GuestRef,
    pub(super) instance: Option<Instance>,
}

/// What Proxmox says that runs on the node.
struct Running {
    guests: Vec<(GuestRef, Option<String>)>,
    /// Tasks that do something else than stop a guest, by type.
    tasks: Vec<String>,
    /// Tasks of any kind.
    any_task: bool,
}

impl Engine {
    /// Reads everything that may need a host.
    pub(super) async fn needs(&self, host: &Host, presence: Presence) -> Result<Needs, Error> {
        let now = self.clock().now();
        let ours = instances::on_node(self.db(), host.cluster_id, &host.node).await?;
        let leased: HashSet<_> =
            leases::on_node(self.db(), host.cluster_id, &host.node).await?.into_iter().collect();
        let sleepers = self.sleepers(host).await?;
        let serves = presence == Presence::Serves;
        let running = if serves { Some(self.running(host).await) } else { None };

        let mut signals = asked(host, now);
        let mut needy = Vec::new();
        let mut needy_leases = Vec::new();
        for instance in &ours {
            if let Some(reason) = need(instance, host.course.state, &sleepers, running.as_ref()) {
                if leased.contains(&instance.id) { &mut needy_leases } else { &mut needy }.push(reason);
            }
        }
        signals.push(counted(SignalKind::Instances, &needy, "no instance runs or is to run"));
        signals.push(counted(SignalKind::Leases, &needy_leases, "no lease runs or is to run"));

        let stopped = !rests::of(self.db(), host.id).await?.is_empty();
        let mut resting = Resting { running: false, tasks: false, stopped };
        let mut to_stop = Vec::new();
        match &running {
            Some(Ok(running)) => {
                let numbers: HashSet<u32> = ours.iter().map(|instance| instance.vmid).collect();
                let foreign: Vec<String> = running
                    .guests
                    .iter()
                    .filter(|(at, _)| !numbers.contains(&at.vmid.get()) && !sleepers.contains(&at.vmid.get()))
                    .map(|(at, name)| match name {
                        Some(name) => format!("guest {} ({name}) runs and is not ours", at.vmid),
                        None => format!("guest {} runs and is not ours", at.vmid),
                    })
                    .collect();
                signals.push(counted(SignalKind::Guests, &foreign, "no guest of others runs"));
                let tasks: Vec<String> =
                    running.tasks.iter().map(|kind| format!("a task of Proxmox runs ({kind})")).collect();
                signals.push(counted(SignalKind::Tasks, &tasks, "no task of Proxmox runs"));
                resting.tasks = running.any_task;
                for vmid in &sleepers {
                    let Some((at, _)) = running.guests.iter().find(|(at, _)| at.vmid.get() == *vmid) else {
                        continue;
                    };
                    let instance = ours.iter().find(|instance| instance.vmid == *vmid).cloned();
                    to_stop.push(Sleeper { at: at.clone(), instance });
                }
                resting.running = !to_stop.is_empty();
            }
            Some(Err(problem)) => {
                for kind in [SignalKind::Guests, SignalKind::Tasks] {
                    let reason = format!("Proxmox does not say what runs: {problem}");
                    signals.push(Signal::new(kind, Reading::Unreadable, reason));
                }
            }
            None => {}
        }
        if serves {
            signals.extend(self.node_signals(host).await?);
        }
        signals.extend(self.players(host, running.as_ref().and_then(|found| found.as_ref().ok())).await?);
        signals.extend(self.voices_of(host, now).await?);
        Ok(Needs { signals, resting, to_stop })
    }

    /// The numbers of the guests that sleep and wake with a host, in the order in which they are stopped.
    async fn sleepers(&self, host: &Host) -> Result<Vec<u32>, Error> {
        Ok(host.profile.may_stop.clone())
    }

    async fn running(&self, host: &Host) -> Result<Running, String> {
        match tokio::time::timeout(PATIENCE, self.ask_running(host)).await {
            Ok(found) => found,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn ask_running(&self, host: &Host) -> Result<Running, String> {
        let node = pve::NodeName::new(host.node.as_str()).map_err(|error| error.to_string())?;
        let connection = self.connection(host.cluster_id).await.map_err(|error| error.to_string())?;
        let said = |error: CallError| match error {
            CallError::Pve(error) => error.to_string(),
            CallError::Resting(_) => "the cluster did not answer lately".to_owned(),
        };
        let mut guests = Vec::new();
        for kind in [GuestKind::Lxc, GuestKind::Qemu] {
            let at = node.clone();
            let found = connection.probe(|client| async move { client.guests_on(&at, kind).await });
            for guest in found.await.map_err(said)? {
                if guest.status != RunState::Stopped {
                    let vmid = guest.vmid;
                    let at = match kind {
                        GuestKind::Lxc => GuestRef::lxc(node.clone(), vmid),
                        GuestKind::Qemu => GuestRef::qemu(node.clone(), vmid),
                    };
                    guests.push((at, guest.name));
                }
            }
        }
        let filter = TaskFilter { source: TaskSource::Active, limit: Some(100), ..TaskFilter::default() };
        let at = node.clone();
        let found = connection.probe(|client| async move { client.tasks(&at, &filter).await });
        let found = found.await.map_err(said)?;
        let under_way = found.into_iter().filter(|task| task.outcome.is_none() && task.endtime.is_none());
        let kinds: Vec<String> = under_way.map(|task| task.upid.kind().to_owned()).collect();
        let stops = ["vzshutdown", "vzstop", "qmshutdown", "qmstop"];
        let any_task = !kinds.is_empty();
        let tasks = kinds.into_iter().filter(|kind| !stops.contains(&kind.as_str())).collect();
        Ok(Running { guests, tasks, any_task })
    }

    /// Whether somebody works on the node, and whether the others of its cluster could go on without it: Proxmox VE
    /// refuses every change where less than a majority of the members is online.
    async fn node_signals(&self, host: &Host) -> Result<Vec<Signal>, Error> {
        let nodes = nodes::list(self.db(), Some(host.cluster_id)).await?;
        let mut signals = Vec::new();
        if nodes.iter().any(|node| node.name == host.node && node.maintenance) {
            let reason = "its node is in maintenance: somebody may be working on it";
            signals.push(Signal::new(SignalKind::Maintenance, Reading::Busy, reason));
        }
        let left = nodes.iter().filter(|node| node.online && node.name != host.node).count();
        let majority = nodes.len() / 2 + 1;
        if nodes.len() > 1 && left < majority && !host.profile.ignores_quorum {
            let reason = format!(
                "without it {left} of {} nodes would be online, and its cluster needs {majority}; its profile can say \
                 that this does not matter",
                nodes.len()
            );
            signals.push(Signal::new(SignalKind::Quorum, Reading::Busy, reason));
        }
        Ok(signals)
    }

    /// Who plays on the services of a host.
    async fn players(&self, _host: &Host, _running: Option<&Running>) -> Result<Vec<Signal>, Error> {
        Ok(Vec::new())
    }

    async fn voices_of(&self, host: &Host, now: Timestamp) -> Result<Vec<Signal>, Error> {
        if host.profile.voice_channels.is_empty() {
            return Ok(Vec::new());
        }
        let told = voices::list(self.db()).await?;
        let of = |channel: &String| {
            let voice = told.iter().find(|voice| voice.channel == *channel);
            let fresh = voice.filter(|voice| voice.readable && now <= voice.seen_at.after(VOICE_FRESH));
            match fresh {
                None => {
                    let reason =
                        format!("nobody says who is in voice channel {channel}; is the bot connected?");
                    Signal::new(SignalKind::Voice, Reading::Unreadable, reason)
                }
                Some(voice) if voice.members > 0 => {
                    let reason = format!("{} in voice channel {channel}", people(voice.members));
                    Signal::new(SignalKind::Voice, Reading::Busy, reason)
                }
                Some(_) => {
                    let reason = format!("nobody is in voice channel {channel}");
                    Signal::new(SignalKind::Voice, Reading::Quiet, reason)
                }
            }
        };
        Ok(host.profile.voice_channels.iter().map(of).collect())
    }
}

fn people(number: u32) -> String {
    if number == 1 { "one person is".to_owned() } else { format!("{number} people are") }
}

/// What people wished, and the hours of the host.
fn asked(host: &Host, now: Timestamp) -> Vec<Signal> {
    let asked = match &host.course.asked {
        Some(asked) => Signal::new(SignalKind::Asked, Reading::Busy, format!("{}: {}", asked.by, asked.why)),
        None => Signal::new(SignalKind::Asked, Reading::Quiet, "nobody asks for it"),
    };
    let kept = match host.course.awake_until {
        Some(until) if now < until => {
            Signal::new(SignalKind::KeepAwake, Reading::Busy, format!("kept awake until {until}"))
        }
        _ => Signal::new(SignalKind::KeepAwake, Reading::Quiet, "it is not kept awake"),
    };
    let mut signals = vec![asked, kept];
    if !host.profile.windows.is_empty() {
        signals.push(match host.profile.open_window(now) {
            Some(window) => {
                let reason = format!("its hours: until {} ({})", window.to, window.time_zone);
                Signal::new(SignalKind::Schedule, Reading::Busy, reason)
            }
            None => Signal::new(SignalKind::Schedule, Reading::Quiet, "it is outside its hours"),
        });
    }
    signals
}

/// Why an instance needs its host, if it does.
fn need(
    instance: &Instance,
    state: State,
    sleepers: &[u32],
    running: Option<&Result<Running, String>>,
) -> Option<String> {
    let name = &instance.name;
    if let Some((_, verb)) = instance.operation {
        // What is being stopped for the sleep of the host does not keep it awake.
        let stops = matches!(verb, Verb::Shutdown | Verb::Stop | Verb::Trash);
        let falls_asleep = matches!(state, State::Draining | State::ShuttingDown);
        return (!(stops && falls_asleep)).then(|| format!("an operation is under way for {name} ({verb})"));
    }
    if sleepers.contains(&instance.vmid) {
        return None;
    }
    let runs = match running {
        Some(Ok(running)) => running.guests.iter().any(|(at, _)| at.vmid.get() == instance.vmid),
        // Nobody can ask: what was seen last, when it ran, still holds.
        _ => instance.course.runs(),
    };
    runs.then(|| format!("instance {name} runs"))
}

/// One signal for all of a kind: how many there are, and the first of them.
fn counted(kind: SignalKind, reasons: &[String], quiet: &str) -> Signal {
    match reasons {
        [] => Signal::new(kind, Reading::Quiet, quiet),
        [one] => Signal::new(kind, Reading::Busy, one.as_str()),
        [first, rest @ ..] => Signal::new(kind, Reading::Busy, format!("{first}, and {} more", rest.len())),
    }
}

/// The number of a guest, as Proxmox's client has it.
pub(super) fn vmid(number: u32) -> Result<Vmid, Error> {
    Vmid::new(number).map_err(|error| Error::Internal(error.to_string()))
}
