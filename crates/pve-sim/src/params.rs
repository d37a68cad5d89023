//! The parameters of a call: decoded from query, form or JSON as Proxmox decodes them, then checked by the schema.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::error::ApiError;
use crate::options::Profile;
use crate::schema::{Format, Operation, Property};
use crate::{formats, property};

/// One parameter as it came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Param {
    /// `key=` in a form, `null` in JSON: there, but without a value.
    Undef,
    One(String),
    Many(Vec<String>),
}

/// The parameters of one call, path variables included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Params(pub(crate) BTreeMap<String, Param>);

const UNKNOWN: &str = "property is not defined in schema and the schema does not allow additional properties";
const MISSING: &str = "property is missing and it is not optional";

impl Params {
    /// Decodes a query string or a form: pairs split at `&` and `;`, only the first two pieces around `=` kept,
    /// `key=` without a value, repeated keys an array.
    pub(crate) fn from_form(text: &str) -> Self {
        let mut params = Self::default();
        for pair in text.split(['&', ';']).filter(|p| !p.is_empty()) {
            let mut pieces = pair.split('=');
            let key = decode(pieces.next().unwrap_or_default());
            let value = pieces.next().map(decode).filter(|v| !v.is_empty());
            params.push(key, value);
        }
        params
    }

    /// Takes a JSON object's members; nested objects stay JSON text. `booleans`: whether `true` is 1 or a text.
    pub(crate) fn from_json(value: &Value, booleans: bool) -> Self {
        let mut params = Self::default();
        for (key, value) in value.as_object().into_iter().flatten() {
            let param = match value {
                Value::Null => Param::Undef,
                Value::Array(items) => Param::Many(items.iter().map(|v| scalar(v, booleans)).collect()),
                other => Param::One(scalar(other, booleans)),
            };
            params.0.insert(key.clone(), param);
        }
        params
    }

    fn push(&mut self, key: String, value: Option<String>) {
        let merged = match (self.0.remove(&key), value) {
            (None, None) => Param::Undef,
            (None | Some(Param::Undef), Some(value)) => Param::One(value),
            (Some(old), None) => old,
            (Some(Param::One(old)), Some(value)) => Param::Many(vec![old, value]),
            (Some(Param::Many(mut old)), Some(value)) => {
                old.push(value);
                Param::Many(old)
            }
        };
        self.0.insert(key, merged);
    }

    /// Lays `other` over these parameters.
    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The value of a scalar parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Param::One(value)) => Some(value),
            _ => None,
        }
    }

    /// A parameter the schema demands; empty text if the schema did not.
    pub(crate) fn required(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.text(name).and_then(|v| v.parse().ok())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|v| v == "1")
    }

    /// A list-valued string, split at `,`, `;`, white space and NUL.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.text(name).map(property::split_list).unwrap_or_default()
    }

    /// An array parameter.
    pub(crate) fn array(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Param::Many(items)) => items.clone(),
            Some(Param::One(item)) => vec![item.clone()],
            _ => Vec::new(),
        }
    }

    /// The VMID in the path or body.
    pub(crate) fn vmid(&self) -> u32 {
        self.int("vmid").and_then(|v| u32::try_from(v).ok()).unwrap_or_default()
    }

    /// Checks everything against the operation's schema, all faults at once, and brings values into the shape the
    /// schema names (arrays for arrays, joined lists for `-list` strings).
    pub(crate) fn check(&mut self, operation: &Operation, profile: Profile) -> Result<(), ApiError> {
        let mut errors = BTreeMap::new();
        for (name, param) in &mut self.0 {
            match operation.property(name).filter(|_| profile.knows(&operation.path, name)) {
                None => {
                    errors.insert(name.clone(), UNKNOWN.to_owned());
                }
                Some(schema) => {
                    shape(param, schema);
                    if let Err(text) = check_param(name, param, schema) {
                        errors.insert(name.clone(), text);
                    }
                }
            }
        }
        for (name, schema) in &operation.properties {
            let given = self.0.get(name).is_some_and(|p| *p != Param::Undef);
            if !schema.optional && !name.contains('[') && !given {
                errors.entry(name.clone()).or_insert_with(|| MISSING.to_owned());
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(ApiError::parameters(errors)) }
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

fn scalar(value: &Value, booleans: bool) -> String {
    match value {
        Value::Bool(flag) if booleans => u8::from(*flag).to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shape(param: &mut Param, schema: &Property) {
    let is_list = matches!(&schema.format, Some(Format::Named(name)) if name.ends_with("-list"));
    match param {
        Param::One(value) if schema.is("array") => *param = Param::Many(vec![std::mem::take(value)]),
        Param::Many(items) if is_list && schema.is("string") => *param = Param::One(items.join(",")),
        _ => {}
    }
}

fn check_param(name: &str, param: &Param, schema: &Property) -> Result<(), String> {
    match param {
        Param::Undef => Ok(()),
        Param::One(value) => check_value(name, value, schema),
        Param::Many(items) if schema.is("array") => match &schema.items {
            Some(item) => items.iter().try_for_each(|v| check_value(name, v, item)),
            None => Ok(()),
        },
        Param::Many(_) => {
            Err(format!("type check ('{}') failed - got ARRAY", schema.kind.as_deref().unwrap_or("string")))
        }
    }
}

/// Checks one scalar against type, format, pattern, choices and limits.
pub(crate) fn check_value(name: &str, value: &str, schema: &Property) -> Result<(), String> {
    let kind = schema.kind.as_deref().unwrap_or("string");
    let typed = match kind {
        "integer" => is_integer(value),
        "number" => is_number(value),
        "boolean" => matches!(value, "0" | "1"),
        _ => true,
    };
    if !typed {
        return Err(format!("type check ('{kind}') failed - got '{value}'"));
    }
    match &schema.format {
        Some(Format::Named(format)) => {
            formats::check(format, value).map_err(|e| format!("invalid format - {e}\n"))?;
        }
        Some(Format::Keys(keys)) => {
            property::parse(name, value, keys).map_err(|e| format!("invalid format - {e}\n"))?;
        }
        None => {}
    }
    if let Some(pattern) = &schema.pattern
        && !formats::matches(pattern, value)
    {
        return Err("value does not match the regex pattern".into());
    }
    if let Some(choices) = &schema.choices
        && !choices.iter().any(|c| c == value)
    {
        return Err(format!(
            "value '{value}' does not have a value in the enumeration '{}'",
            choices.join(", ")
        ));
    }
    let length = value.chars().count();
    if let Some(min) = schema.min_length.filter(|min| length < *min) {
        return Err(format!("value must be at least {min} characters long"));
    }
    if let Some(max) = schema.max_length.filter(|max| length > *max) {
        return Err(format!("value may only be {max} characters long"));
    }
    if kind == "integer" || kind == "number" {
        let number: f64 = value.parse().unwrap_or_default();
        if let Some(min) = schema.minimum.filter(|min| number < *min) {
            return Err(format!("value must have a minimum value of {min}"));
        }
        if let Some(max) = schema.maximum.filter(|max| number > *max) {
            return Err(format!("value must have a maximum value of {max}"));
        }
    }
    Ok(())
}

fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix(['+', '-']).unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) && value.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    fn one(params: &Params, name: &str) -> Option<String> {
        params.text(name).map(str::to_owned)
    }

    #[test]
    fn forms_split_at_every_equals_sign_and_semicolon() {
        let params = Params::from_form("net0=name=eth0&a=1;b=2&c=&a=3&d=x+y%20z");
        assert_eq!(one(&params, "net0").as_deref(), Some("name"));
        assert_eq!(params.0["a"], Param::Many(vec!["1".into(), "3".into()]));
        assert_eq!(one(&params, "b").as_deref(), Some("2"));
        assert_eq!(params.0["c"], Param::Undef);
        assert_eq!(one(&params, "d").as_deref(), Some("x y z"));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let create = schema::operation("POST", "/nodes/{node}/lxc").unwrap();
        let mut params =
            Params::from_form("node=pve&vmid=42&hostname=_bad_&memory=abc&unprivileged=maybe&foo=1");
        let errors = params.check(create, Profile::V9_2).unwrap_err().errors;
        assert_eq!(errors["unprivileged"], "type check ('boolean') failed - got 'maybe'");
        assert_eq!(errors["vmid"], "invalid format - value does not look like a valid VM ID\n");
        assert_eq!(errors["hostname"], "invalid format - value does not look like a valid DNS name\n");
        assert_eq!(errors["memory"], "type check ('integer') failed - got 'abc'");
        assert_eq!(errors["ostemplate"], MISSING);
        assert_eq!(errors["foo"], UNKNOWN);
        assert_eq!(errors.len(), 6);
    }

    #[test]
    fn property_strings_name_their_fault() {
        let create = schema::operation("PUT", "/nodes/{node}/lxc/{vmid}/config").unwrap();
        let mut params = Params::from_form(
            "node=pve&vmid=100&net0=name%3Deth0%2Cbridge%3Dvmbr0%2Cip%3D1.2.3.4&cores=0&cores=2",
        );
        let errors = params.check(create, Profile::V9_2).unwrap_err().errors;
        assert_eq!(
            errors["net0"],
            "invalid format - format error\nnet0.ip: invalid format - value does not look like a valid ipv4 \
             network configuration\n\n"
        );
        assert_eq!(errors["cores"], "type check ('integer') failed - got ARRAY");
    }

    #[test]
    fn json_arrays_become_lists() {
        let put = schema::operation("PUT", "/nodes/{node}/lxc/{vmid}/config").unwrap();
        let body = serde_json::json!({"node": "pve", "vmid": 100, "onboot": true, "tags": ["a", "b"]});
        let mut params = Params::from_json(&body, true);
        params.check(put, Profile::V9_2).unwrap();
        assert_eq!(one(&params, "tags").as_deref(), Some("a,b"));
        assert_eq!(one(&params, "onboot").as_deref(), Some("1"));
    }
}
