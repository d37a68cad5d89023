use serde_json::json;

use crate::house::{House, PASSWORD};

#[tokio::test]
async fn of_two_who_set_up_at_once_one_becomes_administrator() {
    let house = House::new().await;
    let anybody = house.anybody();
    assert_eq!(
        anybody.get("/api/v1/setup").await.expect(200),
        json!({ "needed": true, "registration": "closed", "mail": false, "passkeys": false })
    );
    let first = json!({ "email": "ada@example.org", "name": "Ada", "password": PASSWORD });
    let second = json!({ "email": "eve@example.org", "name": "Eve", "password": PASSWORD });
    let (a, b) = tokio::join!(anybody.post("/api/v1/setup", &first), anybody.post("/api/v1/setup", &second));
    let (winner, loser) = if a.status == 201 { (a, b) } else { (b, a) };
    assert_eq!(winner.expect(201)["user"]["role"], "admin");
    assert_eq!(loser.problem(409), "already_set_up");
    assert_eq!(
        anybody.get("/api/v1/setup").await.expect(200),
        json!({ "needed": false, "registration": "closed", "mail": false, "passkeys": false })
    );
    assert_eq!(anybody.post("/api/v1/setup", &second).await.problem(409), "already_set_up");
}

#[tokio::test]
async fn who_sets_up_is_signed_in() {
    let house = House::new().await;
    let admin = house.admin().await;
    let me = admin.get("/api/v1/me").await.expect(200);
    assert_eq!(me["user"]["email"], "ada@example.org");
    assert_eq!(me["memberships"][0]["membership"], "owner");
}
