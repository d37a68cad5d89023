//! Builds one request from an [`Operation`]: fills the path, takes the parameters, refuses what is not listed.

use std::borrow::Cow;
use std::fmt;

use crate::error::Error;
use crate::ids::Segment;
use crate::operations::Operation;
use crate::property::percent_encode;

/// Parameters in the order they are sent; a repeated name is an array. Printing shows the names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(Vec<(Cow<'static, str>, String)>);

impl Params {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl ParamValue) {
        self.0.push((name.into(), value.into_text()));
    }

    /// Adds one if there is a value.
    pub fn push_some<V: ParamValue>(&mut self, name: impl Into<Cow<'static, str>>, value: Option<V>) {
        if let Some(value) = value {
            self.push(name, value);
        }
    }

    /// The same, for chains.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl ParamValue) -> Self {
        self.push(name, value);
        self
    }

    /// Adds all of another.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As a form: everything but unreserved characters is percent-encoded, because the server splits at `;` and `=`.
    pub(crate) fn encode(&self) -> String {
        let pairs: Vec<String> = self
            .iter()
            .map(|(name, value)| format!("{}={}", percent_encode(name), percent_encode(value)))
            .collect();
        pairs.join("&")
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

/// Something that can be sent as a parameter; booleans become `1` and `0`.
pub trait ParamValue {
    /// As it is sent, before percent-encoding.
    fn into_text(self) -> String;
}

macro_rules! printed {
    ($($type:ty),* $(,)?) => {$(
        impl ParamValue for $type {
            fn into_text(self) -> String {
                self.to_string()
            }
        }
    )*};
}

printed!(
    &str,
    &String,
    u8,
    u16,
    u32,
    u64,
    i64,
    f64,
    crate::ids::Vmid,
    &crate::ids::NodeName,
    &crate::ids::StorageId,
    &crate::ids::VolumeId,
    &crate::ids::SnapshotName,
    &crate::ids::PoolId,
    &crate::ids::UserId,
    &crate::ids::RoleId,
    &crate::ids::IpSetName,
    crate::property::Size,
    &crate::property::Tags,
);

impl ParamValue for String {
    fn into_text(self) -> String {
        self
    }
}

impl ParamValue for bool {
    fn into_text(self) -> String {
        u8::from(self).to_string()
    }
}

/// A request in the making.
pub(crate) struct Call {
    operation: &'static Operation,
    segments: Vec<(&'static str, String)>,
    params: Params,
}

impl Call {
    pub(crate) fn new(operation: &'static Operation) -> Self {
        Self { operation, segments: Vec::new(), params: Params::new() }
    }

    /// Fills `{name}` of the path.
    pub(crate) fn at(mut self, name: &'static str, segment: &impl Segment) -> Self {
        let encoded: Vec<String> = segment.segment().split('/').map(percent_encode).collect();
        self.segments.push((name, encoded.join("/")));
        self
    }

    pub(crate) fn param(mut self, name: &'static str, value: impl ParamValue) -> Self {
        self.params.push(name, value);
        self
    }

    pub(crate) fn param_some<V: ParamValue>(mut self, name: &'static str, value: Option<V>) -> Self {
        self.params.push_some(name, value);
        self
    }

    pub(crate) fn params(mut self, params: &Params) -> Self {
        self.params.extend(params);
        self
    }

    /// The path template, to name the call in errors.
    pub(crate) fn template(&self) -> &'static str {
        self.operation.path()
    }

    /// Checks the parameters against the operation and prints the path.
    pub(crate) fn finish(self) -> Result<Ready, Error> {
        for (name, _) in self.params.iter() {
            if !self.operation.accepts(name) {
                return Err(Error::UnknownParameter {
                    operation: format!("{} {}", self.operation.method(), self.operation.path()),
                    parameter: name.to_owned(),
                });
            }
        }
        let mut path = String::with_capacity(96);
        for segment in self.operation.path().split('/').skip(1) {
            path.push('/');
            match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                None => path.push_str(segment),
                Some(name) => match self.segments.iter().find(|(filled, _)| *filled == name) {
                    Some((_, text)) if !text.is_empty() => path.push_str(text),
                    _ => return Err(Error::Configuration(format!("{} lacks {name}", self.operation.path()))),
                },
            }
        }
        Ok(Ready { operation: self.operation, path, params: self.params.encode() })
    }
}

/// A checked request: what is sent, whoever is asked.
#[derive(Clone)]
pub(crate) struct Ready {
    pub(crate) operation: &'static Operation,
    /// Without `/api2/json` and without query.
    pub(crate) path: String,
    /// Form-encoded; query or body by method.
    pub(crate) params: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{GuestKind, NodeName, StorageId, Vmid, VolumeId};
    use crate::operations as ops;

    fn guest(operation: &'static Operation) -> Call {
        Call::new(operation).at("node", &NodeName::new("pve").unwrap()).at("vmid", &Vmid::new(105).unwrap())
    }

    #[test]
    fn everything_is_percent_encoded() {
        let ready = guest(ops::CONFIG_SET.of(GuestKind::Lxc))
            .param("net0", "name=eth0,bridge=vmbr0;x")
            .param("onboot", true)
            .param("description", "a b+ü\n")
            .finish()
            .unwrap();
        assert_eq!(ready.path, "/nodes/pve/lxc/105/config");
        assert_eq!(
            ready.params,
            "net0=name%3Deth0%2Cbridge%3Dvmbr0%3Bx&onboot=1&description=a%20b%2B%C3%BC%0A"
        );
    }

    #[test]
    fn a_parameter_that_is_not_listed_is_not_sent() {
        let refused = guest(ops::SHUTDOWN.of(GuestKind::Lxc)).param("force", true).finish();
        assert!(matches!(refused, Err(Error::UnknownParameter { parameter, .. }) if parameter == "force"));
        for (name, accepted) in
            [("net0", true), ("net31", true), ("net", false), ("netx", false), ("mp12", true), ("5", false)]
        {
            assert_eq!(ops::LXC_CREATE.accepts(name), accepted, "{name}");
        }
    }

    #[test]
    fn a_path_with_a_gap_is_not_sent() {
        assert!(Call::new(&ops::NODE_STATUS).finish().is_err());
    }

    #[test]
    fn a_volume_keeps_its_slashes_and_a_task_does_not_gain_any() {
        let ready = Call::new(&ops::VOLUME_DELETE)
            .at("node", &NodeName::new("pve").unwrap())
            .at("storage", &StorageId::new("local").unwrap())
            .at("volume", &VolumeId::new("local:backup/x y.zst".replace(' ', "+")).unwrap())
            .finish()
            .unwrap();
        assert_eq!(ready.path, "/nodes/pve/storage/local/content/local%3Abackup/x%2By.zst");
    }

    #[test]
    fn printing_parameters_shows_no_values() {
        let params = Params::new().with("password", "hunter2");
        assert_eq!(format!("{params:?}"), r#"["password"]"#);
    }
}
