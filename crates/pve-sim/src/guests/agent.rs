//! The QEMU guest agent: there when switched on, the machine runs and has booted.

use serde_json::{Value, json};

use super::{Guest, Kind, status};
use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome};
use crate::property;

/// A command run in a machine: what it said.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    exitcode: i32,
    out: String,
    err: String,
}

/// The machine, if its agent answers.
pub(crate) fn machine<'a>(call: &'a Call<'_>) -> Result<&'a Guest, ApiError> {
    let guest = call.guest(Kind::Qemu)?;
    if !guest.get("agent").is_some_and(status::has_agent) {
        return Err(ApiError::die("No QEMU guest agent configured"));
    }
    if !guest.is_running() {
        return Err(ApiError::die(format!("VM {} is not running", guest.vmid)));
    }
    if !call.world.has_booted(guest) {
        return Err(ApiError::die("QEMU guest agent is not running"));
    }
    Ok(guest)
}

fn result(value: Value) -> Outcome {
    Ok(json!({ "result": value }).into())
}

/// `POST agent/ping`, and commands that only succeed.
pub(crate) fn ping(call: &mut Call<'_>) -> Outcome {
    machine(call)?;
    result(json!({}))
}

/// `POST agent/set-user-password`. Machines here have no user but these.
pub(crate) fn set_password(call: &mut Call<'_>) -> Outcome {
    let vmid = machine(call)?.vmid;
    let (user, password) = (call.params.required("username"), call.params.required("password"));
    if !matches!(user, "root" | "debian") {
        return Err(ApiError::die("Agent error: child process has failed to set user password"));
    }
    let (user, password) = (user.to_owned(), password.to_owned());
    call.world.passwords_inside.insert((vmid, user), password);
    result(json!({}))
}

/// `GET agent/get-osinfo`.
pub(crate) fn osinfo(call: &mut Call<'_>) -> Outcome {
    machine(call)?;
    result(json!({
        "id": "debian", "name": "Debian GNU/Linux", "pretty-name": "Debian GNU/Linux 12 (bookworm)", "version": "12 (bookworm)",
        "version-id": "12", "kernel-release": "6.1.0-28-cloud-amd64", "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian",
        "machine": "x86_64",
    }))
}

/// `GET agent/get-host-name`.
pub(crate) fn host_name(call: &mut Call<'_>) -> Outcome {
    let name = machine(call)?.name();
    result(json!({ "host-name": name }))
}

/// `GET agent/get-time`, in nanoseconds.
pub(crate) fn time(call: &mut Call<'_>) -> Outcome {
    machine(call)?;
    result(json!(call.world.now() * 1000))
}

/// `GET agent/info`.
pub(crate) fn info(call: &mut Call<'_>) -> Outcome {
    machine(call)?;
    let commands =
        ["guest-ping", "guest-exec", "guest-exec-status", "guest-network-get-interfaces", "guest-get-osinfo"];
    let commands: Vec<Value> =
        commands.iter().map(|c| json!({ "name": c, "enabled": true, "success-response": true })).collect();
    result(json!({ "version": "7.2.15", "supported_commands": commands }))
}

/// `GET agent/get-fsinfo`.
pub(crate) fn fsinfo(call: &mut Call<'_>) -> Outcome {
    let size = machine(call)?.disk_size();
    result(
        json!([{ "name": "sda1", "mountpoint": "/", "type": "ext4", "total-bytes": size, "used-bytes": size / 5, "disk": [] }]),
    )
}

/// `GET agent/network-get-interfaces`: addresses of cloud-init, or of DHCP.
pub(crate) fn interfaces(call: &mut Call<'_>) -> Outcome {
    let guest = machine(call)?;
    let address = |ip: &str, kind: &str, prefix: u64| json!({ "ip-address": ip, "ip-address-type": kind, "prefix": prefix });
    let mut rows = vec![json!({
        "name": "lo", "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [address("127.0.0.1", "ipv4", 8), address("::1", "ipv6", 128)],
        "statistics": traffic(0),
    })];
    let seconds = guest.run.as_ref().map_or(0, |r| call.world.now().saturating_sub(r.started_at) / SECOND);
    for (at, (option, value)) in guest.config.iter().filter(|(k, _)| super::config::is_net(k)).enumerate() {
        let mac =
            property::loose(value).into_values().find(|v| v.matches(':').count() == 5).unwrap_or_default();
        let mac = mac.to_lowercase();
        let number = option.trim_start_matches("net");
        let wanted = property::loose(guest.get(&format!("ipconfig{number}")).unwrap_or("ip=dhcp"));
        let v4 = match wanted.get("ip").map(String::as_str) {
            Some("dhcp") | None => {
                guest.run.as_ref().and_then(|r| r.lease).filter(|_| at == 0).map(|a| format!("{a}/10"))
            }
            Some(fixed) => Some(fixed.to_owned()),
        };
        let v4 = v4
            .iter()
            .filter_map(|a| a.split_once('/'))
            .map(|(ip, prefix)| address(ip, "ipv4", prefix.parse().unwrap_or(24)));
        let local = status::link_local(&mac);
        let v6 = address(local.trim_end_matches("/64"), "ipv6", 64);
        rows.push(json!({
            "name": format!("ens{}", 18 + at), "hardware-address": mac,
            "ip-addresses": v4.chain([v6]).collect::<Vec<_>>(), "statistics": traffic(seconds),
        }));
    }
    result(Value::Array(rows))
}

fn traffic(seconds: u64) -> Value {
    json!({
        "rx-bytes": seconds * 70, "rx-packets": seconds, "rx-errs": 0, "rx-dropped": 0,
        "tx-bytes": seconds * 30, "tx-packets": seconds, "tx-errs": 0, "tx-dropped": 0,
    })
}

/// `POST agent/exec`: runs the command in the machine's live process; without one, the few commands a bare machine
/// here knows.
pub(crate) fn exec(call: &mut Call<'_>) -> Outcome {
    if call.world.desk.live.enabled() {
        return crate::backend::exec::exec(call);
    }
    let guest = machine(call)?;
    let (vmid, command) = (guest.vmid, call.params.array("command"));
    let input = call.params.text("input-data").unwrap_or_default();
    let done = run(guest, &command, input);
    let pid = 1000 + call.world.random() % 30_000;
    call.world.commands.insert((vmid, pid), done);
    Ok(json!({ "pid": pid }).into())
}

fn run(guest: &Guest, command: &[String], input: &str) -> Done {
    let done = |exitcode, out: String, err: &str| Done { exitcode, out, err: err.to_owned() };
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let program = words.first().map_or("", |p| p.rsplit('/').next().unwrap_or(p));
    match (program, words.get(1..).unwrap_or_default()) {
        ("true", _) => done(0, String::new(), ""),
        ("false", _) => done(1, String::new(), ""),
        ("echo", rest) => done(0, format!("{}\n", rest.join(" ")), ""),
        ("cat", []) => done(0, input.to_owned(), ""),
        ("hostname", []) => done(0, format!("{}\n", guest.name()), ""),
        ("id", []) => done(0, "uid=0(root) gid=0(root) groups=0(root)\n".into(), ""),
        ("uname", []) => done(0, "Linux\n".into(), ""),
        ("sh" | "bash", ["-c", script]) => {
            run(guest, &script.split_whitespace().map(str::to_owned).collect::<Vec<_>>(), input)
        }
        _ => done(127, String::new(), &format!("{program}: command not found\n")),
    }
}

/// `GET agent/exec-status`: the output can be read once.
pub(crate) fn exec_status(call: &mut Call<'_>) -> Outcome {
    if call.world.desk.live.enabled() {
        return crate::backend::exec::exec_status(call);
    }
    let vmid = machine(call)?.vmid;
    let pid = call.params.int("pid").unwrap_or_default().max(0) as u64;
    let Some(done) = call.world.commands.remove(&(vmid, pid)) else {
        return Err(ApiError::die(format!("Agent error: PID {pid} does not exist")));
    };
    let mut object = json!({ "exited": 1, "exitcode": done.exitcode });
    if !done.out.is_empty() {
        object["out-data"] = json!(done.out);
    }
    if !done.err.is_empty() {
        object["err-data"] = json!(done.err);
    }
    Ok(object.into())
}
