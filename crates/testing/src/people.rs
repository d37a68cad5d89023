//! Somebody who signs in.

use innkeeper_domain::access::Actor;
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::projects::Membership;
use innkeeper_domain::users::{Role, User};
use innkeeper_engine::{Engine, NewUser};

/// Everybody's.
pub const PASSWORD: &str = "correct horse battery";

/// A user called as their address begins, and what they are when they are signed in: the owner of their project.
pub async fn person(engine: &Engine, email: &str, role: Role) -> (User, Actor) {
    let (first, rest) = email.split('@').next().unwrap().split_at(1);
    let new = NewUser {
        email: email.parse().unwrap(),
        name: format!("{}{rest}", first.to_uppercase()).parse().unwrap(),
        role,
        password: PASSWORD.to_owned().into(),
    };
    let user = engine.create_user(&Actor::house(), new, None).await.unwrap();
    let memberships = vec![(user.personal_project, Membership::Owner)];
    let actor = Actor::user(user.id, role, memberships, SessionId::new());
    (user, actor)
}
