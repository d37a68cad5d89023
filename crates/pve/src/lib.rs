//! A typed, asynchronous client for the Proxmox VE API, 7.4 to 9.x.
