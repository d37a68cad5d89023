//! The tools: what each takes, what it tells programs of itself, and the one request that it is.

mod buying;
mod looking;
mod using;

use std::sync::LazyLock;

use axum::http::Method;
use innkeeper_domain::ids::LeaseId;
use rmcp::handler::server::tool::schema_for_input;
use rmcp::model::{JsonObject, Tool as Description, ToolAnnotations};
use rmcp::schemars::{self, JsonSchema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a tool does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing.
    Reads,
    /// It buys; the same again buys again.
    Buys,
    /// It changes something; the same again changes nothing more.
    Changes,
    /// It may destroy anything.
    Runs,
    /// It destroys, once.
    Destroys,
}

/// Who must be shown to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nobody, or whoever calls.
    Caller,
    /// Who pays with credits.
    Credits,
    /// Who holds this lease.
    Holder(LeaseId),
    /// Who holds leases, whichever.
    Anybody,
}

/// One request, and what has to be known to make it and to tell its answer.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: Option<Value>,
    pub(crate) proof: Proof,
    /// Whether it may have to be paid.
    pub(crate) bought: bool,
    /// A token that was given.
    pub(crate) token: Option<String>,
    pub(crate) show_token: bool,
    /// A payment that was given, as its header has it.
    pub(crate) payment: Option<String>,
    pub(crate) idempotency_key: Option<String>,
}

impl Plan {
    fn new(method: Method, path: impl Into<String>, proof: Proof) -> Self {
        Self {
            method,
            path: format!("/api/v1/leases{}", path.into()),
            body: None,
            proof,
            bought: false,
            token: None,
            show_token: false,
            payment: None,
            idempotency_key: None,
        }
    }

    fn body(self, body: &impl Serialize) -> Self {
        Self { body: serde_json::to_value(body).ok(), ..self }
    }

    fn token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }
}

/// Arguments that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit(pub(crate) String);

/// What all tools have.
pub(crate) trait Tool: DeserializeOwned + JsonSchema + 'static {
    const NAME: &'static str;
    const TITLE: &'static str;
    const DESCRIPTION: &'static str;
    const EFFECT: Effect;

    fn plan(self) -> Result<Plan, Unfit>;
}

/// A tool that can be called.
pub(crate) struct Entry {
    pub(crate) description: Description,
    plan: fn(JsonObject) -> Result<Plan, Unfit>,
}

impl Entry {
    fn of<T: Tool>() -> Self {
        let effect = T::EFFECT;
        let hints = ToolAnnotations::from_raw(
            Some(T::TITLE.to_owned()),
            Some(effect == Effect::Reads),
            Some(matches!(effect, Effect::Runs | Effect::Destroys)),
            Some(matches!(effect, Effect::Reads | Effect::Changes | Effect::Destroys)),
            Some(effect == Effect::Runs),
        );
        let schema = schema_for_input::<T>().unwrap_or_default();
        let description =
            Description::new(T::NAME, T::DESCRIPTION, schema).with_title(T::TITLE).with_annotations(hints);
        let plan = |arguments| {
            let read: T =
                serde_json::from_value(Value::Object(arguments)).map_err(|error| Unfit(error.to_string()))?;
            read.plan()
        };
        Self { description, plan }
    }

    /// What is to be asked. Arguments that this face does not have are refused like unknown ones.
    pub(crate) fn plan(&self, arguments: JsonObject, keeps: bool) -> Result<Plan, Unfit> {
        if !keeps && arguments.contains_key(SHOW_TOKEN) {
            return Err(Unfit(format!("unknown field `{SHOW_TOKEN}`")));
        }
        (self.plan)(arguments)
    }

    /// As it is listed: who keeps no tokens shows them always.
    pub(crate) fn listed(&self, keeps: bool) -> Description {
        let mut description = self.description.clone();
        if !keeps {
            let mut schema = (*description.input_schema).clone();
            if let Some(Value::Object(properties)) = schema.get_mut("properties") {
                properties.remove(SHOW_TOKEN);
            }
            description.input_schema = schema.into();
        }
        description
    }
}

const SHOW_TOKEN: &str = "show_token";

static ENTRIES: LazyLock<[Entry; 11]> = LazyLock::new(|| {
    [
        Entry::of::<looking::Catalogue>(),
        Entry::of::<looking::Quote>(),
        Entry::of::<buying::Lease>(),
        Entry::of::<looking::Order>(),
        Entry::of::<looking::Status>(),
        Entry::of::<looking::List>(),
        Entry::of::<using::Exec>(),
        Entry::of::<looking::Logs>(),
        Entry::of::<buying::Renew>(),
        Entry::of::<using::Resize>(),
        Entry::of::<using::Destroy>(),
    ]
});

/// All of them, in the order in which they are used.
pub(crate) fn all() -> &'static [Entry] {
    &*ENTRIES
}

/// The one of this name.
pub(crate) fn named(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.description.name == name)
}

/// How big.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
struct Size {
    /// Processor cores.
    #[schemars(range(min = 1))]
    cores: u32,
    /// Memory in MiB.
    #[schemars(range(min = 1))]
    memory_mib: u32,
    /// Disk in GiB.
    #[schemars(range(min = 1))]
    disk_gib: u32,
}

/// By what it is paid, where not by a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum PayWith {
    /// Credits of a project, or of the wallet.
    Credits,
}

fn lease(text: &str) -> Result<LeaseId, Unfit> {
    text.parse().map_err(|_| Unfit("lease_id: expected the id of a lease, `lea_…`".to_owned()))
}

/// Only what was given: the API tells nothing from null everywhere.
fn given(fields: &[(&str, Value)]) -> Value {
    let fields = fields.iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| ((*name).to_owned(), value.clone())).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
