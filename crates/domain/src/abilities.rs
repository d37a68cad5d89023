//! What somebody may do with hosts and services: granted to staff always, to every user as a host allows, and to roles on
//! Discord as they are mapped.

words! {
    /// What may be done with a host and its services.
    pub enum Ability {
        /// See how it is.
        See = "see",
        /// Wake it, keep it awake, call off its going to sleep.
        Wake = "wake",
        /// Have it go to sleep when nothing needs it.
        Sleep = "sleep",
        /// Restart its services.
        Restart = "restart",
        /// Take it out of the guardian's hands and give it back.
        Maintain = "maintain",
        /// Read how long it slept.
        Report = "report",
    }
}
