//! `/cluster/backup` and calendar events: kept and shown, never run by themselves.

use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};

fn row(id: &str, job: &std::collections::BTreeMap<String, String>) -> Value {
    let mut row: Map<String, Value> = job.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    for flag in ["enabled", "all", "protected", "remove"] {
        if let Some(value) = row.get_mut(flag) {
            *value = json!(u8::from(value == "1"));
        }
    }
    row.insert("id".into(), json!(id));
    row.insert("type".into(), json!("vzdump"));
    row.entry("enabled").or_insert(json!(1));
    Value::Object(row)
}

/// `GET /cluster/backup`.
pub(crate) fn list(call: &mut Call<'_>) -> Outcome {
    Ok(call.world.jobs.iter().map(|(id, job)| row(id, job)).collect::<Value>().into())
}

/// `GET /cluster/backup/{id}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let id = call.params.required("id");
    let job =
        call.world.jobs.get(id).ok_or_else(|| ApiError::parameter("id", format!("No such job '{id}'")))?;
    Ok(row(id, job).into())
}

fn given(call: &Call<'_>) -> Vec<(String, String)> {
    let names = call.params.0.keys().filter(|k| !matches!(k.as_str(), "id" | "delete"));
    names.filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned()))).collect()
}

/// `POST /cluster/backup`.
pub(crate) fn create(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let id = match call.params.text("id") {
        Some(id) => id.to_owned(),
        None => format!("backup-{}", &call.world.uuid()[..13]),
    };
    if call.world.jobs.contains_key(&id) {
        return Err(ApiError::die(format!("Job '{id}' already exists")));
    }
    let job = given(call).into_iter().collect();
    call.world.jobs.insert(id, job);
    null()
}

/// `PUT /cluster/backup/{id}`.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let (id, given, gone) = (call.params.required("id").to_owned(), given(call), call.words("delete"));
    let job = call.world.jobs.get_mut(&id);
    let job = job.ok_or_else(|| ApiError::parameter("id", format!("No such job '{id}'")))?;
    job.extend(given);
    job.retain(|k, _| !gone.contains(k));
    null()
}

/// `DELETE /cluster/backup/{id}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    call.need_quorum()?;
    let id = call.params.required("id").to_owned();
    match call.world.jobs.remove(&id) {
        Some(_) => null(),
        None => Err(ApiError::parameter("id", format!("No such job '{id}'"))),
    }
}

/// Seconds between two events of the simple schedules; of others nothing is known here.
fn period(schedule: &str) -> Option<u64> {
    match schedule {
        "minutely" => Some(60),
        "hourly" => Some(3600),
        "daily" => Some(86_400),
        _ => schedule.strip_prefix("*/")?.parse::<u64>().ok().filter(|n| (1..60).contains(n)).map(|n| n * 60),
    }
}

/// `GET /cluster/jobs/schedule-analyze`.
pub(crate) fn analyze(call: &mut Call<'_>) -> Outcome {
    let schedule = call.params.required("schedule");
    let Some(period) = period(schedule) else {
        return Err(ApiError::not_implemented(format!("simulator: not simulated: schedule '{schedule}'")));
    };
    let start = call.params.int("starttime").map_or(call.world.now() / SECOND, |t| t.max(0) as u64);
    let count = call.params.int("iterations").unwrap_or(10).clamp(0, 100) as u64;
    let times = (1..=count).map(|n| start / period * period + n * period);
    let rows = times.map(|time| {
        let utc = jiff::Timestamp::from_second(time as i64).unwrap_or_default();
        json!({ "timestamp": time, "utc": utc.strftime("%a %b %e %H:%M:%S %Y").to_string() })
    });
    Ok(rows.collect::<Value>().into())
}
