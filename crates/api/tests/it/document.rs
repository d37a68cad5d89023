//! The OpenAPI document is part of the repository, so that a change of the API is seen in review and clients are made
//! from what was reviewed.

use std::path::Path;

use serde_json::{Value, json};

use crate::house::House;

#[test]
fn the_document_in_the_repository_is_the_one_we_serve() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    let mut served = innkeeper_api::openapi().to_pretty_json().unwrap();
    served.push('\n');
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == served,
        "openapi.json is not up to date; run this test with UPDATE=1 and look at the difference"
    );
}

#[tokio::test]
async fn the_document_is_served() {
    let house = House::new().await;
    let served = house.anybody().get("/api/v1/openapi.json").await.expect(200);
    assert_eq!(served, serde_json::to_value(innkeeper_api::openapi()).unwrap());
}

/// Calls `look` with every object of the document.
fn walk(value: &Value, look: &mut impl FnMut(&Value)) {
    look(value);
    match value {
        Value::Object(fields) => fields.values().for_each(|field| walk(field, look)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, look)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_everything_is_described() {
    let document = serde_json::to_value(innkeeper_api::openapi()).unwrap();
    walk(&document, &mut |value| {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(
                document.pointer(reference.trim_start_matches('#')).is_some(),
                "{reference} leads nowhere"
            );
        }
    });
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            // What may be null says it of what it is otherwise.
            let described =
                property.get("description").is_some() || property["oneOf"][0].get("description").is_some();
            assert!(described, "{name}.{field} is not described");
        }
    }
    // Words are those that answers use.
    assert_eq!(document["components"]["schemas"]["Kind"]["enum"], json!(["lxc", "qemu"]));
    assert_eq!(document["components"]["schemas"]["OperationState"]["enum"][0], "pending");
    assert_eq!(document["components"]["schemas"]["InstanceState"]["enum"][0], "provisioning");
    let mut ids = std::collections::BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{operation}");
            assert!(!operation["summary"].as_str().unwrap().is_empty());
            let body = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            if let Some(body) = body.as_str() {
                let schema = document.pointer(body.trim_start_matches('#')).unwrap();
                assert_eq!(
                    schema["additionalProperties"], false,
                    "{body} takes fields that it does not know"
                );
            }
            assert_eq!(operation["tags"].as_array().unwrap().len(), 1, "{operation}");
        }
    }
}
