//! Proxmox's published schema of the operations served, and lookup of an operation by method and path.
//!
//! The data file is cut from the schema of Proxmox VE 9.2 by `schema/cut.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// One operation: what it takes and who may call it.
#[derive(Debug, Deserialize)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Whether pveproxy relays it to pvedaemon (seen in the doubled `Connection` header).
    pub(crate) protected: bool,
    /// Whether it is answered by the node named in the path.
    pub(crate) proxyto: bool,
    pub(crate) allowtoken: bool,
    pub(crate) permissions: Option<Value>,
    pub(crate) properties: BTreeMap<String, Property>,
}

/// One parameter, or one key of a property string.
#[derive(Debug, Deserialize, Default)]
#[serde(default)]
pub(crate) struct Property {
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) format: Option<Format>,
    pub(crate) optional: bool,
    #[serde(rename = "enum")]
    pub(crate) choices: Option<Vec<String>>,
    pub(crate) pattern: Option<String>,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    #[serde(rename = "minLength")]
    pub(crate) min_length: Option<usize>,
    #[serde(rename = "maxLength")]
    pub(crate) max_length: Option<usize>,
    pub(crate) items: Option<Box<Property>>,
    pub(crate) default_key: Option<Value>,
}

/// A named format, or the keys of a property string.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Format {
    Named(String),
    Keys(BTreeMap<String, Property>),
}

#[derive(Deserialize)]
struct File {
    operations: Vec<Operation>,
    known: BTreeSet<String>,
}

struct Index {
    operations: Vec<Operation>,
    /// The templates of `operations`, split at `/`.
    templates: Vec<Vec<String>>,
    /// Templates of operations Proxmox has and the simulator does not serve, split at `/`.
    known: Vec<(String, Vec<String>)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let text = include_str!("../schema/served.json");
    let file: File = serde_json::from_str(text).expect("the schema file is part of this crate");
    let known = file
        .known
        .iter()
        .filter_map(|k| k.split_once(' '))
        .map(|(method, path)| (method.to_owned(), segments(path).map(str::to_owned).collect()))
        .collect();
    let templates = file.operations.iter().map(|o| segments(&o.path).map(str::to_owned).collect()).collect();
    Index { operations: file.operations, templates, known }
});

/// What a method and path name.
pub(crate) enum Found {
    /// An operation served, with the path's variables.
    Served(&'static Operation, BTreeMap<String, String>),
    /// An operation of Proxmox that is not simulated.
    Unserved,
    /// Nothing Proxmox has.
    Unknown,
}

/// The non-empty segments of a path; Proxmox skips empty ones.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|s| !s.is_empty())
}

/// Finds the operation for decoded path segments. A literal segment wins over a variable one.
pub(crate) fn find(method: &str, path: &[String]) -> Found {
    let mut best: Option<(usize, &'static Operation, BTreeMap<String, String>)> = None;
    let served = INDEX.operations.iter().zip(&INDEX.templates).filter(|(o, _)| o.method == method);
    for (operation, template) in served {
        if let Some((literals, variables)) = match_path(template, path)
            && best.as_ref().is_none_or(|(most, ..)| literals > *most)
        {
            best = Some((literals, operation, variables));
        }
    }
    let unserved = INDEX.known.iter().filter(|(m, _)| m == method);
    let unserved =
        unserved.filter_map(|(_, template)| match_path(template, path).map(|(literals, _)| literals));
    match (best, unserved.max()) {
        (Some((literals, ..)), Some(other)) if other > literals => Found::Unserved,
        (Some((_, operation, variables)), _) => Found::Served(operation, variables),
        (None, Some(_)) => Found::Unserved,
        (None, None) => Found::Unknown,
    }
}

/// The operation with exactly this template, for looking up a config option's type.
pub(crate) fn operation(method: &str, template: &str) -> Option<&'static Operation> {
    INDEX.operations.iter().find(|o| o.method == method && o.path == template)
}

/// All operations served.
#[cfg(test)]
pub(crate) fn operations() -> &'static [Operation] {
    &INDEX.operations
}

fn match_path(template: &[String], path: &[String]) -> Option<(usize, BTreeMap<String, String>)> {
    // A volume id may itself hold slashes: it takes the rest of the path.
    let rest = template.last().is_some_and(|l| l == "{volume}");
    if template.len() != path.len() && !(rest && path.len() > template.len()) {
        return None;
    }
    let mut literals = 0;
    let mut variables = BTreeMap::new();
    for (at, part) in template.iter().enumerate() {
        if let Some(name) = part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
            let last = rest && at + 1 == template.len();
            let value = if last { path[at..].join("/") } else { path[at].clone() };
            variables.insert(name.to_owned(), value);
        } else if *part == path[at] {
            literals += 1;
        } else {
            return None;
        }
    }
    Some((literals, variables))
}

impl Operation {
    /// The parameter called `name`; `net3` is found under `net[n]`.
    pub(crate) fn property(&self, name: &str) -> Option<&Property> {
        if name.contains('[') {
            return None;
        }
        self.properties.get(name).or_else(|| {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            (stem.len() < name.len() && !stem.is_empty() && !has_leading_zero(&name[stem.len()..]))
                .then(|| self.properties.get(&format!("{stem}[n]")))
                .flatten()
        })
    }
}

fn has_leading_zero(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0')
}

impl Property {
    /// The keys of this property string, if it is one.
    pub(crate) fn keys(&self) -> Option<&BTreeMap<String, Property>> {
        match &self.format {
            Some(Format::Keys(keys)) => Some(keys),
            _ => None,
        }
    }

    /// Whether the parameter is of the given JSON schema type.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(path: &str) -> Vec<String> {
        segments(path).map(str::to_owned).collect()
    }

    #[test]
    fn an_empty_segment_changes_the_operation() {
        let Found::Served(operation, _) = find("GET", &split("/nodes/pve/tasks//status")) else {
            panic!("the index of a task is served");
        };
        assert_eq!(operation.path, "/nodes/{node}/tasks/{upid}");
    }

    #[test]
    fn unserved_and_unknown_differ() {
        assert!(matches!(find("GET", &split("/nosuch")), Found::Unknown));
        assert!(matches!(find("POST", &split("/nodes/pve/lxc/100/exec")), Found::Unknown));
        assert!(matches!(find("GET", &split("/cluster/ceph/flags")), Found::Unserved));
    }

    #[test]
    fn numbered_options_are_found() {
        let create = operation("POST", "/nodes/{node}/lxc").unwrap();
        assert!(create.property("net0").is_some());
        assert!(create.property("net01").is_none());
        assert!(create.property("net[n]").is_none());
    }
}
