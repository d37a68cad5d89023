use axum::body::Body;
use axum::http::{Method, header};

use crate::house::House;

#[tokio::test]
async fn every_answer_is_kept_from_harm_in_browsers() {
    let house = House::new().await;
    let admin = house.admin().await;
    for path in
        ["/", "/api/v1/me", "/api/v1/nothing", "/api/v1/docs/", "/api/v1/docs/swagger-ui.css", "/healthz"]
    {
        let answer = admin.get(path).await;
        assert_eq!(answer.header(header::X_CONTENT_TYPE_OPTIONS), "nosniff", "{path}");
        assert_eq!(answer.header(header::REFERRER_POLICY), "no-referrer", "{path}");
        assert!(answer.header(header::CONTENT_SECURITY_POLICY).contains("frame-ancestors 'none'"), "{path}");
        let caching = if path.contains("docs") { "no-cache" } else { "no-store" };
        assert_eq!(answer.header(header::CACHE_CONTROL), caching, "{path}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed_for_those_who_can_read_them() {
    let house = House::new().await;
    let request =
        house.anybody().request(Method::GET, "/api/v1/openapi.json").header(header::ACCEPT_ENCODING, "gzip");
    let answer = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.header(header::CONTENT_ENCODING), "gzip");
    assert_eq!(answer.body[..2], [0x1f, 0x8b]);
}

#[tokio::test]
async fn the_front_page_leads_to_the_documentation() {
    let house = House::new().await;
    let page = house.anybody().get("/").await;
    assert_eq!(page.header(header::CONTENT_TYPE), "text/html; charset=utf-8");
    assert!(page.text().contains(r#"href="/api/v1/docs/""#) && !page.text().contains("<script"));
    // Without the slash one is led to it.
    let docs = house.anybody().get("/api/v1/docs").await;
    assert_eq!(docs.header(header::LOCATION), "/api/v1/docs/");
    let docs = house.anybody().get("/api/v1/docs/").await;
    assert!(docs.text().contains("swagger-ui-bundle.js"), "{}", docs.text());
    // All that the page is made of is here.
    for file in [
        "swagger-ui.css",
        "index.css",
        "swagger-ui-bundle.js",
        "swagger-ui-standalone-preset.js",
        "favicon-32x32.png",
    ] {
        assert_eq!(house.anybody().get(&format!("/api/v1/docs/{file}")).await.status, 200, "{file}");
    }
    let start = house.anybody().get("/api/v1/docs/swagger-initializer.js").await;
    assert!(start.text().contains("/api/v1/openapi.json"), "{}", start.text());
    assert_eq!(house.anybody().get("/api/v1/docs/nothing.js").await.problem(404), "no_such_route");
}
