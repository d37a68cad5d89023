//! Firewalls of guests: options, rules, address sets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha1::{Digest as _, Sha1};

use crate::call::Call;
use crate::error::{ApiError, Outcome, null};
use crate::guests::Guest;

type Fields = BTreeMap<String, String>;

/// The firewall of one guest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Firewall {
    options: Fields,
    rules: Vec<Fields>,
    ipsets: BTreeMap<String, IpSet>,
}

/// A set of addresses.
#[derive(Clone, Debug, Default)]
struct IpSet {
    comment: Option<String>,
    /// CIDR to its fields.
    members: BTreeMap<String, Fields>,
}

const ACTIONS: [&str; 3] = ["ACCEPT", "DROP", "REJECT"];

fn digest(of: &impl std::fmt::Debug, empty: bool) -> String {
    let text = if empty { String::new() } else { format!("{of:?}") };
    hex::encode(Sha1::digest(text))
}

/// Numbers of the schema as numbers, the rest as text.
fn shown(fields: &Fields) -> Map<String, Value> {
    let numbers = ["enable", "dhcp", "macfilter", "ipfilter", "ndp", "radv", "nomatch"];
    let value = |k: &str, v: &str| match v.parse::<i64>() {
        Ok(number) if numbers.contains(&k) => json!(number),
        _ => json!(v),
    };
    fields.iter().map(|(k, v)| (k.clone(), value(k, v))).collect()
}

fn guest<'a>(call: &'a Call<'_>) -> Result<&'a Guest, ApiError> {
    let vmid = call.params.vmid();
    let found = call.world.guests.get(&vmid).filter(|g| g.node == call.node);
    found.ok_or_else(|| {
        ApiError::die(format!("unable to find configuration file for VM {vmid} on node '{}'", call.node))
    })
}

fn firewall<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Firewall, ApiError> {
    let vmid = guest(call)?.vmid;
    let guest = call.world.guests.get_mut(&vmid);
    Ok(guest.ok_or_else(ApiError::denied)?.firewall.get_or_insert_default())
}

/// The parameters that are fields of what is written.
fn fields(call: &Call<'_>) -> Fields {
    let not = ["node", "vmid", "pos", "name", "digest", "delete", "moveto", "rename", "force"];
    let given = call.params.0.keys().filter(|k| !not.contains(&k.as_str()));
    given.filter_map(|k| Some((k.clone(), call.params.text(k)?.to_owned()))).collect()
}

/// Refuses a change that was decided by another state than the present one.
fn unmoved(call: &Call<'_>, now: &str) -> Result<(), ApiError> {
    if call.params.text("digest").is_some_and(|given| given != now) {
        return Err(ApiError::die(
            "detected modified configuration - file changed by other user? Try again.",
        ));
    }
    Ok(())
}

fn rules_unmoved(call: &Call<'_>) -> Result<(), ApiError> {
    let rules = guest(call)?.firewall.as_ref().map(|f| f.rules.clone()).unwrap_or_default();
    unmoved(call, &digest(&rules, rules.is_empty()))
}

impl Guest {
    /// The options of its firewall that were set.
    pub fn firewall_options(&self) -> BTreeMap<String, String> {
        self.firewall.as_ref().map(|firewall| firewall.options.clone()).unwrap_or_default()
    }

    /// The rules of its firewall, in their order.
    pub fn firewall_rules(&self) -> Vec<BTreeMap<String, String>> {
        self.firewall.as_ref().map(|firewall| firewall.rules.clone()).unwrap_or_default()
    }

    /// The members of a set of addresses of its firewall.
    pub fn firewall_addresses(&self, set: &str) -> Vec<String> {
        let found = self.firewall.as_ref().and_then(|firewall| firewall.ipsets.get(set));
        found.map(|set| set.members.keys().cloned().collect()).unwrap_or_default()
    }
}

/// `GET .../firewall/options`.
pub(crate) fn options(call: &mut Call<'_>) -> Outcome {
    let options = guest(call)?.firewall.as_ref().map(|f| f.options.clone()).unwrap_or_default();
    let mut object = shown(&options);
    object.insert("digest".into(), json!(digest(&options, options.is_empty())));
    Ok(Value::Object(object).into())
}

/// `PUT .../firewall/options`.
pub(crate) fn set_options(call: &mut Call<'_>) -> Outcome {
    let (given, gone) = (fields(call), call.words("delete"));
    let now = guest(call)?.firewall.as_ref().map(|f| f.options.clone()).unwrap_or_default();
    unmoved(call, &digest(&now, now.is_empty()))?;
    let firewall = firewall(call)?;
    firewall.options.extend(given);
    firewall.options.retain(|k, _| !gone.contains(k));
    null()
}

fn rule_row(pos: usize, rule: &Fields, digest: &str) -> Value {
    let mut row = shown(rule);
    row.insert("pos".into(), json!(pos));
    row.insert("digest".into(), json!(digest));
    Value::Object(row)
}

/// `GET .../firewall/rules`.
pub(crate) fn rules(call: &mut Call<'_>) -> Outcome {
    let rules = guest(call)?.firewall.as_ref().map(|f| f.rules.clone()).unwrap_or_default();
    let digest = digest(&rules, rules.is_empty());
    Ok(rules.iter().enumerate().map(|(pos, rule)| rule_row(pos, rule, &digest)).collect::<Value>().into())
}

/// `GET .../firewall/rules/{pos}`.
pub(crate) fn rule(call: &mut Call<'_>) -> Outcome {
    let pos = position(call);
    let rules = guest(call)?.firewall.as_ref().map(|f| f.rules.clone()).unwrap_or_default();
    let rule = rules.get(pos).ok_or_else(|| ApiError::die(format!("no rule at position {pos}")))?;
    Ok(rule_row(pos, rule, &digest(&rules, false)).into())
}

fn position(call: &Call<'_>) -> usize {
    call.params.int("pos").unwrap_or(0).max(0) as usize
}

fn check_action(fields: &Fields) -> Result<(), ApiError> {
    let group = fields.get("type").is_some_and(|t| t == "group");
    match fields.get("action") {
        Some(action) if !group && !ACTIONS.contains(&action.as_str()) => {
            Err(ApiError::parameter("action", format!("unknown action '{action}'")))
        }
        _ => Ok(()),
    }
}

/// `POST .../firewall/rules`: a new rule stands first.
pub(crate) fn add_rule(call: &mut Call<'_>) -> Outcome {
    let (rule, pos) = (fields(call), position(call));
    check_action(&rule)?;
    rules_unmoved(call)?;
    let rules = &mut firewall(call)?.rules;
    rules.insert(pos.min(rules.len()), rule);
    null()
}

/// `PUT .../firewall/rules/{pos}`.
pub(crate) fn set_rule(call: &mut Call<'_>) -> Outcome {
    let (given, pos, gone, target) =
        (fields(call), position(call), call.words("delete"), call.params.int("moveto"));
    check_action(&given)?;
    rules_unmoved(call)?;
    let rules = &mut firewall(call)?.rules;
    if pos >= rules.len() {
        return Err(ApiError::die(format!("no rule at position {pos}")));
    }
    if let Some(target) = target {
        let rule = rules.remove(pos);
        let target = (target.max(0) as usize).min(rules.len());
        rules.insert(target, rule);
    } else {
        rules[pos].extend(given);
        rules[pos].retain(|k, _| !gone.contains(k));
    }
    null()
}

/// `DELETE .../firewall/rules/{pos}`.
pub(crate) fn delete_rule(call: &mut Call<'_>) -> Outcome {
    let pos = position(call);
    rules_unmoved(call)?;
    let rules = &mut firewall(call)?.rules;
    if pos >= rules.len() {
        return Err(ApiError::die(format!("no rule at position {pos}")));
    }
    rules.remove(pos);
    null()
}

/// `GET .../firewall/ipset`.
pub(crate) fn ipsets(call: &mut Call<'_>) -> Outcome {
    let sets = guest(call)?.firewall.as_ref().map(|f| f.ipsets.clone()).unwrap_or_default();
    let digest = digest(&sets, sets.is_empty());
    let rows = sets.iter().map(|(name, set)| {
        let mut row = json!({ "name": name, "digest": digest });
        if let Some(comment) = &set.comment {
            row["comment"] = json!(comment);
        }
        row
    });
    Ok(rows.collect::<Value>().into())
}

/// `POST .../firewall/ipset`.
pub(crate) fn add_ipset(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("name").to_owned();
    let comment = call.params.text("comment").map(str::to_owned);
    let sets = &mut firewall(call)?.ipsets;
    if sets.contains_key(&name) {
        return Err(ApiError::parameter("name", format!("IPSet '{name}' already exists")));
    }
    sets.insert(name, IpSet { comment, ..IpSet::default() });
    null()
}

fn ipset<'a>(call: &'a mut Call<'_>, name: &str) -> Result<&'a mut IpSet, ApiError> {
    let set = firewall(call)?.ipsets.get_mut(name);
    set.ok_or_else(|| ApiError::die(format!("no such IPSet '{name}'")))
}

/// `DELETE .../firewall/ipset/{name}`.
pub(crate) fn delete_ipset(call: &mut Call<'_>) -> Outcome {
    let (name, force) = (call.params.required("name").to_owned(), call.params.flag("force"));
    if !ipset(call, &name)?.members.is_empty() && !force {
        return Err(ApiError::die(format!("IPSet '{name}' is not empty")));
    }
    firewall(call)?.ipsets.remove(&name);
    null()
}

/// `GET .../firewall/ipset/{name}`.
pub(crate) fn members(call: &mut Call<'_>) -> Outcome {
    let name = call.params.required("name").to_owned();
    let members = ipset(call, &name)?.members.clone();
    let digest = digest(&members, members.is_empty());
    let rows = members.iter().map(|(cidr, fields)| {
        let mut row = shown(fields);
        row.insert("cidr".into(), json!(cidr));
        row.insert("digest".into(), json!(digest));
        Value::Object(row)
    });
    Ok(rows.collect::<Value>().into())
}

/// `POST .../firewall/ipset/{name}`.
pub(crate) fn add_member(call: &mut Call<'_>) -> Outcome {
    let (name, cidr) = (call.params.required("name").to_owned(), call.params.required("cidr").to_owned());
    let mut given = fields(call);
    given.remove("cidr");
    let members = &mut ipset(call, &name)?.members;
    if members.contains_key(&cidr) {
        return Err(ApiError::parameter("cidr", format!("address '{cidr}' already exists")));
    }
    members.insert(cidr, given);
    null()
}

/// `DELETE .../firewall/ipset/{name}/{cidr}`.
pub(crate) fn delete_member(call: &mut Call<'_>) -> Outcome {
    let (name, cidr) = (call.params.required("name").to_owned(), call.params.required("cidr").to_owned());
    if ipset(call, &name)?.members.remove(&cidr).is_none() {
        return Err(ApiError::die(format!("no such address '{cidr}'")));
    }
    null()
}

/// Aliases of a guest, and of everything that has no rules here: none.
pub(crate) fn none(_: &mut Call<'_>) -> Outcome {
    Ok(json!([]).into())
}

/// Options of the cluster's firewall: never set.
pub(crate) fn cluster_options(_: &mut Call<'_>) -> Outcome {
    Ok(json!({ "digest": digest(&(), true) }).into())
}
