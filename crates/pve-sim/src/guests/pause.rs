//! Suspending, resuming and resetting guests.

use super::Kind;
use super::power::need_running_ct;
use crate::call::Call;
use crate::error::{ApiError, Outcome};
use crate::tasks::Job;

/// Checkpointing containers fails for want of criu, as on every stock server.
pub(crate) fn lxc_suspend(call: &mut Call<'_>) -> Outcome {
    need_running_ct(call)?;
    let vmid = call.params.vmid();
    let job = Job::on_guest("vzsuspend", vmid).effect(move |_, log| {
        log.say(format!(
            "lxc-checkpoint: {vmid}: ../src/lxc/criu.c: criu_version_ok: 767 No such file or directory - execing \
             criu failed, is it installed?"
        ));
        log.say(format!(
            "lxc-checkpoint: {vmid}: ../src/lxc/tools/lxc_checkpoint.c: checkpoint: 182 Checkpointing {vmid} failed"
        ));
        Err(format!("command 'lxc-checkpoint -n {vmid} -s -D /var/lib/vz/dump' failed: exit code 1"))
    });
    call.start(job)
}

pub(crate) fn lxc_resume(call: &mut Call<'_>) -> Outcome {
    let vmid = call.params.vmid();
    if call.guest(Kind::Lxc)?.is_running() {
        return Err(ApiError::die(format!("CT {vmid} already running")));
    }
    let job = Job::on_guest("vzresume", vmid).effect(move |_, _| {
        Err(format!(
            "command 'lxc-checkpoint -n {vmid} -r --foreground -D /var/lib/vz/dump' failed: exit code 1"
        ))
    });
    call.start(job)
}

pub(crate) fn qemu_suspend(call: &mut Call<'_>) -> Outcome {
    let vmid = need_running_vm(call)?;
    let node = call.node.clone();
    if !call.params.flag("todisk") {
        let job = Job::on_guest("qmpause", vmid)
            .begin(move |world, _| world.unlocked(&node, Kind::Qemu, vmid).map(|_| ()))
            .effect(move |world, _| {
                if let Some(run) = world.guests.get_mut(&vmid).and_then(|g| g.run.as_mut()) {
                    run.paused = true;
                }
                Ok(())
            });
        return call.start(job);
    }
    let job = Job::on_guest("qmsuspend", vmid)
        .begin(move |world, _| world.unlocked(&node, Kind::Qemu, vmid).map(|_| ()))
        .effect(move |world, _| {
            if let Some(guest) = world.guests.get_mut(&vmid) {
                guest.run = None;
                guest.config.insert("lock".into(), "suspended".into());
            }
            Ok(())
        });
    call.start(job)
}

pub(crate) fn qemu_resume(call: &mut Call<'_>) -> Outcome {
    let (node, vmid) = (call.node.clone(), call.params.vmid());
    if call.guest(Kind::Qemu)?.get("lock") == Some("suspended") {
        let job = Job::on_guest("qmresume", vmid)
            .effect(move |world, log| world.start_guest(&node, Kind::Qemu, vmid, true, log));
        return call.start(job);
    }
    need_running_vm(call)?;
    let job = Job::on_guest("qmresume", vmid).effect(move |world, _| {
        if let Some(run) = world.guests.get_mut(&vmid).and_then(|g| g.run.as_mut()) {
            run.paused = false;
        }
        Ok(())
    });
    call.start(job)
}

pub(crate) fn qemu_reset(call: &mut Call<'_>) -> Outcome {
    let vmid = need_running_vm(call)?;
    let job = Job::on_guest("qmreset", vmid).effect(move |world, _| {
        let (now, boot_id) = (world.now(), world.random());
        if let Some(run) = world.guests.get_mut(&vmid).and_then(|g| g.run.as_mut()) {
            (run.started_at, run.boot_id) = (now, boot_id);
        }
        Ok(())
    });
    call.start(job)
}

fn need_running_vm(call: &Call<'_>) -> Result<u32, ApiError> {
    let vmid = call.params.vmid();
    if call.guest(Kind::Qemu)?.is_running() {
        Ok(vmid)
    } else {
        Err(ApiError::die(format!("VM {vmid} not running")))
    }
}
