//! A Proxmox VE simulator, faithful on the wire.
mod backend;
mod consoles;
pub use backend::GuestProcesses;
