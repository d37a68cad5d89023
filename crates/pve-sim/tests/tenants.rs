//! What somebody with rights on one pool sees and may do, and logins with a second factor.
#![allow(clippy::unwrap_used)]

use pve_sim::Sim;
use serde_json::{Value, json};

mod raw;
use raw::{call, raw, sim};

const CREATE: &str = "vmid=120&ostemplate=local:vztmpl/alpine-3.22-default_20250617_amd64.tar.xz&rootfs=local:1&pool=t\
    &net0=name%3Deth0%2Cbridge%3Dvmbr0";

async fn tenant(sim: &Sim, method: &str, path: &str, body: &str) -> (String, Value) {
    let head =
        format!("{method} /api2/json{path} HTTP/1.1\r\nAuthorization: PVEAPIToken=alice@pve!t1=secret-2\r\n");
    let answer = raw(sim, "pve", &head, body).await;
    let status = answer.lines().next().unwrap().trim_start_matches("HTTP/1.1 ").to_owned();
    (status, serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap_or_default())
}

#[tokio::test]
async fn a_tenant_needs_each_right_and_sees_only_its_pool() {
    let sim = sim(&["pve"]).await;
    let grant = |path: &str, role: &str| {
        sim.cluster("lab").with(|world| {
            for subject in ["alice@pve", "alice@pve!t1"] {
                world.grant(path, subject, role);
            }
        });
    };
    sim.cluster("lab").with(|world| {
        world.add_token("alice@pve", "t1", true, "secret-2");
        world.add_pool("t");
    });
    let refused = async || tenant(&sim, "POST", "/nodes/pve/lxc", CREATE).await.0;
    assert_eq!(refused().await, "403 Permission check failed");
    grant("/pool/t", "PVEVMAdmin");
    assert_eq!(refused().await, "403 Permission check failed (/storage/local, Datastore.AllocateSpace)");
    grant("/storage/local", "PVEDatastoreUser");
    assert_eq!(refused().await, "403 Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)");
    grant("/sdn/zones/localnetwork/vmbr0", "PVESDNUser");
    let (status, _) = tenant(&sim, "POST", "/nodes/pve/lxc", &format!("{CREATE}&unprivileged=0")).await;
    assert_eq!(status, "403 Permission check failed (/, Sys.Modify)");
    assert_eq!(refused().await, "200 OK");
    let (_, seen) = tenant(&sim, "GET", "/cluster/resources?type=vm", "").await;
    let ids: Vec<&Value> = seen["data"].as_array().unwrap().iter().map(|row| &row["vmid"]).collect();
    assert_eq!(ids, [&json!(120)]);
    let (status, _) = tenant(&sim, "GET", "/nodes/pve/qemu/9000/config", "").await;
    assert_eq!(status, "403 Permission check failed (/vms/9000, VM.Audit)");
    assert_eq!(tenant(&sim, "DELETE", "/nodes/pve/lxc/120", "").await.0, "200 OK");
}

#[tokio::test]
async fn a_recovery_key_opens_once() {
    let sim = sim(&["pve"]).await;
    call(&sim, "POST", "/access/users", "userid=dora%40pve&password=dora-pw-12").await;
    let login = async |body: &str| call(&sim, "POST", "/access/ticket", body).await;
    let (_, first) = login("username=dora%40pve&password=dora-pw-12").await;
    let credentials = |answer: &Value| {
        let (ticket, csrf) = (
            answer["data"]["ticket"].as_str().unwrap(),
            answer["data"]["CSRFPreventionToken"].as_str().unwrap(),
        );
        format!("Cookie: PVEAuthCookie={}\r\nCSRFPreventionToken: {csrf}\r\n", ticket.replace('+', "%2B"))
    };
    let head = format!("POST /api2/json/access/tfa/dora@pve HTTP/1.1\r\n{}", credentials(&first));
    let answer = raw(&sim, "pve", &head, "type=recovery&password=dora-pw-12").await;
    let keys: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let key = keys["data"]["recovery"][0].as_str().unwrap();
    let (_, half) = login("username=dora%40pve&password=dora-pw-12").await;
    assert_eq!(half["data"]["NeedTFA"], 1);
    assert!(half["data"]["cap"].is_null());
    let challenge =
        half["data"]["ticket"].as_str().unwrap().replace('%', "%25").replace('+', "%2B").replace('=', "%3D");
    let second = format!("username=dora%40pve&tfa-challenge={challenge}&password=recovery%3A{key}");
    assert_eq!(login(&second).await.0, "200 OK");
    assert_eq!(login(&second).await.0, "401 authentication failure");
    // The whole ticket of the first login dies with a change of the key.
    let version = format!("GET /api2/json/version HTTP/1.1\r\n{}", credentials(&first));
    assert!(raw(&sim, "pve", &version, "").await.starts_with("HTTP/1.1 200 OK"));
    sim.cluster("lab").with(pve_sim::World::expire_tickets);
    assert!(raw(&sim, "pve", &version, "").await.starts_with("HTTP/1.1 401 Authentication failed!"));
}
