//! Consoles over TLS and websockets, with a client library that is not the simulator's own.
#![allow(clippy::unwrap_used)]

mod house;
mod wire;

use std::time::Duration;

use house::{House, Socket, keys, next, read_until, say};
use pve_sim::GuestProcesses;
use tokio_tungstenite::tungstenite::Error;

/// The status of a handshake that must be refused, and its body.
fn refusal(outcome: Result<Socket, Error>) -> (u16, String) {
    match outcome {
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            (response.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the handshake was accepted"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_shell_answers_in_the_terminal() {
    let house = House::with(GuestProcesses::Auto).await;
    house.container(100).await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    say(&mut socket, "1:100:30:").await;
    keys(&mut socket, "echo answer=$((6*7))\n").await;
    read_until(&mut socket, "answer=42").await;
    // The size arrived at the terminal.
    keys(&mut socket, "stty size\n").await;
    read_until(&mut socket, "30 100").await;
    // A second viewer joins the same shell.
    let (mut second, _) = house.terminal("lxc/100").await;
    read_until(&mut second, "answer=42").await;
    keys(&mut socket, "echo shared$((1+1))\n").await;
    read_until(&mut second, "shared2").await;
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_process_works_everywhere() {
    let house = House::with(GuestProcesses::Process).await;
    house.container(100).await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    keys(&mut socket, "echo answer=$((6*7))\n").await;
    read_until(&mut socket, "answer=42").await;
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_the_guest_ends_its_console_and_its_shell() {
    let house = House::with(GuestProcesses::Auto).await;
    house.container(100).await;
    let (mut socket, opened) = house.terminal("lxc/100").await;
    assert_eq!(house.task(&opened.upid).await["status"], "running");
    keys(&mut socket, "echo before-the-stop-$((1+1))\n").await;
    read_until(&mut socket, "before-the-stop-2").await;
    house.done("POST", "/nodes/pve/lxc/100/status/stop", "").await;
    while next(&mut socket).await.is_some() {}
    assert_eq!(house.task(&opened.upid).await["exitstatus"], "OK");
    house.done("POST", "/nodes/pve/lxc/100/status/start", "").await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    keys(&mut socket, "echo new-boot-$((1+1))\n").await;
    let seen = read_until(&mut socket, "new-boot-2").await;
    assert!(!seen.contains("before-the-stop"), "the shell is a new one: {seen}");
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_arrives_whole() {
    const LENGTH: usize = 3_000_000;
    let house = House::with(GuestProcesses::Auto).await;
    house.container(100).await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    let flood = format!("head -c {LENGTH} /dev/zero | tr '\\0' '\\045'; echo; echo done-$((6*7))\n");
    keys(&mut socket, &flood).await;
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen[seen.len().saturating_sub(64)..]).contains("done-42") {
        seen.extend(next(&mut socket).await.expect("the terminal goes on"));
    }
    // Per cent signs, none of which was typed.
    assert_eq!(String::from_utf8_lossy(&seen).matches('%').count(), LENGTH);
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_processes_there_is_a_login_prompt() {
    let house = House::with(GuestProcesses::Off).await;
    house.container(100).await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    read_until(&mut socket, "ct100 login: ").await;
    say(&mut socket, "2").await;
    keys(&mut socket, "root\n").await;
    read_until(&mut socket, "Password: ").await;
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_good_for_one_port_one_guest_one_user_and_forty_seconds() {
    let house = House::with(GuestProcesses::Off).await;
    house.container(100).await;
    house.container(101).await;
    let opened = house.open("lxc/100", "termproxy", "").await;
    let message = "permission denied - invalid PVEVNC ticket";
    let (status, body) = refusal(house.connect("lxc/100", "5977", &opened.ticket).await);
    assert_eq!(status, 401);
    assert!(body.contains(message) || body.is_empty(), "{body}");
    assert_eq!(refusal(house.connect("lxc/101", &opened.port, &opened.ticket).await).0, 401);
    assert_eq!(refusal(house.connect("lxc/100", &opened.port, "PVEVNC:00000000::AAAA").await).0, 401);
    let (status, _) = refusal(house.connect("lxc/100", "80", &opened.ticket).await);
    assert_eq!(status, 400);
    house.clock.advance(Duration::from_secs(41));
    assert_eq!(refusal(house.connect("lxc/100", &opened.port, &opened.ticket).await).0, 401);
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_waits_ten_seconds_and_then_nobody_answers() {
    let house = House::with(GuestProcesses::Off).await;
    house.container(100).await;
    let opened = house.open("lxc/100", "termproxy", "").await;
    house.clock.advance(Duration::from_secs(11));
    let task = house.task(&opened.upid).await;
    assert_eq!(task["status"], "stopped");
    assert_ne!(task["exitstatus"], "OK");
    // The ticket is still good, but a real server leaves the handshake without any answer.
    let handshake = house.connect("lxc/100", &opened.port, &opened.ticket);
    assert!(tokio::time::timeout(Duration::from_millis(700), handshake).await.is_err());
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_first_line_and_a_stopped_guest_close_the_socket() {
    let house = House::with(GuestProcesses::Auto).await;
    house.container(100).await;
    let opened = house.open("lxc/100", "termproxy", "").await;
    let mut socket = house.connect("lxc/100", &opened.port, &opened.ticket).await.unwrap();
    say(&mut socket, "root@pam:PVEVNC:bad\n").await;
    assert_eq!(next(&mut socket).await, None);
    house.done("POST", "/nodes/pve/lxc/100/status/stop", "").await;
    let (mut socket, _) = house.terminal("lxc/100").await;
    assert_eq!(next(&mut socket).await, None);
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_agent_of_a_machine_runs_commands_in_its_live_process() {
    let house = House::with(GuestProcesses::Auto).await;
    house.done("POST", "/nodes/pve/qemu/9000/clone", "newid=200&name=vm200").await;
    house.done("POST", "/nodes/pve/qemu/200/status/start", "").await;
    let command =
        "command=sh&command=-c&command=read+line%3B+echo+got+%24line%3B+echo+oops+%3E%262%3B+exit+3";
    let started =
        house.done("POST", "/nodes/pve/qemu/200/agent/exec", &format!("{command}&input-data=hello")).await;
    let path = format!("/nodes/pve/qemu/200/agent/exec-status?pid={}", started["pid"]);
    let done = loop {
        let status = house.done("GET", &path, "").await;
        if status["exited"] == 1 {
            break status;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(done["exitcode"], 3);
    assert_eq!(done["out-data"], "got hello\n");
    assert_eq!(done["err-data"], "oops\n");
    // What has been told is forgotten, as the agent does.
    assert_eq!(house.call("GET", &path, "").await.status, 500);
    // Console and agent see the same machine.
    let mut socket = house.terminal("qemu/200").await.0;
    keys(&mut socket, "echo from-the-console > /tmp/note\n").await;
    keys(&mut socket, "echo written-$((1+1))\n").await;
    read_until(&mut socket, "written-2").await;
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_belongs_to_the_node_that_opened_it() {
    let mut house = House::of(&["pve", "pve2"], GuestProcesses::Off).await;
    house.container(100).await;
    house.enter_by("pve2");
    let opened = house.open("lxc/100", "termproxy", "").await;
    assert!(opened.upid.starts_with("UPID:pve2:"), "{}", opened.upid);
    // The guest's own node knows nothing of the port.
    house.enter_by("pve");
    let elsewhere = house.connect("lxc/100", &opened.port, &opened.ticket);
    assert!(tokio::time::timeout(Duration::from_millis(700), elsewhere).await.is_err());
    house.enter_by("pve2");
    let mut socket = house.connect("lxc/100", &opened.port, &opened.ticket).await.unwrap();
    say(&mut socket, format!("{}:{}\n", opened.user, opened.ticket)).await;
    read_until(&mut socket, "ct100 login: ").await;
    // Without an upgrade the call only tells the port.
    let path = format!("/nodes/pve/lxc/100/vncwebsocket?port=5900&vncticket={}", house::enc(&opened.ticket));
    assert_eq!(house.call("GET", &path, "").await.json()["data"]["port"], "5900");
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_a_serial_port_has_no_terminal() {
    let house = House::with(GuestProcesses::Off).await;
    house.done("POST", "/nodes/pve/qemu/9000/clone", "newid=200&name=vm200").await;
    house.done("PUT", "/nodes/pve/qemu/200/config", "delete=serial0,vga").await;
    house.done("POST", "/nodes/pve/qemu/200/status/start", "").await;
    let asked = house.call("POST", "/nodes/pve/qemu/200/termproxy", "serial=serial0").await;
    assert_eq!((asked.status, asked.reason.as_str()), (500, "interface 'serial0' is not configured"));
    let opened = house.open("qemu/200", "termproxy", "").await;
    let mut socket = house.connect("qemu/200", &opened.port, &opened.ticket).await.unwrap();
    say(&mut socket, format!("{}:{}\n", opened.user, opened.ticket)).await;
    assert_eq!(next(&mut socket).await, None, "no OK, only the end");
    // Its screen is there all the same.
    let opened = house.open("qemu/200", "vncproxy", "websocket=1").await;
    assert!(house.connect("qemu/200", &opened.port, &opened.ticket).await.is_ok());
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nodes_shell_asks_for_a_login() {
    let house = House::with(GuestProcesses::Auto).await;
    let opened = house.open("", "termproxy", "").await;
    assert!(opened.upid.contains(":vncshell::"), "{}", opened.upid);
    let mut socket = house.connect("", &opened.port, &opened.ticket).await.unwrap();
    say(&mut socket, format!("{}:{}\n", opened.user, opened.ticket)).await;
    read_until(&mut socket, "pve login: ").await;
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vnc_client_authenticates_sees_a_picture_and_types() {
    let house = House::with(GuestProcesses::Auto).await;
    house.container(100).await;
    let opened = house.open("lxc/100", "vncproxy", "websocket=1").await;
    assert_eq!(opened.password.len(), 8);
    assert!(opened.ticket.starts_with(&format!("{}:PVEVNC:", opened.password)));
    let socket = house.connect("lxc/100", &opened.port, &opened.ticket).await.unwrap();
    let mut rfb = Rfb { socket, waiting: Vec::new() };
    rfb.log_in(&opened.password).await.unwrap();
    let (width, height) = rfb.begin().await;
    assert!(width >= 640 && height >= 400);
    let first = rfb.picture(width, height, false).await;
    for key in "echo hi\r".chars() {
        rfb.key(if key == '\r' { 0xff0d } else { key as u32 }).await;
    }
    // What was typed and answered lights more pixels than before.
    let lit = |picture: &[u8]| picture.chunks(4).filter(|p| p[0] != 0).count();
    let mut now = first.clone();
    while lit(&now) <= lit(&first) {
        now = rfb.picture(width, height, true).await;
    }
    house.sim.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vnc_client_with_a_wrong_password_is_told_so() {
    let house = House::with(GuestProcesses::Off).await;
    house.container(100).await;
    let opened = house.open("lxc/100", "vncproxy", "websocket=1").await;
    let socket = house.connect("lxc/100", &opened.port, &opened.ticket).await.unwrap();
    let mut rfb = Rfb { socket, waiting: Vec::new() };
    assert_eq!(rfb.log_in("wrong").await.unwrap_err(), "Authentication failed");
    house.sim.shutdown().await;
}

/// A minimal VNC client.
struct Rfb {
    socket: Socket,
    waiting: Vec<u8>,
}

impl Rfb {
    async fn read(&mut self, count: usize) -> Vec<u8> {
        while self.waiting.len() < count {
            let bytes = next(&mut self.socket).await.expect("the server speaks RFB");
            self.waiting.extend(bytes);
        }
        self.waiting.drain(..count).collect()
    }

    async fn log_in(&mut self, password: &str) -> Result<(), String> {
        assert_eq!(self.read(12).await, b"RFB 003.008\n");
        say(&mut self.socket, "RFB 003.008\n").await;
        assert_eq!(self.read(2).await, [1, 2]);
        say(&mut self.socket, [2]).await;
        let challenge = self.read(16).await;
        say(&mut self.socket, vnc_response(password, &challenge)).await;
        if self.read(4).await == [0, 0, 0, 0] {
            return Ok(());
        }
        let length = self.read(4).await;
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        Err(String::from_utf8(self.read(length).await).unwrap())
    }

    async fn begin(&mut self) -> (u16, u16) {
        say(&mut self.socket, [1]).await;
        let head = self.read(24).await;
        let name = u32::from_be_bytes(head[20..24].try_into().unwrap()) as usize;
        assert_eq!(self.read(name).await, b"ct100");
        (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]))
    }

    async fn key(&mut self, symbol: u32) {
        for down in [1, 0] {
            let mut message = vec![4, down, 0, 0];
            message.extend(symbol.to_be_bytes());
            say(&mut self.socket, message).await;
        }
    }

    async fn picture(&mut self, width: u16, height: u16, incremental: bool) -> Vec<u8> {
        let mut request = vec![3, u8::from(incremental), 0, 0, 0, 0];
        request.extend(width.to_be_bytes());
        request.extend(height.to_be_bytes());
        say(&mut self.socket, request).await;
        assert_eq!(self.read(4).await, [0, 0, 0, 1], "an update with one rectangle");
        let rectangle = self.read(12).await;
        assert_eq!(rectangle[8..], [0; 4], "raw encoding");
        self.read(usize::from(width) * usize::from(height) * 4).await
    }
}

/// VNC's challenge response: DES with the bits of every key byte reversed.
fn vnc_response(password: &str, challenge: &[u8]) -> Vec<u8> {
    use des::cipher::{BlockCipherEncrypt, KeyInit};
    let mut key = [0_u8; 8];
    for (to, from) in key.iter_mut().zip(password.bytes()) {
        *to = from.reverse_bits();
    }
    let des = des::Des::new(&key.into());
    let mut out = Vec::new();
    for half in challenge.chunks(8) {
        let half: [u8; 8] = half.try_into().unwrap();
        let mut block = half.into();
        des.encrypt_block(&mut block);
        out.extend_from_slice(&block);
    }
    out
}
