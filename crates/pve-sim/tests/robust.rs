//! No parameter, however odd, makes the server fall silent.
#![allow(clippy::unwrap_used)]

use pve_sim::{Clock, ClusterOptions, Options, Sim};

mod raw;
use raw::raw;

const ODD: [&str; 6] = [
    "9223372036854775807",
    "1e308",
    "%00",
    "%C3%BC%F0%9F%98%80",
    "local%3A99999999999999999999",
    "%2C%2C%3D%3D%3B",
];

/// One call per operation, odd value and choice of parameters: all of them, or only the required ones.
#[tokio::test]
async fn every_operation_answers_odd_values() {
    let options = Options {
        clusters: vec![ClusterOptions::named("lab", &["pve"])],
        clock: Clock::manual(1_795_221_600),
        ..Options::default()
    };
    let sim = Sim::start(options).await.unwrap();
    sim.cluster("lab").with(|world| world.add_token("root@pam", "lab", false, "s"));
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/served.json");
    let schema: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let mut asked = 0;
    for operation in schema["operations"].as_array().unwrap() {
        let (method, path) = (operation["method"].as_str().unwrap(), operation["path"].as_str().unwrap());
        // It would take the node away.
        if (method, path) == ("POST", "/nodes/{node}/status") {
            continue;
        }
        for (at, odd) in ODD.iter().enumerate() {
            let mut path =
                path.replace("{node}", "pve").replace("{vmid}", if at % 2 == 0 { "9000" } else { odd });
            while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
                path.replace_range(start..=end, odd);
            }
            let given = operation["properties"].as_object().unwrap().iter().filter(|(name, property)| {
                *name != "node" && *name != "vmid" && (at % 3 == 0 || property["optional"] != true)
            });
            let value = |property: &serde_json::Value| match property["enum"].as_array() {
                Some(choices) => choices[at % choices.len()].as_str().unwrap().to_owned(),
                None if property["type"] == "boolean" => (at % 2).to_string(),
                None => (*odd).to_owned(),
            };
            let pairs: Vec<String> = given
                .map(|(name, property)| format!("{}={}", name.replace("[n]", "0"), value(property)))
                .collect();
            let pairs = pairs.join("&");
            let (target, body) = match method {
                "GET" | "DELETE" => (format!("{path}?{pairs}"), ""),
                _ => (path, pairs.as_str()),
            };
            let head = format!(
                "{method} /api2/json{target} HTTP/1.1\r\nAuthorization: PVEAPIToken=root@pam!lab=s\r\n"
            );
            let answer = raw(&sim, "pve", &head, body).await;
            assert!(answer.starts_with("HTTP/1.1 "), "{method} {target} {body}");
            asked += 1;
        }
    }
    assert!(asked > 1000, "{asked} calls");
}
