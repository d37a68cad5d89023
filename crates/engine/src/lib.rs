//! Use cases and loops: the only room that joins domain, store and pve.
