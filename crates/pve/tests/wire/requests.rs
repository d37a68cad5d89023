//! How requests are spelled and answers are read.

use pve::{
    Class, ConfigChange, DeleteOptions, Error, GuestRef, LxcCreate, NodeName, PropertyString,
    ShutdownOptions, Tags, Vmid, VolumeId,
};
use serde_json::json;

use crate::server::{Reply, Server, ct};

const UPID: &str = "UPID:pve:00000895:00046412:6B00EB98:vzstart:103:prov@pve!desk:";

#[tokio::test]
async fn a_create_is_a_form_with_a_length_and_a_token() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let mut container =
        LxcCreate::new(Vmid::new(105).unwrap(), VolumeId::new("local:vztmpl/d.tar.zst").unwrap());
    container.nets.insert(0, PropertyString::new().set("name", "eth0").set("bridge", "vmbr0"));
    let upid = server.client().create_lxc(&NodeName::new("pve").unwrap(), &container).await.unwrap();
    assert_eq!(upid.to_string(), UPID);

    let request = &server.seen()[0];
    assert_eq!(request.line(), "POST /nodes/pve/lxc");
    assert_eq!(
        request.body,
        "vmid=105&ostemplate=local%3Avztmpl%2Fd.tar.zst&unprivileged=1&net0=name%3Deth0%2Cbridge%3Dvmbr0"
    );
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
    assert_eq!(request.header("authorization"), Some("PVEAPIToken=prov@pve!desk=5ec2e7-5ec2e7"));
    assert_eq!((request.header("cookie"), request.header("csrfpreventiontoken")), (None, None));
    assert_eq!(request.header("transfer-encoding"), None);
}

#[tokio::test]
async fn a_post_without_parameters_says_so() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    server.client().guest(&ct()).start().await.unwrap();
    assert_eq!(server.seen()[0].header("content-length"), Some("0"));
}

#[tokio::test]
async fn a_delete_puts_its_parameters_into_the_query_and_has_no_body() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let options = DeleteOptions { purge: true, force: true, destroy_unreferenced_disks: Some(false) };
    server.client().guest(&ct()).delete(options).await.unwrap();

    let request = &server.seen()[0];
    assert_eq!(request.line(), "DELETE /nodes/pve/lxc/105?purge=1&force=1&destroy-unreferenced-disks=0");
    assert_eq!((request.body.as_str(), request.header("content-length")), ("", None));
    assert_eq!(request.header("content-type"), None);
}

#[tokio::test]
async fn a_switch_a_guest_does_not_have_is_not_sent() {
    let server = Server::start(|_| Reply::relayed(&json!(UPID))).await;
    let vm = GuestRef::qemu(NodeName::new("pve").unwrap(), Vmid::new(200).unwrap());
    let options = DeleteOptions { force: true, ..DeleteOptions::default() };
    let error = server.client().guest(&vm).delete(options).await.unwrap_err();
    assert!(matches!(&error, Error::UnknownParameter { parameter, .. } if parameter == "force"), "{error:?}");
    assert_eq!(error.class(), Class::Permanent);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn changes_and_shutdowns_name_only_what_they_want() {
    let server =
        Server::start(|r| Reply::relayed(&if r.method == "PUT" { json!(null) } else { json!(UPID) })).await;
    let client = server.client();
    let change = ConfigChange { tags: Some(Tags::parse("b;a")), cores: Some(2), ..ConfigChange::default() };
    client.guest(&ct()).set_config(&change).await.unwrap();
    let patience = ShutdownOptions { timeout_seconds: Some(30), force_stop: true };
    client.guest(&ct()).shutdown(patience).await.unwrap();
    let seen = server.seen();
    assert_eq!(
        (seen[0].line().as_str(), seen[0].body.as_str()),
        ("PUT /nodes/pve/lxc/105/config", "cores=2&tags=a%3Bb")
    );
    assert_eq!(seen[1].body, "timeout=30&forceStop=1");
}

#[tokio::test]
async fn arrays_are_repeated_keys() {
    let server = Server::start(|_| Reply::relayed(&json!({ "pid": 7 }))).await;
    let client = server.client();
    let vm = GuestRef::qemu(NodeName::new("pve").unwrap(), Vmid::new(200).unwrap());
    let guest = client.guest(&vm);
    assert_eq!(guest.agent().unwrap().exec(&["ls", "-l"], None).await.unwrap(), 7);
    assert_eq!(server.seen()[0].body, "command=ls&command=-l");
    assert!(client.guest(&ct()).agent().is_err());
}

#[tokio::test]
async fn a_refusal_without_any_body_keeps_its_reason() {
    let server = Server::start(|r| match r.method.as_str() {
        "GET" => Reply::bare(595, "No route to host"),
        "PUT" => Reply::bare(401, "Permission denied - invalid csrf token"),
        _ => Reply::SendAndClose(
            "HTTP/1.1 500 CT 105 already running\r\nContent-Length: 13\r\n\r\n{\"data\":null}".to_owned(),
        ),
    })
    .await;
    let client = server.client();
    let error = client.guest(&ct()).status().await.unwrap_err();
    assert!(
        matches!(&error, Error::NodeUnreachable { message } if message == "No route to host"),
        "{error:?}"
    );
    let error = client.guest(&ct()).set_config(&ConfigChange::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { message } if message.contains("csrf")), "{error:?}");
    let error = client.guest(&ct()).start().await.unwrap_err();
    assert!(matches!(error, Error::AlreadyRunning { .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_token_is_not_tried_again() {
    let server = Server::start(|_| Reply::bare(401, "Authentication failed!")).await;
    let error = server.client().version().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized { .. }), "{error:?}");
    assert_eq!(server.lines(), ["GET /version"]);
    assert!(!format!("{error:?} {error} {:?}", server.client()).contains("5ec2e7"));
}

#[tokio::test]
async fn an_unreadable_success_is_unknown_for_a_change_and_permanent_for_a_read() {
    let server = Server::start(|_| Reply::ok(&json!({ "unexpected": true }))).await;
    let client = server.client();
    assert_eq!(client.guest(&ct()).start().await.unwrap_err().class(), Class::Unknown);
    assert_eq!(client.next_id().await.unwrap_err().class(), Class::Permanent);
}

#[tokio::test]
async fn a_backup_of_a_guest_elsewhere_is_a_plain_ok() {
    let server = Server::start(|r| {
        let here = r.body.contains("vmid=105&");
        Reply::relayed(&if here { json!(UPID) } else { json!("OK") })
    })
    .await;
    let (client, node) = (server.client(), NodeName::new("pve").unwrap());
    let backup = |id| pve::Backup::new(Vmid::new(id).unwrap(), pve::StorageId::new("local").unwrap());
    assert_eq!(client.backup(&node, &backup(105)).await.unwrap().unwrap().to_string(), UPID);
    assert_eq!(client.backup(&node, &backup(106)).await.unwrap(), None);
}

#[tokio::test]
async fn stopped_containers_have_no_interfaces_and_resizes_may_have_no_task() {
    let server = Server::start(|_| Reply::relayed(&json!(null))).await;
    let client = server.client();
    assert_eq!(client.guest(&ct()).interfaces().await.unwrap(), []);
    let grow = pve::NewSize::GrowBy(pve::Size::gib(4));
    assert_eq!(client.guest(&ct()).resize("rootfs", grow).await.unwrap(), None);
    assert_eq!(server.seen()[1].body, "disk=rootfs&size=%2B4G");
}

#[tokio::test]
async fn compressed_answers_are_asked_for_and_read() {
    use std::io::Write;
    let server = Server::start(|_| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(br#"{"data":{"version":"9.2.11"}}"#).unwrap();
        let body = gzip.finish().unwrap();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.len());
        Reply::SendBytes([head.as_bytes(), &body].concat())
    })
    .await;
    assert_eq!(server.client().version().await.unwrap().version, "9.2.11");
    assert_eq!(server.seen()[0].header("accept-encoding"), Some("gzip"));
}
