//! An instance to be made.

use innkeeper_domain::ids::TemplateId;
use innkeeper_engine::{Fittings, NewInstance, WantedSize};

/// One of the usual size, in the caller's own project.
pub fn instance(name: &str, template_id: TemplateId) -> NewInstance {
    NewInstance {
        project_id: None,
        name: name.parse().unwrap(),
        template_id,
        size: WantedSize::Default,
        ssh_keys: Vec::new(),
        fittings: Fittings::default(),
    }
}
