//! Property strings (`virtio=AA:…,bridge=vmbr0`), sizes (`8G`), tags, and SSH keys: the small languages inside values.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `[default value,]key=value,…`. The server re-orders and completes what it is given: compare values, never texts.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PropertyString {
    parts: Vec<(Option<String>, String)>,
}

/// A value that cannot stand in a property string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid property string: {0}")]
pub struct InvalidProperty(pub String);

impl PropertyString {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts with a value without a key, for example the volume of a disk or `virtio`.
    pub fn with_default(value: impl fmt::Display) -> Self {
        Self { parts: vec![(None, value.to_string())] }
    }

    /// Adds or replaces a key. A boolean is written as `1` or `0` by [`flag`](Self::flag).
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl fmt::Display) -> Self {
        let (key, value) = (key.into(), value.to_string());
        match self.parts.iter_mut().find(|(k, _)| k.as_deref() == Some(&key)) {
            Some((_, old)) => *old = value,
            None => self.parts.push((Some(key), value)),
        }
        self
    }

    /// Adds or replaces a boolean key.
    #[must_use]
    pub fn flag(self, key: impl Into<String>, value: bool) -> Self {
        self.set(key, u8::from(value))
    }

    /// The value without a key.
    pub fn default_value(&self) -> Option<&str> {
        self.parts.iter().find(|(key, _)| key.is_none()).map(|(_, value)| value.as_str())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parts.iter().find(|(k, _)| k.as_deref() == Some(key)).map(|(_, value)| value.as_str())
    }

    /// The value of a boolean key, as the server reads it.
    pub fn get_flag(&self, key: &str) -> Option<bool> {
        match self.get(key)?.to_ascii_lowercase().as_str() {
            "1" | "on" | "yes" | "true" => Some(true),
            "0" | "off" | "no" | "false" => Some(false),
            _ => None,
        }
    }

    /// Keys and values, without the default value.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parts.iter().filter_map(|(key, value)| Some((key.as_deref()?, value.as_str())))
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The text, refused when a value holds a comma or a line break: there is no way to escape them.
    pub fn print(&self) -> Result<String, InvalidProperty> {
        for (key, value) in &self.parts {
            let broken = |c: char| c == ',' || c.is_control();
            if value.contains(broken)
                || key.as_ref().is_some_and(|k| k.is_empty() || k.contains(broken) || k.contains('='))
            {
                return Err(InvalidProperty(format!(
                    "{:?} cannot be written",
                    key.as_deref().unwrap_or(value)
                )));
            }
            if key.is_none() && value.contains('=') {
                return Err(InvalidProperty(format!("{value:?} would be read as a key")));
            }
        }
        Ok(self.to_string())
    }
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (key, value)) in self.parts.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            match key {
                Some(key) => write!(f, "{key}={value}")?,
                None => f.write_str(value)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl FromStr for PropertyString {
    type Err = InvalidProperty;

    fn from_str(text: &str) -> Result<Self, InvalidProperty> {
        let mut read = Self::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if read.get(key).is_none() => {
                    read.parts.push((Some(key.to_owned()), value.to_owned()));
                }
                None if read.default_value().is_none() => read.parts.push((None, part.to_owned())),
                _ => return Err(InvalidProperty(format!("duplicate key in {text:?}"))),
            }
        }
        Ok(read)
    }
}

/// A size in bytes, written as Proxmox VE writes disk sizes: powers of 1024, `8G`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

/// A text that is not a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a size (number with optional K, M, G or T)")]
pub struct InvalidSize;

const UNITS: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

impl Size {
    /// A number of bytes.
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A number of GiB.
    pub const fn gib(gib: u32) -> Self {
        Self((gib as u64) << 30)
    }

    /// In bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }

    /// In whole GiB, rounded up.
    pub const fn as_gib(self) -> u64 {
        self.0.div_ceil(1 << 30)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, InvalidSize> {
        let with_unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(*unit)?, *factor)));
        let (number, factor) = with_unit.unwrap_or((text, 1));
        let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !plain {
            return Err(InvalidSize);
        }
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Self).ok_or(InvalidSize);
        }
        let bytes = number.parse::<f64>().map_err(|_| InvalidSize)? * factor as f64;
        if bytes < 9.0e18 { Ok(Self(bytes.round() as u64)) } else { Err(InvalidSize) }
    }
}

/// Tags of a guest: lower-case, without order, without repetition, as the server keeps them.
#[derive(Clone, PartialEq, Eq, Default, Hash)]
pub struct Tags(BTreeSet<String>);

impl Tags {
    /// Reads a list separated by `;`, `,` or blanks.
    pub fn parse(text: &str) -> Self {
        text.split(|c: char| matches!(c, ';' | ',' | '\0') || c.is_whitespace())
            .filter(|t| !t.is_empty())
            .collect()
    }

    /// Whether the tag is there, whatever its case.
    pub fn contains(&self, tag: &str) -> bool {
        self.0.contains(&tag.to_lowercase())
    }

    /// Adds a tag.
    pub fn insert(&mut self, tag: &str) {
        self.0.insert(tag.to_lowercase());
    }

    /// Removes a tag.
    pub fn remove(&mut self, tag: &str) {
        self.0.remove(&tag.to_lowercase());
    }

    /// In alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: AsRef<str>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        Self(tags.into_iter().map(|t| t.as_ref().to_lowercase()).collect())
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(String::as_str).collect::<Vec<_>>().join(";"))
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(&self.0).finish()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: Option<String> = crate::lenient::optional(deserializer)?;
        Ok(text.map_or_else(Self::default, |t| Self::parse(&t)))
    }
}

/// What RFC 3986 leaves as it is.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// SSH keys for a container: plain lines.
pub(crate) fn ssh_keys_lxc<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    keys.into_iter().map(str::trim).filter(|k| !k.is_empty()).collect::<Vec<_>>().join("\n")
}

/// SSH keys for cloud-init: the same lines, percent-encoded inside the value (and once more on the wire).
pub(crate) fn ssh_keys_qemu<'a>(keys: impl IntoIterator<Item = &'a str>) -> String {
    percent_encode(&ssh_keys_lxc(keys))
}

#[cfg(test)]
#[path = "property_test.rs"]
mod tests;
