//! The guests that are alive, each with its shell on a terminal shared by everybody who looks.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use super::{Backend, Room};

/// How much of what a terminal showed is kept for the next viewer, in bytes.
const KEPT: usize = 16 * 1024;

/// How long a shell may take to show its prompt.
const WAKES: Duration = Duration::from_secs(5);

/// How long a viewer may leave its terminal waiting.
const PATIENCE: Duration = Duration::from_secs(5);

/// The environment variable that marks a guest's processes.
const MARK: &str = "PVE_SIM_GUEST";

/// What a viewer does to a terminal.
#[derive(Debug)]
pub(crate) enum Input {
    /// Keys.
    Bytes(Vec<u8>),
    /// A new size: columns, rows.
    Size(u16, u16),
}

/// One guest's running shell.
pub(crate) struct Live {
    room: Room,
    pid: u32,
    input: mpsc::Sender<Input>,
    shown: Arc<Mutex<Shown>>,
    end: watch::Sender<bool>,
    /// Ends the guest's processes should the simulator be killed; it waits for this handle's pipe to close.
    _guardian: tokio::process::Child,
    _folder: tempfile::TempDir,
}

struct Shown {
    recent: VecDeque<u8>,
    viewers: Vec<mpsc::Sender<Bytes>>,
}

impl Live {
    /// What the terminal showed last, what it shows from now on, and where keys go.
    pub(crate) fn attach(&self) -> (Vec<u8>, mpsc::Receiver<Bytes>, mpsc::Sender<Input>) {
        let mut shown = lock(&self.shown);
        let (viewer, output) = mpsc::channel(64);
        if !self.ended() {
            shown.viewers.push(viewer);
        }
        (shown.recent.iter().copied().collect(), output, self.input.clone())
    }

    /// Until the shell has shown its prompt: before that its namespaces may be half made.
    async fn awake(&self) {
        let (recent, mut output, _) = self.attach();
        if recent.is_empty() {
            let _ = tokio::time::timeout(WAKES, output.recv()).await;
        }
    }

    fn ended(&self) -> bool {
        *self.end.borrow()
    }

    fn kill(&self) {
        self.end.send_replace(true);
        sweep(&self.room.mark);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a finished command left.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) out: Vec<u8>,
    pub(crate) err: Vec<u8>,
}

/// All live guests of one simulator. Dropping it ends every process.
pub(crate) struct LiveGuests {
    backend: Option<Arc<dyn Backend>>,
    running: Mutex<HashMap<String, Arc<Live>>>,
}

impl LiveGuests {
    pub(crate) fn new(backend: Option<Arc<dyn Backend>>) -> Self {
        Self { backend, running: Mutex::new(HashMap::new()) }
    }

    /// Whether guests run real processes at all.
    pub(crate) fn enabled(&self) -> bool {
        self.backend.is_some()
    }

    /// The guest's shell, started now if it does not run. `key` names the guest and its boot.
    pub(crate) fn enter(&self, key: &str, hostname: &str) -> io::Result<Arc<Live>> {
        let backend = self.backend.as_ref().ok_or_else(|| io::Error::other("guest processes are off"))?;
        let mut running = lock(&self.running);
        if let Some(live) = running.get(key).filter(|live| !live.ended()) {
            return Ok(live.clone());
        }
        let live = Arc::new(start(backend.as_ref(), hostname)?);
        running.insert(key.to_owned(), live.clone());
        Ok(live)
    }

    /// Runs `command` in the guest, feeding it `input`, and waits for its end.
    pub(crate) async fn run(&self, live: &Live, command: &[String], input: &[u8]) -> io::Result<Finished> {
        use std::os::unix::process::ExitStatusExt;
        let backend = self.backend.as_ref().ok_or_else(|| io::Error::other("guest processes are off"))?;
        live.awake().await;
        let line = backend.exec(&live.room, live.pid, command);
        let (program, arguments) = line.split_first().ok_or_else(|| io::Error::other("no command"))?;
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment(&live.room, backend.name()))
            .current_dir(backend.folder(&live.room))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input closes the pipe: that is its right.
            let _ = stdin.write_all(input).await;
        }
        let mut end = live.end.subscribe();
        let done = tokio::select! {
            done = child.wait_with_output() => done?,
            () = gone(&mut end) => return Err(io::Error::other("the guest ended")),
        };
        Ok(Finished {
            code: done.status.code(),
            signal: done.status.signal(),
            out: done.stdout,
            err: done.stderr,
        })
    }

    /// Ends every guest for which `stays` says no; answers whether any is left.
    pub(crate) fn keep(&self, stays: impl Fn(&str) -> bool) -> bool {
        let gone: Vec<Arc<Live>> = {
            let mut running = lock(&self.running);
            let keys: Vec<String> = running
                .iter()
                .filter(|(key, live)| live.ended() || !stays(key))
                .map(|(key, _)| key.clone())
                .collect();
            keys.iter().filter_map(|key| running.remove(key)).collect()
        };
        for live in gone {
            live.kill();
        }
        !lock(&self.running).is_empty()
    }

    /// Ends every guest.
    pub(crate) fn end_all(&self) {
        self.keep(|_| false);
    }
}

impl Drop for LiveGuests {
    fn drop(&mut self) {
        self.end_all();
    }
}

fn environment(room: &Room, backend: &str) -> Vec<(&'static str, String)> {
    let home = if backend == "bwrap" { "/root".to_owned() } else { room.root.to_string_lossy().into_owned() };
    vec![
        (MARK, room.mark.clone()),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".into()),
        ("HOME", home),
        ("TERM", "xterm-256color".into()),
        ("HOSTNAME", room.hostname.clone()),
        ("PS1", format!("root@{}:~# ", room.hostname)),
    ]
}

fn start(backend: &dyn Backend, hostname: &str) -> io::Result<Live> {
    let folder = tempfile::Builder::new().prefix("pve-sim-guest-").tempdir()?;
    let room = Room {
        hostname: hostname.to_owned(),
        root: folder.path().to_path_buf(),
        mark: uuid::Uuid::new_v4().to_string(),
    };
    backend.furnish(&room)?;
    let (pty, pts) = pty_process::open().map_err(io::Error::other)?;
    pty.resize(pty_process::Size::new(24, 80)).map_err(io::Error::other)?;
    let line = backend.shell(&room);
    let (program, arguments) = line.split_first().ok_or_else(|| io::Error::other("no shell"))?;
    let mut command = pty_process::Command::new(program).args(arguments).env_clear().kill_on_drop(true);
    for (name, value) in environment(&room, backend.name()) {
        command = command.env(name, value);
    }
    let child = command.current_dir(backend.folder(&room)).spawn(pts).map_err(io::Error::other)?;
    let guardian = guard(&room)?;
    let pid = child.id().unwrap_or(0);
    let (input, keys) = mpsc::channel(64);
    let shown = Arc::new(Mutex::new(Shown { recent: VecDeque::new(), viewers: Vec::new() }));
    let (end, ended) = watch::channel(false);
    tokio::spawn(pump(pty, child, keys, shown.clone(), end.clone(), ended));
    Ok(Live { room, pid, input, shown, end, _guardian: guardian, _folder: folder })
}

/// Moves bytes between the terminal and its viewers until either side ends.
async fn pump(
    mut pty: pty_process::Pty,
    mut child: tokio::process::Child,
    mut keys: mpsc::Receiver<Input>,
    shown: Arc<Mutex<Shown>>,
    end: watch::Sender<bool>,
    mut ended: watch::Receiver<bool>,
) {
    let mut buffer = vec![0_u8; 8 * 1024];
    loop {
        tokio::select! {
            got = pty.read(&mut buffer) => match got {
                // The kernel answers EIO once the last process has closed the terminal.
                Ok(0) | Err(_) => break,
                Ok(count) => tokio::select! {
                    () = show(&shown, &buffer[..count]) => {}
                    () = gone(&mut ended) => break,
                },
            },
            key = keys.recv() => match key {
                Some(Input::Bytes(bytes)) => if pty.write_all(&bytes).await.is_err() { break },
                Some(Input::Size(columns, rows)) => {
                    let _ = pty.resize(pty_process::Size::new(rows, columns));
                }
                None => break,
            },
            () = gone(&mut ended) => break,
        }
    }
    end.send_replace(true);
    let _ = child.start_kill();
    let _ = tokio::time::timeout(Duration::from_secs(5), child.wait()).await;
    // Whoever still looks learns that nothing more comes.
    lock(&shown).viewers.clear();
}

/// Until the guest has been told to end.
async fn gone(ended: &mut watch::Receiver<bool>) {
    // An error means that nobody can tell any more, which is an end as well.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Shows every viewer what the terminal said. A slow viewer slows the terminal down, as a slow line does; one that
/// does not read at all is given up.
async fn show(shown: &Mutex<Shown>, bytes: &[u8]) {
    let viewers = {
        let mut shown = lock(shown);
        shown.recent.extend(bytes);
        let surplus = shown.recent.len().saturating_sub(KEPT);
        shown.recent.drain(..surplus);
        shown.viewers.clone()
    };
    let bytes = Bytes::copy_from_slice(bytes);
    for viewer in viewers {
        if viewer.send_timeout(bytes.clone(), PATIENCE).await.is_err() {
            lock(shown).viewers.retain(|other| !other.same_channel(&viewer));
        }
    }
}

/// Starts the process that outlives a killed simulator for a moment. It reads a pipe that only the simulator
/// can write to and never does; at its end, however that came, it kills every process that carries the mark
/// and clears the guest's folder away.
fn guard(room: &Room) -> io::Result<tokio::process::Child> {
    const SCRIPT: &str = r#"
        cat > /dev/null
        for round in 1 2 3; do
            for file in $(grep -lF "$1" /proc/[0-9]*/environ 2> /dev/null); do
                process=${file#/proc/}
                kill -KILL "${process%/environ}"
            done
        done
        rm -rf -- "$2"
    "#;
    tokio::process::Command::new("/bin/sh")
        .args(["-c", SCRIPT, "guardian", &format!("{MARK}={}", room.mark)])
        .arg(&room.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

/// Kills every process that carries the mark, also those that left the shell's process group.
fn sweep(mark: &str) {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    // A killed process may have just forked: look again until none is found.
    for _ in 0..10 {
        let found = processes(mark);
        if found.is_empty() {
            return;
        }
        for pid in found {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// The processes that carry the mark.
fn processes(mark: &str) -> Vec<i32> {
    let wanted = format!("{MARK}={mark}");
    let all = std::fs::read_dir("/proc").into_iter().flatten();
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            std::fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|all| all.split(|b| *b == 0).any(|one| one == wanted.as_bytes()))
        })
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::backend::{GuestProcesses, bwrap, choose};

    fn houses() -> Vec<LiveGuests> {
        let mut kinds = vec![GuestProcesses::Process];
        if bwrap::works() {
            kinds.push(GuestProcesses::Bwrap);
        } else {
            println!("bubblewrap does not work here: only plain processes are tried");
        }
        kinds.into_iter().map(|kind| LiveGuests::new(choose(kind))).collect()
    }

    async fn read_until(output: &mut mpsc::Receiver<Bytes>, wanted: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            let next = tokio::time::timeout(Duration::from_secs(10), output.recv()).await;
            let bytes = next.unwrap_or_else(|_| panic!("{wanted:?} does not come, only {seen:?}"));
            seen += &String::from_utf8_lossy(&bytes.unwrap());
        }
        seen
    }

    #[tokio::test]
    async fn a_shell_calculates_and_all_viewers_see_it() {
        for house in houses() {
            let live = house.enter("100", "ct100").unwrap();
            let (_, mut output, input) = live.attach();
            input.send(Input::Bytes(b"echo answer=$((6*7))\n".to_vec())).await.unwrap();
            read_until(&mut output, "answer=42").await;
            let again = house.enter("100", "ct100").unwrap();
            let (recent, _, _) = again.attach();
            assert!(String::from_utf8_lossy(&recent).contains("answer=42"), "a second viewer sees the same");
        }
    }

    #[tokio::test]
    async fn a_command_has_its_exit_code_and_both_outputs() {
        for house in houses() {
            let live = house.enter("100", "ct100").unwrap();
            let script = "cat; echo err >&2; exit 7";
            let command = ["sh", "-c", script].map(str::to_owned);
            let done = house.run(&live, &command, b"given").await.unwrap();
            assert_eq!((done.code, done.signal), (Some(7), None));
            assert_eq!((done.out.as_slice(), done.err.as_slice()), (&b"given"[..], &b"err\n"[..]));
        }
    }

    #[tokio::test]
    async fn nothing_of_a_guest_outlives_it() {
        for house in houses() {
            let live = house.enter("100", "ct100").unwrap();
            let mark = live.room.mark.clone();
            let root = live.room.root.clone();
            let (_, mut output, input) = live.attach();
            // One that ignores the hang-up and leaves the session must go as well.
            let line = b"(trap '' HUP; setsid sleep 1000 &) ; echo started-$((1+1))\n".to_vec();
            input.send(Input::Bytes(line)).await.unwrap();
            read_until(&mut output, "started-2").await;
            drop((live, input));
            house.end_all();
            let before = Instant::now();
            while marked(&mark) > 0 {
                assert!(before.elapsed() < Duration::from_secs(5), "processes of the guest are left");
                tokio::task::yield_now().await;
            }
            assert!(!house.keep(|_| true));
            while root.exists() {
                assert!(before.elapsed() < Duration::from_secs(5), "its folder is left");
                tokio::task::yield_now().await;
            }
        }
    }

    fn marked(mark: &str) -> usize {
        processes(mark).len()
    }
}
