//! Staff are told why an instance goes where it goes; nobody else is.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn staff_are_told_why_here_and_why_not_there_and_customers_nothing() {
    let house = House::new().await;
    let admin = house.admin().await;
    let grace = house.user(&admin, "grace", "user").await;
    let furniture = house.furnish(&admin).await;
    let operation = furniture.instance(&grace, "web-1").await;
    let asked = json!({ "template_id": furniture.template });
    let found = admin.post("/api/v1/placements/explain", &asked).await.expect(200);
    assert_eq!((&found["possible"], &found["kind"]), (&json!(true), &json!("lxc")));
    assert_eq!(found["size"]["memory_mib"], 256, "the template's own size");
    let node = &found["nodes"][0];
    assert_eq!(
        (&node["node"], &node["fate"], &node["storage"]),
        (&json!("pve1"), &json!("chosen"), &json!("local-lvm"))
    );
    assert_eq!(node["memory"]["promised"], 256 << 20, "what is promised counts");
    assert!(node["score"]["memory_per_mille"].as_u64().unwrap() > 990);

    // Nothing was taken by asking.
    let again = admin.post("/api/v1/placements/explain", &asked).await.expect(200);
    assert_eq!(again["nodes"], found["nodes"]);

    let path = format!("/api/v1/clusters/{}", furniture.cluster);
    admin.patch(&path, &json!({ "open": false })).await.expect(200);
    let size = json!({ "cores": 1, "memory_mib": 64, "disk_gib": 1 });
    let asked = json!({ "kind": "qemu", "size": size });
    let found = admin.post("/api/v1/placements/explain", &asked).await.expect(200);
    assert_eq!(found["possible"], false);
    assert_eq!(found["obstacles"][0]["code"], "no_place");
    assert_eq!(found["nodes"][0]["reason"], "cluster_closed");
    assert_eq!(found["nodes"][0]["message"], "its cluster is closed to new instances");

    let huge = json!({ "cores": 1, "memory_mib": 4_000_000, "disk_gib": 1 });
    admin.patch(&path, &json!({ "open": true })).await.expect(200);
    let asked = json!({ "kind": "lxc", "size": huge, "project_id": operation["project_id"] });
    let found = admin.post("/api/v1/placements/explain", &asked).await.expect(200);
    let codes: Vec<_> =
        found["obstacles"].as_array().unwrap().iter().map(|o| o["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["quota_exceeded", "no_place"]);
    assert_eq!(found["nodes"][0]["reason"], "memory");
    assert!(found["nodes"][0]["message"].as_str().unwrap().contains("4000000 MiB needed"), "{found}");

    // What was found is kept with the instance, whatever has become of the node since.
    let path = format!("/api/v1/instances/{}/placement", operation["instance_id"].as_str().unwrap());
    let kept = admin.get(&path).await.expect(200);
    assert_eq!((&kept["node"], &kept["nodes"][0]["fate"]), (&json!("pve1"), &json!("chosen")));
    assert_eq!(kept["nodes"][0]["memory"]["promised"], 0);
    assert!(kept["placed_at"].is_string());

    assert_eq!(grace.get(&path).await.problem(403), "forbidden");
    assert_eq!(grace.post("/api/v1/placements/explain", &asked).await.problem(403), "forbidden");
    let other = house.user(&admin, "eve", "user").await;
    assert_eq!(other.get(&path).await.problem(404), "not_found");
}

#[tokio::test]
async fn a_question_that_makes_no_sense_names_the_field() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    let size = json!({ "cores": 1, "memory_mib": 64, "disk_gib": 1 });
    for (asked, field) in [
        (json!({}), "kind"),
        (json!({ "kind": "lxc" }), "size"),
        (json!({ "template_id": furniture.template, "kind": "qemu" }), "kind"),
        (json!({ "template_id": "tpl_0190b2c35d5e7cc0a1b2c3d4e5f60718" }), "template_id"),
        (
            json!({ "template_id": furniture.template, "size": { "cores": 99, "memory_mib": 64, "disk_gib": 1 } }),
            "size",
        ),
        (json!({ "kind": "lxc", "size": size, "plan_id": "pln_0190b2c35d5e7cc0a1b2c3d4e5f60718" }), "size"),
    ] {
        let answer = admin.post("/api/v1/placements/explain", &asked).await.expect(422);
        assert_eq!(answer["field"], field, "{asked}: {answer}");
    }
}
