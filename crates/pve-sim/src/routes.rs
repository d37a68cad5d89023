//! Every operation the simulator serves, and the function that serves it.
//!
//! `schema/cut.py` reads this table: what stands here is what `schema/served.json` describes.

use crate::call::Call;
use crate::error::Outcome;
use crate::guests::{change, clone, common, lxc, power, qemu, status};
use crate::{access, cluster, consoles, node_api, pools, resources, storage_api, task_api};

/// What serves an operation.
pub(crate) type Handler = fn(&mut Call<'_>) -> Outcome;

/// The function for an operation.
pub(crate) fn handler(method: &str, template: &str) -> Option<Handler> {
    ROUTES.iter().find(|(m, t, _)| *m == method && *t == template).map(|(_, _, handler)| *handler)
}

#[rustfmt::skip]
pub(crate) const ROUTES: &[(&str, &str, Handler)] = &[
    ("GET", "/version", cluster::version),
    ("GET", "/access/permissions", access::login::permissions),
    ("POST", "/access/ticket", access::login::ticket),
    ("GET", "/access", access::index),
    ("GET", "/access/domains", access::users::domains),
    ("PUT", "/access/password", access::users::password),
    ("GET", "/access/users", access::users::list),
    ("POST", "/access/users", access::users::create),
    ("GET", "/access/users/{userid}", access::users::get),
    ("PUT", "/access/users/{userid}", access::users::update),
    ("DELETE", "/access/users/{userid}", access::users::delete),
    ("GET", "/access/users/{userid}/token", access::tokens::list),
    ("GET", "/access/users/{userid}/token/{tokenid}", access::tokens::get),
    ("POST", "/access/users/{userid}/token/{tokenid}", access::tokens::create),
    ("PUT", "/access/users/{userid}/token/{tokenid}", access::tokens::update),
    ("DELETE", "/access/users/{userid}/token/{tokenid}", access::tokens::delete),
    ("GET", "/access/groups", access::groups::list),
    ("POST", "/access/groups", access::groups::create),
    ("GET", "/access/groups/{groupid}", access::groups::get),
    ("PUT", "/access/groups/{groupid}", access::groups::update),
    ("DELETE", "/access/groups/{groupid}", access::groups::delete),
    ("GET", "/access/roles", access::groups::roles),
    ("POST", "/access/roles", access::groups::create_role),
    ("GET", "/access/roles/{roleid}", access::groups::role),
    ("PUT", "/access/roles/{roleid}", access::groups::update_role),
    ("DELETE", "/access/roles/{roleid}", access::groups::delete_role),
    ("GET", "/access/acl", access::acl::list),
    ("PUT", "/access/acl", access::acl::update),
    ("GET", "/access/tfa", access::factors::all),
    ("GET", "/access/tfa/{userid}", access::factors::list),
    ("POST", "/access/tfa/{userid}", access::factors::add),
    ("GET", "/access/tfa/{userid}/{id}", access::factors::get),
    ("DELETE", "/access/tfa/{userid}/{id}", access::factors::remove),
    ("GET", "/pools", pools::list),
    ("POST", "/pools", pools::create),
    ("PUT", "/pools", pools::update),
    ("DELETE", "/pools", pools::delete),
    ("GET", "/pools/{poolid}", pools::get),
    ("PUT", "/pools/{poolid}", pools::update),
    ("DELETE", "/pools/{poolid}", pools::delete),
    ("GET", "/cluster/nextid", cluster::nextid),
    ("GET", "/cluster/resources", resources::resources),
    ("GET", "/cluster/status", cluster::status),
    ("GET", "/cluster/tasks", task_api::cluster_tasks),
    ("GET", "/nodes", node_api::list),
    ("GET", "/nodes/{node}/status", node_api::status),
    ("POST", "/nodes/{node}/status", node_api::command),
    ("POST", "/nodes/{node}/wakeonlan", node_api::wake),
    ("GET", "/nodes/{node}/tasks", task_api::list),
    ("GET", "/nodes/{node}/tasks/{upid}", task_api::index),
    ("DELETE", "/nodes/{node}/tasks/{upid}", task_api::stop),
    ("GET", "/nodes/{node}/tasks/{upid}/status", task_api::status),
    ("GET", "/nodes/{node}/tasks/{upid}/log", task_api::log),
    ("GET", "/nodes/{node}/storage", storage_api::list),
    ("GET", "/nodes/{node}/storage/{storage}/status", storage_api::status),
    ("GET", "/nodes/{node}/storage/{storage}/content", storage_api::content),

    ("GET", "/nodes/{node}/lxc", status::lxc_list),
    ("POST", "/nodes/{node}/lxc", lxc::create),
    ("DELETE", "/nodes/{node}/lxc/{vmid}", common::lxc_delete),
    ("GET", "/nodes/{node}/lxc/{vmid}/config", change::lxc_config),
    ("PUT", "/nodes/{node}/lxc/{vmid}/config", change::lxc),
    ("GET", "/nodes/{node}/lxc/{vmid}/pending", change::lxc_pending),
    ("PUT", "/nodes/{node}/lxc/{vmid}/resize", change::lxc_resize),
    ("GET", "/nodes/{node}/lxc/{vmid}/interfaces", status::lxc_interfaces),
    ("GET", "/nodes/{node}/lxc/{vmid}/feature", common::lxc_feature),
    ("POST", "/nodes/{node}/lxc/{vmid}/clone", clone::lxc),
    ("POST", "/nodes/{node}/lxc/{vmid}/template", clone::lxc_template),
    ("GET", "/nodes/{node}/lxc/{vmid}/status/current", status::lxc_current),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/start", power::lxc_start),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/stop", power::lxc_stop),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/shutdown", power::lxc_shutdown),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/reboot", power::lxc_reboot),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/suspend", power::lxc_suspend),
    ("POST", "/nodes/{node}/lxc/{vmid}/status/resume", power::lxc_resume),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot", common::lxc_snapshots),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot", common::lxc_snapshot),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", common::snapshot_index),
    ("DELETE", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}", common::lxc_delete_snapshot),
    ("GET", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", common::lxc_snapshot_config),
    ("PUT", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config", common::lxc_describe_snapshot),
    ("POST", "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback", common::lxc_rollback),
    ("POST", "/nodes/{node}/lxc/{vmid}/termproxy", consoles::lxc_terminal),
    ("POST", "/nodes/{node}/lxc/{vmid}/vncproxy", consoles::lxc_graphics),
    ("GET", "/nodes/{node}/lxc/{vmid}/vncwebsocket", consoles::websocket),

    ("GET", "/nodes/{node}/qemu", status::qemu_list),
    ("POST", "/nodes/{node}/qemu", qemu::create),
    ("DELETE", "/nodes/{node}/qemu/{vmid}", common::qemu_delete),
    ("GET", "/nodes/{node}/qemu/{vmid}/config", change::qemu_config),
    ("PUT", "/nodes/{node}/qemu/{vmid}/config", change::qemu_put),
    ("POST", "/nodes/{node}/qemu/{vmid}/config", change::qemu_post),
    ("GET", "/nodes/{node}/qemu/{vmid}/pending", change::qemu_pending),
    ("PUT", "/nodes/{node}/qemu/{vmid}/resize", change::qemu_resize),
    ("GET", "/nodes/{node}/qemu/{vmid}/feature", common::qemu_feature),
    ("POST", "/nodes/{node}/qemu/{vmid}/clone", clone::qemu),
    ("POST", "/nodes/{node}/qemu/{vmid}/template", clone::qemu_template),
    ("POST", "/nodes/{node}/qemu/{vmid}/monitor", qemu::monitor),
    ("GET", "/nodes/{node}/qemu/{vmid}/status/current", status::qemu_current),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/start", power::qemu_start),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/stop", power::qemu_stop),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/shutdown", power::qemu_shutdown),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reboot", power::qemu_reboot),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/reset", power::qemu_reset),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/suspend", power::qemu_suspend),
    ("POST", "/nodes/{node}/qemu/{vmid}/status/resume", power::qemu_resume),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot", common::qemu_snapshots),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot", common::qemu_snapshot),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", common::snapshot_index),
    ("DELETE", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}", common::qemu_delete_snapshot),
    ("GET", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", common::qemu_snapshot_config),
    ("PUT", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config", common::qemu_describe_snapshot),
    ("POST", "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/rollback", common::qemu_rollback),
    ("POST", "/nodes/{node}/qemu/{vmid}/termproxy", consoles::qemu_terminal),
    ("POST", "/nodes/{node}/qemu/{vmid}/vncproxy", consoles::qemu_graphics),
    ("GET", "/nodes/{node}/qemu/{vmid}/vncwebsocket", consoles::websocket),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_route_is_an_operation_of_proxmox_and_the_other_way_round() {
        for (method, template, _) in ROUTES {
            assert!(schema::operation(method, template).is_some(), "{method} {template}: run schema/cut.py");
        }
        for operation in schema::operations() {
            assert!(
                handler(&operation.method, &operation.path).is_some(),
                "{} {}",
                operation.method,
                operation.path
            );
        }
    }
}
