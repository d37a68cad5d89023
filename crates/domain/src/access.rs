//! Who may do what: one pure question, answered at the moment of use from the actor's role, memberships and standing,
//! and from how they proved who they are.

use std::net::IpAddr;

use crate::abilities::Ability;
use crate::ids::{KeyId, LeaseId, ProjectId, SessionId, UserId};
use crate::projects::Membership;
use crate::users::{Role, Standing};
use crate::wallets::Address;

words! {
    /// What a key may be used for. A session may do everything that its user may.
    pub enum Scope {
        /// Look at everything that its user may look at.
        Read = "read",
        /// Make and change instances.
        Instances = "instances",
        /// Decide about projects and their members.
        Projects = "projects",
        /// Spend and add money.
        Billing = "billing",
        /// Do what its user may do as staff.
        House = "house",
    }
}

/// How somebody proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Nobody had to: the house acts by itself, or somebody at its own command line.
    House,
    /// By a session.
    Session(SessionId),
    /// By a key, which may do only some things.
    Key {
        /// The key.
        id: KeyId,
        /// What it may be used for.
        scopes: Vec<Scope>,
        /// It is good for one project only, and leads to no other.
        limited: bool,
    },
    /// By a session of somebody else: an administrator who looks at the house through a user's eyes.
    Impersonation {
        /// The session.
        session: SessionId,
        /// The administrator.
        by: UserId,
    },
    /// By the token of a lease: good for its instance, and for nothing else.
    Lease(LeaseId),
    /// By the signature of a wallet: good for what it bought.
    Wallet(Address),
    /// By Discord, which says who they are and which roles they have there: good for hosts and services as these roles
    /// allow, and, where an account is linked, for what its user may do with instances.
    Discord {
        /// Their number there.
        id: u64,
        /// What their roles there allow.
        abilities: Vec<Ability>,
    },
}

/// Who asks: a user with what they may do right now, or the house itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user; none when the house acts by itself (loops, command line on the machine).
    pub user_id: Option<UserId>,
    /// House-wide role.
    pub role: Role,
    /// Projects and what they are in each.
    pub memberships: Vec<(ProjectId, Membership)>,
    /// Whether anything stands against them.
    pub standing: Standing,
    /// How they proved who they are.
    pub proof: Proof,
    /// From where they ask, as far as known.
    pub address: Option<IpAddr>,
}

impl Actor {
    /// The house itself.
    pub fn house() -> Self {
        Self {
            user_id: None,
            role: Role::Admin,
            memberships: Vec::new(),
            standing: Standing::Good,
            proof: Proof::House,
            address: None,
        }
    }

    /// A user in good standing, by a session.
    pub fn user(
        id: UserId,
        role: Role,
        memberships: Vec<(ProjectId, Membership)>,
        session: SessionId,
    ) -> Self {
        let proof = Proof::Session(session);
        Self { user_id: Some(id), role, memberships, standing: Standing::Good, proof, address: None }
    }

    /// Whoever holds a lease, or a wallet its leases: nobody's user, at home in these projects only.
    pub fn holder(
        projects: impl IntoIterator<Item = ProjectId>,
        proof: Proof,
        address: Option<IpAddr>,
    ) -> Self {
        let memberships = projects.into_iter().map(|project| (project, Membership::Member)).collect();
        let (role, standing) = (Role::User, Standing::Good);
        Self { user_id: None, role, memberships, standing, proof, address }
    }

    /// Whoever asks by Discord: the user whose account is linked, or somebody whom only Discord knows.
    pub fn by_discord(user: Option<Self>, proof: Proof) -> Self {
        match user {
            Some(user) => Self { proof, ..user },
            None => Self::holder([], proof, None),
        }
    }

    /// What they are in this project, if anything.
    pub fn membership(&self, project: ProjectId) -> Option<Membership> {
        self.memberships.iter().find(|(id, _)| *id == project).map(|(_, membership)| *membership)
    }

    /// The same actor, limited to one project: everything else is out of their sight, whatever their role. Staff may
    /// do in a project what its owners may, so that is what is left to them of their role.
    #[must_use]
    pub fn within(mut self, project: ProjectId) -> Self {
        let owner = (self.role >= Role::Operator).then_some(Membership::Owner);
        let membership = owner.or(self.membership(project));
        self.memberships = membership.map(|membership| (project, membership)).into_iter().collect();
        self.role = Role::User;
        self
    }

    /// The session that they proved themselves by, if it was one.
    pub fn session(&self) -> Option<SessionId> {
        match self.proof {
            Proof::Session(session) | Proof::Impersonation { session, .. } => Some(session),
            Proof::House | Proof::Key { .. } | Proof::Lease(_) | Proof::Wallet(_) | Proof::Discord { .. } => {
                None
            }
        }
    }
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See what a project has.
    SeeProject(ProjectId),
    /// Make or change instances of a project.
    UseProject(ProjectId),
    /// Add money to a project, or redeem a voucher for it.
    PayProject(ProjectId),
    /// Decide about a project and who is a member.
    ManageProject(ProjectId),
    /// See what only those who manage a project see, and take it away.
    SeeManaged(ProjectId),
    /// Make a project, or join one by invitation.
    CreateProject,
    /// Do this with a host or a service; `open` where every user may.
    Guard {
        /// What.
        ability: Ability,
        /// The host lets every user do it.
        open: bool,
    },
    /// Look at what everybody who is signed in may see: templates, plans, the lists of one's own things.
    Look,
    /// See one's own account: sessions, keys, invitations.
    SeeAccount,
    /// Leave what one has: sign out, end a session, leave a project.
    Leave,
    /// Change one's own account: password, factors, keys, address.
    ChangeAccount,
    /// See clusters, nodes, and every project.
    SeeHouse,
    /// Change clusters, templates and plans.
    RunHouse,
    /// Decide about users: roles, suspension, bans, credit; see the audit log; change settings and prices.
    RunPeople,
}

words! {
    /// Why somebody whom we know may not do what they ask.
    pub enum Refusal as "AccessRefusal" {
        /// Their role, in the house or in the project, does not allow it.
        Role = "forbidden",
        /// The key that they use was not made for it.
        Scope = "missing_scope",
        /// Their address has not been verified yet.
        Unverified = "email_unverified",
        /// They are suspended: they may look, pay and leave, and nothing else.
        Suspended = "suspended",
        /// They are banned.
        Banned = "banned",
        /// They act for somebody else, whose account is not theirs to change.
        Impersonated = "impersonated",
        /// The key that they use is not good from where they are.
        Address = "address_not_allowed",
        /// It is shared with them, and this is for its own project only.
        Shared = "only_shared",
        /// It is not done by Discord.
        Discord = "not_by_discord",
    }
}

impl Refusal {
    /// For people: what stands in the way, and what to do about it.
    pub fn message(self) -> &'static str {
        match self {
            Self::Role => "your role does not allow this",
            Self::Scope => "this key was not made for this; use one with the scope that it needs, or sign in",
            Self::Unverified => "verify your e-mail address first: follow the link that was mailed to you",
            Self::Suspended => "your account is suspended: you may look, pay and leave; ask an administrator",
            Self::Banned => "your account is banned",
            Self::Impersonated => "an account can only be changed by its own user",
            Self::Shared => {
                "the instance is shared with you, not yours: this is for the people of its own project; ask them"
            }
            Self::Discord => "this is not done by Discord; use the portal or the command line",
            Self::Address => {
                "this key is not good from your address; use it from one of its ranges, or make another key"
            }
        }
    }
}

/// The answer to a question of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Yes,
    /// They may know that it exists, but not do this.
    Forbidden(Refusal),
    /// They may not even know that it exists.
    Hidden,
}

/// May this actor do this?
pub fn may(actor: &Actor, action: Action) -> Answer {
    // What is hidden stays hidden, whatever else stands against them.
    let role = by_role(actor, action);
    if role == Answer::Hidden {
        return role;
    }
    if let Some(refusal) = by_standing(actor.standing, action).or_else(|| by_proof(&actor.proof, action)) {
        return Answer::Forbidden(refusal);
    }
    role
}

fn by_role(actor: &Actor, action: Action) -> Answer {
    let staff = actor.role >= Role::Operator;
    let needs = |yes| if yes { Answer::Yes } else { Answer::Forbidden(Refusal::Role) };
    let (project, least) = match action {
        Action::SeeProject(project) => (project, Membership::Viewer),
        Action::UseProject(project) | Action::PayProject(project) => (project, Membership::Member),
        Action::ManageProject(project) | Action::SeeManaged(project) => (project, Membership::Owner),
        Action::CreateProject | Action::Look | Action::SeeAccount | Action::Leave | Action::ChangeAccount => {
            return Answer::Yes;
        }
        Action::Guard { ability, open } => {
            let open = open && actor.user_id.is_some();
            return match ability {
                _ if staff || open || granted(&actor.proof, ability) => Answer::Yes,
                Ability::See => Answer::Hidden,
                _ => Answer::Forbidden(Refusal::Role),
            };
        }
        Action::SeeHouse | Action::RunHouse => return needs(staff),
        Action::RunPeople => return needs(actor.role >= Role::Admin),
    };
    match actor.membership(project) {
        _ if staff => Answer::Yes,
        Some(membership) => needs(membership >= least),
        None => Answer::Hidden,
    }
}

/// Whether the roles on Discord allow it. Whoever may do something with a host may see it.
fn granted(proof: &Proof, ability: Ability) -> bool {
    match proof {
        Proof::Discord { abilities, .. } if ability == Ability::See => !abilities.is_empty(),
        Proof::Discord { abilities, .. } => abilities.contains(&ability),
        _ => false,
    }
}

fn by_standing(standing: Standing, action: Action) -> Option<Refusal> {
    // A way out is always open: looking, paying what is owed, leaving, and mending one's account.
    let open = matches!(
        action,
        Action::SeeProject(_)
            | Action::PayProject(_)
            | Action::SeeManaged(_)
            | Action::Look
            | Action::SeeAccount
            | Action::Leave
            | Action::ChangeAccount
            | Action::SeeHouse
            | Action::Guard { ability: Ability::See, .. }
    );
    match standing {
        Standing::Good => None,
        Standing::Unverified => (!open).then_some(Refusal::Unverified),
        Standing::Suspended => (!open).then_some(Refusal::Suspended),
        Standing::Banned => Some(Refusal::Banned),
    }
}

fn by_proof(proof: &Proof, action: Action) -> Option<Refusal> {
    match proof {
        Proof::House | Proof::Session(_) => None,
        Proof::Impersonation { .. } => {
            matches!(action, Action::ChangeAccount | Action::RunPeople).then_some(Refusal::Impersonated)
        }
        Proof::Lease(_) | Proof::Wallet(_) => {
            let own = matches!(action, Action::SeeProject(_) | Action::UseProject(_) | Action::PayProject(_));
            (!own).then_some(Refusal::Scope)
        }
        Proof::Discord { .. } => {
            let talk = matches!(
                action,
                Action::SeeProject(_) | Action::UseProject(_) | Action::Look | Action::Guard { .. }
            );
            (!talk).then_some(Refusal::Discord)
        }
        Proof::Key { limited: true, .. } if action == Action::CreateProject => Some(Refusal::Scope),
        Proof::Key { scopes, .. } => {
            let needed = scope_of(action).is_some_and(|scope| scopes.contains(&scope));
            (!needed).then_some(Refusal::Scope)
        }
    }
}

/// The scope that a key needs for this; none when no key may do it at all: who has stolen one must not be able to
/// make more of it.
pub fn scope_of(action: Action) -> Option<Scope> {
    match action {
        Action::SeeProject(_) | Action::Look | Action::Guard { ability: Ability::See, .. } => {
            Some(Scope::Read)
        }
        Action::SeeHouse
        | Action::RunHouse
        | Action::RunPeople
        | Action::Guard { ability: Ability::Maintain | Ability::Report, .. } => Some(Scope::House),
        Action::UseProject(_) | Action::Guard { .. } => Some(Scope::Instances),
        Action::PayProject(_) => Some(Scope::Billing),
        Action::ManageProject(_) | Action::SeeManaged(_) | Action::CreateProject => Some(Scope::Projects),
        Action::SeeAccount | Action::Leave | Action::ChangeAccount => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, memberships: &[(ProjectId, Membership)]) -> Actor {
        Actor::user(UserId::new(), role, memberships.to_vec(), SessionId::new())
    }

    const NO: fn(Refusal) -> Answer = Answer::Forbidden;

    #[test]
    fn somebody_elses_project_is_hidden_and_a_viewer_changes_nothing() {
        let (own, used, seen, other) =
            (ProjectId::new(), ProjectId::new(), ProjectId::new(), ProjectId::new());
        let memberships = [(own, Membership::Owner), (used, Membership::Member), (seen, Membership::Viewer)];
        let actor = actor(Role::User, &memberships);
        assert_eq!(may(&actor, Action::ManageProject(own)), Answer::Yes);
        assert_eq!(may(&actor, Action::UseProject(used)), Answer::Yes);
        assert_eq!(may(&actor, Action::ManageProject(used)), NO(Refusal::Role));
        assert_eq!(may(&actor, Action::SeeManaged(own)), Answer::Yes);
        assert_eq!(may(&actor, Action::SeeManaged(used)), NO(Refusal::Role));
        assert_eq!(may(&actor, Action::SeeManaged(other)), Answer::Hidden);
        assert_eq!(may(&actor, Action::SeeProject(seen)), Answer::Yes);
        assert_eq!(may(&actor, Action::UseProject(seen)), NO(Refusal::Role));
        assert_eq!(may(&actor, Action::PayProject(seen)), NO(Refusal::Role));
        assert_eq!(may(&actor, Action::SeeProject(other)), Answer::Hidden);
        assert_eq!(may(&actor, Action::UseProject(other)), Answer::Hidden);
        assert_eq!(may(&actor, Action::RunHouse), NO(Refusal::Role));
        let operator = Actor { role: Role::Operator, ..actor.clone() };
        assert_eq!(may(&operator, Action::UseProject(other)), Answer::Yes);
        assert_eq!(may(&operator, Action::RunPeople), NO(Refusal::Role));
        assert_eq!(may(&Actor { role: Role::Admin, ..actor }, Action::RunPeople), Answer::Yes);
    }

    #[test]
    fn whoever_has_something_against_them_looks_pays_and_leaves() {
        let (own, other) = (ProjectId::new(), ProjectId::new());
        for &standing in Standing::ALL {
            for role in [Role::User, Role::Admin] {
                let actor = Actor { standing, ..actor(role, &[(own, Membership::Owner)]) };
                let open = standing != Standing::Banned;
                for action in
                    [Action::SeeProject(own), Action::PayProject(own), Action::SeeManaged(own), Action::Leave]
                {
                    assert_eq!(may(&actor, action) == Answer::Yes, open, "{standing} {action:?}");
                }
                let good = standing == Standing::Good;
                for action in [Action::UseProject(own), Action::ManageProject(own), Action::CreateProject] {
                    assert_eq!(may(&actor, action) == Answer::Yes, good, "{standing} {action:?}");
                }
                assert_eq!(may(&actor, Action::RunPeople) == Answer::Yes, good && role == Role::Admin);
                if role == Role::User {
                    assert_eq!(may(&actor, Action::SeeProject(other)), Answer::Hidden, "{standing}");
                }
            }
        }
    }

    #[test]
    fn a_key_does_what_its_scopes_say_and_never_touches_the_account() {
        let own = ProjectId::new();
        let actions = [
            Action::Guard { ability: Ability::See, open: true },
            Action::Guard { ability: Ability::Wake, open: true },
            Action::Guard { ability: Ability::Maintain, open: true },
            Action::SeeProject(own),
            Action::UseProject(own),
            Action::PayProject(own),
            Action::ManageProject(own),
            Action::SeeManaged(own),
            Action::CreateProject,
            Action::Look,
            Action::SeeAccount,
            Action::Leave,
            Action::ChangeAccount,
            Action::SeeHouse,
            Action::RunHouse,
            Action::RunPeople,
        ];
        for &scope in Scope::ALL {
            let proof = Proof::Key { id: KeyId::new(), scopes: vec![scope], limited: false };
            let actor = Actor { proof, ..actor(Role::Admin, &[(own, Membership::Owner)]) };
            for action in actions {
                let expected = scope_of(action) == Some(scope);
                assert_eq!(may(&actor, action) == Answer::Yes, expected, "{scope} {action:?}");
            }
        }
        assert_eq!(scope_of(Action::ChangeAccount), None);
    }

    #[test]
    fn a_key_for_one_project_has_that_project_and_nothing_else() {
        let (own, other) = (ProjectId::new(), ProjectId::new());
        let memberships = [(own, Membership::Member), (other, Membership::Owner)];
        let proof = Proof::Key { id: KeyId::new(), scopes: Scope::ALL.to_vec(), limited: true };
        assert_eq!(
            by_proof(&proof, Action::CreateProject),
            Some(Refusal::Scope),
            "a key of one project makes and joins no other"
        );
        let user = Actor { proof: proof.clone(), ..actor(Role::User, &memberships) }.within(own);
        assert_eq!(may(&user, Action::UseProject(own)), Answer::Yes);
        assert_eq!(may(&user, Action::ManageProject(own)), NO(Refusal::Role));
        assert_eq!(may(&user, Action::SeeProject(other)), Answer::Hidden);
        let admin = Actor { proof, ..actor(Role::Admin, &[]) }.within(own);
        assert_eq!(may(&admin, Action::ManageProject(own)), Answer::Yes);
        assert_eq!(may(&admin, Action::SeeProject(other)), Answer::Hidden);
        for action in [Action::SeeHouse, Action::RunHouse, Action::RunPeople] {
            assert_eq!(may(&admin, action), NO(Refusal::Role), "{action:?}");
        }
        let nobody = actor(Role::User, &[]).within(own);
        assert_eq!(may(&nobody, Action::SeeProject(own)), Answer::Hidden);
    }

    #[test]
    fn hosts_are_for_staff_for_whom_they_are_open_to_and_for_roles_on_discord() {
        let guard = |ability, open| Action::Guard { ability, open };
        let user = actor(Role::User, &[]);
        assert_eq!(may(&user, guard(Ability::See, false)), Answer::Hidden);
        assert_eq!(may(&user, guard(Ability::Wake, false)), NO(Refusal::Role));
        assert_eq!(may(&user, guard(Ability::Wake, true)), Answer::Yes);
        assert_eq!(
            may(&Actor { role: Role::Operator, ..user.clone() }, guard(Ability::Sleep, false)),
            Answer::Yes
        );
        let suspended = Actor { standing: Standing::Suspended, ..user.clone() };
        assert_eq!(may(&suspended, guard(Ability::See, true)), Answer::Yes);
        assert_eq!(may(&suspended, guard(Ability::Wake, true)), NO(Refusal::Suspended));

        let own = ProjectId::new();
        let proof = Proof::Discord { id: 7, abilities: vec![Ability::Wake] };
        let stranger = Actor::by_discord(None, proof.clone());
        assert_eq!(may(&stranger, guard(Ability::See, false)), Answer::Yes);
        assert_eq!(may(&stranger, guard(Ability::Wake, false)), Answer::Yes);
        assert_eq!(may(&stranger, guard(Ability::Sleep, false)), NO(Refusal::Role));
        assert_eq!(
            may(&stranger, guard(Ability::Sleep, true)),
            NO(Refusal::Role),
            "open to users, not to anybody"
        );
        assert_eq!(may(&stranger, Action::SeeProject(own)), Answer::Hidden);
        let nobody = Actor::by_discord(None, Proof::Discord { id: 7, abilities: Vec::new() });
        assert_eq!(may(&nobody, guard(Ability::See, false)), Answer::Hidden);
        let linked = Actor::by_discord(Some(actor(Role::Admin, &[(own, Membership::Owner)])), proof);
        assert_eq!(may(&linked, Action::UseProject(own)), Answer::Yes);
        for action in [Action::RunPeople, Action::RunHouse, Action::ChangeAccount, Action::PayProject(own)] {
            assert_eq!(may(&linked, action), NO(Refusal::Discord), "{action:?}");
        }
    }

    #[test]
    fn an_impersonator_changes_neither_the_account_nor_other_people() {
        let own = ProjectId::new();
        let proof = Proof::Impersonation { session: SessionId::new(), by: UserId::new() };
        let actor = Actor { proof, ..actor(Role::Admin, &[(own, Membership::Owner)]) };
        assert_eq!(may(&actor, Action::UseProject(own)), Answer::Yes);
        assert_eq!(may(&actor, Action::ChangeAccount), NO(Refusal::Impersonated));
        assert_eq!(may(&actor, Action::RunPeople), NO(Refusal::Impersonated));
    }
}
