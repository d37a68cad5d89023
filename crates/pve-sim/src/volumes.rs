//! Single volumes: uploads, downloads, notes, deletion; and the index of appliance templates.

use serde_json::{Value, json};

use crate::call::Call;
use crate::clock::SECOND;
use crate::error::{ApiError, Outcome, null};
use crate::storage::{Volume, storage_of};
use crate::storage_api::row;
use crate::tasks::Job;
use crate::world::World;

/// Templates in the appliance index: file, system, version, headline.
const APPLIANCES: [(&str, &str, &str, &str); 4] = [
    ("debian-12-standard_12.7-1_amd64.tar.zst", "debian-12", "12.7-1", "Debian 12 Bookworm (standard)"),
    ("debian-13-standard_13.1-2_amd64.tar.zst", "debian-13", "13.1-2", "Debian 13 Trixie (standard)"),
    (
        "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
        "ubuntu-24.04",
        "24.04-2",
        "Ubuntu 24.04 Noble (standard)",
    ),
    ("alpine-3.22-default_20250617_amd64.tar.xz", "alpine", "20250617", "LXC default image for alpine 3.22"),
];

/// The volume id in the path; a bare name belongs to the storage in the path.
fn volid_of(call: &Call<'_>) -> String {
    let volume = call.params.required("volume");
    match call.params.text("storage") {
        Some(storage) if !volume.contains(':') => format!("{storage}:{volume}"),
        _ => volume.to_owned(),
    }
}

/// Who may touch a volume: the storage's allocator, or for a guest's volume whoever has the right on the guest.
pub(crate) fn need_volume(call: &Call<'_>, volid: &str, on_guest: &str) -> Result<(), ApiError> {
    let storage = storage_of(volid);
    let found = call.world.storage_on(&call.node, storage)?;
    let path = format!("/storage/{storage}");
    if call.may(&path, "Datastore.Allocate") {
        return Ok(());
    }
    match found.volume(&call.node, volid).and_then(|v| v.vmid) {
        Some(vmid) => {
            call.need(&path, "Datastore.AllocateSpace")?;
            call.need(&format!("/vms/{vmid}"), on_guest)
        }
        None => call.need(&path, "Datastore.AllocateTemplate"),
    }
}

/// `GET .../content/{volume}`.
pub(crate) fn get(call: &mut Call<'_>) -> Outcome {
    let volid = volid_of(call);
    let storage = call.world.storage_on(&call.node, storage_of(&volid))?;
    let volume = storage.volume(&call.node, &volid);
    let volume = volume.ok_or_else(|| ApiError::die(format!("volume '{volid}' does not exist")))?;
    call.need_any(&format!("/storage/{}", storage.id), &["Datastore.Audit", "Datastore.AllocateSpace"])?;
    let mut object = row(&volid, volume);
    object["path"] = json!(format!("{}/{}", storage.folder(), volid.split_once(':').map_or("", |p| p.1)));
    Ok(object.into())
}

/// `PUT .../content/{volume}`: notes and protection.
pub(crate) fn update(call: &mut Call<'_>) -> Outcome {
    let volid = volid_of(call);
    need_volume(call, &volid, "VM.Backup")?;
    let (notes, protected) =
        (call.params.text("notes").map(str::to_owned), call.params.text("protected").map(|p| p == "1"));
    let node = call.node.clone();
    let volume = call.world.storages.get_mut(storage_of(&volid)).and_then(|s| s.volume_mut(&node, &volid));
    let volume = volume.ok_or_else(|| ApiError::die(format!("volume '{volid}' does not exist")))?;
    if notes.is_some() {
        volume.notes = notes;
    }
    volume.protected = protected.unwrap_or(volume.protected);
    null()
}

/// `DELETE .../content/{volume}`.
pub(crate) fn delete(call: &mut Call<'_>) -> Outcome {
    let volid = volid_of(call);
    need_volume(call, &volid, "VM.Backup")?;
    let storage = storage_of(&volid).to_owned();
    let volume = call.world.storages.get(&storage).and_then(|s| s.volume(&call.node, &volid));
    if volume.is_some_and(|v| v.protected) {
        return Err(ApiError::die(format!("can't remove volume '{volid}' - protection mode enabled")));
    }
    let owner = volume.and_then(|v| v.vmid).map(|v| v.to_string()).unwrap_or_default();
    let node = call.node.clone();
    let job = Job::new("imgdel", format!("{owner}@{storage}")).effect(move |world, log| {
        let removed = world.storages.get_mut(&storage).and_then(|s| s.remove(&node, &volid));
        removed.ok_or_else(|| format!("volume '{volid}' does not exist"))?;
        log.say(format!("Removed volume '{volid}'"));
        Ok(())
    });
    call.start(job)
}

/// Puts a file that came from outside onto a storage.
fn store(world: &mut World, node: &str, volid: &str, content: &str, size: u64) -> Result<(), String> {
    let now = world.now() / SECOND;
    let storage = world.storages.get_mut(storage_of(volid)).ok_or("storage is gone")?;
    if storage.full || storage.used(node) + size > storage.total {
        return Err("no space left on device".into());
    }
    let ending = volid.rsplit_once('.').map_or("raw", |(_, e)| e);
    let format = match ending {
        "zst" => "tzst",
        "gz" => "tgz",
        "xz" => "txz",
        other => other,
    };
    let volume = Volume {
        content: content.into(),
        format: format.into(),
        size,
        used: size,
        ctime: now,
        ..Volume::default()
    };
    storage.add(node, volid, volume);
    Ok(())
}

/// The storage a new file goes to, if it takes that content.
fn need_content(call: &Call<'_>, storage: &str, content: &str) -> Result<(), ApiError> {
    let found = call.world.storage_on(&call.node, storage)?;
    if found.holds(content) {
        return Ok(());
    }
    Err(ApiError::die(format!("storage '{storage}' is not configured for content-type '{content}'")))
}

/// `POST .../upload`.
pub(crate) fn upload(call: &mut Call<'_>) -> Outcome {
    let (storage, content) =
        (call.params.required("storage").to_owned(), call.params.required("content").to_owned());
    if !matches!(content.as_str(), "iso" | "vztmpl" | "import") {
        return Err(ApiError::parameter("content", format!("upload content type '{content}' not allowed")));
    }
    need_content(call, &storage, &content)?;
    let size = call.upload.ok_or_else(|| ApiError::die("missing temporary file name"))? as u64;
    let file = call.params.required("filename").to_owned();
    let fits = match content.as_str() {
        "iso" => [".iso", ".img"].iter().any(|e| file.to_lowercase().ends_with(e)),
        "vztmpl" => file.contains(".tar."),
        _ => true,
    };
    if !fits {
        return Err(ApiError::parameter("filename", "wrong file extension"));
    }
    let (volid, node) = (format!("{storage}:{content}/{file}"), call.node.clone());
    let job = Job::new("imgcopy", "").effect(move |world, log| {
        log.say(format!("starting file import from: /var/tmp/pveupload-{size:032x}"));
        store(world, &node, &volid, &content, size)?;
        log.say("finished file import successfully");
        Ok(())
    });
    call.start(job)
}

/// `POST .../download-url`.
pub(crate) fn download(call: &mut Call<'_>) -> Outcome {
    let (storage, content) =
        (call.params.required("storage").to_owned(), call.params.required("content").to_owned());
    need_content(call, &storage, &content)?;
    let (url, file) = (call.params.required("url").to_owned(), call.params.required("filename").to_owned());
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(ApiError::parameter("url", "value does not match the regex pattern"));
    }
    let (volid, node) = (format!("{storage}:{content}/{file}"), call.node.clone());
    let job = Job::new("download", file.clone()).effect(move |world, log| {
        let known = world.storages.get(&storage).is_some_and(|s| s.volume(&node, &volid).is_some());
        if known {
            return Err(format!("refusing to override existing file '{file}'"));
        }
        log.say(format!("downloading {url} to {volid}"));
        store(world, &node, &volid, &content, 126_515_062)?;
        log.say(format!("download of '{url}' to '{volid}' finished"));
        Ok(())
    });
    call.start(job)
}

/// `GET /nodes/{node}/aplinfo`.
pub(crate) fn appliances(_: &mut Call<'_>) -> Outcome {
    let rows = APPLIANCES.iter().map(|(file, os, version, headline)| {
        json!({
            "template": file, "os": os, "version": version, "headline": headline, "description": headline,
            "package": file.split('_').next(), "type": "lxc", "section": "system", "source": "http://download.proxmox.com/images",
            "location": format!("http://download.proxmox.com/images/system/{file}"), "architecture": "amd64",
            "sha512sum": format!("{:0>128}", hex::encode(os)), "infopage": "https://pve.proxmox.com/wiki/Linux_Container",
            "maintainer": "Proxmox Support Team <support@proxmox.com>",
        })
    });
    Ok(rows.collect::<Value>().into())
}

/// `POST /nodes/{node}/aplinfo`: downloads a template of the index.
pub(crate) fn fetch_appliance(call: &mut Call<'_>) -> Outcome {
    let (storage, file) =
        (call.params.required("storage").to_owned(), call.params.required("template").to_owned());
    call.need(&format!("/storage/{storage}"), "Datastore.AllocateTemplate")?;
    if !APPLIANCES.iter().any(|(known, ..)| *known == file) {
        return Err(ApiError::parameter("template", "no such template"));
    }
    let found = call.world.storage_on(&call.node, &storage)?;
    if !found.holds("vztmpl") {
        return Err(ApiError::parameter(
            "storage",
            format!("storage '{storage}' does not support templates"),
        ));
    }
    let (volid, node) = (format!("{storage}:vztmpl/{file}"), call.node.clone());
    let job = Job::new("download", file.clone()).effect(move |world, log| {
        log.say(format!("downloading http://download.proxmox.com/images/system/{file} to {volid}"));
        store(world, &node, &volid, "vztmpl", 126_515_062)?;
        log.say("download finished");
        Ok(())
    });
    call.start(job)
}
