//! A secret in the configuration: read as text, and shown to nobody, not even by `innkeeper config`.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};

/// A secret.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// For whoever uses it.
    pub(crate) fn expose(&self) -> SecretString {
        SecretString::from(self.0.clone())
    }

    fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { "…" }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}
