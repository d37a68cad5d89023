use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::house::{Client, House, template};

/// Walks a list page by page and gives the ids in the order in which they came.
async fn walk(client: &Client<'_>, list: &str, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut page = client.get(&format!("/api/v1/{list}?limit={limit}")).await.expect(200);
    loop {
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit, "{list}");
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Value::String(cursor) = &page["next_cursor"] else { return found };
        assert_eq!(items.len(), limit, "{list}: only the last page may be short");
        page = client.get(&format!("/api/v1/{list}?limit={limit}&cursor={cursor}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_walk_finds_every_row_exactly_once() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    for number in 0..6 {
        let size = json!({ "cores": 1, "memory_mib": 100 + number, "disk_gib": 1 });
        admin.post("/api/v1/plans", &json!({ "name": format!("P{number}"), "size": size })).await.expect(201);
        admin.post("/api/v1/templates", &template(&format!("T{}", 9 - number))).await.expect(201);
        furniture.instance(&admin, &format!("web-{number}")).await;
    }
    for number in 0..3 {
        house.user(&admin, &format!("user{number}"), "user").await;
        house.sign_in("ada@example.org").await;
    }
    let lists = [
        ("instances", 6),
        ("operations", 6),
        ("users", 4),
        ("projects", 4),
        ("plans", 6),
        ("templates", 7),
        ("sessions", 4),
    ];
    for (list, count) in lists {
        let whole = walk(&admin, list, 200).await;
        assert_eq!(whole.len(), count, "{list}");
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), count, "{list}");
        // Limits that do and do not divide the count, and one that equals it.
        for limit in [1, 2, 4, count] {
            assert_eq!(walk(&admin, list, limit).await, whole, "{list} by {limit}");
        }
    }
}

#[tokio::test]
async fn filters_hold_on_every_page() {
    let house = House::new().await;
    let admin = house.admin().await;
    let furniture = house.furnish(&admin).await;
    for name in ["web-1", "db-1", "web-2", "db-2"] {
        furniture.instance(&admin, name).await;
    }
    assert_eq!(walk(&admin, "instances", 1).await.len(), 4);
    for (filter, count) in [
        ("name=web".to_owned(), 2),
        ("kind=lxc".to_owned(), 4),
        ("kind=qemu".to_owned(), 0),
        (format!("cluster_id={}", furniture.cluster), 4),
        ("cluster_id=clu_00000000000000000000000000000000".to_owned(), 0),
    ] {
        let page = admin.get(&format!("/api/v1/instances?{filter}")).await.expect(200);
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{filter}");
    }
}
