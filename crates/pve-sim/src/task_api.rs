//! `/nodes/{node}/tasks` and `/cluster/tasks`.

use serde_json::{Value, json};

use crate::call::Call;
use crate::error::{ApiError, Outcome, Reply, null};
use crate::tasks::{Task, is_upid};

/// The task in the path, if the caller may see it.
fn task<'a>(call: &'a Call<'_>) -> Result<&'a Task, ApiError> {
    let upid = call.params.required("upid");
    if !is_upid(upid) {
        return Err(ApiError::parameter("upid", "unable to parse worker upid"));
    }
    let found = call.world.tasks.get(&call.node, upid);
    let task = found.ok_or_else(|| ApiError::parameter("upid", "no such task"))?;
    if !is_own(call, task) {
        call.need(&format!("/nodes/{}", call.node), "Sys.Audit")?;
    }
    Ok(task)
}

/// A user owns the tasks of its tokens too; a token only its own.
fn is_own(call: &Call<'_>, task: &Task) -> bool {
    task.caller.user == call.caller.user
        && (call.caller.token.is_none() || call.caller.token == task.caller.token)
}

pub(crate) fn status(call: &mut Call<'_>) -> Outcome {
    Ok(task(call)?.status().into())
}

pub(crate) fn log(call: &mut Call<'_>) -> Outcome {
    let lines = task(call)?.lines();
    let start = call.params.int("start").unwrap_or(0).max(0) as usize;
    let limit = match call.params.int("limit").unwrap_or(50) {
        0 => usize::MAX,
        limit => limit as usize,
    };
    let page = lines.iter().enumerate().skip(start).take(limit);
    let rows: Vec<Value> = page.map(|(n, line)| json!({ "n": n + 1, "t": line })).collect();
    Ok(Reply { data: Value::Array(rows), total: Some(lines.len()) })
}

pub(crate) fn stop(call: &mut Call<'_>) -> Outcome {
    let task = task(call)?;
    if !is_own(call, task) {
        call.need(&format!("/nodes/{}", call.node), "Sys.Modify")?;
    }
    let upid = task.upid.clone();
    call.world.interrupt(&upid);
    null()
}

/// Which of Proxmox's four kinds of end this is.
fn ending(task: &Task) -> &'static str {
    match task.exit() {
        Some("OK") => "ok",
        Some(text) if text.starts_with("WARNINGS: ") => "warning",
        Some("unexpected status") | None => "unknown",
        Some(_) => "error",
    }
}

pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    let auditor = call.may(&format!("/nodes/{}", call.node), "Sys.Audit");
    let params = &call.params;
    let source = params.text("source").unwrap_or("archive");
    let wanted_endings = params.list("statusfilter");
    let fits = |task: &&Task| {
        let by_source = match source {
            "archive" => !task.is_running(),
            "active" => task.is_running(),
            _ => true,
        };
        let number = |name: &str| params.int(name).map(|n| n.max(0) as u64);
        by_source
            && (auditor || is_own(call, task))
            && number("vmid").is_none_or(|v| task.id == v.to_string())
            && params.text("typefilter").is_none_or(|t| task.kind == t)
            && params.text("userfilter").is_none_or(|u| task.caller.authid().contains(u))
            && number("since").is_none_or(|s| task.starttime() >= s)
            && number("until").is_none_or(|u| task.starttime() <= u)
            && (!params.flag("errors") || ending(task) != "ok")
            && (wanted_endings.is_empty() || wanted_endings.iter().any(|w| w == ending(task)))
    };
    let found: Vec<&Task> = call.world.tasks.of_node(&call.node).filter(fits).collect();
    let start = params.int("start").unwrap_or(0).max(0) as usize;
    let limit = match params.int("limit").unwrap_or(50) {
        0 => usize::MAX,
        limit => limit as usize,
    };
    let row = |task: &&Task| {
        let mut row = task.row();
        if task.is_running() {
            row["status"] = json!("RUNNING");
        }
        row
    };
    let rows: Vec<Value> = found.iter().skip(start).take(limit).map(row).collect();
    // Without a task at all the count is left out.
    let total = Some(found.len()).filter(|count| *count > 0);
    Ok(Reply { data: Value::Array(rows), total })
}

/// Running tasks and the last 25 finished ones of each node. Without Sys.Audit only those of the very caller, and a
/// token's name never matches.
pub(crate) fn cluster_tasks(call: &mut Call<'_>) -> Outcome {
    let auditor = call.may("/", "Sys.Audit");
    let mut rows = Vec::new();
    for node in call.world.nodes.keys() {
        let (mut finished, mut newest) = (0, true);
        let tasks = call.world.tasks.of_node(node).filter(|t| {
            finished += usize::from(!t.is_running());
            t.is_running() || finished <= 25
        });
        for task in tasks.filter(|t| auditor || call.caller.authid() == t.caller.user) {
            let mut row = task.row();
            for gone in ["pid", "pstart"] {
                row.as_object_mut().map(|r| r.remove(gone));
            }
            if !task.is_running() {
                // The newest has just been written by the process that answers; the others were read back as text.
                row["saved"] = if std::mem::take(&mut newest) { json!(1) } else { json!("1") };
            }
            rows.push(row);
        }
    }
    rows.sort_by_key(|r| std::cmp::Reverse(r["starttime"].as_u64()));
    Ok(Value::Array(rows).into())
}
