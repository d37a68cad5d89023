//! What instances are made from.

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::{ClusterId, TemplateId};
use innkeeper_domain::instances::Kind;
use innkeeper_domain::sizes::Size;
use innkeeper_domain::templates::Origin;
use innkeeper_engine::{Engine, NewSource, NewTemplate};

/// A template of which guests report their addresses.
pub fn template(kind: Kind) -> NewTemplate {
    let size = |cores, memory_mib, disk_gib| Size { cores, memory_mib, disk_gib };
    NewTemplate {
        name: kind.as_str().parse().unwrap(),
        kind,
        least: size(1, 64, 1),
        default_size: size(2, 512, 6),
        most: size(8, 8192, 50),
        reports_address: true,
    }
}

/// Makes the template, and says where the cluster keeps it: a volume on every node, or a machine on `oak`. The simulator
/// has both.
pub async fn offer(engine: &Engine, cluster_id: ClusterId, new: NewTemplate) -> TemplateId {
    let (node, origin) = match new.kind {
        Kind::Lxc => (None, Origin::Volume("local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst".into())),
        Kind::Qemu => (Some("oak".parse().unwrap()), Origin::Vm(9000)),
    };
    let house = Actor::house();
    let template = engine.create_template(&house, new, None).await.unwrap();
    let source = NewSource { cluster_id, node, origin };
    engine.add_template_source(&house, template.id, source, None).await.unwrap();
    template.id
}
