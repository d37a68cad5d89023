//! Whoever owns a project is told of its credits as they have chosen, and of what will be deleted in any case.

use innkeeper_connectors::mail::{Mailer, Route};
use innkeeper_domain::discord::Snowflake;
use innkeeper_domain::ids::SessionId;
use innkeeper_domain::mails::Letter;
use innkeeper_domain::notifications::{Choice, Kind};
use innkeeper_domain::projects::Membership;
use innkeeper_store::discord::Matter;
use innkeeper_store::mails;
use secrecy::ExposeSecret;

use super::*;
use crate::{Access, DueNotice, NoticeDelivery};

/// A house that writes mails, in which an instance runs for as long as 31 credits last, an hour each; and its owner.
async fn writing(db: Db) -> (House, InstanceId, Actor) {
    let folder = tempfile::tempdir().unwrap();
    let mailer = Mailer::new("The Inn <desk@inn.example>", Route::Folder(folder.path().to_owned())).unwrap();
    let access = Access { mailer: Some(mailer), ..Access::default() };
    let house = House::open_with(db, Options { access, ..options() }).await;
    house.price(Rate { running_micros: Micros(1_000_000), stopped_micros: Micros(0) }).await;
    house.grant(31).await;
    let web = house.create("web").await.unwrap();
    house.see(web, RUNS).await;
    let owner = projects::by_id(&house.db, house.project).await.unwrap().unwrap().personal_of.unwrap();
    let mut tx = house.db.begin().await.unwrap();
    projects::add_member(&mut tx, house.project, owner, Membership::Owner).await.unwrap();
    tx.commit().await.unwrap();
    (house, web, Actor::user(owner, Role::User, Vec::new(), SessionId::new()))
}

impl House {
    /// The letters that were written since this was asked before.
    async fn letters(&self) -> Vec<Letter> {
        let now = self.clock.now();
        let mut tx = self.db.begin().await.unwrap();
        let due = mails::claim_due(&mut tx, now, now.after(MINUTE), 99).await.unwrap();
        for mail in &due {
            mails::sent(&mut tx, mail, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        due.into_iter().map(|mail| mail.letter).collect()
    }

    async fn link(&self, owner: &Actor) {
        let begun = self.engine.begin_discord_link(Snowflake::new(7).unwrap(), "ada").await.unwrap();
        self.engine.complete_discord_link(owner, begun.code.expose_secret()).await.unwrap();
    }

    async fn choose(&self, owner: &Actor, kind: Kind, email: bool, discord: bool) -> Result<Choice, Error> {
        self.engine.choose_notification(owner, kind, Some(email), Some(discord)).await
    }

    /// The letter that the bot has to tell, and has taken upon itself.
    async fn to_tell(&self) -> Option<(Letter, DueNotice)> {
        let mut due = self.engine.claim_discord_notices(9).await.unwrap();
        assert!(due.len() < 2, "{due:?}");
        let due = due.pop()?;
        let Matter::Letter { letter, .. } = &due.notice.matter else { panic!("{due:?}") };
        Some((*letter, due))
    }

    async fn settle_told(&self, due: &DueNotice, delivery: NoticeDelivery) {
        let (id, created_at) = (due.notice.id, due.notice.created_at);
        self.engine.settle_discord_notice(id, due.tries, created_at, delivery).await.unwrap();
    }
}

both! {
    async fn who_has_chosen_nothing_is_mailed(db: Db) {
        let (house, web, _) = writing(db).await;
        house.hours(8).await;
        assert_eq!(house.letters().await, [Letter::Runway]);
        house.hours(24).await;
        assert_eq!(house.letters().await, [Letter::Runway, Letter::Runway, Letter::BillingHold]);
        house.see(web, STOPPED).await;
        house.hours(24 * 7).await;
        assert_eq!(house.letters().await, [Letter::Deletion, Letter::Deletion]);
        assert!(house.to_tell().await.is_none());
    }

    async fn what_is_switched_off_is_not_written_and_the_last_warning_is(db: Db) {
        let (house, web, owner) = writing(db).await;
        for kind in [Kind::Credits, Kind::Stopped] {
            house.choose(&owner, kind, false, false).await.unwrap();
        }
        let refused = house.choose(&owner, Kind::Deletion, false, false).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "email", .. }), "{refused}");
        let unlinked = house.choose(&owner, Kind::Credits, false, true).await.unwrap_err();
        assert!(matches!(unlinked, Error::Invalid { field: "discord", .. }), "{unlinked}");
        house.hours(32).await;
        assert_eq!(house.letters().await, []);
        assert_eq!(house.told().await.len(), 4, "they are shown all the same");
        house.see(web, STOPPED).await;
        house.hours(24 * 7).await;
        assert_eq!(house.letters().await, [Letter::Deletion, Letter::Deletion]);
    }

    async fn who_has_chosen_discord_is_told_there_as_long_as_they_are_linked(db: Db) {
        let (house, _, owner) = writing(db).await;
        house.link(&owner).await;
        house.choose(&owner, Kind::Credits, false, true).await.unwrap();
        house.choose(&owner, Kind::Stopped, true, true).await.unwrap();
        house.hours(8).await;
        let (letter, due) = house.to_tell().await.unwrap();
        assert_eq!((letter, due.discord_id), (Letter::Runway, Some(7)));
        // What need not arrive is not mailed in its place.
        house.settle_told(&due, NoticeDelivery::Undeliverable("they take no messages".into())).await;
        assert_eq!(house.letters().await, []);
        house.hours(18).await;
        let (_, due) = house.to_tell().await.unwrap();
        house.settle_told(&due, NoticeDelivery::Told).await;
        // The link is gone: what was on its way there ends, and mails come where they are on.
        house.hours(5).await;
        assert!(house.engine.unlink_discord(&owner).await.unwrap());
        assert!(house.to_tell().await.is_none());
        house.hours(1).await;
        assert_eq!(house.letters().await, [Letter::BillingHold]);
        assert!(house.to_tell().await.is_none());
    }

    async fn what_must_arrive_is_mailed_when_discord_does_not_tell_it(db: Db) {
        let (house, web, owner) = writing(db).await;
        house.link(&owner).await;
        house.choose(&owner, Kind::Deletion, false, true).await.unwrap();
        house.hours(32).await;
        house.see(web, STOPPED).await;
        house.letters().await;
        house.hours(24 * 3 + 12).await;
        let (letter, due) = house.to_tell().await.unwrap();
        assert_eq!((letter, house.letters().await), (Letter::Deletion, Vec::new()));
        house.settle_told(&due, NoticeDelivery::Undeliverable("they take no messages".into())).await;
        house.settle_told(&due, NoticeDelivery::Undeliverable("they take no messages".into())).await;
        assert_eq!(house.letters().await, [Letter::Deletion], "once");

        // Nobody speaks for the bot any more.
        for _ in 0..24 * 3 {
            if house.told().await.last() != Some(&Told::LastDay) {
                house.hours(1).await;
            }
        }
        house.engine.mail_what_waits().await.unwrap();
        assert_eq!(house.letters().await, [], "it may still come");
        house.clock.advance(MINUTE * 10);
        house.engine.mail_what_waits().await.unwrap();
        house.engine.mail_what_waits().await.unwrap();
        assert_eq!(house.letters().await, [Letter::Deletion]);
        assert!(house.to_tell().await.is_none(), "it is not told twice");

        // Without the link it is mailed, whatever was chosen.
        assert!(house.engine.unlink_discord(&owner).await.unwrap());
        let now = house.engine.notifications(&owner).await.unwrap();
        let deletion = now.choices.iter().find(|one| one.kind == Kind::Deletion).unwrap();
        assert_eq!((now.linked, deletion.email, deletion.discord), (false, true, false));
    }
}
