//! One API call as its handler sees it, and the rights checks handlers make.

use serde_json::Value;

use crate::auth::Caller;
use crate::auth::acl::Privileges;
use crate::error::ApiError;
use crate::guests::Kind;
use crate::params::Params;
use crate::property::split_list;
use crate::schema::Operation;
use crate::world::World;

/// One API call.
pub(crate) struct Call<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) caller: Caller,
    pub(crate) params: Params,
    /// The node that answered the connection.
    pub(crate) local: &'a str,
    /// The node the path names, else the one that answered.
    pub(crate) node: String,
    pub(crate) operation: &'static Operation,
    /// Bytes of the file that came with it.
    pub(crate) upload: Option<usize>,
}

impl World {
    /// The privileges a caller has on a path, pools included.
    pub(crate) fn privileges(&self, caller: &Caller, path: &str) -> Privileges {
        self.access.privileges(caller, path, self.pool_at(path))
    }

    /// The pool that what a path names belongs to.
    fn pool_at(&self, path: &str) -> Option<&str> {
        if let Some(vmid) = path.strip_prefix("/vms/") {
            vmid.parse().ok().and_then(|v| self.pool_of(v))
        } else if let Some(id) = path.strip_prefix("/storage/") {
            self.pools.iter().find(|(_, p)| p.storages.contains(id)).map(|(name, _)| name.as_str())
        } else {
            None
        }
    }

    /// Whether the caller has one of the privileges on the path.
    pub(crate) fn may(&self, caller: &Caller, path: &str, any_of: &[&str]) -> bool {
        if caller.is_root() {
            return true;
        }
        self.access.holds_any(caller, path, self.pool_at(path), any_of)
    }
}

impl Call<'_> {
    pub(crate) fn may(&self, path: &str, privilege: &str) -> bool {
        self.world.may(&self.caller, path, &[privilege])
    }

    /// Refuses unless the caller has the privilege on the path.
    pub(crate) fn need(&self, path: &str, privilege: &str) -> Result<(), ApiError> {
        self.need_any(path, &[privilege])
    }

    /// Refuses unless the caller has one of the privileges on the path.
    pub(crate) fn need_any(&self, path: &str, any_of: &[&str]) -> Result<(), ApiError> {
        if self.world.may(&self.caller, path, any_of) {
            Ok(())
        } else {
            Err(ApiError::denied_for(format!("{path}, {}", any_of.join("|"))))
        }
    }

    /// Refuses unless the caller has the privilege on the guest or on the pool it is to join.
    pub(crate) fn need_on_guest_or_pool(
        &self,
        vmid: u32,
        pool: Option<&str>,
        privilege: &str,
    ) -> Result<(), ApiError> {
        let pool = pool.map(|p| format!("/pool/{p}"));
        match pool {
            Some(pool) if self.may(&pool, privilege) => Ok(()),
            _ => self.need(&format!("/vms/{vmid}"), privilege),
        }
    }

    /// Refuses a write without quorum.
    pub(crate) fn need_quorum(&self) -> Result<(), ApiError> {
        if self.world.quorate { Ok(()) } else { Err(ApiError::die("cluster not ready - no quorum?")) }
    }

    /// Refuses root-only options to everybody else.
    pub(crate) fn root_only(&self, names: &[&str]) -> Result<(), ApiError> {
        match names.iter().find(|n| self.params.has(n)) {
            Some(name) if !self.caller.is_root() => {
                Err(ApiError::parameter(name, "Only root may use this option."))
            }
            _ => Ok(()),
        }
    }

    /// Starts a task on the node the call is about and answers its UPID.
    pub(crate) fn start(&mut self, job: crate::tasks::Job) -> crate::error::Outcome {
        let node = self.node.clone();
        Ok(Value::String(self.world.spawn(&node, &self.caller, job)).into())
    }

    /// The guest in the path.
    pub(crate) fn guest(&self, kind: Kind) -> Result<&crate::guests::Guest, ApiError> {
        Ok(self.world.guest_on(&self.node, kind, self.params.vmid())?)
    }

    /// Checks the rights the schema declares for an operation.
    pub(crate) fn check_declared(&self, permissions: Option<&Value>) -> Result<(), ApiError> {
        if self.caller.is_root() {
            return Ok(());
        }
        let Some(permissions) = permissions else {
            return Err(ApiError::denied_for("user != root@pam"));
        };
        match permissions.get("check") {
            Some(check) => self.check_rule(check),
            None => Ok(()),
        }
    }

    fn check_rule(&self, rule: &Value) -> Result<(), ApiError> {
        let Some(parts) = rule.as_array() else { return Ok(()) };
        let word = |at: usize| parts.get(at).and_then(Value::as_str).unwrap_or_default();
        match word(0) {
            "perm" => self.check_perm(parts),
            "or" => {
                let one = parts.iter().skip(1).any(|r| self.check_rule(r).is_ok());
                if one { Ok(()) } else { Err(ApiError::denied()) }
            }
            "and" => {
                let all = parts.iter().skip(1).all(|r| self.check_rule(r).is_ok());
                if all { Ok(()) } else { Err(ApiError::denied()) }
            }
            "userid-param" => self.check_userid(word(1)),
            "userid-group" => {
                let needed: Vec<&str> = parts
                    .get(1)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                if self.world.may(&self.caller, "/access/groups", &needed) {
                    Ok(())
                } else {
                    Err(ApiError::denied())
                }
            }
            "perm-modify" => self.check_modify(&self.fill(word(1))),
            _ => Ok(()),
        }
    }

    fn check_perm(&self, parts: &[Value]) -> Result<(), ApiError> {
        let path = self.fill(parts.get(1).and_then(Value::as_str).unwrap_or("/"));
        let needed = parts.get(2).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let needed: Vec<&str> = needed.map(|p| self.world.profile.privilege(p)).collect();
        let option = |name: &str| {
            parts
                .iter()
                .position(|p| p == name)
                .and_then(|at| parts.get(at + 1))
                .cloned()
                .unwrap_or(Value::Null)
        };
        if let Some(name) = option("require_param").as_str()
            && !self.params.flag(name)
        {
            return Ok(());
        }
        if option("any") == 1 || option("any") == "1" || option("any") == true {
            return self.need_any(&path, &needed);
        }
        needed.iter().try_for_each(|privilege| self.need(&path, privilege))
    }

    fn check_userid(&self, how: &str) -> Result<(), ApiError> {
        let user = self.params.required("userid");
        if how == "self" {
            return if user == self.caller.user { Ok(()) } else { Err(ApiError::denied()) };
        }
        let realm =
            self.params.text("realm").or_else(|| user.rsplit_once('@').map(|(_, r)| r)).unwrap_or_default();
        self.need(&format!("/access/realm/{realm}"), "Realm.AllocateUser")
    }

    /// Who may change the rights on a path: Permissions.Modify, or the allocator of what the path is about.
    fn check_modify(&self, path: &str) -> Result<(), ApiError> {
        let allocate = match crate::schema::segments(path).next() {
            Some("storage") => Some("Datastore.Allocate"),
            Some("vms") => Some("VM.Allocate"),
            Some("pool") => Some("Pool.Allocate"),
            _ => None,
        };
        if self.may(path, "Permissions.Modify") || allocate.is_some_and(|p| self.may(path, p)) {
            return Ok(());
        }
        Err(ApiError::denied_for(format!("{path}, Permissions.Modify")))
    }

    /// Fills `{name}` in a permission path with the call's parameters.
    fn fill(&self, template: &str) -> String {
        let parts =
            template.split('/').map(|part| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
                Some("node") => self.node.clone(),
                Some(name) => self.params.text(name).unwrap_or_default().to_owned(),
                None => part.to_owned(),
            });
        let path: Vec<String> = parts.filter(|p| !p.is_empty()).collect();
        format!("/{}", path.join("/"))
    }

    /// Members of a list parameter.
    pub(crate) fn words(&self, name: &str) -> Vec<String> {
        self.params.text(name).map(split_list).unwrap_or_default()
    }
}
