//! Who may do what: one pure question, answered at the moment of use from the actor's role and memberships.

use crate::ids::{ProjectId, UserId};
use crate::projects::Membership;
use crate::users::Role;

/// Who asks: a signed-in user with what they may do right now, or the house itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user; none when the house acts by itself (loops, command line on the machine).
    pub user_id: Option<UserId>,
    /// House-wide role.
    pub role: Role,
    /// Projects and what they are in each.
    pub memberships: Vec<(ProjectId, Membership)>,
}

impl Actor {
    /// The house itself.
    pub fn house() -> Self {
        Self { user_id: None, role: Role::Admin, memberships: Vec::new() }
    }

    fn membership(&self, project: ProjectId) -> Option<Membership> {
        self.memberships.iter().find(|(id, _)| *id == project).map(|(_, membership)| *membership)
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See what a project has.
    SeeProject(ProjectId),
    /// Make or change instances of a project.
    UseProject(ProjectId),
    /// See clusters, nodes, and every project.
    SeeHouse,
    /// Change clusters, templates and plans.
    RunHouse,
}

/// The answer to a question of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes,
    /// They may know that it exists, but not do this.
    Forbidden,
    /// They may not even know that it exists.
    Hidden,
}

/// May this actor do this?
pub fn may(actor: &Actor, action: Action) -> Answer {
    let staff = actor.role >= Role::Operator;
    match action {
        Action::SeeProject(project) => {
            if staff || actor.membership(project).is_some() {
                Answer::Yes
            } else {
                Answer::Hidden
            }
        }
        Action::UseProject(project) => match actor.membership(project) {
            _ if staff => Answer::Yes,
            Some(Membership::Member | Membership::Owner) => Answer::Yes,
            Some(Membership::Viewer) => Answer::Forbidden,
            None => Answer::Hidden,
        },
        Action::SeeHouse | Action::RunHouse => {
            if staff {
                Answer::Yes
            } else {
                Answer::Forbidden
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_elses_project_is_hidden_and_a_viewer_changes_nothing() {
        let (own, seen, other) = (ProjectId::new(), ProjectId::new(), ProjectId::new());
        let actor = Actor {
            user_id: Some(UserId::new()),
            role: Role::User,
            memberships: vec![(own, Membership::Owner), (seen, Membership::Viewer)],
        };
        assert_eq!(may(&actor, Action::UseProject(own)), Answer::Yes);
        assert_eq!(may(&actor, Action::SeeProject(seen)), Answer::Yes);
        assert_eq!(may(&actor, Action::UseProject(seen)), Answer::Forbidden);
        assert_eq!(may(&actor, Action::SeeProject(other)), Answer::Hidden);
        assert_eq!(may(&actor, Action::UseProject(other)), Answer::Hidden);
        assert_eq!(may(&actor, Action::RunHouse), Answer::Forbidden);
        assert_eq!(may(&Actor { role: Role::Operator, ..actor }, Action::UseProject(other)), Answer::Yes);
    }
}
