//! Prices and credits: what is asked for is paid for, and every figure has its entries.

use serde_json::{Value, json};

use crate::house::House;

fn prices(core: i64) -> Value {
    json!({ "running": { "core_micros": core, "memory_gib_micros": 0, "disk_gib_micros": 100 } })
}

#[tokio::test]
async fn an_instance_is_made_when_there_are_credits_and_every_figure_has_its_entries() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let owner = house.user(&admin, "grace", "user").await;
    let project = owner.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
    let of = |what: &str| format!("/api/v1/projects/{}/{what}", project.as_str().unwrap());
    assert_eq!(admin.get("/api/v1/price-lists").await.expect(200)["items"], json!([]));
    let list = admin.post("/api/v1/price-lists", &prices(4000)).await.expect(201);
    assert_eq!(list["stopped"]["disk_gib_micros"], 100);
    assert_eq!(owner.get("/api/v1/price-lists").await.expect(200)["items"], json!([list]));

    let size = json!({ "size": { "cores": 1, "memory_mib": 256, "disk_gib": 4 } });
    let estimate = owner.post("/api/v1/prices/estimate", &size).await.expect(200);
    assert_eq!(estimate["rate"], json!({ "running_micros": 4400, "stopped_micros": 400 }));
    assert_eq!(estimate["held_micros"], 4400);
    assert_eq!((&estimate["day_micros"], &estimate["month_micros"]), (&json!(105_600), &json!(3_168_000)));

    let new = json!({ "name": "web-1", "template_id": furniture.template });
    let refused = owner.post("/api/v1/instances", &new).await;
    assert_eq!(refused.problem(402), "insufficient_credits");
    let refused = refused.json();
    assert_eq!((&refused["needed_micros"], &refused["available_micros"]), (&json!(4400), &json!(0)));
    assert!(refused["remedy"].as_str().unwrap().contains("add credits"), "{refused}");

    let gift = json!({ "kind": "grant", "amount_micros": 10_000, "reason": "welcome" });
    let given = admin.post_keyed(&of("adjustments"), "once", &gift).await.expect(201);
    assert_eq!(given["amount_micros"], 10_000);
    // Sent again, it is given once.
    assert_eq!(admin.post_keyed(&of("adjustments"), "once", &gift).await.expect(201), given);
    owner.post("/api/v1/instances", &new).await.expect(202);
    let balance = owner.get(&of("balance")).await.expect(200);
    assert_eq!(balance["wallet_micros"], 5600);
    assert_eq!(balance["held_micros"], 4400);
    assert_eq!((&balance["owed_micros"], &balance["runway_seconds"]), (&json!(0), &Value::Null));
    let ledger = owner.get(&of("ledger")).await.expect(200)["items"].clone();
    let sum =
        |name: &str| ledger.as_array().unwrap().iter().map(|line| line[name].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("wallet_micros"), sum("held_micros"), sum("debt_micros")), (5600, 4400, 0));
    assert_eq!((&ledger[0]["cause"], &ledger[1]["memo"]), (&json!("hold"), &json!("welcome")));
    let made = owner.get("/api/v1/instances").await.expect(200)["items"][0].clone();
    assert_eq!((&ledger[0]["cause_id"], &made["rate"]), (&made["id"], &estimate["rate"]));
    let page = owner.get(&of("ledger?limit=1&cause=grant")).await.expect(200);
    assert_eq!(page["items"], json!([given]));
    assert_eq!(owner.get(&of("usage")).await.expect(200)["items"], json!([]));
    assert_eq!(owner.get(&of("ledger?cause=theft")).await.problem(400), "invalid_parameter");
}

#[tokio::test]
async fn corrections_go_down_to_nothing_and_say_why() {
    let house = House::new().await;
    let admin = house.admin().await;
    let owner = house.user(&admin, "grace", "user").await;
    let project = owner.get("/api/v1/me").await.expect(200)["user"]["personal_project"].clone();
    let path = format!("/api/v1/projects/{}/adjustments", project.as_str().unwrap());
    let ask = |kind: &str, amount: i64, reason: &str| json!({ "kind": kind, "amount_micros": amount, "reason": reason });
    admin.post(&path, &ask("grant", 500, "welcome")).await.expect(201);
    let less = admin.post(&path, &ask("correction", -600, "a mistake")).await;
    assert_eq!(less.problem(402), "insufficient_credits");
    admin.post(&path, &ask("correction", -500, "a mistake")).await.expect(201);
    for bad in [
        ask("grant", 0, "why"),
        ask("grant", -5, "why"),
        ask("correction", 0, "why"),
        ask("grant", 1_000_000_000_000_001, "why"),
        ask("grant", 5, " "),
        ask("grant", 5, "two\nlines"),
        json!({ "kind": "grant", "amount_micros": 1.5, "reason": "why" }),
    ] {
        assert_eq!(admin.post(&path, &bad).await.problem(422), "invalid_field", "{bad}");
    }
    let operator = house.user(&admin, "olga", "operator").await;
    for client in [&owner, &operator] {
        assert_eq!(client.post(&path, &ask("grant", 5, "why")).await.problem(403), "forbidden");
    }
}

#[tokio::test]
async fn only_administrators_set_prices_and_a_plan_can_have_its_own() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let operator = house.user(&admin, "olga", "operator").await;
    assert_eq!(operator.post("/api/v1/price-lists", &prices(1)).await.problem(403), "forbidden");
    for bad in [prices(-1), prices(1_000_000_001)] {
        assert_eq!(admin.post("/api/v1/price-lists", &bad).await.problem(422), "invalid_field");
    }
    let size = json!({ "cores": 1, "memory_mib": 256, "disk_gib": 4 });
    let plan =
        json!({ "name": "Small", "size": size, "price": { "running_micros": 7, "stopped_micros": 3 } });
    assert_eq!(operator.post("/api/v1/plans", &plan).await.problem(403), "forbidden");
    let plan = admin.post("/api/v1/plans", &plan).await.expect(201);
    assert_eq!(plan["price"]["running_micros"], 7);
    let asked = json!({ "plan_id": plan["id"] });
    let cost = async || admin.post("/api/v1/prices/estimate", &asked).await.expect(200)["rate"].clone();
    assert_eq!(cost().await, json!({ "running_micros": 7, "stopped_micros": 3 }));
    let path = format!("/api/v1/plans/{}/price", plan["id"].as_str().unwrap());
    assert_eq!(admin.put(&path, &json!({ "price": null })).await.expect(200)["price"], Value::Null);
    assert_eq!(cost().await, json!({ "running_micros": 0, "stopped_micros": 0 }));
    for bad in [json!({}), json!({ "plan_id": plan["id"], "size": size })] {
        assert_eq!(admin.post("/api/v1/prices/estimate", &bad).await.problem(422), "invalid_field");
    }

    let made = furniture.instance(&admin, "web-1").await;
    let path = format!("/api/v1/instances/{}/price", made["instance_id"].as_str().unwrap());
    let dear = json!({ "rate": { "running_micros": 9, "stopped_micros": 1 } });
    assert_eq!(admin.put(&path, &dear).await.problem(402), "insufficient_credits");
    let free = json!({ "rate": { "running_micros": 0, "stopped_micros": 5 } });
    assert_eq!(operator.put(&path, &free).await.problem(403), "forbidden");
    assert_eq!(admin.put(&path, &free).await.problem(402), "insufficient_credits");
    assert_eq!(admin.put(&path, &json!({ "rate": null })).await.expect(200)["rate"], cost().await);
}
