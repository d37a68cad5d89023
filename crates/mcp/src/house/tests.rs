use std::net::SocketAddr;

use axum::Json;
use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use axum::routing::get;
use serde_json::Value;

use super::*;

/// A house that tells who asks.
fn house() -> Router {
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap| async move {
        let by = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        Json(json!({ "peer": peer.to_string(), "by": by("authorization"), "cookie": by("cookie") }))
    };
    let routes = Router::new().route("/api/v1/leases/catalogue", get(who));
    mount(routes, Some("https://inn.example"), &CancellationToken::new())
}

fn request() -> axum::http::request::Builder {
    Request::post("/mcp")
        .header("host", "rebound.example")
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-06-18")
        .extension(ConnectInfo(SocketAddr::from(([198, 51, 100, 7], 9))))
}

async fn answer(request: Request<Body>) -> (StatusCode, Value, axum::http::HeaderMap) {
    let response = house().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1_000_000).await.unwrap();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default(), parts.headers)
}

fn message(method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

async fn post(message: &Value) -> Value {
    let request = request().body(Body::from(message.to_string())).unwrap();
    let (status, body, headers) = answer(request).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(headers.get("mcp-session-id").is_none(), "there are no sessions");
    body
}

#[tokio::test]
async fn each_message_is_answered_by_itself() {
    let hello = json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" },
    });
    let body = post(&message("initialize", &hello)).await;
    assert_eq!(body["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(body["result"]["serverInfo"]["name"], "innkeeper");
    assert!(body["result"]["instructions"].as_str().unwrap().contains("catalogue"));
    let body = post(&message("tools/list", &json!({}))).await;
    assert_eq!(body["result"]["tools"].as_array().unwrap().len(), 11);
    assert_eq!(post(&message("ping", &json!({}))).await["result"], json!({}));
    let body = post(&message("tools/call", &json!({ "name": "rob", "arguments": {} }))).await;
    assert_eq!(body["error"]["code"], -32602);
}

#[tokio::test]
async fn a_tool_asks_in_its_callers_name_and_never_by_their_cookie() {
    let asked = message("tools/call", &json!({ "name": "catalogue", "arguments": {} }));
    let request = request().header("authorization", "Bearer ikl_a").header("cookie", "session=a");
    let (_, body, _) = answer(request.body(Body::from(asked.to_string())).unwrap()).await;
    let told = json!({ "peer": "198.51.100.7:9", "by": "Bearer ikl_a", "cookie": null });
    assert_eq!(body["result"]["structuredContent"], told, "{body}");
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let asked = message("tools/list", &json!({}));
    for (origin, status) in [
        ("https://inn.example", 200),
        ("https://rebound.example", 403),
        ("http://inn.example", 403),
        ("https://inn.example:8443", 403),
        ("null", 403),
    ] {
        let request = request().header("origin", origin);
        let (told, body, _) = answer(request.body(Body::from(asked.to_string())).unwrap()).await;
        assert_eq!(told, status, "{origin}: {body}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let long = json!({ "text": "a".repeat(BODY_LIMIT) });
    let (status, body, _) = answer(request().body(Body::from(long.to_string())).unwrap()).await;
    assert_eq!((status, &body["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(-32600)));
    for (method, status) in [("GET", 405), ("DELETE", 405), ("PUT", 405)] {
        let request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header("host", "inn.example")
            .body(Body::empty())
            .unwrap();
        assert_eq!(answer(request).await.0, status, "{method}");
    }
    let request = request().body(Body::from("{")).unwrap();
    assert!(answer(request).await.0.is_client_error());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_not_waited_for_for_ever() {
    let request = request().body(Body::from_stream(futures_never())).unwrap();
    assert_eq!(answer(request).await.0, StatusCode::REQUEST_TIMEOUT);
}

fn futures_never() -> impl futures_util::Stream<Item = Result<axum::body::Bytes, std::io::Error>> {
    futures_util::stream::pending()
}
