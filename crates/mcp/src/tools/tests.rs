use serde_json::json;

use super::*;

const LEASE: &str = "lea_0190b2c30190b2c30190b2c30190b2c3";
const ORDER: &str = "ord_0190b2c30190b2c30190b2c30190b2c3";

fn plan(tool: &str, arguments: Value) -> Result<Plan, Unfit> {
    let Value::Object(arguments) = arguments else { panic!("no arguments") };
    named(tool).unwrap().plan(arguments, true)
}

#[test]
fn each_tool_is_one_request_of_the_api() {
    let size = json!({ "cores": 2, "memory_mib": 1024, "disk_gib": 8 });
    let all = json!({
        "minutes": 60, "size": size, "template": "Debian 12", "name": "web", "ssh_keys": ["ssh-ed25519 A me"],
        "user_data": "#!/bin/sh", "pay_with": "credits", "project_id": "prj_1",
    });
    let of = |path: &str| format!("/{LEASE}{path}");
    for (tool, arguments, method, path, body) in [
        ("catalogue", json!({}), Method::GET, "/catalogue".to_owned(), None),
        ("quote", json!({ "minutes": 5 }), Method::POST, "/quote".into(), Some(json!({ "minutes": 5 }))),
        (
            "quote",
            json!({ "minutes": 5, "lease_id": LEASE }),
            Method::POST,
            of("/quote"),
            Some(json!({ "minutes": 5 })),
        ),
        ("lease", all.clone(), Method::POST, String::new(), Some(all)),
        ("order", json!({ "order_id": ORDER }), Method::GET, format!("/orders/{ORDER}?wait=30s"), None),
        (
            "order",
            json!({ "order_id": ORDER, "wait_seconds": 99 }),
            Method::GET,
            format!("/orders/{ORDER}?wait=60s"),
            None,
        ),
        ("status", json!({ "lease_id": LEASE }), Method::GET, of(""), None),
        ("list", json!({}), Method::GET, String::new(), None),
        ("logs", json!({ "lease_id": LEASE }), Method::GET, of("/log"), None),
        (
            "exec",
            json!({ "lease_id": LEASE, "command": ["uname", "-a"], "timeout_seconds": 5 }),
            Method::POST,
            of("/exec"),
            Some(json!({ "command": ["uname", "-a"], "timeout_seconds": 5 })),
        ),
        (
            "exec",
            json!({ "lease_id": LEASE, "script": "id", "input": "a", "user": "nobody" }),
            Method::POST,
            of("/exec"),
            Some(json!({ "command": { "script": "id" }, "input": "a", "user": "nobody" })),
        ),
        (
            "renew",
            json!({ "lease_id": LEASE, "minutes": 5 }),
            Method::POST,
            of("/renew"),
            Some(json!({ "minutes": 5 })),
        ),
        (
            "resize",
            json!({ "lease_id": LEASE, "size": size }),
            Method::POST,
            of("/resize"),
            Some(json!({ "size": size })),
        ),
        ("destroy", json!({ "lease_id": LEASE }), Method::DELETE, of(""), None),
    ] {
        let plan = plan(tool, arguments).unwrap();
        assert_eq!((plan.method, plan.path), (method, format!("/api/v1/leases{path}")), "{tool}");
        assert_eq!(plan.body, body, "{tool}");
        assert_eq!(plan.bought, ["lease", "renew", "exec"].contains(&tool), "{tool}");
    }
}

#[test]
fn arguments_that_do_not_fit_are_refused_before_anything_is_asked() {
    for (tool, arguments, named) in [
        ("catalogue", json!({ "all": true }), "all"),
        ("quote", json!({}), "minutes"),
        ("quote", json!({ "minutes": -5 }), "u32"),
        ("quote", json!({ "minutes": 5, "lease_id": LEASE, "plan": "Small" }), "plan"),
        (
            "lease",
            json!({ "minutes": 5, "size": { "cores": 1, "memory_mib": 1, "disk_gib": 1, "gpus": 1 } }),
            "gpus",
        ),
        ("lease", json!({ "minutes": 5, "price_micros": 0 }), "price_micros"),
        ("lease", json!({ "minutes": 5, "pay_with": "cash" }), "cash"),
        ("status", json!({ "lease_id": "../users" }), "lease_id"),
        ("order", json!({ "order_id": LEASE }), "order_id"),
        ("exec", json!({ "lease_id": LEASE }), "script"),
        ("exec", json!({ "lease_id": LEASE, "command": ["id"], "script": "id" }), "script"),
        ("resize", json!({ "lease_id": LEASE }), "size"),
    ] {
        let Unfit(why) = plan(tool, arguments).unwrap_err();
        assert!(why.contains(named), "{tool}: {why}");
    }
}

#[test]
fn tools_say_what_they_take_and_what_they_do() {
    let hints = |name: &str| {
        let hints = named(name).unwrap().description.annotations.clone().unwrap();
        (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint)
    };
    for reads in ["catalogue", "quote", "order", "status", "list", "logs"] {
        assert_eq!(hints(reads), (Some(true), Some(false), Some(true)), "{reads}");
    }
    assert_eq!(hints("lease"), (Some(false), Some(false), Some(false)));
    assert_eq!(hints("exec"), (Some(false), Some(true), Some(false)));
    assert_eq!(hints("resize"), (Some(false), Some(false), Some(true)));
    assert_eq!(hints("destroy"), (Some(false), Some(true), Some(true)));
    for entry in all() {
        let (tool, schema) = (&entry.description, &entry.description.input_schema);
        assert_eq!(schema["additionalProperties"], false, "{}", tool.name);
        assert!(!json!(schema).to_string().contains("$ref"), "{}: {schema:?}", tool.name);
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            assert!(property["description"].is_string(), "{}: {name}: {property}", tool.name);
        }
        let words = tool.description.as_deref().unwrap();
        assert!(!words.contains("  "), "{words}");
        let costs = ["ree", "CHARGES", "harges", "paid back"].iter().any(|word| words.contains(word));
        assert!(costs, "{}: {words}", tool.name);
    }
}

#[test]
fn who_keeps_no_tokens_cannot_be_asked_to_hide_them() {
    let entry = named("lease").unwrap();
    let has = |keeps| entry.listed(keeps).input_schema["properties"].get(SHOW_TOKEN).is_some();
    assert!(has(true) && !has(false));
    let Value::Object(asked) = json!({ "minutes": 5, "show_token": false }) else { unreachable!() };
    assert!(entry.plan(asked.clone(), true).is_ok());
    assert!(entry.plan(asked, false).is_err());
}
