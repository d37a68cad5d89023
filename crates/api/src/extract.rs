//! Reading requests: bodies, queries and paths become typed values, or a problem that names the field.

use std::time::Duration;

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use innkeeper_engine::{Error, Idempotency};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::problem::Problem;

/// The largest body that we read, in bytes.
pub(crate) const BODY_LIMIT: usize = 256 * 1024;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Left out when two requests with the same key are compared: what is compared is kept as a hash, and a hash of
/// something that people choose can be guessed.
const NOT_COMPARED: [&str; 4] = ["/password", "/token_secret", "/rcon/password", "/secrets"];

/// A JSON body.
pub(crate) struct Asked<T>(pub(crate) T);

/// A JSON body, with the key under which a repetition is recognised.
pub(crate) struct Keyed<T> {
    pub(crate) body: T,
    pub(crate) key: Option<Idempotency>,
}

/// No body, with the key under which a repetition is recognised.
pub(crate) struct Key(pub(crate) Option<Idempotency>);

/// A body as it arrived, byte for byte: for whom a signature over it counts.
pub(crate) struct Raw(pub(crate) Bytes);

/// The query.
pub(crate) struct Query<T>(pub(crate) T);

/// What the path names.
pub(crate) struct At<T>(pub(crate) T);

/// For fields that can be null: what is null was said to be nothing; what is left out was not said.
#[expect(clippy::option_option, reason = "null and left out say different things")]
pub(crate) fn said<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(&request)?;
        Ok(Self(parse(&read(request).await?)?))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_media_type(&request)?;
        let keyed = Named::of(&request)?;
        let bytes = read(request).await?;
        let body = parse(&bytes)?;
        let key = keyed.map(|named| named.key(&comparable(&bytes))).transpose()?;
        Ok(Self { body, key })
    }
}

/// A JSON body, with what it says whatever its spacing and the order of its fields.
pub(crate) async fn json_body<T: DeserializeOwned>(request: Request) -> Result<(T, Vec<u8>), Problem> {
    check_media_type(&request)?;
    let bytes = read(request).await?;
    Ok((parse(&bytes)?, comparable(&bytes)))
}

impl<S: Send + Sync> FromRequest<S> for Key {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let keyed = Named::of(&request)?;
        let json = check_media_type(&request);
        let bytes = read(request).await?;
        // Some clients send `{}` where nothing is asked for.
        if !bytes.is_empty() {
            json?;
            parse::<Nothing>(&bytes)?;
        }
        keyed.map(|named| named.key(b"")).transpose().map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request).await.map(Self)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// The key that a client has given a request, if it has.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all("idempotency-key").iter();
    let Some(key) = given.next() else { return Ok(None) };
    let key = key.to_str().ok().filter(|_| given.next().is_none());
    let key = key.ok_or_else(|| {
        Problem::invalid_parameter("Idempotency-Key", "give one key of printable ASCII characters")
    })?;
    Ok(Some(key.to_owned()))
}

/// A request that its client has given a key.
struct Named {
    key: String,
    method: String,
    path: String,
}

impl Named {
    fn of(request: &Request) -> Result<Option<Self>, Problem> {
        let Some(key) = idempotency_key(request.headers())? else { return Ok(None) };
        Ok(Some(Self {
            key,
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        }))
    }

    fn key(self, body: &[u8]) -> Result<Idempotency, Problem> {
        Idempotency::new(&self.key, &[self.method.as_bytes(), self.path.as_bytes(), body]).map_err(|error| {
            match error {
                Error::Invalid { field, message } => Problem::invalid_parameter(field, message),
                other => other.into(),
            }
        })
    }
}

/// What a body says, whatever its spacing and the order of its fields.
fn comparable(body: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    for place in NOT_COMPARED {
        if let Some(secret) = value.pointer_mut(place) {
            *secret = Value::Null;
        }
    }
    value.to_string().into_bytes()
}

fn check_media_type(request: &Request) -> Result<(), Problem> {
    let given =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { Ok(()) } else { Err(Problem::wrong_media_type()) }
}

async fn read(mut request: Request) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(BODY_LIMIT).apply(&mut request);
    let bytes = tokio::time::timeout(BODY_PATIENCE, request.extract::<Bytes, _>()).await;
    bytes.map_err(|_| Problem::too_slow(BODY_PATIENCE))?.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::too_large(BODY_LIMIT)
        } else {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "broken_body",
                "The body broke off",
                "the body could not be read",
            )
        }
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // The library would take a list for the fields of an object, one after the other.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Problem::invalid_field(
            "body".to_owned(),
            "give a JSON object, with the fields by their names",
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        let text = error.to_string();
        if error.is_data() {
            // The place in the text helps less than the path.
            let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
            Problem::invalid_field(field(&path, text), text)
        } else {
            Problem::malformed_json(text)
        }
    })?;
    json.end().map_err(|error| Problem::malformed_json(error.to_string()))?;
    Ok(value)
}

/// The path of the field that an error is about. An error about a missing or unknown field belongs to the object that
/// should or should not have it, and names the field in its text only.
fn field(path: &str, text: &str) -> String {
    let named = ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|start| text.strip_prefix(start)?.split('`').next());
    match named {
        Some(name) if path == "." => name.to_owned(),
        Some(name) if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        Some(name) => format!("{path}.{name}"),
        None if path == "." => "body".to_owned(),
        None => path.to_owned(),
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        // No text of ours has it, and PostgreSQL cannot even be asked for it.
        if let Some((name, _)) =
            pairs.clone().find(|(name, value)| name.contains('\0') || value.contains('\0'))
        {
            return Err(Problem::invalid_parameter(
                name.replace('\0', ""),
                "the character U+0000 is not accepted",
            ));
        }
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs)).map(Self).map_err(
            |error| {
                let path = error.path().to_string();
                let text = error.into_inner().to_string();
                Problem::invalid_parameter(field(&path, &text).replace("body", "query"), text)
            },
        )
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        if parts.uri.path().contains("%00") {
            return Err(Problem::invalid_parameter("path", "the character U+0000 is not accepted"));
        }
        let rejection = match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => return Ok(Self(value)),
            Err(rejection) => rejection,
        };
        let names = RawPathParams::from_request_parts(parts, state).await;
        // Where the path names one thing, the error is about that.
        let only = names.ok().and_then(|names| names.iter().next().map(|(name, _)| name.to_owned()));
        let only = only.unwrap_or_else(|| "path".to_owned());
        let PathRejection::FailedToDeserializePathParams(error) = rejection else {
            return Err(Problem::invalid_parameter(only, rejection.body_text()));
        };
        Err(match error.into_kind() {
            ErrorKind::DeserializeError { key, message, .. } => Problem::invalid_parameter(key, message),
            ErrorKind::InvalidUtf8InPathParam { key } => Problem::invalid_parameter(key, "this is not UTF-8"),
            other => Problem::invalid_parameter(only, other.to_string()),
        })
    }
}
