//! Commands run in a machine through its guest agent: started, then asked about.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::live::Finished;
use crate::call::Call;
use crate::consoles::enter;
use crate::error::{ApiError, Outcome};
use crate::guests::agent;

/// How much of each output the agent keeps, in bytes.
const KEPT: usize = 16 << 20;

/// What became of a command; `None` while it runs.
type Slot = Arc<Mutex<Option<Result<Finished, String>>>>;

/// The commands of one cluster's machines, by VMID, boot and process id.
#[derive(Default)]
pub(crate) struct Commands {
    slots: BTreeMap<(u32, u64, u64), Slot>,
    last: u64,
}

/// The running machine whose agent is asked: VMID, boot and host name.
fn machine(call: &Call<'_>) -> Result<(u32, u64, String), ApiError> {
    let guest = agent::machine(call)?;
    let boot = guest.run.as_ref().map_or(0, |run| run.boot_id);
    Ok((guest.vmid, boot, guest.name()))
}

/// `POST .../agent/exec`.
pub(crate) fn exec(call: &mut Call<'_>) -> Outcome {
    let (vmid, boot, name) = machine(call)?;
    let command = call.params.array("command");
    let input = call.params.text("input-data").unwrap_or_default().as_bytes().to_vec();
    let desk = &mut call.world.desk;
    let Some(look) = desk.look.clone() else { return Err(ApiError::die("QEMU guest agent is not running")) };
    let live = desk.live.clone();
    // Real process ids of a guest say nothing here; what counts is that they differ.
    desk.commands.last += 1;
    let pid = 1000 + desk.commands.last;
    desk.commands.slots.retain(|(other, at, _), _| *other != vmid || *at == boot);
    let slot = Slot::default();
    desk.commands.slots.insert((vmid, boot, pid), slot.clone());
    tokio::spawn(async move {
        let done = match enter(&live, vmid, boot, &name, &look) {
            Ok(guest) => live.run(&guest, &command, &input).await,
            Err(error) => Err(error),
        };
        let done = done.map_err(|error| error.to_string());
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    });
    Ok(json!({ "pid": pid }).into())
}

/// `GET .../agent/exec-status`. The answer after the end is given once, as the agent does.
pub(crate) fn exec_status(call: &mut Call<'_>) -> Outcome {
    let (vmid, boot, _) = machine(call)?;
    let pid: u64 = call.params.required("pid").parse().unwrap_or(0);
    let slots = &mut call.world.desk.commands.slots;
    let Some(slot) = slots.get(&(vmid, boot, pid)) else {
        return Err(ApiError::die(format!("Agent error: PID {pid} does not exist")));
    };
    let Some(done) = slot.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return Ok(json!({ "exited": 0 }).into());
    };
    slots.remove(&(vmid, boot, pid));
    match done {
        Ok(done) => Ok(finished(&done).into()),
        Err(text) => {
            Err(ApiError::die(format!("Agent error: Guest agent command failed, error was '{text}'")))
        }
    }
}

fn finished(done: &Finished) -> Value {
    let mut answer = json!({ "exited": 1 });
    if let Some(code) = done.code {
        answer["exitcode"] = json!(code);
    }
    if let Some(signal) = done.signal {
        answer["signal"] = json!(signal);
    }
    for (bytes, data, truncated) in
        [(&done.out, "out-data", "out-truncated"), (&done.err, "err-data", "err-truncated")]
    {
        if !bytes.is_empty() {
            let kept = &bytes[..bytes.len().min(KEPT)];
            answer[data] = json!(String::from_utf8_lossy(kept));
        }
        if bytes.len() > KEPT {
            answer[truncated] = json!(1);
        }
    }
    answer
}
