//! Reading headers that hold base64 of JSON. Strangers send them, and some are worth money until they are used: so an
//! error names the field and says what it must be, and never repeats what was in it.

use std::str::FromStr;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use super::amount::is_plain;

/// The longest header that is read, in bytes. Real ones have about 1,000.
pub(super) const LONGEST: usize = 8 * 1024;

/// With padding, as everybody sends it; without it, it is understood too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What is wrong with a header, in words for whoever sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// Longer than any real one.
    #[error("the header {0} is longer than {LONGEST} bytes")]
    TooLong(&'static str),
    /// Not base64.
    #[error("the header {0} is not base64")]
    Base64(&'static str),
    /// Base64 of something that is not a JSON object.
    #[error("the header {0} is not base64 of a JSON object")]
    Json(&'static str),
    /// A field that must be there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field that is there and wrong.
    #[error("`{field}` must be {must}")]
    Field {
        /// Where it is.
        field: &'static str,
        /// What it must be.
        must: &'static str,
    },
}

pub(super) fn wrong(field: &'static str, must: &'static str) -> BadHeader {
    BadHeader::Field { field, must }
}

pub(super) fn encode(json: &Value) -> String {
    BASE64.encode(json.to_string())
}

pub(super) fn decode(name: &'static str, text: &str) -> Result<Object, BadHeader> {
    if text.len() > LONGEST {
        return Err(BadHeader::TooLong(name));
    }
    let bytes = BASE64.decode(text).map_err(|_| BadHeader::Base64(name))?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(map)) => Ok(Object(map)),
        _ => Err(BadHeader::Json(name)),
    }
}

/// A JSON object whose fields are taken one by one. `path` is what the reader is told; its last part is the key.
pub(super) struct Object(pub(super) Map<String, Value>);

impl Object {
    pub(super) fn maybe(&mut self, path: &'static str) -> Option<Value> {
        let key = path.rsplit('.').next().unwrap_or(path);
        self.0.remove(key).filter(|value| !value.is_null())
    }

    pub(super) fn take(&mut self, path: &'static str) -> Result<Value, BadHeader> {
        self.maybe(path).ok_or(BadHeader::Missing(path))
    }

    pub(super) fn object(&mut self, path: &'static str) -> Result<Self, BadHeader> {
        match self.take(path)? {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(wrong(path, "an object")),
        }
    }

    pub(super) fn maybe_object(
        &mut self,
        path: &'static str,
    ) -> Result<Option<Map<String, Value>>, BadHeader> {
        match self.maybe(path) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(wrong(path, "an object")),
        }
    }

    pub(super) fn text(&mut self, path: &'static str) -> Result<String, BadHeader> {
        match self.take(path)? {
            Value::String(text) => Ok(text),
            _ => Err(wrong(path, "a string")),
        }
    }

    pub(super) fn maybe_text(&mut self, path: &'static str) -> Result<Option<String>, BadHeader> {
        match self.maybe(path) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(path, "a string")),
        }
    }

    pub(super) fn parsed<T: FromStr>(
        &mut self,
        path: &'static str,
        must: &'static str,
    ) -> Result<T, BadHeader> {
        match self.take(path)? {
            Value::String(text) => text.parse().map_err(|_| wrong(path, must)),
            _ => Err(wrong(path, must)),
        }
    }

    /// Seconds since 1970, as a decimal string: so all clients send them.
    pub(super) fn seconds(&mut self, path: &'static str) -> Result<u64, BadHeader> {
        const MUST: &str = "seconds since 1970 as a string of digits without leading zeros, below 2^64";
        let Value::String(text) = self.take(path)? else { return Err(wrong(path, MUST)) };
        if !is_plain(&text) {
            return Err(wrong(path, MUST));
        }
        text.parse().map_err(|_| wrong(path, MUST))
    }

    /// Refuses what has not been taken.
    pub(super) fn nothing_else(&self, path: &'static str, must: &'static str) -> Result<(), BadHeader> {
        if self.0.is_empty() { Ok(()) } else { Err(wrong(path, must)) }
    }
}

/// What each kind of field must be.
pub(super) mod must {
    pub(crate) const AMOUNT: &str = "a whole number of the token's smallest unit as a string of digits without leading zeros, below 2^128";
    pub(crate) const ADDRESS: &str = "an address: `0x` and 40 hexadecimal digits";
    pub(crate) const NONCE: &str = "`0x` and 64 hexadecimal digits";
    pub(crate) const NETWORK: &str = "a network like `eip155:8453`";
}
