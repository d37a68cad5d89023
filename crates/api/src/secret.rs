//! Passwords and tokens on their way in: never printed, never shown again.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Object, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// A text that does not print.
#[derive(Clone, Debug)]
pub(crate) struct Secret(pub(crate) SecretString);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The usual message would repeat what was given.
        let text = String::deserialize(deserializer).map_err(|_| serde::de::Error::custom("give a text"))?;
        Ok(Self(SecretString::from(text)))
    }
}

impl PartialSchema for Secret {
    fn schema() -> RefOr<Schema> {
        let object: Object = ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .write_only(true)
            .build();
        object.into()
    }
}

impl ToSchema for Secret {}
