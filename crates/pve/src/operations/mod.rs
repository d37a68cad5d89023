//! What this crate can ask of Proxmox VE: one [`Operation`] per method and path, with every parameter it may send.
//!
//! Requests are built from these entries only, and a parameter that is not listed is refused before anything is sent.
//! So the table is the whole surface of the crate, and comparing it with the API schema compares the crate itself.

mod list;

#[cfg(test)]
mod schema_test;

use crate::ids::GuestKind;

pub(crate) use list::*;

/// An HTTP method that Proxmox VE answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads; never changes anything.
    Get,
    /// Creates or acts.
    Post,
    /// Changes.
    Put,
    /// Removes. Parameters travel in the query: a body is refused by the server.
    Delete,
}

impl Method {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }

    /// Whether a request of this method may change something.
    pub fn mutates(self) -> bool {
        self != Self::Get
    }

    /// Whether parameters go into a form body instead of the query.
    pub(crate) fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put)
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One call of the API: a method, a path template such as `/nodes/{node}/lxc`, and the parameters that may be sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    method: Method,
    path: &'static str,
    parameters: &'static [&'static str],
}

impl Operation {
    /// The method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path template, without `/api2/json`; `{name}` marks a segment to fill in.
    pub fn path(&self) -> &'static str {
        self.path
    }

    /// The names that may be sent besides those in the path. `net[n]` stands for `net0`, `net1` and so on.
    pub fn parameters(&self) -> &'static [&'static str] {
        self.parameters
    }

    /// Whether `name` (for example `net0`) is one of [`parameters`](Self::parameters).
    pub fn accepts(&self, name: &str) -> bool {
        if self.parameters.contains(&name) {
            return true;
        }
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        stem.len() < name.len()
            && self.parameters.iter().any(|listed| listed.strip_suffix("[n]") == Some(stem))
    }
}

/// The same verb for containers and for virtual machines.
pub(crate) struct BothKinds {
    lxc: Operation,
    qemu: Operation,
}

impl BothKinds {
    pub(crate) fn of(&'static self, kind: GuestKind) -> &'static Operation {
        match kind {
            GuestKind::Lxc => &self.lxc,
            GuestKind::Qemu => &self.qemu,
        }
    }
}

/// Every call this crate can make.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    let both = list::BOTH_KINDS.iter().flat_map(|both| [&both.lxc, &both.qemu]);
    list::SINGLE.iter().copied().chain(both)
}

macro_rules! method {
    (GET) => {
        $crate::operations::Method::Get
    };
    (POST) => {
        $crate::operations::Method::Post
    };
    (PUT) => {
        $crate::operations::Method::Put
    };
    (DELETE) => {
        $crate::operations::Method::Delete
    };
}
pub(crate) use method;

macro_rules! table {
    (
        single {
        $($name:ident = $method:ident $path:literal [$($parameter:literal),* $(,)?];)*
        }
        both {
        $($both:ident = $both_method:ident $suffix:literal
            lxc [$($lxc:literal),* $(,)?] qemu [$($qemu:literal),* $(,)?];)*
        }
    ) => {
        $(pub(crate) static $name: super::Operation = super::Operation {
            method: super::method!($method),
            path: $path,
            parameters: &[$($parameter),*],
        };)*
        $(pub(crate) static $both: super::BothKinds = super::BothKinds {
            lxc: super::Operation {
                method: super::method!($both_method),
                path: concat!("/nodes/{node}/lxc/{vmid}", $suffix),
                parameters: &[$($lxc),*],
            },
            qemu: super::Operation {
                method: super::method!($both_method),
                path: concat!("/nodes/{node}/qemu/{vmid}", $suffix),
                parameters: &[$($qemu),*],
            },
        };)*
        pub(super) static SINGLE: &[&super::Operation] = &[$(&$name),*];
        pub(super) static BOTH_KINDS: &[&super::BothKinds] = &[$(&$both),*];
    };
}
pub(crate) use table;
