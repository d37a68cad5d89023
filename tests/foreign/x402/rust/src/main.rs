//! A buyer made of the Rust crate `x402-reqwest`: `x402-foreign-buyer METHOD URL [BODY]`.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use alloy_primitives::U256;
use alloy_signer_local::PrivateKeySigner;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use x402_chain_eip155::V2Eip155ExactClient;
use x402_reqwest::{ReqwestWithPayments as _, ReqwestWithPaymentsBuild as _, X402Client};
use x402_types::scheme::client::MaxAmount;

const USAGE: &str = "x402-foreign-buyer METHOD URL [BODY]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match buy().await {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{}", json!({ "client": "reqwest", "error": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

async fn buy() -> Result<Value, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let method: Method = arguments.next().ok_or(USAGE)?.parse()?;
    let url = arguments.next().ok_or(USAGE)?;
    let body = arguments.next().unwrap_or_default();

    let signer: Arc<PrivateKeySigner> = Arc::new(std::env::var("KEY")?.parse()?);
    let wallet =
        X402Client::new().register(V2Eip155ExactClient::new(signer)).with_selector(MaxAmount(limit()?));
    let buyer = reqwest::Client::builder().no_proxy().build()?.with_payments(wallet).build();

    let mut request = buyer.request(method, url);
    for (name, value) in headers()? {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json").body(body);
    }
    let response = request.send().await?;

    let status = response.status().as_u16();
    let mut got = BTreeMap::new();
    for (name, value) in response.headers() {
        got.insert(name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let receipt: Value = match got.get("payment-response") {
        Some(encoded) => serde_json::from_slice(&STANDARD.decode(encoded)?)?,
        None => Value::Null,
    };
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(
        json!({ "client": "reqwest", "status": status, "headers": got, "body": body, "payment_response": receipt }),
    )
}

/// `MAX_USD` in millionths; the crate itself has no limit.
fn limit() -> Result<U256, Box<dyn Error>> {
    let Ok(dollars) = std::env::var("MAX_USD") else { return Ok(U256::MAX) };
    let (whole, part) = dollars.split_once('.').unwrap_or((&dollars, ""));
    if part.len() > 6 {
        return Err("MAX_USD: give at most six digits after the point".into());
    }
    Ok(format!("{whole}{part:0<6}").parse()?)
}

fn headers() -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    Ok(std::env::var("HEADERS").map_or(Ok(BTreeMap::new()), |json| serde_json::from_str(&json))?)
}
