use super::*;

#[test]
fn a_recorded_container_is_read() {
    let text = r#"{"arch":"amd64","net0":"name=eth0,bridge=vmbr0,gw=10.10.10.1,hwaddr=BC:24:11:A1:EC:A3,ip=10.10.10.100/24,type=veth",
        "description":"lab container\n","digest":"b28479d8550ae603eaae10b4acb3fe1a448aaeca","cores":1,
        "rootfs":"local:100/vm-100-disk-0.raw,size=2G","mp0":"local:8,mp=/data","unused0":"local:x","ostype":"debian",
        "hostname":"ct100","memory":256,"unprivileged":1,"swap":0,"tags":"demo","features":"nesting=1",
        "cpulimit":"0.5","lxc":[["lxc.x","y"]]}"#;
    let config: LxcConfig = serde_json::from_str(text).unwrap();
    let common = &config.common;
    assert_eq!(common.name.as_deref(), Some("ct100"));
    assert_eq!(common.description.as_deref(), Some("lab container"));
    assert_eq!((common.cores, common.memory_mib, config.swap_mib), (Some(1), Some(256), Some(0)));
    assert_eq!(common.disks.keys().collect::<Vec<_>>(), ["mp0", "rootfs"]);
    assert_eq!(common.disks["rootfs"].get("size"), Some("2G"));
    assert_eq!(common.nets[&0].get("hwaddr"), Some("BC:24:11:A1:EC:A3"));
    assert!(config.unprivileged && !common.template && !common.protection);
    assert_eq!((config.cpulimit, config.features.get_flag("nesting")), (Some(0.5), Some(true)));
    assert_eq!(common.raw["lxc"], r#"[["lxc.x","y"]]"#);
}

#[test]
fn a_container_in_creation_has_only_a_lock() {
    let config: LxcConfig = serde_json::from_str(r#"{"digest":"aa","lock":"create"}"#).unwrap();
    assert_eq!(config.common.lock.as_deref(), Some("create"));
    assert_eq!(config.common.name, None);
}

#[test]
fn a_recorded_machine_is_read() {
    let text = r#"{"net0":"virtio=BC:24:11:B3:58:C6,bridge=vmbr0","smbios1":"uuid=ea","cores":1,"memory":"256",
        "serial0":"socket","boot":"order=scsi0","kvm":0,"scsihw":"virtio-scsi-single","name":"vm200",
        "scsi0":"local:200/vm-200-disk-0.raw,size=1G","ide2":"local:200/vm-200-cloudinit.qcow2,media=cdrom",
        "agent":"enabled=1,fstrim_cloned_disks=1","template":1}"#;
    let config: QemuConfig = serde_json::from_str(text).unwrap();
    assert_eq!(config.common.memory_mib, Some(256));
    assert_eq!(config.common.disks.keys().collect::<Vec<_>>(), ["ide2", "scsi0"], "scsihw is no disk");
    assert!(config.agent && config.common.template);

    let newer: QemuConfig = serde_json::from_str(r#"{"memory":"current=512","agent":"0"}"#).unwrap();
    assert_eq!((newer.common.memory_mib, newer.agent), (Some(512), false));
}

#[test]
fn a_change_names_what_it_changes_only() {
    let change = ConfigChange {
        name: Some("web".to_owned()),
        tags: Some(Tags::parse("B;a")),
        delete: ["mp0".to_owned(), "protection".to_owned()].into(),
        digest: Some("aa".to_owned()),
        ..ConfigChange::default()
    };
    let lxc: Vec<_> =
        change.params(GuestKind::Lxc).unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(lxc, ["hostname=web", "tags=a;b", "delete=mp0,protection", "digest=aa"]);
    assert_eq!(change.params(GuestKind::Qemu).unwrap().iter().next(), Some(("name", "web")));
    assert!(ConfigChange::default().params(GuestKind::Lxc).unwrap().is_empty());
}

#[test]
fn recorded_pending_options_are_read() {
    let text = r#"[{"value":"l26","key":"ostype"},{"key":"cores","pending":2,"value":1},{"key":"mp0","value":"x","delete":1}]"#;
    let options: Vec<PendingOption> = serde_json::from_str(text).unwrap();
    let waiting: Vec<_> = options.iter().filter(|o| o.waits()).map(|o| o.key.as_str()).collect();
    assert_eq!(waiting, ["cores", "mp0"]);
    assert_eq!(options[1].pending.as_deref(), Some("2"));
}
