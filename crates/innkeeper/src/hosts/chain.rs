//! `innkeeper host check`: the chain by which a host is woken, watched and switched off, link by link.

use anyhow::bail;
use serde_json::Value;

use super::One;
use crate::client::cell;
use crate::out::say;

/// How a link stands, for whoever knows whether the host sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    Holds,
    Broken,
    /// It cannot be said while the host sleeps, or without doing it.
    Unknown,
}

/// Silence of a host that sleeps breaks nothing.
fn stand(link: &Value, asleep: bool) -> Stand {
    let reaches = matches!(link["name"].as_str(), Some("api" | "ping" | "tcp" | "power_privilege"));
    let silent =
        !matches!(link["report"]["error"]["code"].as_str(), Some("missing_privilege" | "not_permitted"));
    match link["holds"].as_bool() {
        Some(true) => Stand::Holds,
        Some(false) if asleep && reaches && silent => Stand::Unknown,
        Some(false) => Stand::Broken,
        None => Stand::Unknown,
    }
}

/// What to do about a link that is broken.
fn remedy(link: &Value, host: &str) -> String {
    match link["name"].as_str().unwrap_or_default() {
        "api" => "see that the node is on and in its cluster: innkeeper cluster test CLUSTER".to_owned(),
        "ping" => format!("see that its address is right and answers pings: innkeeper host change {host} --address …"),
        "tcp" => format!("see that the port is open on the host: innkeeper host change {host} --port …"),
        "wake" => format!("name a way to wake it: innkeeper host change {host} --mac 00:23:7d:fd:c0:5c"),
        "power_privilege" => "give the role of the token Sys.PowerMgmt (and Sys.Audit): pveum role modify Innkeeper --append 1 --privs Sys.PowerMgmt".to_owned(),
        "ssh" => format!("put what `innkeeper host key {host}` prints into authorized_keys of the account there, and docs/examples/innkeeper-host to /usr/local/sbin"),
        _ => "see docs/guardian.md".to_owned(),
    }
}

pub(super) async fn check(one: &One) -> anyhow::Result<()> {
    let (server, path) = one.find().await?;
    let host = server.get(&path).await?;
    let asleep = matches!(host["state"].as_str(), Some("off" | "shutting_down" | "waking"));
    let links = server.get(&format!("{path}/check")).await?;
    let links = links.as_array().cloned().unwrap_or_default();
    let mut broken = Vec::new();
    if one.remote.json {
        say!("{:#}", Value::Array(links.clone()));
    }
    for link in &links {
        let stand = stand(link, asleep);
        if stand == Stand::Broken {
            broken.push(cell(&link["name"]));
        }
        if one.remote.json {
            continue;
        }
        let word = match stand {
            Stand::Holds => "holds",
            Stand::Broken => "BROKEN",
            Stand::Unknown => "unknown",
        };
        say!("  {word:8} {:16} {}", cell(&link["name"]), cell(&link["report"]["message"]));
        if let Some(said) = link["report"]["error"]["message"].as_str() {
            say!("  {:8} {:16} {said}", "", "");
        }
        if stand == Stand::Broken {
            say!("  {:8} {:16} → {}", "", "", remedy(link, &one.host));
        }
    }
    if !broken.is_empty() {
        bail!("the chain of {} is broken at: {}", one.host, broken.join(", "));
    }
    if asleep && !one.remote.json {
        say!("the host sleeps: what is unknown shows when it is awake");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn link(name: &str, holds: Option<bool>, code: &str) -> Value {
        json!({ "name": name, "holds": holds, "report": { "error": { "code": code } } })
    }

    #[test]
    fn silence_of_a_host_that_sleeps_is_not_a_broken_link() {
        assert_eq!(stand(&link("api", Some(false), "timeout"), true), Stand::Unknown);
        assert_eq!(stand(&link("api", Some(false), "timeout"), false), Stand::Broken);
        assert_eq!(stand(&link("api", Some(true), ""), true), Stand::Holds);
        assert_eq!(stand(&link("ssh", None, "no_answer"), false), Stand::Unknown);
    }

    #[test]
    fn what_is_set_up_wrongly_is_broken_asleep_or_not() {
        for asleep in [true, false] {
            assert_eq!(stand(&link("wake", Some(false), "cannot_be_woken"), asleep), Stand::Broken);
            assert_eq!(
                stand(&link("power_privilege", Some(false), "missing_privilege"), asleep),
                Stand::Broken
            );
            assert_eq!(stand(&link("ssh", Some(false), "refused"), asleep), Stand::Broken);
        }
    }

    #[test]
    fn every_link_has_a_remedy_of_its_own() {
        for name in ["api", "ping", "tcp", "wake", "power_privilege", "ssh"] {
            assert!(!remedy(&link(name, Some(false), "x"), "barn").contains("guardian.md"), "{name}");
        }
    }
}
