//! A Proxmox VE simulator, faithful on the wire.
