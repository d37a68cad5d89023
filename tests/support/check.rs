//! What must hold at the end of every story.

use serde_json::Value;

use super::{Lab, STRANGER, Server};

/// Nothing is under way or stuck; what the house says of each instance is what the simulator has; no guest is
/// without an instance; the strangers' guests are as they were.
pub async fn check_house(lab: &Lab, server: &Server) {
    let active = server.get("/operations?active=true").await;
    assert_eq!(active["items"].as_array().unwrap().len(), 0, "operations are stuck: {active:#}");

    let mut instances = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = server.get(&format!("/instances?limit=200{cursor}")).await;
        instances.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let clusters = server.get("/clusters").await;
    for cluster in clusters["items"].as_array().unwrap() {
        let name = cluster["name"].as_str().unwrap();
        let mut guests = lab.guests(name);
        for instance in instances.iter().filter(|i| i["placement"]["cluster_id"] == cluster["id"]) {
            check_instance(instance, &mut guests);
        }
        for guest in &guests {
            assert_eq!(guest.description.trim(), STRANGER, "guest {} in {name} is an orphan", guest.vmid);
            assert!(guest.running, "the stranger's guest {} was touched", guest.vmid);
        }
    }
}

/// Takes the guest of an instance out of those found.
fn check_instance(instance: &Value, guests: &mut Vec<super::lab::Seen>) {
    let id = instance["id"].as_str().unwrap();
    let state = instance["state"].as_str().unwrap();
    let of_it = |guest: &super::lab::Seen| guest.description.contains(id);
    assert!(guests.iter().filter(|g| of_it(g)).count() <= 1, "{id} has two guests: {guests:?}");
    let guest = guests.iter().position(of_it).map(|at| guests.remove(at));
    match (state, guest) {
        ("running", Some(guest)) => {
            assert!(guest.running && !guest.paused, "{id} is called running");
        }
        ("paused", Some(guest)) => assert!(guest.paused, "{id} is called paused"),
        ("stopped", Some(guest)) => assert!(!guest.running, "{id} is called stopped"),
        ("failed", None) => {}
        (state, guest) => panic!("{id} is called {state}, and Proxmox has {guest:?}: {instance:#}"),
    }
}
